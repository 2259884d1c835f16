/** What a statement may be given as a value. */
export type SqlValue = string | number | null | Buffer;

/** The languages that differ where {@link Dialect} says so. */
export type DialectName = 'mysql' | 'sqlite';

/** What differs between the databases in the statements of the services. */
export interface Dialect {
  readonly name: DialectName;
  /** Joins a table that is not to be read before those that stand in front of it. */
  readonly joinBehind: string;
  /** Ends a SELECT whose rows must not change before the transaction ends. */
  readonly forUpdate: string;
  /** As {@link forUpdate}; rows that others have locked are left out, and not waited for. */
  readonly forUpdateSkipLocked: string;
  /** Ends a SELECT whose rows others may refer to, but not delete before the transaction ends; locked ones are left out. */
  readonly forShareSkipLocked: string;
  /** A column in lower case, to be compared with {@link loweredText}. */
  lowered(column: string): string;
  /** A value in lower case. */
  readonly loweredText: string;
  /** How many rows a statement may go through: of a scan the first, and any of them at most. */
  readonly rowsOfPart: { readonly first: number; readonly most: number };
}

/** What statements that return rows are run by. Each takes its values apart from its text. */
export interface Reader {
  readonly dialect: Dialect;
  /** Runs a statement that returns rows. */
  rows<Row extends object>(sql: string, values?: readonly SqlValue[]): Promise<Row[]>;
}

/** One connection, for as long as a unit of work lasts. */
export interface Session extends Reader {
  /** Runs a statement that returns none, and gives the number of rows that it found to change. */
  run(sql: string, values?: readonly SqlValue[]): Promise<number>;
  /**
   * Says how to find out whether the transaction holds, should the answer to its COMMIT be lost.
   *
   * @param sql a statement that finds a row where it does, and none where it does not
   */
  proveCommitBy(sql: string, values: readonly SqlValue[]): void;
}

/** For whom a unit of work is done. */
export interface UnitOptions {
  /** How long it may take in all, in milliseconds, where that is less than any unit of work may. */
  readonly timeout?: number;
  /** Whether nobody waits for it any more. It is asked when the turn of the unit has come, which is then not begun. */
  readonly isAbandoned?: () => boolean;
}

/** How rows are gone through. */
export interface ScanOptions extends UnitOptions {
  /** A sentence for the caller: what to do so that fewer rows need be gone through. */
  readonly narrowing: string;
}

/** How a change is made. */
export interface ChangeOptions extends UnitOptions {
  /** Whether it is made for several callers: it is then not repeated where others are in its way. */
  readonly isShared?: boolean;
}

/** How much of the database may be used. */
export interface DatabaseLimits {
  /** How long a unit of work may take in all, its wait included, in milliseconds. */
  readonly timeout: number;
  /** Connections at most. */
  readonly poolSize: number;
  /** Units of work that may wait at most. */
  readonly queueLimit: number;
}

/**
 * The register's database. A unit of work is one function over one session; it may be run again from its start where the
 * database asks for that, so it must have no other effect than its statements.
 */
export interface Database {
  readonly dialect: Dialect;
  /** Whether something sees every statement, and must know what it is run for. */
  readonly isObserved: boolean;
  readonly limits: DatabaseLimits;
  /**
   * Runs statements that only read, each on its own.
   *
   * @throws UnavailableError where the database does not answer in time, AbandonedError where nobody waits for it any more,
   *   DatabaseError for anything else
   */
  read<T>(work: (session: Session) => Promise<T>, options?: UnitOptions): Promise<T>;
  /**
   * Runs statements that only read, and go through many rows, each through a part of them: each in a unit of work of its own.
   * How many such are done at a time is bounded.
   *
   * @throws DomainError SEARCH_TOO_BROAD where they take too long, OverloadedError where too many others wait already, and what
   *   {@link read} throws
   */
  scan<T>(work: (reader: Reader) => Promise<T>, options: ScanOptions): Promise<T>;
  /**
   * Runs statements as one transaction: all of them hold once this returns, or none does once it throws.
   *
   * @throws UnavailableError where the database does not answer in time (whether an interrupted commit held is then not
   *   known), AbandonedError where nobody waits for it any more, ConflictError where it is shared and others were in its way,
   *   DatabaseError for anything else, and what `work` throws
   */
  change<T>(work: (session: Session) => Promise<T>, options?: ChangeOptions): Promise<T>;
  /** Closes all connections, when the units of work under way have ended. */
  close(): Promise<void>;
}

/** Why something had to be done again: others were in the way, the server was gone, or the answer to a COMMIT was lost. */
export type RetryReason = 'conflict' | 'server_away' | 'lost_commit';

/** How a database is used, for those who watch. */
export interface DatabaseUse {
  /** Connections at most. */
  readonly limit: number;
  /** Connections that units of work have now. */
  readonly inUse: number;
  /** Units of work that wait for a connection now. */
  readonly waiting: number;
  /** How often units of work were run again, or a commit was looked up, since the start. */
  readonly retries: Readonly<Record<RetryReason, number>>;
}

/**
 * Runs a statement, and sees how long it takes and what comes of it.
 *
 * @param sql the statement without its values
 */
export type StatementObserver = <T>(sql: string, run: () => Promise<T>) => Promise<T>;

/** Why the database refused a statement, as far as services care. */
export type DatabaseErrorReason = 'duplicate' | 'missingReference' | 'other';

/** Others were in the way of a transaction, and nothing of it holds. */
export class ConflictError extends Error {
  override readonly name = 'ConflictError';
}

const maxShownLength = 1000;

/**
 * A statement that the database refused. Its message carries the driver's codes and the statement without its values:
 * the driver's own text may repeat values, so it is kept out even of the log.
 */
export class DatabaseError extends Error {
  override readonly name: string = 'DatabaseError';

  /**
   * @param reason what a service may act on
   * @param code the driver's own code
   * @param sql the statement, without its values
   */
  constructor(
    readonly reason: DatabaseErrorReason,
    readonly code: string,
    readonly sql: string,
  ) {
    // One that writes many rows at once is long, and says no more behind its beginning.
    super(`${code} in: ${sql.length > maxShownLength ? `${sql.slice(0, maxShownLength)}…` : sql}`);
  }
}
