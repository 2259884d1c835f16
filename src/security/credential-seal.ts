import { type SealedPlace, seal } from './sealing.js';
import type { SealingKey } from './sealing-key.js';

/** The credentials of a datasource that are sealed. */
export type CredentialField = 'password' | 'secret';

/** Which datasource a credential belongs to. */
export interface CredentialOwner {
  readonly accountProviderId: number;
  readonly accountId: string;
  readonly region: string;
  readonly instanceId: string;
}

/** Seals the credentials of datasources, each bound to its datasource's key and its field. */
export class CredentialSeal {
  readonly #key: () => SealingKey;

  /** @param key gives the key that seals, once it is known */
  constructor(key: () => SealingKey) {
    this.#key = key;
  }

  /** Seals a credential; null where there is none, or an empty one. */
  sealed(owner: CredentialOwner, field: CredentialField, credential: string | null | undefined): Buffer | null {
    return credential ? seal(credential, placeOf(owner, field), this.#key()) : null;
  }
}

function placeOf(owner: CredentialOwner, field: CredentialField): SealedPlace {
  return ['datasource', owner.accountProviderId, owner.accountId, owner.region, owner.instanceId, field];
}
