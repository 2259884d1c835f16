import { createCipheriv, createDecipheriv, randomFillSync } from 'node:crypto';
import type { SealingKey } from './sealing-key.js';

const algorithm = 'aes-256-gcm';
const format = 1;
const keyIdLength = 8;
const nonceLength = 12;
const tagLength = 16;
const headerLength = 1 + keyIdLength + nonceLength;
const withTag = { authTagLength: tagLength };

// To ask for random bytes takes about as long for many nonces as for one, and that is a quarter of what sealing takes.
const nonces = Buffer.alloc(256 * nonceLength);
let usedOfNonces = nonces.length;

/** What a sealed value belongs to: it opens there and nowhere else. */
export type SealContext = readonly (string | number)[];

/** A sealed value that does not open: the key is not there, or it was changed, or it belongs somewhere else. */
export class SealBrokenError extends Error {
  override readonly name = 'SealBrokenError';
}

/**
 * Seals a text with AES-256-GCM (NIST SP 800-38D) under a random 96-bit nonce.
 *
 * @param context what the value belongs to, such as a datasource's key and the field; it is authenticated and not stored
 * @returns the format's number (1 byte), the key's id (8), the nonce (12), the ciphertext, the tag (16)
 */
export function seal(text: string, context: SealContext, key: SealingKey): Buffer {
  const nonce = nextNonce();
  const cipher = createCipheriv(algorithm, key.key, nonce, withTag);
  const keyPart = Buffer.from(`0${format}${key.id}`, 'hex');
  cipher.setAAD(authenticated(keyPart, context));
  return Buffer.concat([keyPart, nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]);
}

/**
 * Opens what {@link seal} made.
 *
 * @param context what the value was sealed for
 * @param keys the keys that may have sealed it
 * @throws SealBrokenError, which says nothing of the value
 */
export function open(sealed: Buffer, context: SealContext, keys: readonly SealingKey[]): string {
  const id = sealingKeyIdOf(sealed);
  const key = keys.find((candidate) => candidate.id === id);
  if (key === undefined) throw new SealBrokenError('no key is set that could have sealed the value');
  const header = sealed.subarray(0, headerLength);
  const decipher = createDecipheriv(algorithm, key.key, header.subarray(1 + keyIdLength), withTag);
  decipher.setAAD(authenticated(header, context));
  decipher.setAuthTag(sealed.subarray(-tagLength));
  try {
    return decipher.update(sealed.subarray(headerLength, -tagLength), undefined, 'utf8') + decipher.final('utf8');
  } catch (error) {
    throw new SealBrokenError('the value was changed, or sealed for another place', { cause: error });
  }
}

/**
 * The id of the key that sealed a value.
 *
 * @throws SealBrokenError where it is not a sealed value at all
 */
export function sealingKeyIdOf(sealed: Buffer): string {
  if (sealed.length < headerLength + tagLength || sealed[0] !== format) {
    throw new SealBrokenError('this is not a sealed value');
  }
  return sealed.subarray(1, 1 + keyIdLength).toString('hex');
}

function authenticated(header: Buffer, context: SealContext): Buffer {
  // JSON keeps the parts of the context apart whatever characters they hold.
  return Buffer.concat([header.subarray(0, 1 + keyIdLength), Buffer.from(JSON.stringify(context))]);
}

/** Random bytes that were given to nobody before. */
function nextNonce(): Buffer {
  if (usedOfNonces === nonces.length) {
    randomFillSync(nonces);
    usedOfNonces = 0;
  }
  usedOfNonces += nonceLength;
  return nonces.subarray(usedOfNonces - nonceLength, usedOfNonces);
}
