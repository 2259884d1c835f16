import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { Database } from '../database/database.js';
import type { DatabaseLocation } from '../database/database-url.js';
import { open, type SealContext, seal } from './sealing.js';
import { parseSealingKey, type SealingKey } from './sealing-key.js';
import type { SealingKeyCheck } from './sealing-key-check.entity.js';
import { insertSealingKeyCheck, selectSealingKeyChecks } from './sealing-key-check.statements.js';

const knownValue = 'datasource-gateway';

/** The keys that were set do not fit the register. The message says what to do, and shows ids of keys only. */
export class SealingKeyError extends Error {
  override readonly name = 'SealingKeyError';
}

/**
 * Gives the keys that were set or, for an SQLite file with none set, the one beside it, which is made where there is none
 * and the register holds nothing sealed yet.
 *
 * @returns the keys, and the path of a key file that was made just now
 * @throws SealingKeyError where the key beside the file is gone or damaged
 */
export async function findSealingKeys(
  database: Database,
  location: DatabaseLocation,
  configured: readonly SealingKey[],
): Promise<{ keys: readonly SealingKey[]; madeFile?: string }> {
  if (configured.length > 0 || location.kind !== 'sqlite') return { keys: configured };
  const file = `${location.path}.key`;
  if (existsSync(file)) return { keys: [readKeyFile(file)] };
  if ((await database.read(selectSealingKeyChecks)).length > 0) {
    throw new SealingKeyError(
      `The register holds sealed credentials, and the key that opens them is gone: put ${file} back, or set SECRETS_KEY to that key.`,
    );
  }
  writeFileSync(file, `${randomBytes(32).toString('base64')}\n`, { mode: 0o600, flag: 'wx', flush: true });
  return { keys: [readKeyFile(file)], madeFile: file };
}

/**
 * Makes sure that the keys are the register's: every key that ever sealed here and was not retired must be among them, and
 * must open the known value that was sealed with it at its first start. That of a new key is sealed now where it is the one
 * that seals; a key that only opens is not written down, for it would have to be retired again.
 *
 * @throws SealingKeyError where a key is missing or wrong
 */
export function checkSealingKeys(database: Database, keys: readonly SealingKey[]): Promise<void> {
  return database.change(async (session) => {
    const checks = await selectSealingKeyChecks(session);
    for (const check of checks) verify(check, keys);
    for (const key of keys.slice(0, 1).filter(({ id }) => !checks.some(({ keyId }) => keyId === id))) {
      const sealed = seal(knownValue, contextOf(key.id), key);
      await insertSealingKeyCheck(session, { keyId: key.id, sealed, createdAt: new Date() });
    }
  });
}

/** Whether the key that seals has its known value in the register already, so that nothing needs to be written. */
export async function areKeysRegistered(database: Database, keys: readonly SealingKey[]): Promise<boolean> {
  const checks = await database.read(selectSealingKeyChecks);
  return keys.slice(0, 1).every(({ id }) => checks.some(({ keyId }) => keyId === id));
}

function verify(check: SealingKeyCheck, keys: readonly SealingKey[]): void {
  try {
    if (open(Buffer.from(check.sealed), contextOf(check.keyId), keys) === knownValue) return;
  } catch (error) {
    throw new SealingKeyError(
      `The credentials of this register are sealed with a key that is not set: the key with the id ${check.keyId}. Set SECRETS_KEY to this key. The keys that are set have the ids ${keys.map(({ id }) => id).join(', ')}.`,
      { cause: error },
    );
  }
  throw new SealingKeyError(`The known value of the sealing key ${check.keyId} is not what it should be.`);
}

function readKeyFile(file: string): SealingKey {
  const key = parseSealingKey(readFileSync(file, 'utf8').trim());
  if (key === undefined) {
    throw new SealingKeyError(`${file} must hold a key of 32 bytes in base64. Put the right one back.`);
  }
  return key;
}

function contextOf(keyId: string): SealContext {
  return ['sealing key check', keyId];
}
