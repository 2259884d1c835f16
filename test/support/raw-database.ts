import { DatabaseSync } from '@photostructure/sqlite';
import { createConnection } from 'mysql2/promise';
import type { TestDatabase } from './databases.js';

const sqlitePrefix = 'sqlite:';

/** The path of an SQLite database's file; undefined for any other. */
export function sqliteFile({ url }: Pick<TestDatabase, 'url'>): string | undefined {
  return url.startsWith(sqlitePrefix) ? url.slice(sqlitePrefix.length) : undefined;
}

/**
 * Runs one statement on a test's database beside the gateways that serve it, as somebody with access to the database does.
 *
 * @returns the rows of a SELECT
 */
export async function onDatabase<Row extends object = Record<string, unknown>>(
  database: Pick<TestDatabase, 'url'>,
  sql: string,
  values: readonly (string | number | null | Buffer)[] = [],
): Promise<Row[]> {
  const file = sqliteFile(database);
  if (file === undefined) {
    const connection = await createConnection(database.url);
    try {
      // Not prepared: the protocol for prepared statements knows no triggers.
      const [rows] = await connection.query(sql, [...values]);
      return Array.isArray(rows) ? (rows as Row[]) : [];
    } finally {
      await connection.end();
    }
  }
  const connection = new DatabaseSync(file, { timeout: 5000 });
  try {
    const statement = connection.prepare(sql);
    if (/^\s*(SELECT|PRAGMA)/i.test(sql)) return statement.all(...values) as Row[];
    statement.run(...values);
    return [];
  } finally {
    connection.close();
  }
}

/** Makes the database refuse every row of the audit, until what is returned is called. */
export async function refuseAudit(database: Pick<TestDatabase, 'url'>): Promise<() => Promise<unknown>> {
  const refusal =
    sqliteFile(database) === undefined
      ? "FOR EACH ROW SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'refused'"
      : "BEGIN SELECT RAISE(ABORT, 'refused'); END";
  await onDatabase(database, `CREATE TRIGGER refuse_audit BEFORE INSERT ON audit_events ${refusal}`);
  return () => onDatabase(database, 'DROP TRIGGER refuse_audit');
}

/** A row of the audit, as it is stored. */
export interface StoredEvent {
  readonly id: string;
  readonly createdAt: number;
  readonly actor: string;
  readonly means: string;
  readonly surface: string;
  readonly address: string | null;
  readonly requestId: string;
  readonly operation: string;
  readonly outcome: string;
  readonly accountProvider: number | null;
  readonly accountId: string | null;
  readonly region: string | null;
  readonly instanceId: string | null;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it
  readonly changes: any;
}

/** All rows of the audit, the oldest first. */
export async function storedEvents(database: Pick<TestDatabase, 'url'>): Promise<StoredEvent[]> {
  const rows = await onDatabase<StoredEvent>(
    database,
    'SELECT id, created_at AS createdAt, actor, means, surface, address, request_id AS requestId, operation, outcome, account_provider AS accountProvider, account_id AS accountId, region, instance_id AS instanceId, changes FROM audit_events ORDER BY created_at, id',
  );
  return rows.map((row) => ({
    ...row,
    changes: typeof row.changes === 'string' ? JSON.parse(row.changes) : row.changes,
  }));
}
