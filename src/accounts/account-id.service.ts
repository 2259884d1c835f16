import type { Database } from '../database/database.js';
import { type SharedAccountId, selectSharedAccountIds } from './account-id.statements.js';

/** Questions about account ids, whatever their provider and region. */
export class AccountIdService {
  readonly #database: Database;

  /** @param database where the accounts are kept */
  constructor(database: Database) {
    this.#database = database;
  }

  /** Finds account ids that are registered more than once: the first hundred. */
  shared(): Promise<SharedAccountId[]> {
    return selectSharedAccountIds((work) => this.#database.read(work));
  }
}
