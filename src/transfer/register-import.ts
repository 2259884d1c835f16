import { setTimeout as sleep } from 'node:timers/promises';
import type { Account } from '../accounts/account.entity.js';
import { accountNotFound } from '../accounts/account.service.js';
import { type AccountIdentity, insertAccounts, selectAccounts } from '../accounts/account.statements.js';
import type { AuditEntry, AuditTrail } from '../audit/audit-trail.js';
import { type Database, DatabaseError, type Session } from '../database/database.js';
import type { Datasource } from '../datasources/datasource.entity.js';
import type { DatasourcePlan, DatasourceService } from '../datasources/datasource.service.js';
import {
  clearLastTests,
  insertDatasources,
  type SealedDatasource,
  selectSealedDatasources,
  updateDatasource,
} from '../datasources/datasource.statements.js';
import { auditTarget, isConnectionChange } from '../datasources/datasource-changes.js';
import { DomainError, UnavailableError } from '../errors.js';
import { newId } from '../global-id.js';
import type { Call } from '../security/call.js';
import { type DeclaredRow, DeclaredRows } from './declared-rows.js';
import {
  type AccountRow,
  accountKey,
  type DatasourceRow,
  datasourceKey,
  type FileRow,
  keyOf,
  type Refusal,
  type RowKind,
  refusalOf,
} from './row.js';

/** How an import is done. */
export interface ImportOptions {
  /** Whether nothing is written, and only said what would be. All rows are then looked at, whatever is refused. */
  readonly isDryRun: boolean;
  /** What is done after a row that is refused: nothing more, or the rest. */
  readonly onError: 'stop' | 'skip';
  /** Opens the credentials of the file, where it has some. */
  readonly passphrase: string | undefined;
}

/** What was done with a row, or in a dry run would be. */
export interface RowOutcome {
  readonly line: number;
  /** What it declares; undefined where that cannot be told. */
  readonly kind: RowKind | undefined;
  readonly key: readonly (string | number)[] | undefined;
  readonly action: 'add' | 'edit' | 'leave' | 'refuse';
  /** The fields that an edit changes, by their names in the audit. */
  readonly fields: readonly string[];
  /** Why it is refused. */
  readonly refusal: Refusal | undefined;
}

/** What an import did in all. */
export interface ImportReport {
  readonly accountsAdded: number;
  readonly datasourcesAdded: number;
  readonly datasourcesEdited: number;
  readonly left: number;
  readonly refused: number;
  /** The line of the refused row behind which nothing was done; undefined where it came to the end. */
  readonly stoppedAt: number | undefined;
}

/** What is to be written for a row. */
type Change =
  | { readonly operation: 'addAccount'; readonly account: Account }
  | {
      readonly operation: 'addDatasource' | 'updateDatasource';
      readonly datasource: Datasource;
      readonly changes: AuditEntry['changes'];
    };

interface PlannedRow {
  readonly outcome: RowOutcome;
  readonly change?: Change;
}

/** What the register has of what a batch names; accounts that the batch adds come to it. */
interface Stored {
  readonly accounts: Set<string>;
  readonly datasources: ReadonlyMap<string, SealedDatasource>;
}

/** A datasource was changed between the moment when it was planned what to write and the moment of writing. */
class ChangedMeanwhileError extends Error {}

// So that no gateway waits long for a batch's transaction, and no statement is longer than a server takes.
const maxRows = 200;
const maxBytes = 1024 * 1024;
const maxAttempts = 5;
const pause = 1000;

/**
 * Takes the rows of a file into a register, in batches of one transaction each, while gateways serve it. A row goes by the same
 * rules as the operations of the API. What is so already is left alone, so a file may be imported again.
 */
export class RegisterImport {
  readonly #database: Database;
  readonly #datasources: DatasourceService;
  readonly #audit: AuditTrail;
  readonly #call: Call;
  readonly #options: ImportOptions;
  readonly #rows: DeclaredRows;

  /**
   * @param database the register
   * @param datasources decides what becomes of a datasource
   * @param audit where the changes are kept
   * @param call who makes them
   */
  constructor(
    database: Database,
    datasources: DatasourceService,
    audit: AuditTrail,
    call: Call,
    options: ImportOptions,
  ) {
    this.#database = database;
    this.#datasources = datasources;
    this.#audit = audit;
    this.#call = call;
    this.#options = options;
    this.#rows = new DeclaredRows(options.passphrase);
  }

  /**
   * Imports a file. It may be called once.
   *
   * @param tell told of each row in turn, once what was done with it holds
   * @throws CredentialEncryptionError, before anything is changed, where the passphrase is missing or another one
   */
  async run(file: AsyncIterable<FileRow>, tell: (outcome: RowOutcome) => Promise<void>): Promise<ImportReport> {
    const report = { accountsAdded: 0, datasourcesAdded: 0, datasourcesEdited: 0, left: 0, refused: 0 };
    for await (const batch of oneAhead(batches(this.#rows.of(file)))) {
      const outcomes = await this.#done(batch);
      for (const outcome of outcomes) {
        report[countOf(outcome)] += 1;
        await tell(outcome);
      }
      const last = outcomes.at(-1);
      if (last !== undefined && this.#stopsAt(last)) return { ...report, stoppedAt: last.line };
    }
    return { ...report, stoppedAt: undefined };
  }

  /** Does what a batch declares; anew, where others changed the same meanwhile or the database was away. */
  async #done(batch: readonly DeclaredRow[]): Promise<readonly RowOutcome[]> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        const planned = await this.#database.read((session) => this.#plan(session, batch));
        const changes = planned.flatMap(({ change }) => change ?? []);
        if (changes.length > 0 && !this.#options.isDryRun) {
          await this.#database.change((session) => this.#write(session, changes));
        }
        return planned.map(({ outcome }) => outcome);
      } catch (error) {
        if (attempt === maxAttempts || !mayPass(error)) throw error;
        if (error instanceof UnavailableError) await sleep(pause);
      }
    }
  }

  /** Says what is to be done for each row of a batch, as far as the import goes. */
  async #plan(session: Session, batch: readonly DeclaredRow[]): Promise<PlannedRow[]> {
    const stored = await storedOf(session, batch);
    const planned: PlannedRow[] = [];
    for (const row of batch) {
      const next = this.#planRow(row, stored);
      planned.push(next);
      if (this.#stopsAt(next.outcome)) break;
    }
    return planned;
  }

  #planRow({ line, declares, refusal }: DeclaredRow, stored: Stored): PlannedRow {
    const row = {
      line,
      kind: declares?.kind,
      key: declares === undefined ? undefined : keyOf(declares),
      fields: [],
      refusal: undefined,
    };
    if (declares === undefined || refusal !== undefined) return { outcome: { ...row, action: 'refuse', refusal } };
    try {
      const plan =
        declares.kind === 'account' ? planAccount(declares, stored) : this.#planDatasource(line, declares, stored);
      if (plan === undefined) return { outcome: { ...row, action: 'leave' } };
      const isEdit = plan.operation === 'updateDatasource';
      const fields = isEdit ? (plan.changes ?? []).map(({ field }) => field) : [];
      return { outcome: { ...row, action: isEdit ? 'edit' : 'add', fields }, change: plan };
    } catch (error) {
      if (!(error instanceof DomainError)) throw error;
      return { outcome: { ...row, action: 'refuse', refusal: refusalOf(error) } };
    }
  }

  #planDatasource(line: number, { input }: DatasourceRow, stored: Stored): Change | undefined {
    const account = accountKey(accountOf(input));
    const isThere =
      stored.accounts.has(textOf(account)) ||
      (this.#options.isDryRun && this.#rows.declaresAccountBefore(line, account));
    const current = stored.datasources.get(textOf(datasourceKey(input)));
    const plan: DatasourcePlan = this.#datasources.plan(input, current);
    if (!isThere) throw accountNotFound();
    if (plan.action === 'leave') return undefined;
    const { action, datasource, changes } = plan;
    return { operation: action === 'add' ? 'addDatasource' : 'updateDatasource', datasource, changes };
  }

  async #write(session: Session, changes: readonly Change[]): Promise<void> {
    const accounts = changes.flatMap((change) => (change.operation === 'addAccount' ? change.account : []));
    const added = changes.flatMap((change) => (change.operation === 'addDatasource' ? change.datasource : []));
    const edited = changes.flatMap((change) => (change.operation === 'updateDatasource' ? change : []));
    if (accounts.length > 0) await insertAccounts(session, accounts);
    if (added.length > 0) await insertDatasources(session, added);
    for (const { datasource, changes: changed } of edited) {
      if ((await updateDatasource(session, datasource)) === 0) throw new ChangedMeanwhileError();
      if (isConnectionChange(changed ?? [])) await clearLastTests(session, [datasource.id]);
    }
    const entries = changes.map((change) => auditEntry(this.#call, change));
    await this.#audit.recordAll(session, entries);
  }

  #stopsAt({ action }: RowOutcome): boolean {
    return action === 'refuse' && this.#options.onError === 'stop' && !this.#options.isDryRun;
  }
}

async function* batches(rows: AsyncIterable<DeclaredRow>): AsyncGenerator<DeclaredRow[]> {
  let batch: DeclaredRow[] = [];
  let bytes = 0;
  try {
    for await (const row of rows) {
      if (batch.length === maxRows || (batch.length > 0 && bytes + row.size > maxBytes)) {
        yield batch;
        [batch, bytes] = [[], 0];
      }
      batch.push(row);
      bytes += row.size;
    }
  } catch (error) {
    // Where a file cannot be read on, what stands before that place is taken.
    if (batch.length > 0) yield batch;
    throw error;
  }
  if (batch.length > 0) yield batch;
}

/** Reads what comes next while what it gave is worked on. */
async function* oneAhead<T>(source: AsyncGenerator<T>): AsyncGenerator<T> {
  let next = source.next();
  try {
    for (let read = await next; !read.done; read = await next) {
      next = source.next();
      // Where it fails, it is thrown once it is awaited.
      next.catch(() => undefined);
      yield read.value;
    }
  } finally {
    await source.return(undefined);
  }
}

async function storedOf(session: Session, batch: readonly DeclaredRow[]): Promise<Stored> {
  const taken = batch.flatMap(({ declares, refusal }) => (declares === undefined || refusal ? [] : declares));
  const wanted = new Map(
    taken.map((row) => {
      const account = row.kind === 'account' ? row.input : accountOf(row.input);
      return [textOf(accountKey(account)), account];
    }),
  );
  const inputs = taken.flatMap((row) => (row.kind === 'datasource' ? row.input : []));
  const accounts = wanted.size === 0 ? [] : await selectAccounts(session, [...wanted.values()]);
  const datasources = inputs.length === 0 ? [] : await selectSealedDatasources(session, inputs);
  return {
    accounts: new Set(accounts.map((account) => textOf(accountKey(account)))),
    datasources: new Map(datasources.map((datasource) => [textOf(datasourceKey(datasource)), datasource])),
  };
}

function planAccount({ input }: AccountRow, stored: Stored): Change | undefined {
  const text = textOf(accountKey(input));
  if (stored.accounts.has(text)) return undefined;
  stored.accounts.add(text);
  const { accountProvider, accountId, region } = input;
  const now = new Date();
  const account = { id: newId('A'), accountProvider, accountId, region, createdAt: now, updatedAt: now };
  return { operation: 'addAccount', account };
}

function auditEntry(call: Call, change: Change): AuditEntry {
  if (change.operation === 'addAccount')
    return { call, operation: change.operation, target: change.account, changes: null };
  const { operation, datasource, changes } = change;
  const version = operation === 'addDatasource' ? datasource.version : datasource.version + 1;
  return { call, operation, target: auditTarget(datasource, version), changes };
}

function countOf({ action, kind }: RowOutcome) {
  if (action === 'leave') return 'left';
  if (action === 'refuse') return 'refused';
  if (action === 'edit') return 'datasourcesEdited';
  return kind === 'account' ? 'accountsAdded' : 'datasourcesAdded';
}

function accountOf({ accountProviderId, accountId, region }: DatasourceRow['input']): AccountIdentity {
  return { accountProvider: accountProviderId, accountId, region };
}

function textOf(key: readonly (string | number)[]): string {
  return JSON.stringify(key);
}

/** Whether the same may succeed in a moment: somebody else's change came in between, or the database was away. */
function mayPass(error: unknown): boolean {
  if (error instanceof DatabaseError) return error.reason !== 'other';
  return error instanceof ChangedMeanwhileError || error instanceof UnavailableError;
}
