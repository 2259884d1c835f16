import type { Database, Session, SqlValue } from '../../src/database/database.js';

/** A statement with the lines of its plan. */
export interface Explained {
  readonly sql: string;
  readonly plan: readonly PlanLine[];
}

/** How a table is read: as MySQL's EXPLAIN has it, or the one line that SQLite's has. */
export type PlanLine = Readonly<Record<string, string | number | null>>;

/** What was seen of some statements. */
export interface Look {
  readonly statements: readonly Explained[];
  /** Rows that the server read, those of its own tables in passing included; 0 on SQLite, which does not tell. */
  readonly rowsRead: number;
}

const undone = new Error('undone');

/** Runs statements, lets nothing of them hold, and looks at how each is run. */
export async function lookAt(database: Database, work: (session: Session) => Promise<unknown>): Promise<Look> {
  // The first time, MySQL also reads what its own tables say of those that are opened.
  if (database.dialect.name === 'mysql') await lookOnce(database, work);
  return lookOnce(database, work);
}

async function lookOnce(database: Database, work: (session: Session) => Promise<unknown>): Promise<Look> {
  let look: Look | undefined;
  await database
    .change(async (session) => {
      const sent: { sql: string; values: readonly SqlValue[] }[] = [];
      const before = await rowsRead(session);
      const between = await rowsRead(session);
      await work(noting(session, (sql, values) => sent.push({ sql, values })));
      const after = await rowsRead(session);
      const statements: Explained[] = [];
      for (const { sql, values } of sent) statements.push({ sql, plan: await explain(session, sql, values) });
      // The question itself reads rows, too.
      look = { statements, rowsRead: after - between - (between - before) };
      throw undone;
    })
    .catch((error: unknown) => {
      if (error !== undone) throw error;
    });
  return look as Look;
}

/**
 * Says what is wrong with plans: a table or an index that is read whole, and a sort of more rows than may be read.
 *
 * @param maxRowsRead rows that the statements may read
 */
export function findingsIn({ statements }: Look, maxRowsRead: number): string[] {
  const findings = statements.flatMap(({ sql, plan }) =>
    plan.flatMap((line) => {
      const problem = 'detail' in line ? problemOnSqlite(line, plan, sql) : problemOnMysql(line, maxRowsRead);
      const { detail, table, type, key, rows, Extra } = line;
      return problem === undefined
        ? []
        : [`${problem}: ${detail ?? JSON.stringify({ table, type, key, rows, Extra })}`];
    }),
  );
  return [...new Set(findings)];
}

const ourTable = /^(accounts|datasources|audit_events|next)$/;

function problemOnMysql({ select_type, table, type, Extra, rows }: PlanLine, maxRowsRead: number): string | undefined {
  // An insert has a line that says nothing of reading.
  if (select_type === 'INSERT' || type === null) return undefined;
  const isSorted = /filesort|temporary/.test(String(Extra)) && Number(rows) > maxRowsRead;
  if (isSorted) return 'sorts more than a page';
  if (!ourTable.test(String(table))) return undefined;
  if (type === 'ALL') return 'reads the table';
  if (type === 'index_merge') return 'merges indexes';
  // Of an index that is read from its end the plan has no more rows than the statement's limit.
  return type === 'index' && Number(rows) > maxRowsRead ? 'reads a whole index' : undefined;
}

// SQLite's plan has no numbers of rows. The accounts with one id are few, and of a key there is one row.
const ofOneId = /ix_accounts_name \(account_id=/;
const ofOneRow =
  /\(id=\?\)|account_id=\? AND region=\? AND instance_id=\?\)$|^SEARCH accounts .*account_id=\? AND region=\?\)$/;

function problemOnSqlite({ detail }: PlanLine, plan: readonly PlanLine[], sql: string): string | undefined {
  const details = plan.map((line) => String(line.detail));
  const text = String(detail);
  if (text.startsWith('USE TEMP B-TREE')) {
    const sorts = details.filter((other) => other.startsWith('USE TEMP B-TREE')).length;
    const isOfParts = details.includes('SCAN parts') && sorts === 1;
    return isOfParts || details.some((other) => ofOneId.test(other)) ? undefined : 'sorts';
  }
  const [, table, index] = /^(?:SCAN|SEARCH) (\w+)(?: USING (?:COVERING )?INDEX (\w+))?/.exec(text) ?? [];
  if (table === undefined || !ourTable.test(table)) return undefined;
  if (index === undefined) return 'reads the table';
  // SQLite goes on from the first that is equal, of which there is no more than one where the id is compared, too.
  if (/\w,(?!id\))\w+\)[<>]/.test(text)) return 'goes through those that are equal';
  const hasCursor = /\bid\)? [<>] /.test(sql);
  return hasCursor && !/[<>]/.test(text) && !ofOneId.test(text) && !ofOneRow.test(text)
    ? 'reads from the start up to the cursor'
    : undefined;
}

async function explain(session: Session, sql: string, values: readonly SqlValue[]): Promise<PlanLine[]> {
  const how = session.dialect.name === 'mysql' ? 'EXPLAIN FORMAT=TRADITIONAL' : 'EXPLAIN QUERY PLAN';
  return session.rows<PlanLine>(`${how} ${sql}`, values);
}

async function rowsRead(session: Session): Promise<number> {
  if (session.dialect.name !== 'mysql') return 0;
  const rows = await session.rows<{ Value: string }>("SHOW SESSION STATUS LIKE 'Handler_read%'");
  return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
}

function noting(session: Session, note: (sql: string, values: readonly SqlValue[]) => void): Session {
  return {
    dialect: session.dialect,
    rows: (sql, values = []) => {
      note(sql, values);
      return session.rows(sql, values);
    },
    run: (sql, values = []) => {
      note(sql, values);
      return session.run(sql, values);
    },
    proveCommitBy: (sql, values) => session.proveCommitBy(sql, values),
  };
}
