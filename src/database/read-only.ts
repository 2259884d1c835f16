import { DatabaseError, type Session } from './database.js';

/** A statement was refused, or will be, because the server takes no writes: a replica, or one that was made read-only. */
export class ReadOnlyError extends DatabaseError {
  /**
   * @param code the driver's own code
   * @param sql the statement, without its values
   */
  constructor(code: string, sql: string) {
    super('other', code, sql);
  }
}

/** Asks a MySQL or MariaDB server whether it takes writes. */
export const readOnlyQuery = 'SELECT @@read_only AS readOnly';

/**
 * Looks into what a server answered to {@link readOnlyQuery}: a number, or on newer ones of MariaDB a word.
 *
 * @throws ReadOnlyError where it takes no writes
 */
export function expectWritable(rows: readonly object[]): void {
  const { readOnly } = { ...rows[0] } as { readonly readOnly?: unknown };
  if (!['0', 'OFF'].includes(String(readOnly))) throw new ReadOnlyError('read_only', readOnlyQuery);
}

/**
 * Makes sure that the register can be read and written. It is asked for a table: a node that has left its cluster may still
 * answer what needs none.
 *
 * @throws ReadOnlyError where it cannot be written
 */
export async function expectService(session: Session): Promise<void> {
  await session.rows('SELECT COUNT(*) AS total FROM sealing_key_checks');
  if (session.dialect.name === 'mysql') expectWritable(await session.rows(readOnlyQuery));
}
