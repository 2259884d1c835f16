import type { Database, Session } from '../database/database.js';
import { type Page, type PageArguments, pageRequest } from '../database/page.js';
import type { ErrorName } from '../errors.js';
import { newId } from '../global-id.js';
import type { RequestedTarget } from '../input/requested-target.js';
import type { Call } from '../security/call.js';
import type { Refusals, RefusedOperation } from '../security/refusals.js';
import {
  type AuditConditions,
  countAuditEvents,
  deleteAuditEventsBefore,
  insertAuditEvents,
  insertDeletionsOfDatasources,
  selectAuditPage,
} from './audit.statements.js';
import type { AuditEvent } from './audit-event.entity.js';

/** What was done, as the audit names it: the mutation's or query's name in GraphQL. */
export type AuditedOperation =
  | 'addAccount'
  | 'deleteAccount'
  | 'addDatasource'
  | 'editDatasource'
  | 'updateDatasource'
  | 'revertDatasource'
  | 'deleteDatasources'
  | 'datasourceCredentials'
  | 'testDatasource'
  | 'testConnection'
  | 'databases';

/** What it was done to: an account, or a datasource in it. */
export interface AuditTarget extends RequestedTarget {
  /** Its global id; absent where it is not known. */
  readonly id?: string;
  /** The version of the datasource that the change made; of a deletion the one that would have come next. */
  readonly version?: number;
}

/** One thing that is done to one target. */
export interface AuditEntry {
  readonly call: Call;
  readonly operation: AuditedOperation;
  /** Undefined where it is done to nothing that is registered, or is to be. */
  readonly target: AuditTarget | undefined;
  readonly changes: readonly AuditedChange[] | null;
  /** What came of it; `done` where it is absent. */
  readonly outcome?: 'done' | 'NOT_ALLOWED';
}

/** An event as it was recorded. */
export type RecordedEvent = AuditEvent;

/** One field that changed; of a credential only that it did. */
export type AuditedChange =
  | { readonly field: string; readonly from: unknown; readonly to: unknown }
  | { readonly field: string; readonly changed: true };

/** What is told of refusals of callers. */
export interface RefusalObserver {
  /** Told of every refusal. */
  readonly onRefusal?: (reason: ErrorName) => void;
  /** Told where one could not be recorded. */
  readonly onLoss?: (error: unknown) => void;
}

/** What is done without changing the register, and is no part of its feed of changes. */
const unchanging: ReadonlySet<string> = new Set([
  'datasourceCredentials',
  'testDatasource',
  'testConnection',
  'databases',
] satisfies AuditedOperation[]);
const maxBatch = 500;
const maxWaitingRefusals = 100;

const narrowing =
  'Narrow the list down by its filter: by the account id, the actor or the operation, or from a time until another.';

/** Keeps the record of who did what. */
export class AuditTrail implements Refusals {
  readonly #database: Database;
  readonly #observer: RefusalObserver;
  #waitingRefusals = 0;

  /**
   * @param database where the events are kept
   * @param observer what is told of refusals
   */
  constructor(database: Database, observer: RefusalObserver = {}) {
    this.#database = database;
    this.#observer = observer;
  }

  /**
   * Records what is done in a transaction, in that transaction: either both hold, or neither.
   *
   * @param target undefined where it is done to nothing that is registered, or is to be
   */
  async record(
    session: Session,
    call: Call,
    operation: AuditedOperation,
    target: AuditTarget | undefined,
    changes: readonly AuditedChange[] | null,
    outcome: 'done' | 'NOT_ALLOWED' = 'done',
  ): Promise<void> {
    await this.recordAll(session, [{ call, operation, target, changes, outcome }]);
  }

  /** As {@link record}, of several targets to which the same is done. */
  async recordEach(
    session: Session,
    call: Call,
    operation: AuditedOperation,
    targets: readonly AuditTarget[],
  ): Promise<void> {
    await this.recordAll(
      session,
      targets.map((target) => ({ call, operation, target, changes: null })),
    );
  }

  /**
   * Records that an account is to be deleted, with a line for each of its datasources, however many. They must still be there.
   *
   * @returns how many datasources it has
   */
  async recordDeletionOfAccount(session: Session, call: Call, account: AuditTarget): Promise<number> {
    const datasources = await insertDeletionsOfDatasources(
      session,
      eventOf(call, 'deleteAccount', 'done', account, null),
    );
    await this.record(session, call, 'deleteAccount', account, [{ field: 'datasources', from: datasources, to: 0 }]);
    return datasources;
  }

  /** As {@link record}, of several things that are done in one transaction, in their order. */
  async recordAll(session: Session, entries: readonly AuditEntry[]): Promise<void> {
    const events = entries.map(({ call, operation, target, changes, outcome = 'done' }) =>
      eventOf(call, operation, outcome, target, changes),
    );
    for (let start = 0; start < events.length; start += maxBatch) {
      await insertAuditEvents(session, events.slice(start, start + maxBatch));
    }
  }

  /**
   * Records that a caller was refused, and what it asked for. The answer does not wait for it; where refusals come faster
   * than they can be written, those beyond a hundred are only in the log.
   *
   * @param asked at least one
   */
  recordRefusal(call: Call, asked: readonly RefusedOperation[], reason: ErrorName): void {
    const { onRefusal, onLoss = () => undefined } = this.#observer;
    onRefusal?.(reason);
    if (this.#waitingRefusals >= maxWaitingRefusals) {
      onLoss(new Error('too many refusals at a time to record them all'));
      return;
    }
    this.#waitingRefusals += 1;
    const events = asked.map(({ operation, target }) => eventOf(call, operation.slice(0, 128), reason, target, null));
    this.#database
      .change((session) => insertAuditEvents(session, events))
      .catch(onLoss)
      .finally(() => {
        this.#waitingRefusals -= 1;
      });
  }

  /**
   * Reads a page of the events for which the conditions hold.
   *
   * @throws InvalidParametersError where the page's arguments are out of their limits; DomainError SEARCH_TOO_BROAD
   */
  async page(
    conditions: AuditConditions,
    descending: boolean,
    page: PageArguments,
    call: Call,
  ): Promise<Page<AuditEvent>> {
    const request = pageRequest(page, { property: 'createdAt', descending });
    return this.#database.scan((reader) => selectAuditPage(reader, conditions, request), { ...call, narrowing });
  }

  /**
   * Counts the events for which the conditions hold.
   *
   * @throws DomainError SEARCH_TOO_BROAD
   */
  count(conditions: AuditConditions, call: Call): Promise<number> {
    return this.#database.scan((reader) => countAuditEvents(reader, conditions), { ...call, narrowing });
  }

  /**
   * Removes the events from before an instant, in small transactions, so that nothing waits for it.
   *
   * @returns how many were removed
   */
  async removeBefore(before: Date): Promise<number> {
    let removed = 0;
    for (;;) {
      const batch = await this.#database.change((session) => deleteAuditEventsBefore(session, before, maxBatch));
      removed += batch;
      if (batch < maxBatch) return removed;
    }
  }
}

/** The changes from one set of values to another, for the fields that differ; null is "none". */
export function changesBetween(
  from: Readonly<Record<string, unknown>>,
  to: Readonly<Record<string, unknown>>,
  fields: readonly string[],
): AuditedChange[] {
  return fields
    .map((field) => ({ field, from: plain(from[field]), to: plain(to[field]) }))
    .filter((change) => change.from !== change.to);
}

function plain(value: unknown): unknown {
  return value instanceof Date ? value.toISOString() : (value ?? null);
}

function eventOf(
  call: Call,
  operation: string,
  outcome: string,
  target: AuditTarget | undefined,
  changes: readonly AuditedChange[] | null,
): AuditEvent {
  return {
    id: newId('E'),
    createdAt: new Date(),
    actor: call.caller.name.slice(0, 300),
    means: call.caller.means,
    surface: call.surface,
    address: call.address,
    requestId: call.requestId,
    operation,
    outcome,
    accountProvider: target?.accountProvider ?? null,
    accountId: target?.accountId ?? null,
    region: target?.region ?? null,
    instanceId: target?.instanceId ?? null,
    targetId: target?.id ?? null,
    version: target?.version ?? null,
    // What was refused changed nothing either.
    position: outcome === 'done' && !unchanging.has(operation) ? 0 : null,
    changes: changes === null ? null : JSON.stringify(changes),
  };
}
