import { accountNotFound } from '../accounts/account.service.js';
import { type AccountIdentity, lockAccount } from '../accounts/account.statements.js';
import { ProviderRegions } from '../accounts/provider-region.statements.js';
import { type AuditedChange, type AuditTrail, changesBetween } from '../audit/audit-trail.js';
import type { Database, Reader, SqlValue } from '../database/database.js';
import { type OffsetPage, offsetRequest, type PageNumber } from '../database/offset-page.js';
import { type Page, type PageArguments, pageRequest } from '../database/page.js';
import { SharedLookup } from '../database/shared-lookup.js';
import { DomainError, VersionConflictError } from '../errors.js';
import { newId } from '../global-id.js';
import type { Call } from '../security/call.js';
import { SealBrokenError } from '../security/sealing.js';
import type { CredentialField, CredentialSeal } from './credential-seal.js';
import type { Datasource } from './datasource.entity.js';
import type {
  AddDatasourceInput,
  DeleteDatasourcesInput,
  EditDatasourceInput,
  UpdateDatasourceInput,
} from './datasource.input.js';
import {
  countDatasources,
  countDatasourcesOf,
  type DatasourceConditions,
  type DatasourceIdentity,
  type DatasourceWithAccount,
  datasourceKeyValues,
  deleteInstances,
  isSearch,
  lockInstances,
  lockSealedDatasource,
  type SealedDatasource,
  type ShownDatasource,
  selectDatasourcePage,
  selectDatasourcePages,
  selectDatasourcePageWithAccounts,
  selectDatasources,
  selectDatasourcesById,
  selectDatasourcesWithAccounts,
} from './datasource.statements.js';
import {
  auditTarget,
  changeableFields,
  changesOfNew,
  connectionFields,
  datasourceChanges,
  flagFields,
} from './datasource-changes.js';
import {
  countDatasourcesOfEach,
  countDatasourcesOfProviders,
  type DatasourceListing,
  type DatasourceListingProperty,
  selectDatasourceListing,
  selectDatasourceValues,
} from './datasource-listing.statements.js';
import { stored } from './datasource-values.js';
import { DatasourceWrites, datasourceNotFound } from './datasource-writes.js';
import { parseJdbcUrl } from './jdbc-url.js';

const narrowing =
  'Narrow the list down by its filter: by the account id, by the provider and the region, or by the exact instance id. Ask for totalCount only where you need it.';

/** The field that a list of datasources is ordered by. */
export interface DatasourceOrdering {
  readonly property: 'createdAt' | 'updatedAt' | 'instanceId';
  readonly descending: boolean;
}

/** The credentials of a datasource, in clear; an error stands in the place of one that does not open. */
export interface Credentials {
  readonly masterUsername: string | null;
  readonly password: string | null | DomainError;
  readonly secret: string | null | DomainError;
}

/**
 * What giving a datasource its values whole would do: add it, edit it, or nothing. A datasource to edit is at the version that
 * it must still be at when it is edited.
 */
export type DatasourcePlan =
  | { readonly action: 'add' | 'edit'; readonly datasource: Datasource; readonly changes: readonly AuditedChange[] }
  | { readonly action: 'leave' };

/** The operations on datasources and the questions about them, for both surfaces. Inputs are validated before they come here. */
export class DatasourceService {
  readonly #database: Database;
  readonly #credentials: CredentialSeal;
  readonly #audit: AuditTrail;
  readonly #regions = new ProviderRegions();
  readonly #onCredentialsRead: () => void;
  readonly #byKey: SharedLookup<DatasourceIdentity, ShownDatasource>;
  readonly #byId: SharedLookup<Pick<Datasource, 'id'>, ShownDatasource>;
  readonly #byKeyWithAccount: SharedLookup<DatasourceIdentity, DatasourceWithAccount>;
  readonly #writes: DatasourceWrites;

  /**
   * @param database where the datasources are kept
   * @param credentials what seals their credentials
   * @param audit what keeps the record of changes
   * @param onCredentialsRead told where the credentials of a datasource are given in clear
   */
  constructor(
    database: Database,
    credentials: CredentialSeal,
    audit: AuditTrail,
    onCredentialsRead: () => void = () => undefined,
  ) {
    this.#database = database;
    this.#byKey = new SharedLookup(database, selectDatasources, datasourceKeyValues);
    this.#byId = new SharedLookup(database, selectDatasourcesById, ({ id }) => [id]);
    this.#byKeyWithAccount = new SharedLookup(database, selectDatasourcesWithAccounts, datasourceKeyValues);
    this.#writes = new DatasourceWrites(database, audit);
    this.#credentials = credentials;
    this.#audit = audit;
    this.#onCredentialsRead = onCredentialsRead;
  }

  /**
   * Adds a datasource to an account.
   *
   * @throws DomainError INVALID_JDBC_URL, CREDENTIAL_REQUIRED, ACCOUNT_NOT_FOUND, DATASOURCE_ALREADY_EXISTS
   */
  async add(input: AddDatasourceInput, call: Call): Promise<ShownDatasource> {
    return this.#writes.add(this.#new(input), call);
  }

  /**
   * Replaces a datasource: an optional value that is not given is cleared.
   *
   * @throws DomainError INVALID_JDBC_URL, CREDENTIAL_REQUIRED, DATASOURCE_NOT_FOUND; VersionConflictError
   */
  async edit(input: EditDatasourceInput, call: Call): Promise<ShownDatasource> {
    checkConnection(input);
    const now = new Date();
    return this.#writes.replace('editDatasource', input, call, (current) => {
      checkVersion(input, current);
      const datasource = stored(input, {
        passwordSealed: this.#resealed(current, 'password', input.password ?? null),
        secretSealed: this.#resealed(current, 'secret', input.secret ?? null),
        id: current.id,
        version: current.version,
        createdAt: current.createdAt,
        updatedAt: now,
      });
      return { datasource, changes: datasourceChanges(current, datasource, credentialChanges(current, datasource)) };
    });
  }

  /**
   * Changes a part of a datasource: what is not given stays, and null clears. Where nothing changes, nothing is written.
   *
   * @param operation as what the audit has it
   * @throws DomainError INVALID_JDBC_URL, CREDENTIAL_REQUIRED, DATASOURCE_NOT_FOUND; VersionConflictError
   */
  update(
    input: UpdateDatasourceInput,
    call: Call,
    operation: 'updateDatasource' | 'revertDatasource' = 'updateDatasource',
  ): Promise<ShownDatasource> {
    return this.#update(call, input, operation, () => input);
  }

  /**
   * As {@link update}, for a client that does not tell a flag that is false from one that is not said: neither is a change of
   * the other.
   *
   * @throws DomainError INVALID_JDBC_URL, CREDENTIAL_REQUIRED, DATASOURCE_NOT_FOUND; VersionConflictError
   */
  updateAsShown(input: UpdateDatasourceInput, call: Call): Promise<ShownDatasource> {
    return this.#update(call, input, 'updateDatasource', (current) => withoutUnsaidFlags(current, input));
  }

  async #update(
    call: Call,
    input: UpdateDatasourceInput,
    operation: 'updateDatasource' | 'revertDatasource',
    patchOf: (current: SealedDatasource) => UpdateDatasourceInput,
  ): Promise<ShownDatasource> {
    if (input.jdbcConnectionUrl !== undefined) checkUrl(input.jdbcConnectionUrl);
    const now = new Date();
    return this.#writes.replace(operation, input, call, (current) => {
      checkVersion(input, current);
      const patched = this.#patched(current, patchOf(current));
      const changes = datasourceChanges(current, patched, credentialChanges(current, patched));
      return changes.length === 0 ? undefined : { datasource: { ...patched, updatedAt: now }, changes };
    });
  }

  /**
   * Says what it would do to give a datasource these values whole: an optional value that is not given is cleared, but where
   * neither a password nor a secret is given, those that are stored stay. Nothing is read or written.
   *
   * @param current the datasource as it is stored; undefined where there is none
   * @throws DomainError INVALID_JDBC_URL, CREDENTIAL_REQUIRED
   */
  plan(input: AddDatasourceInput, current: SealedDatasource | undefined): DatasourcePlan {
    if (current === undefined) {
      const datasource = this.#new(input);
      return { action: 'add', datasource, changes: changesOfNew(datasource) };
    }
    checkUrl(input.jdbcConnectionUrl);
    const patched = this.#patched(current, wholePatch(input));
    const changes = datasourceChanges(current, patched, credentialChanges(current, patched));
    return changes.length === 0
      ? { action: 'leave' }
      : { action: 'edit', datasource: { ...patched, updatedAt: new Date() }, changes };
  }

  /**
   * Reads the credentials of a datasource, in clear. It is in the audit before they are given: where that cannot be written,
   * they are not given.
   *
   * @returns an error in the place of one that does not open
   * @throws DomainError DATASOURCE_NOT_FOUND
   */
  async credentials(key: DatasourceIdentity, call: Call): Promise<Credentials> {
    const credentials = await this.#database.change(async (session) => {
      const found = await lockSealedDatasource(session, key);
      if (found === undefined) throw datasourceNotFound();
      await this.#audit.record(session, call, 'datasourceCredentials', auditTarget(found), null);
      return {
        masterUsername: found.masterUsername,
        password: this.#openedOrError(found, 'password'),
        secret: this.#openedOrError(found, 'secret'),
      };
    }, call);
    this.#onCredentialsRead();
    return credentials;
  }

  /**
   * Deletes some of an account's datasources: all of them, or none.
   *
   * @returns the instance ids without repeats, in their order
   * @throws DomainError ACCOUNT_NOT_FOUND, DATASOURCE_NOT_FOUND
   */
  delete(input: DeleteDatasourcesInput, call: Call): Promise<string[]> {
    const instanceIds = [...new Set(input.instances)];
    return this.#database.change(async (session) => {
      if ((await lockAccount(session, input)) === undefined) throw accountNotFound();
      const found = await lockInstances(session, input, instanceIds);
      const names = new Set(found.map(({ instanceId }) => instanceId));
      const missing = instanceIds.filter((instanceId) => !names.has(instanceId));
      if (missing.length > 0) throw instancesNotFound(missing);
      await deleteInstances(session, input, instanceIds);
      const { accountProvider, accountId, region } = input;
      const targets = found.map(({ instanceId, id, version }) => {
        return { accountProvider, accountId, region, instanceId, id, version: version + 1 };
      });
      await this.#audit.recordEach(session, call, 'deleteDatasources', targets);
      return instanceIds;
    }, call);
  }

  /** Finds the datasource with a key. */
  byKey(key: DatasourceIdentity, call?: Call): Promise<ShownDatasource | undefined> {
    return this.#byKey.find(key, call);
  }

  /** As {@link byKey}, with its account. */
  byKeyWithAccount(key: DatasourceIdentity, call: Call): Promise<DatasourceWithAccount | undefined> {
    return this.#byKeyWithAccount.find(key, call);
  }

  /** Finds the datasource with an id. */
  byId(id: string, call: Call): Promise<ShownDatasource | undefined> {
    return this.#byId.find({ id }, call);
  }

  /**
   * Reads a page of the datasources for which the conditions hold.
   *
   * @throws InvalidParametersError where the page's arguments are out of their limits; DomainError SEARCH_TOO_BROAD
   */
  async page(
    conditions: DatasourceConditions,
    ordering: DatasourceOrdering,
    page: PageArguments,
    call: Call,
  ): Promise<Page<ShownDatasource>> {
    const request = pageRequest(page, ordering);
    const read = (reader: Reader) => selectDatasourcePage(reader, conditions, request, this.#regions);
    return this.#readOrScan(conditions, read, call);
  }

  /** As {@link page}, each with its account. */
  async pageWithAccounts(
    conditions: DatasourceConditions,
    ordering: DatasourceOrdering,
    page: PageArguments,
    call: Call,
  ): Promise<Page<DatasourceWithAccount>> {
    const request = pageRequest(page, ordering);
    const read = (reader: Reader) => selectDatasourcePageWithAccounts(reader, conditions, request, this.#regions);
    return this.#readOrScan(conditions, read, call);
  }

  /** As {@link page}, of each of several accounts, in one statement. */
  async pagesOf(
    accounts: readonly AccountIdentity[],
    conditions: DatasourceConditions,
    ordering: DatasourceOrdering,
    page: PageArguments,
    call: Call,
  ): Promise<Page<ShownDatasource>[]> {
    const request = pageRequest(page, ordering);
    const read = (reader: Reader) => selectDatasourcePages(reader, accounts, conditions, request);
    return this.#readOrScan(conditions, read, call);
  }

  /**
   * Reads a page of a listing by its number.
   *
   * @param page its number, and how many rows it has at most: 1 to 100
   * @throws InvalidParametersError where there can be no such page; DomainError BAD_USER_INPUT where more rows would have to
   *   be gone through than may be
   */
  async list(listing: DatasourceListing, page: PageNumber): Promise<OffsetPage<ShownDatasource>> {
    const request = offsetRequest(page);
    return this.#database.read((session) => selectDatasourceListing(session, listing, request));
  }

  /** Finds the different values of a property of the datasources of some providers, in order: the first of them. */
  valuesOf(property: DatasourceListingProperty, providers: readonly number[]): Promise<SqlValue[]> {
    return this.#database.read((session) => selectDatasourceValues(session, providers, property));
  }

  /** Counts the datasources of some providers, up to the most that are listed. */
  countOfProviders(providers: readonly number[]): Promise<number> {
    return this.#database.read((session) => countDatasourcesOfProviders(session, providers));
  }

  /** Counts the datasources of each of several accounts, each up to ten thousand, in one statement. */
  countOfEach(accounts: readonly AccountIdentity[]): Promise<number[]> {
    return accounts.length === 0
      ? Promise.resolve([])
      : this.#database.read((session) => countDatasourcesOfEach(session, accounts));
  }

  /**
   * Counts the datasources for which the conditions hold.
   *
   * @throws DomainError SEARCH_TOO_BROAD
   */
  count(conditions: DatasourceConditions, call?: Call): Promise<number> {
    const count = (reader: Reader) => countDatasources(reader, conditions, this.#regions);
    return this.#database.scan(count, { ...call, narrowing });
  }

  /** As {@link count}, of each of several accounts, in one statement. */
  countsOf(accounts: readonly AccountIdentity[], conditions: DatasourceConditions, call: Call): Promise<number[]> {
    const count = (reader: Reader) => countDatasourcesOf(reader, accounts, conditions);
    return this.#database.scan(count, { ...call, narrowing });
  }

  /** Goes through rows where the conditions ask for it, and reads what an index tells where they do not. */
  #readOrScan<T>(conditions: DatasourceConditions, read: (reader: Reader) => Promise<T>, call: Call): Promise<T> {
    return isSearch(conditions) ? this.#database.scan(read, { ...call, narrowing }) : this.#database.read(read, call);
  }

  /**
   * A datasource that is not there yet.
   *
   * @throws DomainError INVALID_JDBC_URL, CREDENTIAL_REQUIRED
   */
  #new(input: AddDatasourceInput): Datasource {
    checkConnection(input);
    const now = new Date();
    return stored(input, {
      passwordSealed: this.#credentials.sealed(input, 'password', input.password),
      secretSealed: this.#credentials.sealed(input, 'secret', input.secret),
      id: newId('D'),
      version: 1,
      createdAt: now,
      updatedAt: now,
    });
  }

  /**
   * What a datasource is after a patch.
   *
   * @throws DomainError CREDENTIAL_REQUIRED
   */
  #patched(current: SealedDatasource, input: UpdateDatasourceInput): SealedDatasource {
    const given = changeableFields.filter((field) => input[field] !== undefined);
    const patched: SealedDatasource = {
      ...current,
      ...Object.fromEntries(given.map((field) => [field, input[field] === '' ? null : input[field]])),
      passwordSealed: this.#resealed(current, 'password', input.password),
      secretSealed: this.#resealed(current, 'secret', input.secret),
    };
    const isMoved = changesBetween({ ...current }, { ...patched }, connectionFields).length > 0;
    const keepsPassword = patched.passwordSealed !== null && input.password === undefined;
    const keepsSecret = patched.secretSealed !== null && input.secret === undefined;
    if (isMoved && (keepsPassword || keepsSecret)) throw credentialRequiredAgain();
    if (patched.secretSealed === null && (!patched.masterUsername || patched.passwordSealed === null)) {
      throw credentialRequired();
    }
    return patched;
  }

  /** A credential that is given again as it was stays as it is stored, so that it is not taken for a change. */
  #resealed(current: SealedDatasource, field: CredentialField, given: string | null | undefined): Buffer | null {
    const stored = current[`${field}Sealed`];
    if (given === undefined) return stored;
    try {
      if (given && this.#credentials.opened(current, field, stored) === given) return stored;
    } catch (error) {
      // One that does not open can still be replaced.
      if (!(error instanceof SealBrokenError)) throw error;
    }
    return this.#credentials.sealed(current, field, given);
  }

  #openedOrError(found: SealedDatasource, field: CredentialField): string | null | DomainError {
    try {
      return this.#credentials.opened(found, field, found[`${field}Sealed`]);
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      return new DomainError(
        'INTERNAL_SERVER_ERROR',
        `The stored ${field} cannot be opened with the sealing keys that are set. Give the datasource its credential again.`,
        error,
      );
    }
  }
}

/** A patch without the flags that are neither true in it nor true as stored. */
function withoutUnsaidFlags(current: SealedDatasource, input: UpdateDatasourceInput): UpdateDatasourceInput {
  const unsaid = flagFields.filter((flag) => !input[flag] && !current[flag]);
  return { ...input, ...Object.fromEntries(unsaid.map((flag) => [flag, undefined])) };
}

/** A patch that gives every value; of the credentials both or neither. */
function wholePatch(input: AddDatasourceInput): UpdateDatasourceInput {
  const { password, secret } = input;
  const values = Object.fromEntries(changeableFields.map((field) => [field, input[field] ?? null]));
  const credentials = password || secret ? { password: password || null, secret: secret || null } : {};
  return { ...input, password: undefined, secret: undefined, ...values, ...credentials } as UpdateDatasourceInput;
}

function checkConnection(input: AddDatasourceInput): void {
  checkUrl(input.jdbcConnectionUrl);
  if (!input.secret && !(input.masterUsername && input.password)) throw credentialRequired();
}

function checkUrl(jdbcConnectionUrl: string): void {
  const url = parseJdbcUrl(jdbcConnectionUrl);
  if (!url.ok) throw new DomainError('INVALID_JDBC_URL', url.problem);
}

function checkVersion({ expectedVersion }: EditDatasourceInput | UpdateDatasourceInput, { version }: Datasource): void {
  if (version !== (expectedVersion ?? version)) throw new VersionConflictError(version);
}

function credentialRequired(): DomainError {
  return new DomainError(
    'CREDENTIAL_REQUIRED',
    'A credential is required: a secret, or both a master username and a password.',
  );
}

function credentialRequiredAgain(): DomainError {
  return new DomainError(
    'CREDENTIAL_REQUIRED',
    'Changing the URL, driver, SSL or certificate needs the stored password and secret again, or null to clear them.',
  );
}

function credentialChanges(from: SealedDatasource, to: Pick<SealedDatasource, 'passwordSealed' | 'secretSealed'>) {
  return {
    password: to.passwordSealed !== from.passwordSealed,
    secret: to.secretSealed !== from.secretSealed,
  };
}

function instancesNotFound(missing: readonly string[]): DomainError {
  return new DomainError(
    'DATASOURCE_NOT_FOUND',
    `Nothing was deleted, because the account has no datasource with these instance ids: ${missing.join(', ')}.`,
  );
}
