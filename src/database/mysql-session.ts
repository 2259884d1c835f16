import type { PoolConnection, QueryError, ResultSetHeader } from 'mysql2';
import { UnavailableError } from '../errors.js';
import {
  DatabaseError,
  type DatabaseErrorReason,
  type Dialect,
  type Session,
  type SqlValue,
  type StatementObserver,
} from './database.js';
import { expectWritable, ReadOnlyError, readOnlyQuery } from './read-only.js';

/** What differs on MySQL and MariaDB. */
export const mysqlDialect: Dialect = {
  name: 'mysql',
  joinBehind: 'STRAIGHT_JOIN',
  forUpdate: ' FOR UPDATE',
  forUpdateSkipLocked: ' FOR UPDATE SKIP LOCKED',
  // Each server reads what is written for it: MariaDB passes over comments with a version of MySQL's from 5.7 on.
  forShareSkipLocked: ' /*!80001 FOR SHARE SKIP LOCKED */ /*M!100600 LOCK IN SHARE MODE SKIP LOCKED */',
  lowered: (column) => `LOWER(${column})`,
  loweredText: 'LOWER(?)',
  rowsOfPart: { first: 500, most: 5000 },
};

/** The unit of work did not hold, and may when it is run again from its start. */
export class RetryableError extends Error {
  /**
   * @param isHostUnavailable whether the server itself is gone, and not only in the way
   * @param cause what the server or the driver said
   */
  constructor(
    readonly isHostUnavailable: boolean,
    cause: unknown,
  ) {
    super('the unit of work must be run again', { cause });
  }
}

/** Whether the transaction holds is not known: the answer to its COMMIT was lost, or does not tell. */
export class CommitUnknownError extends Error {
  /**
   * @param proof how to find out, where the unit of work said so
   * @param cause what the server or the driver said
   */
  constructor(
    readonly proof: CommitProof | undefined,
    cause: unknown,
  ) {
    super('whether the COMMIT holds is not known', { cause });
  }
}

/** A statement that finds a row where the transaction holds. */
export interface CommitProof {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

// Deadlock, lock wait, a row that changed since it was read, NOWAIT's refusal: the transaction was in another's way.
const conflicts = new Set([1213, 1205, 1020, 3572]);
// The host answers, and cannot serve: another one may.
const hostUnavailable = new Set([
  // Galera: the node is not part of the cluster now. Others: it is starting, stopping, or offline for maintenance.
  ...[1047, 1053, 1077, 3032, 3168],
  // Group Replication: it changes its mode or leaves the group (3098 before a statement that writes, 3100 and 3101 at the
  // COMMIT), or did not learn in time what the others have committed.
  ...[3098, 3100, 3101, 3781, 3782, 3783, 3796, 3797, 3798, 3799],
  // A proxy in between has no server to send the statement to: MySQL Router, and ProxySQL.
  ...[2003, 2006, 2013, 9001, 9002, 9004, 9005],
]);
const readOnly = new Set([1290, 1792, 1836]);
// Too much, a lost connection, or (1969, 3024) the limit of a statement's time.
const cannotServe = new Set([1040, 1152, 1158, 1159, 1160, 1161, 1203, 1226, 1317, 1927, 1969, 3024, 3169]);
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
  #inFlight = 0;
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
    return this.#inFlight === 0 && !this.#lost && !this.#ended;
  }

  /** Whether a statement is under way that may be ended: what is left of a COMMIT is the server's. */
  get isExecuting(): boolean {
    return this.#inFlight > 0 && !this.#lost && !this.#isCommitting;
  }

  /** Whether a transaction was begun, and not ended as far as is known. */
  get isInTransaction(): boolean {
    return this.#isInTransaction;
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
   * @throws CommitUnknownError where the answer is lost, or does not tell
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

  /**
   * Makes sure that the host takes writes. Where it no longer does, another one may have done so already, and what was read
   * here may be out of date.
   *
   * @throws RetryableError where it does not
   */
  async expectWritableHost(): Promise<void> {
    const rows = (await this.#control(readOnlyQuery)) as { readOnly: unknown }[];
    try {
      expectWritable(rows);
    } catch (error) {
      throw new RetryableError(true, error);
    }
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
    this.#inFlight += 1;
    return new Promise<Result>((resolve, reject) => {
      start((error, result) => {
        this.#inFlight -= 1;
        if (error) reject(this.#translate(error, sql));
        else resolve(result as Result);
      });
    });
  }

  #translate(error: QueryError, sql: string): Error {
    const number = error.errno ?? 0;
    const isReadOnly = readOnly.has(number);
    const failure = isReadOnly
      ? new ReadOnlyError(describe(error), sql)
      : new DatabaseError(reasonFor(number), describe(error), sql);
    const isLost = connectionLost.has(error.code) || error.fatal;
    this.#lost ||= isLost;
    if (!isLost && conflicts.has(number)) return new RetryableError(false, failure);
    // Whoever refuses a COMMIT may have told the other members of it before, or have committed before it stopped.
    if (this.#isCommitting) return new CommitUnknownError(this.#proof, failure);
    if (isLost || hostUnavailable.has(number) || isReadOnly) return new RetryableError(true, failure);
    return cannotServe.has(number) ? new UnavailableError(failure) : failure;
  }
}

function reasonFor(number: number): DatabaseErrorReason {
  if (duplicateKey.has(number)) return 'duplicate';
  return number === missingReference ? 'missingReference' : 'other';
}

function describe(error: QueryError): string {
  return [error.code, error.errno, error.sqlState].filter((part) => part !== undefined).join(' ');
}
