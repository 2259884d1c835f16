import { setTimeout as sleep } from 'node:timers/promises';
import { UnavailableError } from '../errors.js';
import type { Database, Session } from './database.js';
import type { MysqlLocation } from './database-url.js';
import { Deadline } from './deadline.js';
import { MysqlHosts, type MysqlLimits } from './mysql-hosts.js';
import { type CommitProof, CommitUnknownError, MysqlSession, mysqlDialect, RunAgainError } from './mysql-session.js';

const longestPause = 200;
const proofInterval = 50;

/** MySQL or MariaDB: one server, or the nodes of a cluster. */
export class MysqlDatabase implements Database {
  readonly dialect = mysqlDialect;
  readonly #hosts: MysqlHosts;
  readonly #timeout: number;

  /** No connection is made before the first unit of work. */
  constructor(location: MysqlLocation, limits: MysqlLimits) {
    this.#hosts = new MysqlHosts(location, limits);
    this.#timeout = limits.timeout;
  }

  /** The server that is used now, alone. */
  get location(): MysqlLocation {
    return this.#hosts.currentLocation;
  }

  read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#untilDone(work);
  }

  change<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#untilDone(async (session, deadline) => {
      await session.begin();
      const result = await work(session);
      try {
        await session.commit();
      } catch (error) {
        if (!(error instanceof CommitUnknownError)) throw error;
        if (!(await this.#holds(session.proof, deadline))) throw new UnavailableError(error.cause);
      }
      return result;
    });
  }

  close(): Promise<void> {
    return this.#hosts.close();
  }

  async #untilDone<T>(work: (session: MysqlSession, deadline: Deadline) => Promise<T>): Promise<T> {
    const deadline = new Deadline(this.#timeout);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(work, deadline);
      } catch (error) {
        if (!(error instanceof RunAgainError)) throw error;
        const pause = Math.random() * Math.min(2 ** attempt * 5, longestPause);
        if (pause >= deadline.left) throw new UnavailableError(error.cause);
        await sleep(pause);
      }
    }
  }

  async #once<T>(work: (session: MysqlSession, deadline: Deadline) => Promise<T>, deadline: Deadline): Promise<T> {
    const { connection, host } = await this.#hosts.acquire(deadline);
    const session = new MysqlSession(connection);
    let reusable = false;
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
      if (reusable) connection.release();
      else connection.destroy();
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
