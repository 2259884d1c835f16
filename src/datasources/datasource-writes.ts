import { accountNotFound } from '../accounts/account.service.js';
import { type AccountIdentity, accountKeyValues, holdFreeAccounts } from '../accounts/account.statements.js';
import type { AuditEntry, AuditedChange, AuditTrail } from '../audit/audit-trail.js';
import { type ChangeOptions, type Database, DatabaseError, type Session } from '../database/database.js';
import { SharedChange } from '../database/shared-change.js';
import { DomainError, VersionConflictError } from '../errors.js';
import type { Call } from '../security/call.js';
import type { Datasource } from './datasource.entity.js';
import {
  clearLastTests,
  type DatasourceIdentity,
  datasourceKeyValues,
  insertDatasource,
  insertDatasources,
  lockFreeSealedDatasources,
  lockSealedDatasource,
  type SealedDatasource,
  type ShownDatasource,
  selectDatasourceKeys,
  updateDatasource,
  updateDatasources,
} from './datasource.statements.js';
import { auditTarget, changesOfNew, isConnectionChange } from './datasource-changes.js';
import { shown } from './datasource-values.js';

/** What becomes of a datasource: its values at the version that it is at, and what changes. */
export interface Revision {
  readonly datasource: Datasource;
  readonly changes: readonly AuditedChange[];
}

interface Addition {
  readonly operation: 'addDatasource';
  readonly key: DatasourceIdentity;
  readonly call: Call;
  readonly bytes: number;
  readonly datasource: Datasource;
}

interface Replacement {
  readonly operation: 'editDatasource' | 'updateDatasource' | 'revertDatasource';
  readonly key: DatasourceIdentity;
  readonly call: Call;
  readonly bytes: number;
  readonly revised: (current: SealedDatasource) => Revision | undefined;
}

type Write = Addition | Replacement;

/** Adds datasources and replaces them, each with its line in the audit. Those that come in at the same time share a transaction. */
export class DatasourceWrites {
  readonly #database: Database;
  readonly #audit: AuditTrail;
  readonly #shared: SharedChange<Write, ShownDatasource>;

  /**
   * @param database where the datasources are kept
   * @param audit what keeps the record of changes
   */
  constructor(database: Database, audit: AuditTrail) {
    this.#database = database;
    this.#audit = audit;
    this.#shared = new SharedChange(database, {
      alone: (write, options) => (isAddition(write) ? this.#add(write, options) : this.#replace(write, options)),
      together: (session, writes) => this.#writeAll(session, writes),
      isAbandoned: ({ call }) => call.isAbandoned?.() ?? false,
      rowOf: ({ key }) => textOf(key),
      bytesOf: ({ bytes }) => bytes,
    });
  }

  /**
   * Adds a datasource.
   *
   * @throws DomainError ACCOUNT_NOT_FOUND, DATASOURCE_ALREADY_EXISTS
   */
  add(datasource: Datasource, call: Call): Promise<ShownDatasource> {
    return this.#shared.make({
      operation: 'addDatasource',
      key: datasource,
      call,
      bytes: bytesOf(datasource),
      datasource,
    });
  }

  /**
   * Replaces a datasource by what is made of it.
   *
   * @param input which datasource, and what is given of it
   * @param revised what it becomes; undefined where it stays as it is. It may be called several times
   * @throws DomainError DATASOURCE_NOT_FOUND, and what `revised` throws
   */
  replace(
    operation: Replacement['operation'],
    input: DatasourceIdentity,
    call: Call,
    revised: Replacement['revised'],
  ): Promise<ShownDatasource> {
    return this.#shared.make({ operation, key: input, call, bytes: bytesOf(input), revised });
  }

  /** Nothing is looked up before: the keys of the tables tell what is wrong. */
  async #add(addition: Addition, options: ChangeOptions): Promise<ShownDatasource> {
    const { datasource } = addition;
    try {
      await this.#database.change(async (session) => {
        await insertDatasource(session, datasource);
        await this.#audit.recordAll(session, [entryOfAddition(addition)]);
      }, options);
    } catch (error) {
      if (!(error instanceof DatabaseError)) throw error;
      if (error.reason === 'duplicate') throw alreadyExists(error);
      if (error.reason === 'missingReference') throw accountNotFound(error);
      throw error;
    }
    return shown(datasource);
  }

  #replace(replacement: Replacement, options: ChangeOptions): Promise<ShownDatasource> {
    return this.#database.change(async (session) => {
      const current = await lockSealedDatasource(session, replacement.key);
      if (current === undefined) throw datasourceNotFound();
      const revision = replacement.revised(current);
      if (revision === undefined) return shown(current);
      const { datasource } = revision;
      if ((await updateDatasource(session, datasource)) === 0) throw new VersionConflictError(current.version);
      await clearTestsOfOtherConnections(session, [revision]);
      await this.#audit.recordAll(session, [entryOfReplacement(replacement, revision)]);
      return shown(datasource, datasource.version + 1);
    }, options);
  }

  /** What is refused for what was found, or locked by another, is left to be written alone. */
  async #writeAll(session: Session, writes: readonly Write[]): Promise<(ShownDatasource | undefined)[]> {
    const additions = writes.filter(isAddition);
    const found = await findFor(session, additions, writes.filter(isReplacement));
    const revisions: Revision[] = [];
    const added: Datasource[] = [];
    const entries: AuditEntry[] = [];

    const add = (addition: Addition): ShownDatasource | undefined => {
      const { key, datasource } = addition;
      if (!found.accounts.has(accountText(accountOf(key))) || found.taken.has(textOf(key))) return undefined;
      added.push(datasource);
      entries.push(entryOfAddition(addition));
      return shown(datasource);
    };
    const replace = (replacement: Replacement): ShownDatasource | undefined => {
      const current = found.current.get(textOf(replacement.key));
      if (current === undefined) return undefined;
      const revision = revisionOf(replacement, current);
      if (revision === undefined) return undefined;
      const { datasource } = revision;
      revisions.push(revision);
      entries.push(entryOfReplacement(replacement, revision));
      return shown(datasource, datasource.version + 1);
    };

    const outcomes = writes.map((write) => (isAddition(write) ? add(write) : replace(write)));
    if (added.length > 0) await insertDatasources(session, added);
    if (revisions.length > 0) {
      await updateDatasources(
        session,
        revisions.map(({ datasource }) => datasource),
      );
    }
    await clearTestsOfOtherConnections(session, revisions);
    await this.#audit.recordAll(session, entries);
    return outcomes;
  }
}

/** What a transaction of several writes goes by. */
async function findFor(session: Session, additions: readonly Addition[], replacements: readonly Replacement[]) {
  const accounts = new Map(additions.map(({ key }) => [accountText(accountOf(key)), accountOf(key)]));
  const added = additions.map(({ key }) => key);
  const held = accounts.size === 0 ? [] : await holdFreeAccounts(session, [...accounts.values()]);
  const taken = added.length === 0 ? [] : await selectDatasourceKeys(session, added);
  const keys = replacements.map(({ key }) => key);
  const current = keys.length === 0 ? [] : await lockFreeSealedDatasources(session, keys);
  return {
    accounts: new Set(held.map(accountText)),
    taken: new Set(taken.map(textOf)),
    current: new Map(current.map((one) => [textOf(one), one])),
  };
}

/** A test tells nothing of a connection that is another now. */
async function clearTestsOfOtherConnections(session: Session, revisions: readonly Revision[]): Promise<void> {
  const moved = revisions.filter(({ changes }) => isConnectionChange(changes)).map(({ datasource }) => datasource.id);
  if (moved.length > 0) await clearLastTests(session, moved);
}

/** There is no datasource with the key that was given. */
export function datasourceNotFound(): DomainError {
  return new DomainError('DATASOURCE_NOT_FOUND', 'The account has no datasource with this instance id.');
}

function alreadyExists(cause: unknown): DomainError {
  return new DomainError(
    'DATASOURCE_ALREADY_EXISTS',
    'The account already has a datasource with this instance id.',
    cause,
  );
}

function entryOfAddition({ operation, call, datasource }: Addition): AuditEntry {
  return { call, operation, target: auditTarget(datasource, datasource.version), changes: changesOfNew(datasource) };
}

function entryOfReplacement({ operation, call }: Replacement, { datasource, changes }: Revision): AuditEntry {
  return { call, operation, target: auditTarget(datasource, datasource.version + 1), changes };
}

function isAddition(write: Write): write is Addition {
  return write.operation === 'addDatasource';
}

function isReplacement(write: Write): write is Replacement {
  return !isAddition(write);
}

/** What is refused, or changes nothing, is found out alone. */
function revisionOf({ revised }: Replacement, current: SealedDatasource): Revision | undefined {
  try {
    return revised(current);
  } catch {
    return undefined;
  }
}

function textOf(key: DatasourceIdentity): string {
  return JSON.stringify(datasourceKeyValues(key));
}

function accountOf({ accountProviderId, accountId, region }: DatasourceIdentity): AccountIdentity {
  return { accountProvider: accountProviderId, accountId, region };
}

function accountText(key: AccountIdentity): string {
  return JSON.stringify(accountKeyValues(key));
}

/** At most what is written of some values: a character takes three bytes at most for each of its units, and the audit keeps them too. */
function bytesOf(values: object): number {
  let characters = 0;
  for (const value of Object.values(values)) if (typeof value === 'string') characters += value.length;
  return 6 * characters + 1000;
}
