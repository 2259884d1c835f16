import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';

/** The names of indexes, each with its columns. */
export type Indexes = Readonly<Record<string, readonly string[]>>;

/**
 * Adds indexes to a table that is in use. On MySQL it is one statement, which reads the table once and lets others read and
 * write it meanwhile; it fails where the server could not do it so.
 */
export async function addIndexes(runner: QueryRunner, table: string, indexes: Indexes): Promise<void> {
  const missing = await missingOf(runner, table, indexes);
  if (missing.length === 0) return;
  if (isMysql(runner)) {
    const additions = missing.map(([name, columns]) => `ADD INDEX ${name} (${columns.join(', ')})`);
    await runner.query(`ALTER TABLE ${table} ${additions.join(', ')}, ALGORITHM=INPLACE, LOCK=NONE`);
    return;
  }
  for (const [name, columns] of missing) await runner.query(`CREATE INDEX ${name} ON ${table} (${columns.join(', ')})`);
}

/** Takes them away again. */
export async function dropIndexes(runner: QueryRunner, table: string, indexes: Indexes): Promise<void> {
  const names = Object.keys(indexes);
  if (isMysql(runner)) {
    await runner.query(`ALTER TABLE ${table} ${names.map((name) => `DROP INDEX ${name}`).join(', ')}`);
    return;
  }
  for (const name of names) await runner.query(`DROP INDEX ${name}`);
}

async function missingOf(runner: QueryRunner, table: string, indexes: Indexes) {
  const found = (await runner.query(
    isMysql(runner)
      ? 'SELECT DISTINCT INDEX_NAME AS name FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?'
      : "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?",
    [table],
  )) as { name: string }[];
  return Object.entries(indexes).filter(([name]) => !found.some((index) => index.name === name));
}

function isMysql(runner: QueryRunner): boolean {
  return runner.connection.driver.options.type !== 'better-sqlite3';
}
