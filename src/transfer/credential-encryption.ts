import { createHash, randomBytes, webcrypto } from 'node:crypto';
import { CompactEncrypt, compactDecrypt } from 'jose';
import type { Datasource } from '../datasources/datasource.entity.js';
import { connectionFields } from '../datasources/datasource-changes.js';

/** The credentials of a datasource that a file carries, encrypted. */
export interface FileCredentials {
  readonly password: string | null;
  readonly secret: string | null;
}

/** Encrypted credentials, or the key to them, that do not open. The message says what to do. */
export class CredentialEncryptionError extends Error {
  override readonly name = 'CredentialEncryptionError';
}

type WholeDatasource = Partial<Record<keyof Datasource, unknown>>;

const keyWrapping = 'PBES2-HS512+A256KW';
const contentEncryption = 'A256GCM';
// OWASP asks for 210 000 at least. It is paid once a file.
const iterations = 600_000;
const maxIterations = 2_000_000;

/**
 * Encrypts and decrypts the credentials of one file: by a random key of the file's own, which a passphrase wraps. Both are
 * JWE (RFC 7516) in their compact form.
 */
export class CredentialEncryption {
  readonly #key: webcrypto.CryptoKey;

  private constructor(key: webcrypto.CryptoKey) {
    this.#key = key;
  }

  /** Makes a new key, and wraps it. */
  static async create(passphrase: string): Promise<{ encryption: CredentialEncryption; wrappedKey: string }> {
    const key = randomBytes(32);
    const wrappedKey = await new CompactEncrypt(key)
      .setProtectedHeader({ alg: keyWrapping, enc: contentEncryption })
      .setKeyManagementParameters({ p2c: iterations })
      .encrypt(Buffer.from(passphrase));
    return { encryption: new CredentialEncryption(await imported(key)), wrappedKey };
  }

  /**
   * Unwraps the key of a file.
   *
   * @throws CredentialEncryptionError where the passphrase is another one, or it is not such a key
   */
  static async open(wrappedKey: unknown, passphrase: string): Promise<CredentialEncryption> {
    try {
      const { plaintext } = await compactDecrypt(String(wrappedKey), Buffer.from(passphrase), {
        keyManagementAlgorithms: [keyWrapping],
        contentEncryptionAlgorithms: [contentEncryption],
        maxPBES2Count: maxIterations,
      });
      return new CredentialEncryption(await imported(plaintext));
    } catch {
      throw new CredentialEncryptionError(
        'The passphrase does not open the credentials of this file: the passphrase is wrong, or the file was changed.',
      );
    }
  }

  /** Encrypts the credentials of a datasource, bound to it and to where its connection goes. */
  encrypt(datasource: WholeDatasource, credentials: FileCredentials): Promise<string> {
    return new CompactEncrypt(Buffer.from(JSON.stringify(credentials)))
      .setProtectedHeader({ alg: 'dir', enc: contentEncryption, datasource: fingerprint(datasource) })
      .encrypt(this.#key);
  }

  /**
   * Decrypts the credentials of a datasource.
   *
   * @throws CredentialEncryptionError where they are not those of this datasource and its connection
   */
  async decrypt(datasource: WholeDatasource, encrypted: string): Promise<FileCredentials> {
    const { plaintext, protectedHeader } = await compactDecrypt(encrypted, this.#key, {
      keyManagementAlgorithms: ['dir'],
      contentEncryptionAlgorithms: [contentEncryption],
    }).catch(() => {
      throw new CredentialEncryptionError(
        'The credentials cannot be opened with the key of this file: they were changed.',
      );
    });
    if (protectedHeader.datasource !== fingerprint(datasource)) {
      throw new CredentialEncryptionError(
        'The credentials were exported for another datasource, or for another URL, driver, SSL or certificate of this datasource. Give its password and secret again.',
      );
    }
    return JSON.parse(Buffer.from(plaintext).toString()) as FileCredentials;
  }
}

function imported(key: Uint8Array): Promise<webcrypto.CryptoKey> {
  return webcrypto.subtle.importKey('raw', key, 'AES-GCM', false, ['encrypt', 'decrypt']);
}

/**
 * Stands for the datasource's key and the fields that say where its credentials go. Fields without a value are left out, so
 * that a file stays good when there comes to be another field.
 */
function fingerprint(datasource: WholeDatasource): string {
  const fields = ['accountProviderId', 'accountId', 'region', 'instanceId', ...connectionFields] as const;
  const given = fields.filter((field) => (datasource[field] ?? '') !== '').sort();
  const values = given.map((field) => [field, datasource[field]]);
  return createHash('sha256').update(JSON.stringify(values)).digest('base64url');
}
