import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { setImmediate as nextTurnOfEventLoop, setTimeout as sleep } from 'node:timers/promises';
import { DatabaseSync } from '@photostructure/sqlite';
import { AbandonedError, UnavailableError } from '../errors.js';
import {
  type ChangeOptions,
  type Database,
  DatabaseError,
  type DatabaseErrorReason,
  type DatabaseLimits,
  type DatabaseUse,
  type Dialect,
  type Reader,
  type RetryReason,
  type ScanOptions,
  type Session,
  type SqlValue,
  type StatementObserver,
  type UnitOptions,
} from './database.js';
import { Deadline } from './deadline.js';
import { ScanTurns } from './scan-turns.js';

/** How much an {@link SqliteDatabase} may use. */
export interface SqliteLimits {
  /** How long a unit of work may take in all, its wait in the queue included, in milliseconds. */
  readonly timeout: number;
  /** Units of work that may wait in the queue at most. */
  readonly queueLimit: number;
}

/** The parts of the library's types that it does not export. */
type Connection = InstanceType<typeof DatabaseSync>;
type Statement = ReturnType<Connection['prepare']>;

// A transaction takes the write lock when it begins, so what it has read is still so when it writes.
const dialect: Dialect = {
  name: 'sqlite',
  joinBehind: 'CROSS JOIN',
  forUpdate: '',
  forUpdateSkipLocked: '',
  forShareSkipLocked: '',
  // SQLite's own lower() knows no letters beyond ASCII, and calls nobody outside: where a text has none it is enough.
  lowered: (column) =>
    `CASE WHEN OCTET_LENGTH(${column}) > LENGTH(${column}) THEN LOWER_UNICODE(${column}) ELSE LOWER(${column}) END`,
  loweredText: 'LOWER_UNICODE(?)',
  // A statement cannot be stopped, and nobody is answered meanwhile.
  rowsOfPart: { first: 500, most: 2000 },
};

const busy = new Set([5, 6]);
const duplicateKey = new Set([1555, 2067]);
const missingReference = 787;
const maxCachedStatements = 200;
const maxTimeBeforeYield = 10;

/**
 * An SQLite file over one connection. Units of work pass one at a time through a queue: they share the connection, so
 * otherwise a statement of one would join the transaction of another, and be lost with it.
 */
export class SqliteDatabase implements Database {
  readonly dialect = dialect;
  readonly #connection: Connection;
  readonly #session: SqliteSession;
  readonly #limits: SqliteLimits;
  readonly isObserved: boolean;
  readonly #observe: StatementObserver;
  readonly #retries: Record<RetryReason, number> = { conflict: 0, server_away: 0, lost_commit: 0 };
  readonly #scans = new ScanTurns(this);
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #isInUse = false;
  #lastYieldAt = 0;
  #closed = false;

  /**
   * Opens the file, making it and its folder where they are not there.
   *
   * @param observe what sees every statement
   */
  constructor(path: string, limits: SqliteLimits, observe?: StatementObserver) {
    this.#limits = limits;
    this.isObserved = observe !== undefined;
    this.#observe = observe ?? ((_, run) => run());
    this.#connection = openSqliteFile(path);
    this.#session = new SqliteSession(this.#connection, this.#observe);
  }

  get limits(): DatabaseLimits {
    return { ...this.#limits, poolSize: 1 };
  }

  /** How it is used now, and what had to be done again so far. */
  get use(): DatabaseUse {
    const inUse = this.#isInUse ? 1 : 0;
    return { limit: 1, inUse, waiting: this.#waiting - inUse, retries: this.#retries };
  }

  read<T>(work: (session: Session) => Promise<T>, options?: UnitOptions): Promise<T> {
    return this.#enqueue(() => work(this.#session), options);
  }

  scan<T>(work: (reader: Reader) => Promise<T>, options: ScanOptions): Promise<T> {
    return this.#scans.run(work, options);
  }

  change<T>(work: (session: Session) => Promise<T>, options?: ChangeOptions): Promise<T> {
    return this.#enqueue(async () => {
      // A commit holds up the process until it is on the disk: what came in meanwhile is to be read before the next one.
      await nextTurnOfEventLoop();
      await this.#control('BEGIN IMMEDIATE');
      try {
        const result = await work(this.#session);
        await this.#control('COMMIT');
        return result;
      } catch (error) {
        if (this.#connection.isTransaction) await this.#control('ROLLBACK');
        throw error;
      }
    }, options);
  }

  #control(sql: string): Promise<void> {
    return this.#observe(sql, async () => this.#connection.exec(sql));
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#last;
    if (this.#connection.isOpen) this.#connection.close();
  }

  async #enqueue<T>(
    work: () => Promise<T>,
    { timeout = this.#limits.timeout, isAbandoned }: UnitOptions = {},
  ): Promise<T> {
    if (this.#closed) throw new UnavailableError(new Error('the database is closed'));
    if (this.#waiting >= this.#limits.queueLimit) throw new UnavailableError(new Error('the queue is full'));
    const deadline = new Deadline(timeout);
    this.#waiting += 1;
    const turn = this.#last.then(async () => {
      await this.#yieldToEventLoop();
      if (isAbandoned?.()) throw new AbandonedError();
      return this.#retryWhileBusy(work, deadline);
    });
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /**
   * Units of work run within the process, one behind the other. Now and then the event loop must turn between them, or nobody
   * is answered meanwhile, no clock is looked at, and no client is seen to go away.
   */
  async #yieldToEventLoop(): Promise<void> {
    if (performance.now() - this.#lastYieldAt < maxTimeBeforeYield) return;
    await nextTurnOfEventLoop();
    this.#lastYieldAt = performance.now();
  }

  /** Another process may hold the file's lock for a moment: a command-line tool, or a backup. */
  async #retryWhileBusy<T>(work: () => Promise<T>, deadline: Deadline): Promise<T> {
    for (;;) {
      if (deadline.left === 0) throw new UnavailableError(new Error('the deadline for the database has passed'));
      this.#isInUse = true;
      try {
        return await work();
      } catch (error) {
        if (!isBusy(error)) throw error instanceof Error ? translated(error, 'a transaction') : error;
        this.#retries.conflict += 1;
        await sleep(Math.min(5 + Math.random() * 20, deadline.left));
      } finally {
        this.#isInUse = false;
      }
    }
  }
}

/** Opens an SQLite file with the settings under which what was acknowledged outlives a crash of the machine. */
export function openSqliteFile(path: string): Connection {
  mkdirSync(dirname(path), { recursive: true });
  // Made here where it is not there, so that nobody but the owner can read it.
  closeSync(openSync(path, 'a', 0o600));
  const connection = new DatabaseSync(path, { enableForeignKeyConstraints: true, timeout: 0 });
  connection.exec('PRAGMA journal_mode = WAL');
  connection.exec('PRAGMA synchronous = FULL');
  connection.exec('PRAGMA trusted_schema = OFF');
  // As the other databases' lower(), which has one small form of each letter, where JavaScript has another sigma for a word's end.
  connection.function('lower_unicode', { deterministic: true }, (text: unknown) =>
    typeof text === 'string' ? text.replaceAll('Σ', 'σ').toLowerCase() : text,
  );
  return connection;
}

class SqliteSession implements Session {
  readonly dialect = dialect;
  readonly #connection: Connection;
  readonly #observe: StatementObserver;
  readonly #statements = new Map<string, Statement>();

  constructor(connection: Connection, observe: StatementObserver) {
    this.#connection = connection;
    this.#observe = observe;
  }

  rows<Row extends object>(sql: string, values: readonly SqlValue[] = []): Promise<Row[]> {
    return this.#attempt(sql, (statement) => (statement.all(...values.map(escaped)) as Row[]).map(unescaped));
  }

  run(sql: string, values: readonly SqlValue[] = []): Promise<number> {
    return this.#attempt(sql, (statement) => Number(statement.run(...values.map(escaped)).changes));
  }

  proveCommitBy(): void {
    // The answer to a COMMIT cannot be lost within a process.
  }

  #attempt<T>(sql: string, use: (statement: Statement) => T): Promise<T> {
    return this.#observe(sql, async () => {
      try {
        return use(this.#prepared(sql));
      } catch (error) {
        throw isBusy(error) ? error : translated(error as Error, sql);
      }
    });
  }

  #prepared(sql: string): Statement {
    const known = this.#statements.get(sql);
    if (known !== undefined) return known;
    const statement = this.#connection.prepare(sql);
    if (this.#statements.size >= maxCachedStatements) {
      this.#statements.delete(this.#statements.keys().next().value as string);
    }
    this.#statements.set(sql, statement);
    return statement;
  }
}

/**
 * The library ends a text at its first NUL, both when it is bound and when it is read. So U+0000 is kept as U+0001 U+0001,
 * and U+0001 as U+0001 U+0002: different texts stay different, in the same order.
 */
function escaped(value: SqlValue): SqlValue {
  return typeof value === 'string'
    ? value.replaceAll('\u0001', '\u0001\u0002').replaceAll('\u0000', '\u0001\u0001')
    : value;
}

function unescaped<Row extends object>(row: Row): Row {
  const values = row as Record<string, unknown>;
  for (const [column, value] of Object.entries(values)) {
    if (typeof value !== 'string' || !value.includes('\u0001')) continue;
    values[column] = value.replaceAll('\u0001\u0001', '\u0000').replaceAll('\u0001\u0002', '\u0001');
  }
  return row;
}

function isBusy(error: unknown): boolean {
  return busy.has(resultCode(error) & 0xff);
}

function resultCode(error: unknown): number {
  const { errcode, sqliteExtendedCode } = error as { errcode?: number; sqliteExtendedCode?: number };
  return sqliteExtendedCode ?? errcode ?? 0;
}

function translated(error: Error, sql: string): Error {
  const code = resultCode(error);
  if (code === 0) return error;
  return new DatabaseError(reasonFor(code), `SQLITE ${code}`, sql);
}

function reasonFor(code: number): DatabaseErrorReason {
  if (duplicateKey.has(code)) return 'duplicate';
  return code === missingReference ? 'missingReference' : 'other';
}
