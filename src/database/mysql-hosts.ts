import { setTimeout as sleep } from 'node:timers/promises';
import {
  type Connection,
  type ConnectionOptions,
  createConnection,
  createPool,
  type Pool,
  type PoolConnection,
  type PoolOptions,
  type QueryError,
  type RowDataPacket,
} from 'mysql2';
import { UnavailableError } from '../errors.js';
import { ConnectionKiller } from './connection-killer.js';
import type { DatabaseHost, MysqlLocation } from './database-url.js';
import { Deadline } from './deadline.js';
import { dropConnection } from './mysql-socket.js';
import { expectWritable, ReadOnlyError, readOnlyQuery } from './read-only.js';

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
const failbackInterval = 1_000;
const probeInterval = 100;

// Sent when a connection is made. The SQL mode refuses what would otherwise be cut or turned into something else without
// a word; READ COMMITTED takes no locks on gaps, so that adds next to each other do not deadlock. Whoever has given up
// waiting for a lock does not go on waiting on the server, which does not notice that nobody is there.
const sessionSettings = (timeout: number) => [
  "SET SESSION sql_mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION'",
  'SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED',
  `SET SESSION innodb_lock_wait_timeout = ${Math.ceil(timeout / 1000)}`,
];
// What is not told to stop, for its gateway is gone or a proxy is in between, ends when nobody can wait for it any more. The
// first is MariaDB's word for it, in seconds, the second MySQL's, in milliseconds and for a SELECT.
const statementLimits = (timeout: number) => [
  `SET SESSION max_statement_time = ${timeout / 1000}`,
  `SET SESSION max_execution_time = ${timeout}`,
];
// On a cluster no statement runs before what was committed on the other nodes is seen on this one. The first is Galera's
// word for it, the second Group Replication's; other servers do not know them.
const consistencySettings = ['SET SESSION wsrep_sync_wait = 7', "SET SESSION group_replication_consistency = 'BEFORE'"];
const groupQuery = 'SELECT @@group_replication_group_name AS name';
const missingTable = 1146;

/** The hosts of a database, each with a pool of connections. The first that takes writes is used. */
export class MysqlHosts {
  readonly #location: MysqlLocation;
  readonly #limits: MysqlLimits;
  readonly #pools: readonly Pool[];
  readonly #killers: readonly ConnectionKiller[];
  readonly #inGroup = new WeakSet<Connection>();
  #current = 0;
  #isSuspect = false;
  /** Why the current host is in doubt. */
  #suspectReason: unknown;
  #probing: Promise<void> | undefined;
  #failbackCheckedAt = Number.NEGATIVE_INFINITY;

  /** No connection is made before the first is asked for. */
  constructor(location: MysqlLocation, limits: MysqlLimits) {
    this.#location = location;
    this.#limits = limits;
    this.#pools = location.hosts.map((host) => {
      const pool = createPool(poolOptions(location, host, limits));
      pool.on('connection', (connection) => {
        for (const setting of sessionSettings(limits.timeout)) {
          connection.query(setting, (error) => {
            if (error) dropConnection(connection);
          });
        }
        for (const setting of [...consistencySettings, ...statementLimits(limits.timeout)]) {
          connection.query(setting, () => undefined);
        }
        connection.query<RowDataPacket[]>(groupQuery, (_, rows) => {
          if (rows?.[0]?.name) this.#inGroup.add(connection);
        });
      });
      return pool;
    });
    this.#killers = this.#pools.map((pool) => new ConnectionKiller(pool));
  }

  /** The host that is used now, alone. */
  get currentLocation(): MysqlLocation {
    return { ...this.#location, hosts: [this.#location.hosts[this.#current] as DatabaseHost] };
  }

  /**
   * Whether a connection is to a member of a replication group, or to one that was: what is read there holds only where it
   * still takes writes, for a member that has left waits for nobody.
   */
  isInGroup(connection: Connection): boolean {
    return this.#inGroup.has(connection);
  }

  /**
   * Takes a connection to the first host that gives one.
   *
   * @throws UnavailableError where none does before the deadline
   */
  async acquire(deadline: Deadline): Promise<HostConnection> {
    this.#failBack();
    let failure: unknown;
    for (let tried = 0; tried < this.#pools.length && deadline.left > 0; tried += 1) {
      if (this.#isSuspect) await this.#awaitWritableHost(deadline);
      const host = this.#current;
      try {
        return { connection: await acquireFrom(this.#pools[host] as Pool, deadline), host };
      } catch (error) {
        failure = error;
        // Who has waited in vain for one of the connections to be free knows nothing of the host.
        if (isFullQueue(error) || deadline.left === 0) break;
        this.suspect(host, error);
      }
    }
    throw failure instanceof UnavailableError ? failure : new UnavailableError(failure);
  }

  /**
   * Uses a host no more before it is found to take writes, and the others were looked at. One that is alone is used on.
   *
   * @param reason what led to it
   */
  suspect(host: number, reason: unknown): void {
    if (host !== this.#current || this.#pools.length === 1) return;
    this.#isSuspect = true;
    this.#suspectReason = reason instanceof Error ? (reason.cause ?? reason) : reason;
  }

  /** Closes a connection whose statement nobody waits for any more, and ends it on the server too. */
  kill({ connection, host }: HostConnection): void {
    this.#killers[host]?.kill(connection);
  }

  /** Closes all connections. */
  async close(): Promise<void> {
    await Promise.all(this.#pools.map((pool) => new Promise<void>((resolve) => pool.end(() => resolve()))));
  }

  /** Waits until a host is found that takes writes. All who wait share the search, and it ends with the last of them. */
  async #awaitWritableHost(deadline: Deadline): Promise<void> {
    while (this.#isSuspect) {
      this.#probing ??= this.#probeAll().finally(() => {
        this.#probing = undefined;
      });
      try {
        await deadline.bound(this.#probing, () => undefined);
        if (this.#isSuspect) await deadline.bound(sleep(probeInterval), () => undefined);
      } catch {
        throw new UnavailableError(this.#suspectReason);
      }
    }
  }

  /** Asks all hosts at the same time. The one in doubt is used again only where no other can be. */
  async #probeAll(): Promise<void> {
    const left = this.#current;
    const asked = this.#pools.map((_, host) => this.#probe(host).then(() => host));
    const outcomes = Promise.allSettled(asked);
    try {
      this.#use(
        await Promise.any(asked.filter((_, host) => host !== left)).catch(() => asked[left] as Promise<number>),
      );
    } catch {
      // That one takes no writes says more of what is the matter than that another one does not answer.
      const failures = (await outcomes).map((outcome) => (outcome.status === 'rejected' ? outcome.reason : undefined));
      this.#suspectReason = failures.find((failure) => failure instanceof ReadOnlyError) ?? this.#suspectReason;
    }
  }

  #use(host: number): void {
    this.#current = host;
    this.#isSuspect = false;
  }

  /** Returns to a host that is preferred to the current one when it takes writes again; nobody waits for it. */
  #failBack(): void {
    const now = performance.now();
    if (this.#pools.length === 1 || now - this.#failbackCheckedAt < failbackInterval) return;
    this.#failbackCheckedAt = now;
    const current = this.#current;
    for (let host = 0; host < current; host += 1) {
      this.#probe(host).then(
        () => host < this.#current && this.#use(host),
        () => undefined,
      );
    }
    // Who only reads would not notice otherwise that another host has taken its place.
    this.#probe(current).catch((error: unknown) => error instanceof ReadOnlyError && this.suspect(current, error));
  }

  /**
   * Asks a host whether it takes writes, on a connection of its own, for it is to be known now, also where all of the pool's
   * wait for a host that is silent.
   *
   * @throws ReadOnlyError where it takes none
   */
  async #probe(host: number): Promise<void> {
    const connection = createConnection(
      connectionOptions(this.#location, this.#location.hosts[host] as DatabaseHost, this.#limits),
    );
    connection.on('error', () => undefined);
    const ask = (sql: string) =>
      new Promise<RowDataPacket[]>((resolve, reject) => {
        connection.query<RowDataPacket[]>(sql, (error, rows) => (error ? reject(error) : resolve(rows)));
      });
    const answer = async () => {
      for (const setting of consistencySettings) await ask(setting).catch(() => undefined);
      expectWritable(await ask(readOnlyQuery));
      // A node that has left its cluster still answers what needs no data.
      await ask('SELECT COUNT(*) FROM migration_lease').catch((error: QueryError) => {
        if (error.errno !== missingTable) throw error;
      });
    };
    try {
      await new Deadline(connectTimeoutAmongSeveral).bound(answer(), () => undefined);
    } finally {
      dropConnection(connection);
    }
  }
}

/** The options of a connection pool to one host; also used, with fewer connections, to run the migrations. */
export function poolOptions(location: MysqlLocation, host: DatabaseHost, limits: MysqlLimits): PoolOptions {
  return {
    ...connectionOptions(location, host, limits),
    connectionLimit: limits.poolSize,
    queueLimit: limits.queueLimit,
    idleTimeout: 60_000,
    maxIdle: limits.poolSize,
  };
}

function connectionOptions(location: MysqlLocation, host: DatabaseHost, limits: MysqlLimits): ConnectionOptions {
  return {
    host: host.host,
    port: host.port,
    user: location.user,
    password: location.password,
    database: location.name,
    charset: 'utf8mb4',
    connectTimeout: Math.min(limits.timeout, location.hosts.length > 1 ? connectTimeoutAmongSeveral : connectTimeout),
    enableKeepAlive: true,
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
