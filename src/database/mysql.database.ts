import { setTimeout as sleep } from 'node:timers/promises';
import { UnavailableError } from '../errors.js';
import type { Database, DatabaseUse, RetryReason, Session, StatementObserver } from './database.js';
import type { MysqlLocation } from './database-url.js';
import { Deadline } from './deadline.js';
import { dropConnection, type HostConnection, MysqlHosts, type MysqlLimits } from './mysql-hosts.js';
import { type CommitProof, CommitUnknownError, MysqlSession, mysqlDialect, RunAgainError } from './mysql-session.js';

const longestPause = 200;
const proofInterval = 50;

/** MySQL or MariaDB: one server, or the nodes of a cluster. */
export class MysqlDatabase implements Database {
  readonly dialect = mysqlDialect;
  readonly #hosts: MysqlHosts;
  readonly #limits: MysqlLimits;
  readonly #observe: StatementObserver | undefined;
  readonly #retries: Record<RetryReason, number> = { conflict: 0, server_away: 0, lost_commit: 0 };
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

  /** How it is used now, and what had to be done again so far. */
  get use(): DatabaseUse {
    return { limit: this.#limits.poolSize, inUse: this.#inUse, waiting: this.#waiting, retries: this.#retries };
  }

  read<T>(work: (session: Session) => Promise<T>, timeout?: number): Promise<T> {
    return this.#untilDone(work, timeout);
  }

  change<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#untilDone(async (session, deadline) => {
      await session.begin();
      const result = await work(session);
      try {
        await session.commit();
      } catch (error) {
        if (!(error instanceof CommitUnknownError)) throw error;
        this.#retries.lost_commit += 1;
        if (!(await this.#holds(session.proof, deadline))) throw new UnavailableError(error.cause);
      }
      return result;
    });
  }

  close(): Promise<void> {
    return this.#hosts.close();
  }

  async #untilDone<T>(
    work: (session: MysqlSession, deadline: Deadline) => Promise<T>,
    timeout = this.#limits.timeout,
  ): Promise<T> {
    const deadline = new Deadline(timeout);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(work, deadline);
      } catch (error) {
        if (!(error instanceof RunAgainError)) throw error;
        const pause = Math.random() * Math.min(2 ** attempt * 5, longestPause);
        if (pause >= deadline.left) throw new UnavailableError(error.cause);
        this.#retries[error.isHostAway ? 'server_away' : 'conflict'] += 1;
        await sleep(pause);
      }
    }
  }

  async #once<T>(work: (session: MysqlSession, deadline: Deadline) => Promise<T>, deadline: Deadline): Promise<T> {
    const { connection, host } = await this.#acquire(deadline);
    const session = new MysqlSession(connection, this.#observe);
    let reusable = false;
    this.#inUse += 1;
    try {
      const result = await deadline.bound(work(session, deadline), () => session.end());
      reusable = session.isIdle;
      return result;
    } catch (error) {
      // A connection is given back only where it is known to be idle and out of any transaction.
      reusable = session.isIdle && (await isOutOfTransaction(session, deadline));
      if ((error instanceof RunAgainError && error.isHostAway) || deadline.left === 0) this.#hosts.leave(host);
      throw error;
    } finally {
      session.end();
      this.#inUse -= 1;
      if (reusable) connection.release();
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
  async #holds(proof: CommitProof | undefined, deadline: Deadline): Promise<boolean> {
    while (proof !== undefined && deadline.left > proofInterval) {
      try {
        const found = await this.#once((session) => session.rows(proof.sql, proof.values), deadline);
        if (found.length > 0) return true;
      } catch {
        // The server is still away.
      }
      await sleep(proofInterval);
    }
    return false;
  }
}

async function isOutOfTransaction(session: MysqlSession, deadline: Deadline): Promise<boolean> {
  if (!session.isInTransaction) return true;
  try {
    await deadline.bound(session.rollback(), () => undefined);
    return true;
  } catch {
    return false;
  }
}
