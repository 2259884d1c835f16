import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';

/** The names of indexes, each with its columns. */
export type Indexes = Readonly<Record<string, readonly string[]>>;

/** The names of columns that may be empty, each with its type. */
export type Columns = Readonly<Record<string, 'id' | 'integer' | 'whole'>>;

const mysqlTypes = {
  id: 'VARCHAR(27) CHARACTER SET ascii COLLATE ascii_bin NULL',
  integer: 'INT NULL',
  whole: 'BIGINT NULL',
};
const sqliteTypes = { id: 'varchar(27)', integer: 'integer', whole: 'bigint' };

/**
 * Adds indexes, and columns, to a table that is in use. On MySQL it is one statement, which reads the table once and lets others
 * read and write it meanwhile; it fails where the server could not do it so.
 */
export async function addIndexes(
  runner: QueryRunner,
  table: string,
  indexes: Indexes,
  columns: Columns = {},
): Promise<void> {
  const [missingColumns, missingIndexes] = await missingOf(runner, table, columns, indexes);
  if (missingColumns.length + missingIndexes.length === 0) return;
  if (isMysql(runner)) {
    const additions = [
      ...missingColumns.map(([name, type]) => `ADD COLUMN ${name} ${mysqlTypes[type]}`),
      ...missingIndexes.map(([name, parts]) => `ADD INDEX ${name} (${parts.join(', ')})`),
    ];
    await runner.query(`ALTER TABLE ${table} ${additions.join(', ')}, ALGORITHM=INPLACE, LOCK=NONE`);
    return;
  }
  for (const [name, type] of missingColumns) {
    await runner.query(`ALTER TABLE ${table} ADD COLUMN ${name} ${sqliteTypes[type]}`);
  }
  for (const [name, parts] of missingIndexes) {
    await runner.query(`CREATE INDEX ${name} ON ${table} (${parts.join(', ')})`);
  }
}

/** Takes them away again. */
export async function dropIndexes(
  runner: QueryRunner,
  table: string,
  indexes: Indexes,
  columns: Columns = {},
): Promise<void> {
  const [indexNames, columnNames] = [Object.keys(indexes), Object.keys(columns)];
  if (isMysql(runner)) {
    const parts = [
      ...indexNames.map((name) => `DROP INDEX ${name}`),
      ...columnNames.map((name) => `DROP COLUMN ${name}`),
    ];
    await runner.query(`ALTER TABLE ${table} ${parts.join(', ')}`);
    return;
  }
  for (const name of indexNames) await runner.query(`DROP INDEX ${name}`);
  for (const name of columnNames) await runner.query(`ALTER TABLE ${table} DROP COLUMN ${name}`);
}

async function missingOf(runner: QueryRunner, table: string, columns: Columns, indexes: Indexes) {
  const [foundColumns, foundIndexes] = isMysql(runner)
    ? [
        'SELECT COLUMN_NAME AS name FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?',
        'SELECT DISTINCT INDEX_NAME AS name FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND TABLE_NAME = ?',
      ]
    : ['SELECT name FROM pragma_table_info(?)', "SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ?"];
  return [
    await missing(runner, table, columns, foundColumns as string),
    await missing(runner, table, indexes, foundIndexes as string),
  ] as const;
}

async function missing<Value>(
  runner: QueryRunner,
  table: string,
  wanted: Readonly<Record<string, Value>>,
  sql: string,
): Promise<[string, Value][]> {
  const found = (await runner.query(sql, [table])) as { name: string }[];
  return Object.entries(wanted).filter(([name]) => !found.some((one) => one.name === name));
}

function isMysql(runner: QueryRunner): boolean {
  return runner.connection.driver.options.type !== 'better-sqlite3';
}
