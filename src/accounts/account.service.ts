import type { AuditTrail } from '../audit/audit-trail.js';
import type { Call } from '../call.js';
import { type Database, DatabaseError } from '../database/database.js';
import { type Page, type PageArguments, pageRequest } from '../database/page.js';
import { SharedLookup } from '../database/shared-lookup.js';
import { DomainError } from '../errors.js';
import { newId } from '../global-id.js';
import type { Account } from './account.entity.js';
import type { AddAccountInput, DeleteAccountInput } from './account.input.js';
import {
  type AccountConditions,
  type AccountIdentity,
  accountKeyValues,
  countAccounts,
  deleteAccount,
  insertAccount,
  lockAccount,
  selectAccountById,
  selectAccountPage,
  selectAccounts,
} from './account.statements.js';

/** The field that a list of accounts is ordered by. */
export interface AccountOrdering {
  readonly property: 'createdAt' | 'updatedAt' | 'accountId';
  readonly descending: boolean;
}

/** What deleting an account has done. */
export interface DeletedAccount {
  readonly deletedAccountId: string;
  readonly deletedDatasourceCount: number;
}

/** The operations on accounts and the questions about them, for both surfaces. Inputs are validated before they come here. */
export class AccountService {
  readonly #database: Database;
  readonly #audit: AuditTrail;
  readonly #byKey: SharedLookup<AccountIdentity, Account>;

  /**
   * @param database where the accounts are kept
   * @param audit what keeps the record of changes
   */
  constructor(database: Database, audit: AuditTrail) {
    this.#database = database;
    this.#byKey = new SharedLookup(database, selectAccounts, accountKeyValues);
    this.#audit = audit;
  }

  /**
   * Adds an account.
   *
   * @throws DomainError ACCOUNT_ALREADY_EXISTS
   */
  async add(input: AddAccountInput, call: Call): Promise<Account> {
    const now = new Date();
    const { accountProvider, accountId, region } = input;
    const account: Account = { id: newId('A'), accountProvider, accountId, region, createdAt: now, updatedAt: now };
    try {
      await this.#database.change(async (session) => {
        await insertAccount(session, account);
        await this.#audit.record(session, call, 'addAccount', account, null);
      });
    } catch (error) {
      if (error instanceof DatabaseError && error.reason === 'duplicate') throw alreadyExists(error);
      throw error;
    }
    return account;
  }

  /**
   * Deletes an account and its datasources.
   *
   * @throws DomainError ACCOUNT_NOT_FOUND
   */
  delete(input: DeleteAccountInput, call: Call): Promise<DeletedAccount> {
    return this.#database.change(async (session) => {
      const account = await lockAccount(session, input);
      if (account === undefined) throw accountNotFound();
      const deletedDatasourceCount = await this.#audit.recordDeletionOfAccount(session, call, account);
      await deleteAccount(session, account.id);
      return { deletedAccountId: account.id, deletedDatasourceCount };
    });
  }

  /** Finds the account with a key. */
  byKey(key: AccountIdentity): Promise<Account | undefined> {
    return this.#byKey.find(key);
  }

  /** Finds the account with an id. */
  byId(id: string): Promise<Account | undefined> {
    return this.#database.read((session) => selectAccountById(session, id));
  }

  /** Finds the accounts that have one of the keys, in no order. */
  byKeys(keys: readonly AccountIdentity[]): Promise<Account[]> {
    return this.#database.read((session) => selectAccounts(session, keys));
  }

  /**
   * Reads a page of the accounts for which the conditions hold.
   *
   * @throws InvalidParametersError where the page's arguments are out of their limits
   */
  async page(conditions: AccountConditions, ordering: AccountOrdering, page: PageArguments): Promise<Page<Account>> {
    const request = pageRequest(page, ordering);
    return this.#database.read((session) => selectAccountPage(session, conditions, request));
  }

  /** Counts the accounts for which the conditions hold. */
  count(conditions: AccountConditions): Promise<number> {
    return this.#database.read((session) => countAccounts(session, conditions));
  }
}

/** There is no account with the key that was given. */
export function accountNotFound(cause?: unknown): DomainError {
  return new DomainError('ACCOUNT_NOT_FOUND', 'There is no account with this provider, id and region.', cause);
}

function alreadyExists(cause: unknown): DomainError {
  return new DomainError(
    'ACCOUNT_ALREADY_EXISTS',
    'An account with the same provider, id and region already exists.',
    cause,
  );
}
