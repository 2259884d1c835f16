import { all, equal } from './condition.js';
import type { Session, SqlValue } from './database.js';

/** Counts the rows of a table whose columns hold the values, for a module that must not know the table's own. */
export async function countRows(
  session: Session,
  table: 'datasources',
  wanted: Readonly<Record<string, SqlValue>>,
): Promise<number> {
  const { sql, values } = all(equal(wanted));
  const rows = await session.rows<{ total: number }>(`SELECT COUNT(*) AS total FROM ${table} WHERE ${sql}`, values);
  return Number(rows[0]?.total);
}
