import type { AuditTrail } from '../audit/audit-trail.js';
import { type Database, DatabaseError, type Reader, type SqlValue } from '../database/database.js';
import { type OffsetPage, offsetRequest, type PageNumber } from '../database/offset-page.js';
import { type Page, type PageArguments, pageRequest } from '../database/page.js';
import { SharedLookup } from '../database/shared-lookup.js';
import { DomainError } from '../errors.js';
import { newId } from '../global-id.js';
import type { Call } from '../security/call.js';
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
  selectAccountPage,
  selectAccounts,
  selectAccountsById,
} from './account.statements.js';
import { claimAccountId } from './account-id.statements.js';
import {
  type AccountListing,
  type AccountListingProperty,
  selectAccountListing,
  selectAccountValues,
  summarizeAccounts,
} from './account-listing.statements.js';
import { ProviderRegions } from './provider-region.statements.js';

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

const narrowing = 'Narrow the list down by its filter: by the account id, or by the provider and the region.';

/** The operations on accounts and the questions about them, for both surfaces. Inputs are validated before they come here. */
export class AccountService {
  readonly #database: Database;
  readonly #audit: AuditTrail;
  readonly #regions = new ProviderRegions();
  readonly #byKey: SharedLookup<AccountIdentity, Account>;
  readonly #byId: SharedLookup<Pick<Account, 'id'>, Account>;
  readonly #areIdsUnique: () => boolean;

  /**
   * @param database where the accounts are kept
   * @param audit what keeps the record of changes
   * @param areIdsUnique whether an account id may be registered once only, whatever its provider and region
   */
  constructor(database: Database, audit: AuditTrail, areIdsUnique: () => boolean = () => false) {
    this.#database = database;
    this.#byKey = new SharedLookup(database, selectAccounts, accountKeyValues);
    this.#byId = new SharedLookup(database, selectAccountsById, ({ id }) => [id]);
    this.#audit = audit;
    this.#areIdsUnique = areIdsUnique;
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
        if (this.#areIdsUnique() && !(await claimAccountId(session, account))) throw idTaken();
        await this.#audit.record(session, call, 'addAccount', account, null);
      }, call);
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
    }, call);
  }

  /** Finds the account with a key. */
  byKey(key: AccountIdentity, call?: Call): Promise<Account | undefined> {
    return this.#byKey.find(key, call);
  }

  /** Finds the account with an id. */
  byId(id: string, call: Call): Promise<Account | undefined> {
    return this.#byId.find({ id }, call);
  }

  /** Finds the accounts that have one of the keys, in no order. */
  byKeys(keys: readonly AccountIdentity[], call: Call): Promise<Account[]> {
    return this.#database.read((session) => selectAccounts(session, keys), call);
  }

  /**
   * Reads a page of the accounts for which the conditions hold.
   *
   * @throws InvalidParametersError where the page's arguments are out of their limits; DomainError SEARCH_TOO_BROAD
   */
  async page(
    conditions: AccountConditions,
    ordering: AccountOrdering,
    page: PageArguments,
    call: Call,
  ): Promise<Page<Account>> {
    const request = pageRequest(page, ordering);
    const read = (reader: Reader) => selectAccountPage(reader, conditions, request, this.#regions);
    return conditions.search ? this.#database.scan(read, { ...call, narrowing }) : this.#database.read(read, call);
  }

  /**
   * Reads a page of a listing by its number.
   *
   * @param page its number, and how many rows it has at most: 1 to 100
   * @throws InvalidParametersError where there can be no such page; DomainError BAD_USER_INPUT where more rows would have to
   *   be gone through than may be
   */
  async list(listing: AccountListing, page: PageNumber): Promise<OffsetPage<Account>> {
    const request = offsetRequest(page);
    return this.#database.read((session) => selectAccountListing(session, listing, request));
  }

  /** Finds the different values of a property of the accounts of some providers, in order: the first of them. */
  valuesOf(property: AccountListingProperty, providers: readonly number[]): Promise<SqlValue[]> {
    return this.#database.read((session) => selectAccountValues(session, providers, property));
  }

  /** Counts the accounts of some providers and their regions, up to the most that are listed. */
  summaryOf(providers: readonly number[]): Promise<{ accounts: number; regions: number }> {
    return this.#database.read((session) => summarizeAccounts(session, providers));
  }

  /**
   * Counts the accounts for which the conditions hold.
   *
   * @throws DomainError SEARCH_TOO_BROAD
   */
  count(conditions: AccountConditions, call?: Call): Promise<number> {
    return this.#database.scan((reader) => countAccounts(reader, conditions, this.#regions), { ...call, narrowing });
  }
}

/** There is no account with the key that was given. */
export function accountNotFound(cause?: unknown): DomainError {
  return new DomainError('ACCOUNT_NOT_FOUND', 'There is no account with this provider, id and region.', cause);
}

function idTaken(): DomainError {
  return new DomainError(
    'ACCOUNT_ALREADY_EXISTS',
    'An account with this id already exists, with another provider or region. On this gateway an account id can be registered only once.',
  );
}

function alreadyExists(cause: unknown): DomainError {
  return new DomainError(
    'ACCOUNT_ALREADY_EXISTS',
    'An account with the same provider, id and region already exists.',
    cause,
  );
}
