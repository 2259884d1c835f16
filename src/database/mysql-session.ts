import type { PoolConnection, QueryError, ResultSetHeader } from 'mysql2';
import { UnavailableError } from '../errors.js';
import { DatabaseError, type Dialect, type Session, type SqlValue, type StatementObserver } from './database.js';

/** What differs on MySQL and MariaDB. */
export const mysqlDialect: Dialect = { name: 'mysql', forUpdate: ' FOR UPDATE' };

/** The unit of work did not hold, and may when it is run again from its start. */
export class RunAgainError extends Error {
  /**
   * @param isHostAway whether the server itself is gone, and not only in the way
   * @param cause what the server or the driver said
   */
  constructor(
    readonly isHostAway: boolean,
    cause: unknown,
  ) {
    super('the unit of work must be run again', { cause });
  }
}

/** The answer to a COMMIT was lost, so whether the transaction holds is not known. */
export class CommitUnknownError extends Error {}

/** A statement that finds a row where the transaction holds. */
export interface CommitProof {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

// Deadlock, lock wait, a row that changed since it was read, Group Replication's and NOWAIT's refusals.
const conflicts = new Set([1213, 1205, 1020, 3101, 3572]);
// Galera: the node is not part of the cluster now; others: it is stopping, or read-only after a failover.
const hostAway = new Set([1047, 1053, 1077, 1290, 1792, 1836]);
const cannotServe = new Set([1040, 1152, 1158, 1159, 1160, 1161, 1203, 1317, 1927, 3169]);
const connectionLost = new Set([
  'PROTOCOL_CONNECTION_LOST',
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ECONNRESET',
  'EPIPE',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
]);
const duplicateKey = new Set([1062, 1586]);
const missingReference = 1452;

type Start = (done: (error: QueryError | null, result: unknown) => void) => void;

/** One unit of work's use of a connection. */
export class MysqlSession implements Session {
  readonly dialect = mysqlDialect;
  readonly #connection: PoolConnection;
  readonly #observe: StatementObserver | undefined;
  #ended = false;
  #underWay = 0;
  #lost = false;
  #isCommitting = false;
  #isInTransaction = false;
  #proof: CommitProof | undefined;

  /**
   * @param connection one that nobody else uses meanwhile
   * @param observe what sees every statement
   */
  constructor(connection: PoolConnection, observe?: StatementObserver) {
    this.#connection = connection;
    this.#observe = observe;
  }

  /** Whether nothing is under way on the connection, and it still answers. */
  get isIdle(): boolean {
    return this.#underWay === 0 && !this.#lost && !this.#ended;
  }

  /** Whether a transaction was begun, and not ended as far as is known. */
  get isInTransaction(): boolean {
    return this.#isInTransaction;
  }

  /** How to find out whether the transaction holds, where it said so. */
  get proof(): CommitProof | undefined {
    return this.#proof;
  }

  proveCommitBy(sql: string, values: readonly SqlValue[]): void {
    this.#proof = { sql, values };
  }

  rows<Row extends object>(sql: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#execute<Row[]>(sql, values);
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#execute<ResultSetHeader>(sql, values)).affectedRows;
  }

  /** Begins a transaction. */
  begin(): Promise<unknown> {
    this.#isInTransaction = true;
    return this.#control('START TRANSACTION');
  }

  /**
   * Ends the transaction so that it holds.
   *
   * @throws CommitUnknownError where the answer is lost
   */
  async commit(): Promise<void> {
    this.#isCommitting = true;
    await this.#control('COMMIT');
    this.#isCommitting = false;
    this.#isInTransaction = false;
  }

  /** Ends the transaction so that nothing of it holds. */
  rollback(): Promise<unknown> {
    return this.#control('ROLLBACK');
  }

  /** Refuses every further statement. */
  end(): void {
    this.#ended = true;
  }

  /** The protocol for prepared statements does not take these. */
  #control(sql: string): Promise<unknown> {
    return this.#send(sql, (done) => this.#connection.query(sql, done));
  }

  #execute<Result>(sql: string, values: readonly SqlValue[]): Promise<Result> {
    return this.#send<Result>(sql, (done) => this.#connection.execute(sql, values as SqlValue[], done as never));
  }

  #send<Result>(sql: string, start: Start): Promise<Result> {
    const observe = this.#observe;
    return observe === undefined ? this.#sendNow(sql, start) : observe(sql, () => this.#sendNow<Result>(sql, start));
  }

  #sendNow<Result>(sql: string, start: Start): Promise<Result> {
    if (this.#ended) return Promise.reject(new UnavailableError(new Error('the unit of work has ended')));
    this.#underWay += 1;
    return new Promise<Result>((resolve, reject) => {
      start((error, result) => {
        this.#underWay -= 1;
        if (error) reject(this.#translated(error, sql));
        else resolve(result as Result);
      });
    });
  }

  #translated(error: QueryError, sql: string): Error {
    const number = error.errno ?? 0;
    const failure = new DatabaseError('other', describe(error), sql);
    if (connectionLost.has(error.code) || error.fatal) {
      this.#lost = true;
      return this.#isCommitting
        ? new CommitUnknownError('the answer to COMMIT was lost', { cause: failure })
        : new RunAgainError(true, failure);
    }
    if (conflicts.has(number)) return new RunAgainError(false, failure);
    if (hostAway.has(number)) {
      // A server that stops may have committed before it said so.
      return this.#isCommitting
        ? new CommitUnknownError('COMMIT was answered by a server that is away', { cause: failure })
        : new RunAgainError(true, failure);
    }
    if (cannotServe.has(number)) return new UnavailableError(failure);
    if (duplicateKey.has(number)) return new DatabaseError('duplicate', describe(error), sql);
    if (number === missingReference) return new DatabaseError('missingReference', describe(error), sql);
    return failure;
  }
}

function describe(error: QueryError): string {
  return [error.code, error.errno, error.sqlState].filter((part) => part !== undefined).join(' ');
}
