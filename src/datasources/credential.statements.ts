import type { Session } from '../database/database.js';

/** What is sealed of one datasource. */
export interface SealedRow {
  readonly id: string;
  readonly accountProviderId: number;
  readonly accountId: string;
  readonly region: string;
  readonly instanceId: string;
  readonly passwordSealed: Uint8Array | null;
  readonly secretSealed: Uint8Array | null;
}

const columns =
  'id, account_provider AS accountProviderId, account_id AS accountId, region, instance_id AS instanceId, password_sealed AS passwordSealed, secret_sealed AS secretSealed';

/** Reads the sealed values of the next datasources behind an id. */
export function selectSealed(session: Session, afterId: string, atMost: number): Promise<SealedRow[]> {
  return session.rows<SealedRow>(
    `SELECT ${columns} FROM datasources WHERE id > ? AND (password_sealed IS NOT NULL OR secret_sealed IS NOT NULL) ORDER BY id LIMIT ${atMost}`,
    [afterId],
  );
}

/**
 * Puts a value that was sealed anew in the place of one, which must still be there: an edit meanwhile has sealed its own.
 * The datasource is not changed by it, so its version is not either.
 *
 * @returns 0 where it is not there any more
 */
export function replaceSealed(
  session: Session,
  id: string,
  column: 'password_sealed' | 'secret_sealed',
  from: Uint8Array,
  to: Buffer,
): Promise<number> {
  return session.run(`UPDATE datasources SET ${column} = ? WHERE id = ? AND ${column} = ?`, [
    to,
    id,
    Buffer.from(from),
  ]);
}
