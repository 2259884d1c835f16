import { DatabaseSync } from '@photostructure/sqlite';
import { createConnection } from 'mysql2/promise';
import type { TestDatabase } from './databases.js';
import { sqliteFile } from './raw-database.js';

/** What a database holds: of each table all rows, as text. */
export type DatabaseContent = Readonly<Record<string, readonly string[]>>;

/** Reads all that a database holds, again and again, over a connection of its own. */
export interface ContentReader {
  /** @param isLeftOut columns that are not looked at, as `table.column`, and tables */
  read(isLeftOut?: ReadonlySet<string>): Promise<DatabaseContent>;
  close(): Promise<void>;
}

type Row = Record<string, unknown>;

/** Opens a reader beside the gateways that serve a database. */
export async function openContentReader(database: Pick<TestDatabase, 'url'>): Promise<ContentReader> {
  const file = sqliteFile(database);
  if (file !== undefined) {
    const connection = new DatabaseSync(file, { timeout: 5000 });
    const rows = async (sql: string) => connection.prepare(sql).all() as Row[];
    const tables = "SELECT name FROM sqlite_master WHERE type = 'table'";
    return { read: (isLeftOut) => contentOf(rows, tables, isLeftOut), close: async () => connection.close() };
  }
  const connection = await createConnection(database.url);
  const rows = async (sql: string) => (await connection.query(sql))[0] as Row[];
  const tables = 'SELECT table_name AS name FROM information_schema.tables WHERE table_schema = DATABASE()';
  return { read: (isLeftOut) => contentOf(rows, tables, isLeftOut), close: () => connection.end() };
}

async function contentOf(
  rows: (sql: string) => Promise<Row[]>,
  tables: string,
  isLeftOut: ReadonlySet<string> = new Set(),
): Promise<DatabaseContent> {
  const content: Record<string, string[]> = {};
  for (const { name } of await rows(tables)) {
    if (isLeftOut.has(String(name))) continue;
    content[String(name)] = (await rows(`SELECT * FROM ${name}`))
      .map((row) => textOf(row, (column) => isLeftOut.has(`${name}.${column}`)))
      .sort();
  }
  return content;
}

function textOf(row: Row, isLeftOut: (column: string) => boolean): string {
  const values = Object.entries(row).filter(([column]) => !isLeftOut(column));
  return JSON.stringify(
    values.map(([column, value]) => [column, value instanceof Uint8Array ? Buffer.from(value).toString('hex') : value]),
  );
}
