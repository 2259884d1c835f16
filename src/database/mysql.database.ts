import { setTimeout as sleep } from 'node:timers/promises';
import {
  createPool,
  type Pool,
  type PoolConnection,
  type PoolOptions,
  type QueryError,
  type ResultSetHeader,
} from 'mysql2';
import { UnavailableError } from '../errors.js';
import { type Database, DatabaseError, type Dialect, type Session, type SqlValue } from './database.js';
import type { DatabaseHost, MysqlLocation } from './database-url.js';
import { Deadline } from './deadline.js';

/** How much a {@link MysqlDatabase} may use. */
export interface MysqlLimits {
  /** How long a unit of work may take in all, in milliseconds. */
  readonly timeout: number;
  /** Connections at most. */
  readonly poolSize: number;
  /** Units of work that may wait for a connection at most. */
  readonly queueLimit: number;
}

const dialect: Dialect = { name: 'mysql', forUpdate: ' FOR UPDATE' };

// Sent when a connection is made. The SQL mode refuses what would otherwise be cut or turned into something else without
// a word; READ COMMITTED takes no locks on gaps, so that adds next to each other do not deadlock.
const sessionSettings = [
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
];

/** Error numbers after which the same unit of work may succeed when it is run again: deadlock, lock wait, Galera's. */
const transientErrors = new Set([1205, 1213, 1020, 3101, 3572]);
const unavailableErrors = new Set([1040, 1047, 1053, 1077, 1152, 1158, 1159, 1160, 1161, 1203, 1290, 1317, 1927, 3169]);
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

/** MySQL or MariaDB behind a pool of connections. */
export class MysqlDatabase implements Database {
  readonly dialect = dialect;
  readonly #pools: readonly Pool[];
  readonly #limits: MysqlLimits;
  #preferred = 0;

  /** No connection is made before the first unit of work. */
  constructor(location: MysqlLocation, limits: MysqlLimits) {
    this.#limits = limits;
    this.#pools = location.hosts.map((host) => {
      const pool = createPool(poolOptions(location, host, limits));
      pool.on('connection', (connection) => {
        for (const setting of sessionSettings) connection.query(setting);
      });
      return pool;
    });
  }

  read<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#untilDone(work, false);
  }

  change<T>(work: (session: Session) => Promise<T>): Promise<T> {
    return this.#untilDone(work, true);
  }

  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => new Promise<void>((resolve) => pool.end(() => resolve()))));
  }

  async #untilDone<T>(work: (session: Session) => Promise<T>, asTransaction: boolean): Promise<T> {
    const deadline = new Deadline(this.#limits.timeout);
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#once(work, asTransaction, deadline);
      } catch (error) {
        if (!(error instanceof RunAgainError)) throw error;
        const pause = Math.random() * Math.min(2 ** attempt * 5, 200);
        if (pause >= deadline.left) throw new UnavailableError(error.cause);
        await sleep(pause);
      }
    }
  }

  async #once<T>(work: (session: Session) => Promise<T>, asTransaction: boolean, deadline: Deadline): Promise<T> {
    const connection = await this.#acquire(deadline);
    const session = new MysqlSession(connection);
    let reusable = false;
    try {
      const result = await deadline.bound(asTransaction ? inTransaction(session, work) : work(session), () =>
        session.end(),
      );
      reusable = true;
      return result;
    } catch (error) {
      // A connection is given back only where it is known to be idle and out of any transaction.
      reusable = session.isIdle && (!asTransaction || (await rolledBack(session, deadline)));
      throw error;
    } finally {
      session.end();
      if (reusable) connection.release();
      else connection.destroy();
    }
  }

  async #acquire(deadline: Deadline): Promise<PoolConnection> {
    let failure: unknown;
    for (let tried = 0; tried < this.#pools.length; tried += 1) {
      try {
        return await this.#acquireFrom(this.#pools[this.#preferred] as Pool, deadline);
      } catch (error) {
        failure = error;
        if (deadline.left === 0) break;
        this.#preferred = (this.#preferred + 1) % this.#pools.length;
      }
    }
    throw failure instanceof UnavailableError ? failure : new UnavailableError(failure);
  }

  #acquireFrom(pool: Pool, deadline: Deadline): Promise<PoolConnection> {
    let expired = false;
    const acquired = new Promise<PoolConnection>((resolve, reject) => {
      pool.getConnection((error, connection) => {
        if (error) reject(error);
        else if (expired) connection.release();
        else resolve(connection);
      });
    });
    return deadline.bound(acquired, () => {
      expired = true;
    });
  }
}

/** The options of a connection pool to one host; also used, with fewer connections, to run the migrations. */
export function poolOptions(location: MysqlLocation, host: DatabaseHost, limits: MysqlLimits): PoolOptions {
  return {
    host: host.host,
    port: host.port,
    user: location.user,
    password: location.password,
    database: location.name,
    charset: 'utf8mb4',
    connectionLimit: limits.poolSize,
    queueLimit: limits.queueLimit,
    connectTimeout: limits.timeout,
    enableKeepAlive: true,
    idleTimeout: 60_000,
    maxIdle: limits.poolSize,
    maxPreparedStatements: 200,
    supportBigNumbers: true,
    multipleStatements: false,
    flags: ['-LOCAL_FILES', '-MULTI_STATEMENTS'],
    ...(location.ssl === 'off' ? {} : { ssl: sslOptions(location) }),
  };
}

function sslOptions(location: MysqlLocation) {
  return location.ssl === 'verify'
    ? { rejectUnauthorized: true, verifyIdentity: true, ca: location.certificateAuthority }
    : { rejectUnauthorized: false };
}

class RunAgainError extends Error {}

class MysqlSession implements Session {
  readonly dialect = dialect;
  readonly #connection: PoolConnection;
  #ended = false;
  #underWay = 0;
  #lost = false;
  isCommitting = false;

  constructor(connection: PoolConnection) {
    this.#connection = connection;
  }

  get isIdle(): boolean {
    return this.#underWay === 0 && !this.#lost && !this.#ended;
  }

  rows<Row extends object>(sql: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#execute<Row[]>(sql, values);
  }

  async run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return (await this.#execute<ResultSetHeader>(sql, values)).affectedRows;
  }

  /** Runs a statement that the protocol for prepared statements does not take, such as COMMIT. */
  control(sql: string): Promise<unknown> {
    return this.#send(sql, (done) => this.#connection.query(sql, done));
  }

  end(): void {
    this.#ended = true;
  }

  #execute<Result>(sql: string, values: readonly SqlValue[]): Promise<Result> {
    return this.#send<Result>(sql, (done) => this.#connection.execute(sql, values as SqlValue[], done as never));
  }

  #send<Result>(sql: string, start: (done: (error: QueryError | null, result: unknown) => void) => void) {
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
    const failure = new DatabaseError('other', describe(error), sql);
    if (connectionLost.has(error.code) || error.fatal) {
      this.#lost = true;
      // Whether a commit held whose answer was lost is not known, so it must not be run again.
      return this.isCommitting
        ? new UnavailableError(failure)
        : new RunAgainError('connection lost', { cause: failure });
    }
    const number = error.errno ?? 0;
    if (transientErrors.has(number)) return new RunAgainError('conflict', { cause: failure });
    if (unavailableErrors.has(number)) return new UnavailableError(failure);
    if (duplicateKey.has(number)) return new DatabaseError('duplicate', describe(error), sql);
    if (number === missingReference) return new DatabaseError('missingReference', describe(error), sql);
    return failure;
  }
}

async function inTransaction<T>(session: MysqlSession, work: (session: Session) => Promise<T>): Promise<T> {
  await session.control('START TRANSACTION');
  const result = await work(session);
  session.isCommitting = true;
  await session.control('COMMIT');
  return result;
}

async function rolledBack(session: MysqlSession, deadline: Deadline): Promise<boolean> {
  try {
    await deadline.bound(session.control('ROLLBACK'), () => undefined);
    return true;
  } catch {
    return false;
  }
}

function describe(error: QueryError): string {
  return [error.code, error.errno, error.sqlState].filter((part) => part !== undefined).join(' ');
}
