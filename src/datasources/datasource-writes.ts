import { accountNotFound } from '../accounts/account.service.js';
import { type AccountIdentity, accountKeyValues, holdFreeAccounts } from '../accounts/account.statements.js';
import type { AuditEntry, AuditedChange, AuditTrail } from '../audit/audit-trail.js';
import { type ChangeOptions, type Database, DatabaseError, type Session } from '../database/database.js';
import { SharedChange } from '../database/shared-change.js';
import { DomainError, VersionConflictError } from '../errors.js';
import type { Call } from '../security/call.js';
import type { Datasource } from './datasource.entity.js';
import {
  accountOf,
  clearLastTests,
  type DatasourceIdentity,
  datasourceKeyValues,
  holdForAdditions,
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
  /** The key as one text. */
  readonly row: string;
  readonly call: Call;
  readonly bytes: number;
  readonly datasource: Datasource;
}

interface Replacement {
  readonly operation: 'editDatasource' | 'updateDatasource' | 'revertDatasource';
  readonly key: DatasourceIdentity;
  readonly row: string;
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
      rowOf: ({ row }) => row,
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
      row: textOf(datasource),
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
    return this.#shared.make({
      operation,
      key: input,
      row: textOf(input),
      call,
      bytes: bytesOf(input),
      revised,
    });
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
    const replacements = writes.filter(isReplacement);
    const isClear = await isClearFor(session, additions);
    const current = await currentOf(session, replacements);
    const revisions: Revision[] = [];
    const added: Datasource[] = [];
    const entries: AuditEntry[] = [];

    const add = (addition: Addition): ShownDatasource | undefined => {
      if (!isClear(addition)) return undefined;
      const { datasource } = addition;
      added.push(datasource);
      entries.push(entryOfAddition(addition));
      return shown(datasource);
    };
    const replace = (replacement: Replacement): ShownDatasource | undefined => {
      const found = current.get(replacement.row);
      if (found === undefined) return undefined;
      const revision = revisionOf(replacement, found);
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

/** Finds out which additions are sure to succeed, and holds their accounts. Mostly all are: that is asked first, with little to read. */
async function isClearFor(session: Session, additions: readonly Addition[]): Promise<(addition: Addition) => boolean> {
  if (additions.length === 0) return () => false;
  const keys = additions.map(({ key }) => key);
  if (await holdForAdditions(session, keys)) return () => true;
  const accounts = new Map(keys.map((key) => [accountText(accountOf(key)), accountOf(key)]));
  const held = new Set((await holdFreeAccounts(session, [...accounts.values()])).map(accountText));
  const taken = new Set((await selectDatasourceKeys(session, keys)).map(textOf));
  return ({ key, row }) => held.has(accountText(accountOf(key))) && !taken.has(row);
}

/** The datasources to replace, as they are stored, by the texts of their keys; they are locked, and those that others lock are left out. */
async function currentOf(
  session: Session,
  replacements: readonly Replacement[],
): Promise<ReadonlyMap<string, SealedDatasource>> {
  if (replacements.length === 0) return new Map();
  const keys = replacements.map(({ key }) => key);
  return new Map((await lockFreeSealedDatasources(session, keys)).map((one) => [textOf(one), one]));
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

function accountText(key: AccountIdentity): string {
  return JSON.stringify(accountKeyValues(key));
}

/** At most what is written of some values: a character takes three bytes at most for each of its units, and the audit keeps them too. */
function bytesOf(values: object): number {
  let characters = 0;
  for (const value of Object.values(values)) if (typeof value === 'string') characters += value.length;
  return 6 * characters + 1000;
}
