import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import type { TableColumnOptions } from 'typeorm/schema-builder/options/TableColumnOptions.js';

/** Columns in the words of the migrations, with what MySQL must be told and SQLite must not. */
export function columnsFor(runner: QueryRunner) {
  const isMysql = runner.connection.driver.options.type !== 'better-sqlite3';
  // Binary collation compares exactly; ascii keeps the keys of the indexes short.
  const exact = isMysql ? { charset: 'utf8mb4', collation: 'utf8mb4_bin' } : {};
  const ascii = isMysql ? { charset: 'ascii', collation: 'ascii_bin' } : {};
  return {
    /** A key made by the gateway: ASCII, compared exactly. */
    id: (name: string, length: number): TableColumnOptions => ({
      name,
      type: 'varchar',
      length: String(length),
      isPrimary: true,
      ...ascii,
    }),
    /** Text of at most so many Unicode code points, compared exactly. */
    text: (name: string, length: number, isNullable = false): TableColumnOptions => ({
      name,
      type: 'varchar',
      length: String(length),
      isNullable,
      ...exact,
    }),
    /** A whole number up to 2147483647. */
    integer: (name: string, isNullable = false): TableColumnOptions => ({
      name,
      type: isMysql ? 'int' : 'integer',
      isNullable,
    }),
    /** 0 or 1, or null for "not said". */
    flag: (name: string): TableColumnOptions => ({ name, type: 'tinyint', isNullable: true }),
    /** Milliseconds since 1970 in UTC. */
    instant: (name: string, isNullable = false): TableColumnOptions => ({ name, type: 'bigint', isNullable }),
    /** JSON, of any length that one statement can bring. */
    json: (name: string): TableColumnOptions => ({ name, type: 'json', isNullable: true }),
    /** Bytes. */
    bytes: (name: string, isNullable = false): TableColumnOptions => ({ name, type: 'blob', isNullable }),
  };
}
