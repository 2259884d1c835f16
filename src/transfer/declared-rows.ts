import { DomainError } from '../errors.js';
import { validated } from '../input/validate.js';
import { CredentialEncryption, CredentialEncryptionError } from './credential-encryption.js';
import { KeyLines } from './key-lines.js';
import {
  type AccountRow,
  credentialNames,
  type DatasourceRow,
  declaredBy,
  type FileRow,
  keyOf,
  Refusal,
  type RowContent,
  refusalOf,
} from './row.js';

/** A row that was read, and what it declares; undefined where that cannot be told. */
export interface DeclaredRow {
  readonly line: number;
  readonly size: number;
  readonly declares: AccountRow | DatasourceRow | undefined;
  /** Why it is not taken; undefined where nothing is wrong with the row by itself. */
  readonly refusal: Refusal | undefined;
}

/** Reads what the rows of a file declare, each by itself and against the rows before it, whatever the register has. */
export class DeclaredRows {
  readonly #passphrase: string | undefined;
  readonly #seen = new KeyLines();
  #encryption: CredentialEncryption | undefined;

  /** @param passphrase opens the credentials of the file, where it has some */
  constructor(passphrase: string | undefined) {
    this.#passphrase = passphrase;
  }

  /**
   * Reads a file. It may be called once.
   *
   * @throws CredentialEncryptionError, before the first row, where the passphrase is missing or another one
   */
  async *of(file: AsyncIterable<FileRow>): AsyncGenerator<DeclaredRow> {
    let isFirst = true;
    for await (const row of file) {
      const opensCredentials = isFirst && !(row.content instanceof Refusal) && row.content.kind === 'credential_key';
      isFirst = false;
      if (opensCredentials) await this.#openKey(row.content as RowContent);
      else yield await this.#declared(row);
    }
  }

  /** Whether a row before a line declares an account. */
  declaresAccountBefore(line: number, key: readonly (string | number)[]): boolean {
    return (this.#seen.lineOf(['account', ...key]) ?? line) < line;
  }

  async #openKey({ values }: RowContent): Promise<void> {
    if (this.#passphrase === undefined) {
      throw new CredentialEncryptionError('The file contains credentials: give the passphrase that opens them.');
    }
    this.#encryption = await CredentialEncryption.open(values.jwe, this.#passphrase);
  }

  async #declared({ line, size, content }: FileRow): Promise<DeclaredRow> {
    if (content instanceof Refusal) return { line, size, declares: undefined, refusal: content };
    let declares: AccountRow | DatasourceRow | undefined;
    try {
      const { credentials, ...values } = content.values;
      declares = declaredBy(content.kind === 'datasource' ? { kind: content.kind, values } : content);
      const first = this.#seen.note([declares.kind, ...keyOf(declares)], line);
      if (first !== undefined) throw badRow(`The same ${declares.kind} stands on line ${first} already.`);
      if (declares.kind === 'datasource' && credentials !== undefined) await this.#decrypt(declares, credentials);
      return { line, size, declares, refusal: undefined };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return { line, size, declares, refusal: refusalOf(error) };
    }
  }

  async #decrypt({ input }: DatasourceRow, credentials: unknown): Promise<void> {
    if (credentialNames.some((name) => input[name])) {
      throw badRow('credentials cannot be combined with password or secret.');
    }
    if (this.#encryption === undefined) {
      throw badRow('credentials need the credential_key that they were exported with, as the first row of the file.');
    }
    try {
      Object.assign(input, await this.#encryption.decrypt(input, String(credentials)));
    } catch (error) {
      throw error instanceof CredentialEncryptionError ? badRow(error.message) : error;
    }
    validated(input);
  }
}

function badRow(reason: string): DomainError {
  return new DomainError('BAD_USER_INPUT', reason);
}
