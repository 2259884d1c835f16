import { setTimeout as sleep } from 'node:timers/promises';
import { AbandonedError, UnavailableError } from '../errors.js';
import {
  type ChangeOptions,
  ConflictError,
  type Database,
  type DatabaseLimits,
  type DatabaseUse,
  type Reader,
  type RetryReason,
  type ScanOptions,
  type Session,
  type StatementObserver,
  type UnitOptions,
} from './database.js';
import type { MysqlLocation } from './database-url.js';
import { Deadline } from './deadline.js';
import { type HostConnection, MysqlHosts, type MysqlLimits } from './mysql-hosts.js';
import { type CommitProof, CommitUnknownError, MysqlSession, mysqlDialect, RetryableError } from './mysql-session.js';
import { dropConnection } from './mysql-socket.js';
import { ScanTurns } from './scan-turns.js';

const maxPause = 200;
const proofInterval = 50;

/** @param expectWritableHost throws where what was read may be out of date, see {@link MysqlSession.expectWritableHost} */
type UnitOfWork<T> = (session: MysqlSession, expectWritableHost: () => Promise<void>) => Promise<T>;

interface Asked {
  readonly isAbandoned?: (() => boolean) | undefined;
  readonly isShared?: boolean;
  /** Whether it is stopped where nobody waits for it any more: a change is better done whole than asked for once more. */
  readonly mayStop?: boolean;
}

/** MySQL or MariaDB: one server, or the nodes of a cluster. */
export class MysqlDatabase implements Database {
  readonly dialect = mysqlDialect;
  readonly #hosts: MysqlHosts;
  readonly #limits: MysqlLimits;
  readonly #observe: StatementObserver | undefined;
  readonly #retries: Record<RetryReason, number> = { conflict: 0, server_away: 0, lost_commit: 0 };
  readonly #scans = new ScanTurns(this);
  #inUse = 0;
  #waiting = 0;

  /**
   * No connection is made before the first unit of work.
   *
   * @param observe what sees every statement
   */
  constructor(location: MysqlLocation, limits: MysqlLimits, observe?: StatementObserver) {
    this.#hosts = new MysqlHosts(location, limits);
    this.#limits = limits;
    this.#observe = observe;
  }

  get isObserved(): boolean {
    return this.#observe !== undefined;
  }

  /** The server that is used now, alone. */
  get location(): MysqlLocation {
    return this.#hosts.currentLocation;
  }

  get limits(): DatabaseLimits {
    return this.#limits;
  }

  /** How it is used now, and what had to be done again so far. */
  get use(): DatabaseUse {
    return { limit: this.#limits.poolSize, inUse: this.#inUse, waiting: this.#waiting, retries: this.#retries };
  }

  read<T>(
    work: (session: Session) => Promise<T>,
    { timeout = this.#limits.timeout, isAbandoned }: UnitOptions = {},
  ): Promise<T> {
    const reading: UnitOfWork<T> = async (session, expectWritableHost) => {
      const result = await work(session);
      await expectWritableHost();
      return result;
    };
    return this.#retry(reading, new Deadline(timeout), { isAbandoned, mayStop: true });
  }

  scan<T>(work: (reader: Reader) => Promise<T>, options: ScanOptions): Promise<T> {
    return this.#scans.run(work, options);
  }

  async change<T>(
    work: (session: Session) => Promise<T>,
    { timeout = this.#limits.timeout, isAbandoned, isShared = false }: ChangeOptions = {},
  ): Promise<T> {
    const deadline = new Deadline(timeout);
    let outcome: { readonly result: T } | undefined;
    const transaction = async (session: MysqlSession, expectWritableHost: () => Promise<void>) => {
      await session.begin();
      try {
        outcome = { result: await work(session) };
      } catch (error) {
        // What is refused for what was read is refused for good, so what was read must be so.
        if (session.isIdle) await expectWritableHost();
        throw error;
      }
      await session.commit();
      return outcome.result;
    };
    try {
      return await this.#retry(transaction, deadline, { isAbandoned, isShared });
    } catch (error) {
      if (!(error instanceof CommitUnknownError) || outcome === undefined) throw error;
      this.#retries.lost_commit += 1;
      if (!(await this.#isCommitted(error.proof, deadline))) throw new UnavailableError(error.cause);
      return outcome.result;
    }
  }

  close(): Promise<void> {
    return this.#hosts.close();
  }

  async #retry<T>(work: UnitOfWork<T>, deadline: Deadline, asked: Asked): Promise<T> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(work, deadline, asked);
      } catch (error) {
        if (!(error instanceof RetryableError)) throw error;
        if (asked.isShared && !error.isHostUnavailable)
          throw new ConflictError('others were in the way', { cause: error.cause });
        const pause = Math.random() * Math.min(2 ** attempt * 5, maxPause);
        if (pause >= deadline.left) throw new UnavailableError(error.cause);
        this.#retries[error.isHostUnavailable ? 'server_away' : 'conflict'] += 1;
        await sleep(pause);
      }
    }
  }

  async #attempt<T>(work: UnitOfWork<T>, deadline: Deadline, { isAbandoned, mayStop }: Asked = {}): Promise<T> {
    const { connection, host } = await this.#acquire(deadline);
    if (isAbandoned?.()) {
      connection.release();
      throw new AbandonedError();
    }
    const session = new MysqlSession(connection, this.#observe);
    const expectWritableHost = async () => {
      if (this.#hosts.isInGroup(connection)) await session.expectWritableHost();
    };
    let reusable = false;
    this.#inUse += 1;
    try {
      const result = await deadline.bound(
        work(session, expectWritableHost),
        () => session.end(),
        mayStop ? isAbandoned : undefined,
      );
      reusable = session.isIdle;
      return result;
    } catch (error) {
      const isHostSuspect =
        (error instanceof RetryableError && error.isHostUnavailable) ||
        error instanceof CommitUnknownError ||
        deadline.left === 0;
      if (isHostSuspect) this.#hosts.suspect(host, error);
      // A connection is given back only where it is known to be idle and out of any transaction, on a host that serves.
      else reusable = session.isIdle && (await endTransaction(session, deadline));
      throw error;
    } finally {
      const isExecuting = session.isExecuting;
      session.end();
      this.#inUse -= 1;
      if (reusable) connection.release();
      else if (isExecuting) this.#hosts.kill({ connection, host });
      else dropConnection(connection);
    }
  }

  async #acquire(deadline: Deadline): Promise<HostConnection> {
    this.#waiting += 1;
    try {
      return await this.#hosts.acquire(deadline);
    } finally {
      this.#waiting -= 1;
    }
  }

  /**
   * Whether a transaction holds although the answer to its COMMIT was lost. Where its row is not there yet, the server may
   * still be at it, so it is looked for until the deadline; it is never run again.
   */
  async #isCommitted(proof: CommitProof | undefined, deadline: Deadline): Promise<boolean> {
    while (proof !== undefined && deadline.left > proofInterval) {
      try {
        const found = await this.#attempt((session) => session.rows(proof.sql, proof.values), deadline);
        if (found.length > 0) return true;
      } catch {
        // The server is still away.
      }
      await sleep(proofInterval);
    }
    return false;
  }
}

async function endTransaction(session: MysqlSession, deadline: Deadline): Promise<boolean> {
  if (!session.isInTransaction) return true;
  try {
    await deadline.bound(session.rollback(), () => undefined);
    return true;
  } catch {
    return false;
  }
}
