import type { Database } from '../database/database.js';
import { SealBrokenError, sealingKeyIdOf } from '../security/sealing.js';
import { deleteOtherSealingKeyChecks } from '../security/sealing-key-check.statements.js';
import { replaceSealed, type SealedRow, selectSealed } from './credential.statements.js';
import {
  type CredentialField,
  type CredentialOwner,
  type CredentialSeal,
  credentialFields,
} from './credential-seal.js';

/** A sealed value that does not open. */
export interface BrokenSeal {
  readonly owner: CredentialOwner;
  readonly field: CredentialField;
  /** Why, without anything of the value. */
  readonly reason: string;
}

/** What was found when every sealed value was looked at. */
export interface RotationReport {
  /** Values that open. */
  readonly opened: number;
  /** Values that were sealed anew with the current key. */
  readonly resealed: number;
  readonly broken: readonly BrokenSeal[];
  /** Whether the keys before the current one seal nothing any more, so that they can go. */
  readonly oldKeysCanGo: boolean;
}

const batchSize = 200;
const columnOf = { password: 'password_sealed', secret: 'secret_sealed' } as const;

/** Looks at every sealed value of a register, and seals anew what other keys than the current one have sealed. */
export class CredentialRotation {
  readonly #database: Database;
  readonly #credentials: CredentialSeal;

  /**
   * @param database where the values are kept
   * @param credentials what opens them, and seals them anew
   */
  constructor(database: Database, credentials: CredentialSeal) {
    this.#database = database;
    this.#credentials = credentials;
  }

  /** Opens everything, and changes nothing. */
  verify(progress: (seen: number) => void): Promise<RotationReport> {
    return this.#walk(false, progress);
  }

  /**
   * Seals everything anew that another key than the current one has sealed, in small transactions, while gateways serve. It
   * may be interrupted and run again. A value that does not open is left as it is, and keeps the old keys from being let go.
   */
  async rotate(progress: (seen: number) => void): Promise<RotationReport> {
    const first = await this.#walk(true, progress);
    // A gateway that still sealed with an old key may have done so behind the walk, so it is walked until nothing is left.
    const isLeft = (report: RotationReport) => !report.oldKeysCanGo && report.broken.length === 0;
    let last = first;
    let resealed = first.resealed;
    while (last.resealed > 0 || isLeft(last)) {
      last = await this.#walk(true, progress);
      resealed += last.resealed;
    }
    if (last.oldKeysCanGo) {
      await this.#database.change((session) => deleteOtherSealingKeyChecks(session, this.#credentials.currentKeyId));
    }
    return { ...last, resealed };
  }

  async #walk(reseals: boolean, progress: (seen: number) => void): Promise<RotationReport> {
    let [opened, resealed, left] = [0, 0, 0];
    const broken: BrokenSeal[] = [];
    for (let afterId = '', rows: SealedRow[] | undefined; rows === undefined || rows.length === batchSize; ) {
      rows = await this.#database.read((session) => selectSealed(session, afterId, batchSize));
      for (const row of rows) {
        for (const field of credentialFields) {
          const sealed = row[`${field}Sealed`];
          if (sealed === null) continue;
          const clear = this.#open(row, field, sealed, broken);
          if (clear === undefined) continue;
          opened += 1;
          if (sealingKeyIdOf(Buffer.from(sealed)) === this.#credentials.currentKeyId) continue;
          // An edit that came in between may have sealed with an old key again.
          if (reseals && (await this.#reseal(row, field, sealed, clear)) > 0) resealed += 1;
          else left += 1;
        }
      }
      afterId = rows.at(-1)?.id ?? afterId;
      progress(opened + broken.length);
    }
    return { opened, resealed, broken, oldKeysCanGo: broken.length === 0 && left === 0 };
  }

  #open(row: SealedRow, field: CredentialField, sealed: Uint8Array, broken: BrokenSeal[]): string | undefined {
    try {
      return this.#credentials.opened(row, field, sealed) ?? undefined;
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      const { accountProviderId, accountId, region, instanceId } = row;
      broken.push({ owner: { accountProviderId, accountId, region, instanceId }, field, reason: error.message });
      return undefined;
    }
  }

  #reseal(row: SealedRow, field: CredentialField, sealed: Uint8Array, clear: string): Promise<number> {
    const anew = this.#credentials.sealed(row, field, clear) as Buffer;
    return this.#database.change((session) => replaceSealed(session, row.id, columnOf[field], sealed, anew));
  }
}
