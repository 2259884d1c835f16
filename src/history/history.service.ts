import { recordedChanges } from '../audit/recorded-changes.js';
import type { Database } from '../database/database.js';
import { type Page, type PageArguments, pageRequest } from '../database/page.js';
import { AddDatasourceInput } from '../datasources/datasource.input.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import type { DatasourceIdentity, ShownDatasource } from '../datasources/datasource.statements.js';
import { changeableFields } from '../datasources/datasource-changes.js';
import { datasourceNotFound } from '../datasources/datasource-writes.js';
import { DomainError, VersionConflictError } from '../errors.js';
import { parametersOf } from '../input/parameter.js';
import type { Call } from '../security/call.js';
import type { RevertDatasourceInput } from './history.input.js';
import {
  type DatasourceOfHistory,
  type RecordedVersion,
  selectFirstVersions,
  selectLastDatasourceId,
  selectVersionPages,
  selectVersionsAfter,
} from './history.statements.js';

const dateTimes = new Set(
  parametersOf(AddDatasourceInput).flatMap(({ kind, property }) => (kind === 'dateTime' ? property : [])),
);
const versionsAtOnce = 100;
const maxVersionsBack = 10_000;
const maxAttempts = 5;

/** What the audit tells of the versions of datasources, and going back to one of them. Inputs are validated before they come here. */
export class HistoryService {
  readonly #database: Database;
  readonly #datasources: DatasourceService;

  /**
   * @param database where the audit is kept
   * @param datasources what changes a datasource
   */
  constructor(database: Database, datasources: DatasourceService) {
    this.#database = database;
    this.#datasources = datasources;
  }

  /**
   * Finds the datasource that has a key or, where there is none, the last one that had it, as far as the audit goes back.
   *
   * @param id of those that have had the key, the one with this id
   */
  async find(key: DatasourceIdentity, call: Call, id?: string | null): Promise<DatasourceOfHistory | undefined> {
    const { accountProviderId, accountId, region, instanceId } = key;
    const found = (id: string) => ({ accountProviderId, accountId, region, instanceId, id });
    const current = await this.#datasources.byKey(key, call);
    if (current !== undefined && (!id || id === current.id)) return found(current.id);
    if (id) {
      const [first] = await this.firstVersions([found(id)], call);
      return first === null ? undefined : found(id);
    }
    const last = await this.#database.read((session) => selectLastDatasourceId(session, key), call);
    return last === undefined ? undefined : found(last);
  }

  /**
   * Reads the same page of the versions of each of several datasources, the newest first.
   *
   * @throws InvalidParametersError where the page's arguments are out of their limits
   */
  async pagesOf(
    datasources: readonly DatasourceOfHistory[],
    page: PageArguments,
    call: Call,
  ): Promise<Page<RecordedVersion>[]> {
    const request = pageRequest(page, { property: 'version', descending: true });
    return this.#database.read((session) => selectVersionPages(session, datasources, request), call);
  }

  /** Finds the first version of each of several datasources that the audit has; null where it has none. */
  firstVersions(datasources: readonly DatasourceOfHistory[], call: Call): Promise<(number | null)[]> {
    return this.#database.read((session) => selectFirstVersions(session, datasources), call);
  }

  /**
   * Gives a datasource the values that it had at a version, by the rules of an update. Credentials are not kept, so they stay as
   * they are where they are not given.
   *
   * @throws DomainError VERSION_NOT_KNOWN, and all that an update may fail with
   */
  async revert(input: RevertDatasourceInput, call: Call): Promise<ShownDatasource> {
    const { toVersion, password, secret, instanceId, accountProviderId, accountId, region } = input;
    for (let attempt = 1; ; attempt += 1) {
      const current = await this.#datasources.byKey(input, call);
      if (current === undefined) throw datasourceNotFound();
      const expectedVersion = input.expectedVersion ?? current.version;
      if (expectedVersion !== current.version) throw new VersionConflictError(current.version);
      const values = await this.#valuesAt(current, toVersion);
      const key = { instanceId, accountProviderId, accountId, region };
      const credentials = {
        ...(password === undefined ? {} : { password }),
        ...(secret === undefined ? {} : { secret }),
      };
      try {
        return await this.#datasources.update(
          { ...key, ...values, ...credentials, expectedVersion },
          call,
          'revertDatasource',
        );
      } catch (error) {
        const isOurs = input.expectedVersion === undefined || input.expectedVersion === null;
        if (!(error instanceof VersionConflictError) || !isOurs || attempt === maxAttempts) throw error;
      }
    }
  }

  /** The values at a version that differ from those of now: of each field what the first change behind the version has changed it from. */
  async #valuesAt(current: ShownDatasource, toVersion: number): Promise<Record<string, unknown>> {
    if (toVersion > current.version) {
      throw notKnown(`There is no version ${toVersion}: the datasource is at version ${current.version}.`);
    }
    if (current.version - toVersion > maxVersionsBack) {
      throw notKnown(`Version ${toVersion} is more than ${maxVersionsBack} versions back.`);
    }
    const values: Record<string, unknown> = {};
    for (let known = toVersion; known < current.version; ) {
      const read = await this.#database.read((session) => selectVersionsAfter(session, current, known, versionsAtOnce));
      for (const { version, changes } of read) {
        if (version !== known + 1) break;
        for (const change of recordedChanges(changes) ?? []) {
          if (!isChangeable(change.field) || change.field in values) continue;
          if (!('from' in change))
            throw notKnown(
              `The audit keeps no values of ${change.field}, which has changed since version ${toVersion}.`,
            );
          values[change.field] = stored(change.field, change.from);
        }
        known = version;
      }
      // What was read last is behind a gap, or there was nothing to read.
      if (read.at(-1)?.version !== known) {
        throw notKnown(
          `The values of version ${toVersion} are not known: the audit does not have what changed at version ${known + 1}. Its history says from which version it has everything.`,
        );
      }
    }
    return values;
  }
}

function isChangeable(field: string): boolean {
  return changeableFields.some((changeable) => changeable === field);
}

/** The audit keeps a time as text. */
function stored(field: string, value: unknown): unknown {
  return dateTimes.has(field) && typeof value === 'string' ? new Date(value) : value;
}

function notKnown(message: string): DomainError {
  return new DomainError('VERSION_NOT_KNOWN', message);
}
