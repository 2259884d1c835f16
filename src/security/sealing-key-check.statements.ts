import type { Session } from '../database/database.js';
import { TableMapping } from '../database/table-mapping.js';
import { SealingKeyCheck } from './sealing-key-check.entity.js';

const mapping = new TableMapping(SealingKeyCheck);

/** Reads the known values of all keys. */
export function selectSealingKeyChecks(session: Session): Promise<SealingKeyCheck[]> {
  return session.rows<SealingKeyCheck>(`SELECT ${mapping.selectList} FROM sealing_key_checks`);
}

/** Adds the known value of a key. */
export function insertSealingKeyCheck(session: Session, check: SealingKeyCheck): Promise<number> {
  return session.run(`INSERT INTO sealing_key_checks ${mapping.insertList}`, mapping.values(check));
}

/** Removes the known values of keys that seal nothing any more. */
export function deleteOtherSealingKeyChecks(session: Session, keyId: string): Promise<number> {
  return session.run('DELETE FROM sealing_key_checks WHERE key_id <> ?', [keyId]);
}
