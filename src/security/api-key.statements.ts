import type { Session } from '../database/database.js';
import { TableMapping } from '../database/table-mapping.js';
import { ApiKey } from './api-key.entity.js';

const mapping = new TableMapping(ApiKey);
const select = `SELECT ${mapping.selectList} FROM api_keys`;

/** Adds a key. */
export function insertApiKey(session: Session, key: ApiKey): Promise<number> {
  return session.run(`INSERT INTO api_keys ${mapping.insertList}`, mapping.values(key));
}

/** Reads all keys, the newest first. */
export async function selectApiKeys(session: Session): Promise<ApiKey[]> {
  const rows = await session.rows<ApiKey>(`${select} ORDER BY created_at DESC, prefix`);
  return rows.map((row) => mapping.hydrate(row));
}

/** Finds the key with a prefix. */
export async function selectApiKey(session: Session, prefix: string): Promise<ApiKey | undefined> {
  const [row] = await session.rows<ApiKey>(`${select} WHERE prefix = ?`, [prefix]);
  return row === undefined ? undefined : mapping.hydrate(row);
}

/**
 * Revokes a key.
 *
 * @returns 0 where there is no such key, or it was revoked before
 */
export function revokeApiKey(session: Session, prefix: string, at: Date): Promise<number> {
  const sql = 'UPDATE api_keys SET revoked_at = ? WHERE prefix = ? AND revoked_at IS NULL';
  return session.run(sql, [at.getTime(), prefix]);
}

/** Writes when a key was last used, unless that is written of a time after another one. */
export function updateApiKeyUse(session: Session, prefix: string, at: Date, unlessAfter: Date): Promise<number> {
  const sql = 'UPDATE api_keys SET last_used_at = ? WHERE prefix = ? AND (last_used_at IS NULL OR last_used_at < ?)';
  return session.run(sql, [at.getTime(), prefix, unlessAfter.getTime()]);
}
