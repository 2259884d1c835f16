import type { Database } from '../database/database.js';
import { RehearsalDatabase } from '../database/rehearsal.database.js';
import { newId, rehearsedId } from '../global-id.js';
import { rehearsed, succeeded } from '../operation-outcome.js';
import type { Call } from '../security/call.js';
import { type RehearsedChange, selectChangesOfRequest } from './rehearsal.statements.js';

/** As many changes of a rehearsal as are told at most. */
export const maxRehearsedChanges = 100;

/** What a mutation answers whatever it does, and what it would have changed where it was rehearsed. */
export interface PerformedPayload {
  readonly status: string;
  readonly code: number;
  readonly message: string;
  readonly rehearsed: boolean;
  /** The first of them, and one more than are told where there are more; undefined where they were not made in a transaction. */
  readonly rehearsedChanges?: readonly RehearsedChange[];
}

/** For whom something is performed, and where the log is told that it was rehearsed. */
export interface PerformedFor {
  readonly call: Call;
  readonly outcome: { isRehearsed?: boolean };
}

const done: PerformedPayload = { ...succeeded, rehearsed: false };

/** An operation that was done, or rehearsed. */
export class Performed<Result> {
  readonly payload: PerformedPayload;
  /** What the service gave. */
  readonly result: Result;

  constructor(payload: PerformedPayload, result: Result) {
    this.payload = payload;
    this.result = result;
  }

  /** An id as it may be shown: one that nothing has, where it was rehearsed. */
  idOf(id: string): string {
    return this.payload.rehearsed ? rehearsedId(id) : id;
  }

  /** An object as it may be shown: under an id that nothing has, where it was rehearsed. */
  nodeOf<Node extends { readonly id: string }>(node: Node): Node {
    return this.payload.rehearsed ? { ...node, id: rehearsedId(node.id) } : node;
  }
}

/**
 * Does operations, or rehearses them: the same services then work over a database in which every change is undone. What is told of the
 * changes is what the transaction has recorded of them for the audit before it was undone.
 */
export class Performance<Services> {
  readonly #database: Database;
  readonly #services: Services;
  readonly #servicesOver: (database: Database) => Services;

  /**
   * @param database where the register is kept
   * @param servicesOver makes the services that work over a database
   */
  constructor(database: Database, servicesOver: (database: Database) => Services) {
    this.#database = database;
    this.#services = servicesOver(database);
    this.#servicesOver = servicesOver;
  }

  /** The services that do things. */
  get services(): Services {
    return this.#services;
  }

  /**
   * Does an operation, or rehearses it.
   *
   * @param work what is done, with the services and for the call that it is given
   * @throws what `work` throws
   */
  async perform<Result>(
    isRehearsal: boolean,
    { call, outcome }: PerformedFor,
    work: (services: Services, call: Call) => Promise<Result>,
  ): Promise<Performed<Result>> {
    if (!isRehearsal) return new Performed(done, await work(this.#services, call));
    outcome.isRehearsed = true;
    let rehearsedChanges: readonly RehearsedChange[] = [];
    // Nothing that is kept has it, for it is undone with all that has.
    const requestId = newId('E');
    const database = new RehearsalDatabase(this.#database, async (session) => {
      rehearsedChanges = await selectChangesOfRequest(session, requestId, maxRehearsedChanges + 1);
    });
    const result = await work(this.#servicesOver(database), { ...call, requestId });
    return new Performed({ ...rehearsed, rehearsed: true, rehearsedChanges }, result);
  }
}
