import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';
import type { Config } from './config.js';
import type {
  ChangeOptions,
  Database,
  DatabaseLimits,
  DatabaseUse,
  Reader,
  ScanOptions,
  Session,
  StatementObserver,
  UnitOptions,
} from './database/database.js';
import type { DatabaseLocation } from './database/database-url.js';
import { findLossySettings } from './database/durability.js';
import { migrate, withMigrationLease } from './database/migrate.js';
import { MysqlDatabase } from './database/mysql.database.js';
import { expectService, ReadOnlyError } from './database/read-only.js';
import { ScanTurns } from './database/scan-turns.js';
import { SqliteDatabase } from './database/sqlite.database.js';
import { lockSqliteFile, type SqliteLock } from './database/sqlite-lock.js';
import { UnavailableError } from './errors.js';
import type { Readiness } from './operations/health.routes.js';
import type { SealingKey } from './security/sealing-key.js';
import { areKeysRegistered, checkSealingKeys, findSealingKeys, SealingKeyError } from './security/sealing-keys.js';

/** What is told of the use of the database. */
export interface RegisterObserver {
  /** Told of every unit of work that has ended, well or not: how long it took, its wait for a connection included. */
  readonly unitEnded?: ((kind: 'read' | 'change', milliseconds: number) => void) | undefined;
  /** Sees every statement. */
  readonly statement?: StatementObserver | undefined;
}

const readinessTimeout = 900;
const maxPause = 2_000;
const cannotWrite = 'the database cannot be written to: it is read-only, or each of its hosts that answers is';

/**
 * The database while the gateway runs: it serves once its tables and its sealing keys are as they should be, and says what
 * is missing until then.
 */
export class Register implements Database, Readiness {
  readonly #config: Config;
  readonly #log: Logger;
  readonly #observer: RegisterObserver;
  readonly #lock: SqliteLock | undefined;
  readonly #database: MysqlDatabase | SqliteDatabase;
  readonly #scans = new ScanTurns(this);
  #keys: readonly SealingKey[] = [];
  #missing = 'the database is not reachable yet';
  #isPrepared = false;
  #isClosing = false;
  #failure: unknown;
  #answers: Promise<string | undefined> | undefined;

  /**
   * Opens the database's file, or makes a pool of connections that is still empty.
   *
   * @param use a gateway serves an SQLite file alone; a command-line tool may open it meanwhile
   * @param observer what is told of the use of the database
   * @throws SqliteFileInUseError where another gateway serves the same file
   */
  constructor(config: Config, log: Logger, use: 'gateway' | 'tool' = 'gateway', observer: RegisterObserver = {}) {
    this.#config = config;
    this.#observer = observer;
    this.#log = log;
    const limits = {
      timeout: config.databaseTimeout,
      poolSize: config.databasePoolSize,
      queueLimit: config.databaseQueueLimit,
    };
    if (config.database.kind === 'sqlite') {
      if (use === 'gateway') this.#lock = lockSqliteFile(config.database.path);
      this.#database = new SqliteDatabase(config.database.path, limits, observer.statement);
    } else {
      this.#database = new MysqlDatabase(config.database, limits, observer.statement);
    }
  }

  get dialect() {
    return this.#database.dialect;
  }

  get isObserved(): boolean {
    return this.#database.isObserved;
  }

  get limits(): DatabaseLimits {
    return this.#database.limits;
  }

  /** How the database is used now, and what had to be done again so far. */
  get use(): DatabaseUse {
    return this.#database.use;
  }

  /**
   * The keys that open credentials, of which the first seals.
   *
   * @throws UnavailableError before the keys are known
   */
  get sealingKeys(): readonly [SealingKey, ...SealingKey[]] {
    const [first, ...others] = this.#keys;
    if (first === undefined || !this.#isPrepared) throw this.#notReady();
    return [first, ...others];
  }

  /**
   * Runs the migrations and checks the sealing keys, again and again until the database is there.
   *
   * @throws SealingKeyError where the keys are not the register's: waiting would not help
   */
  async prepare(): Promise<void> {
    for (let pause = 100; !this.#isClosing; pause = Math.min(2 * pause, maxPause)) {
      try {
        await this.prepareOnce();
        await this.#warnOfLoss();
        return;
      } catch (error) {
        if (error instanceof SealingKeyError) throw error;
        this.#failure = error;
        this.#log.warn({ err: error, missing: this.#missing }, 'not ready yet, retrying');
        await sleep(pause);
      }
    }
  }

  /**
   * As {@link prepare}, without waiting for a database that is not there.
   *
   * @throws SealingKeyError, UnavailableError, DatabaseError
   */
  async prepareOnce(): Promise<void> {
    await this.#migrate();
    await this.#findKeys();
    this.#isPrepared = true;
  }

  read<T>(work: (session: Session) => Promise<T>, options?: UnitOptions): Promise<T> {
    return this.#unit('read', work, options);
  }

  scan<T>(work: (reader: Reader) => Promise<T>, options: ScanOptions): Promise<T> {
    return this.#scans.run(work, options);
  }

  change<T>(work: (session: Session) => Promise<T>, options?: ChangeOptions): Promise<T> {
    return this.#unit('change', work, options);
  }

  async missing(): Promise<readonly string[]> {
    if (this.#isClosing) return ['the gateway is stopping'];
    if (!this.#isPrepared) return [isReadOnly(this.#failure) ? cannotWrite : this.#missing];
    // All who ask at the same time are told the same: however many they are, they keep no more than one connection busy.
    this.#answers ??= this.#databaseProblem().finally(() => {
      this.#answers = undefined;
    });
    const problem = await this.#answers;
    return problem === undefined ? [] : [problem];
  }

  /** Whether it stops, and nothing new is to be begun. */
  get isClosing(): boolean {
    return this.#isClosing;
  }

  /** Says to those who ask that it stops. */
  beginClosing(): void {
    this.#isClosing = true;
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    await this.#database.close();
    this.#lock?.release();
  }

  async #unit<T>(kind: 'read' | 'change', work: (session: Session) => Promise<T>, options?: UnitOptions): Promise<T> {
    if (!this.#isPrepared) throw this.#notReady();
    const started = performance.now();
    try {
      return await this.#database[kind](work, options);
    } finally {
      this.#observer.unitEnded?.(kind, performance.now() - started);
    }
  }

  /** Says where the server does not keep what it acknowledges. That keeps nobody from serving. */
  async #warnOfLoss(): Promise<void> {
    if (this.dialect.name !== 'mysql') return;
    const found = await this.#database.read(findLossySettings).catch((error: unknown) => {
      this.#log.warn({ err: error }, 'failed to read the durability settings of the database server');
      return [];
    });
    for (const { name, value, needed } of found) {
      this.#log.warn(
        { setting: name, value, needed },
        `when its machine crashes, the database server loses what it has acknowledged: set ${name} = ${needed} there`,
      );
    }
  }

  /** Why the database cannot serve; undefined where it can. */
  async #databaseProblem(): Promise<string | undefined> {
    try {
      await this.#database.read(expectService, { timeout: readinessTimeout });
      return undefined;
    } catch (error) {
      return isReadOnly(error) ? cannotWrite : 'the database does not answer';
    }
  }

  async #migrate(): Promise<void> {
    this.#missing = 'the database is not reachable yet, or its migrations have not run';
    const ran = await migrate(this.#database, this.#location);
    if (ran.length > 0) this.#log.info({ migrations: ran }, 'migrations completed');
  }

  async #findKeys(): Promise<void> {
    this.#missing = 'the sealing keys have not been checked yet';
    const { keys, madeFile } = await findSealingKeys(this.#database, this.#config.database, this.#config.sealingKeys);
    if (madeFile !== undefined) {
      this.#log.warn(
        { file: madeFile },
        'created a sealing key: keep a copy of this file in a safe place, without it nobody can read the credentials',
      );
    }
    const check = () => checkSealingKeys(this.#database, keys);
    await ((await areKeysRegistered(this.#database, keys)) ? check() : withMigrationLease(this.#database, check));
    this.#keys = keys;
  }

  get #location(): DatabaseLocation {
    return this.#database instanceof MysqlDatabase ? this.#database.location : this.#config.database;
  }

  #notReady(): UnavailableError {
    return new UnavailableError(new Error(this.#missing));
  }
}

function isReadOnly(error: unknown): boolean {
  return error instanceof ReadOnlyError || (error instanceof UnavailableError && error.cause instanceof ReadOnlyError);
}
