import { open, type SealContext, seal } from '../security/sealing.js';
import type { SealingKey } from '../security/sealing-key.js';

/** The credentials of a datasource that are sealed. */
export const credentialFields = ['password', 'secret'] as const;

/** One of them. */
export type CredentialField = (typeof credentialFields)[number];

/** Which datasource a credential belongs to. */
export interface CredentialOwner {
  readonly accountProviderId: number;
  readonly accountId: string;
  readonly region: string;
  readonly instanceId: string;
}

/** Seals and opens the credentials of datasources, each bound to its datasource's key and its field. */
export class CredentialSeal {
  readonly #keys: () => readonly [SealingKey, ...SealingKey[]];

  /** @param keys gives the keys that open, of which the first seals, once they are known */
  constructor(keys: () => readonly [SealingKey, ...SealingKey[]]) {
    this.#keys = keys;
  }

  /** The id of the key that seals. */
  get currentKeyId(): string {
    return this.#keys()[0].id;
  }

  /** Seals a credential; null where there is none, or an empty one. */
  sealed(owner: CredentialOwner, field: CredentialField, credential: string | null | undefined): Buffer | null {
    return credential ? seal(credential, contextOf(owner, field), this.#keys()[0]) : null;
  }

  /**
   * Opens a credential; null where there is none.
   *
   * @throws SealBrokenError where it does not open
   */
  opened(owner: CredentialOwner, field: CredentialField, sealed: Uint8Array | null): string | null {
    return sealed === null ? null : open(Buffer.from(sealed), contextOf(owner, field), this.#keys());
  }
}

function contextOf(owner: CredentialOwner, field: CredentialField): SealContext {
  return ['datasource', owner.accountProviderId, owner.accountId, owner.region, owner.instanceId, field];
}
