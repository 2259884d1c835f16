import { createHash, createSecretKey, type KeyObject } from 'node:crypto';

const keyLength = 32;

/** A key for {@link seal} and {@link open}, with the id that stands in front of what it seals. */
export interface SealingKey {
  /** The first 8 bytes of a hash of the key, in hexadecimal: the same key has the same id wherever it is set. */
  readonly id: string;
  /** Held by the crypto library, so that printing the object shows nothing of it. */
  readonly key: KeyObject;
}

/**
 * Reads a key from base64.
 *
 * @returns undefined where the text is not exactly 32 bytes in base64
 */
export function parseSealingKey(base64: string): SealingKey | undefined {
  const bytes = Buffer.from(base64, 'base64');
  // Buffer skips what is not base64, so only the way back shows whether all of it was.
  if (bytes.length !== keyLength || bytes.toString('base64') !== base64) return undefined;
  const id = createHash('sha256')
    .update('datasource-gateway sealing key id\0')
    .update(bytes)
    .digest('hex')
    .slice(0, 16);
  return { id, key: createSecretKey(bytes) };
}
