import type { Socket } from 'node:net';
import { createPool, type Pool, type PoolConnection, type PoolOptions } from 'mysql2';
import { UnavailableError } from '../errors.js';
import type { DatabaseHost, MysqlLocation } from './database-url.js';
import type { Deadline } from './deadline.js';

/** How much of the servers may be used. */
export interface MysqlLimits {
  /** How long a unit of work may take in all, in milliseconds. */
  readonly timeout: number;
  /** Connections at most. */
  readonly poolSize: number;
  /** Units of work that may wait for a connection at most. */
  readonly queueLimit: number;
}

/** A connection, and which host it is to. */
export interface HostConnection {
  readonly connection: PoolConnection;
  readonly host: number;
}

// A connection that is not made by then would keep its place from one that can be: where the network swallowed it, nobody
// says so. Where there is another host to turn to, the wait is shorter still.
const connectTimeout = 1_500;
const connectTimeoutAmongSeveral = 1_000;
const lookBackInterval = 1_000;

// Sent when a connection is made. The SQL mode refuses what would otherwise be cut or turned into something else without
// a word; READ COMMITTED takes no locks on gaps, so that adds next to each other do not deadlock; on a Galera cluster no
// statement runs before what was committed on the other nodes is seen on this one, and other servers do not know the word.
// Whoever has given up waiting for a lock does not go on waiting on the server, which does not notice that nobody is there.
const sessionSettings = (timeout: number) => [
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION innodb_lock_wait_timeout = ${Math.ceil(timeout / 1000)}`,
];
const galeraSetting = 'SET SESSION wsrep_sync_wait = 7';

/** The hosts of a database, each with a pool of connections. The first that answers is used. */
export class MysqlHosts {
  readonly #location: MysqlLocation;
  readonly #pools: readonly Pool[];
  #current = 0;
  #lookedBackAt = Number.NEGATIVE_INFINITY;

  /** No connection is made before the first is asked for. */
  constructor(location: MysqlLocation, limits: MysqlLimits) {
    this.#location = location;
    this.#pools = location.hosts.map((host) => {
      const pool = createPool(poolOptions(location, host, limits));
      pool.on('connection', (connection) => {
        for (const setting of sessionSettings(limits.timeout)) {
          connection.query(setting, (error) => {
            if (error) dropConnection(connection);
          });
        }
        connection.query(galeraSetting, () => undefined);
      });
      return pool;
    });
  }

  /** The host that is used now, alone. */
  get currentLocation(): MysqlLocation {
    return { ...this.#location, hosts: [this.#location.hosts[this.#current] as DatabaseHost] };
  }

  /**
   * Takes a connection to the first host that gives one.
   *
   * @throws UnavailableError where none does before the deadline
   */
  async acquire(deadline: Deadline): Promise<HostConnection> {
    this.#lookBack();
    let failure: unknown;
    for (let tried = 0; tried < this.#pools.length && deadline.left > 0; tried += 1) {
      const host = this.#current;
      try {
        return { connection: await acquireFrom(this.#pools[host] as Pool, deadline), host };
      } catch (error) {
        failure = error;
        // Who has waited in vain for one of the connections to be free knows nothing of the host.
        if (isFullQueue(error) || deadline.left === 0) break;
        this.leave(host);
      }
    }
    throw failure instanceof UnavailableError ? failure : new UnavailableError(failure);
  }

  /** Turns to the next host, unless that was done already. */
  leave(host: number): void {
    if (host === this.#current) this.#current = (this.#current + 1) % this.#pools.length;
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => new Promise<void>((resolve) => pool.end(() => resolve()))));
  }

  /** Returns to a host that is preferred to the current one when it answers again; nobody waits for it. */
  #lookBack(): void {
    const now = performance.now();
    if (this.#current === 0 || now - this.#lookedBackAt < lookBackInterval) return;
    this.#lookedBackAt = now;
    for (let host = 0; host < this.#current; host += 1) {
      // A statement that needs the data, since a node that has left its cluster still takes connections.
      this.#pools[host]?.query('SELECT COUNT(*) FROM migration_lease', (error) => {
        if (!error) this.#current = Math.min(this.#current, host);
      });
    }
  }
}

/**
 * Takes a connection out of its pool and closes it at once. The driver's own way only says goodbye, and keeps the socket until
 * the other side has answered, which one that is frozen or gone never does.
 */
export function dropConnection(connection: PoolConnection): void {
  connection.destroy();
  (connection as unknown as { readonly stream: Socket }).stream.destroy();
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
    connectTimeout: Math.min(limits.timeout, location.hosts.length > 1 ? connectTimeoutAmongSeveral : connectTimeout),
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

function acquireFrom(pool: Pool, deadline: Deadline): Promise<PoolConnection> {
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

function isFullQueue(error: unknown): boolean {
  return error instanceof Error && error.message === 'Queue limit reached.';
}
