import type {
  ChangeOptions,
  Database,
  DatabaseLimits,
  Dialect,
  Reader,
  ScanOptions,
  Session,
  UnitOptions,
} from './database.js';

/**
 * A database in which every change is undone. Its transactions are those of the database behind it, with their locks, keys and
 * constraints, so what is refused in one would be refused in truth; but each is rolled back in the place of its commit.
 */
export class RehearsalDatabase implements Database {
  /** Each change has a transaction of its own: none may share one with others that are to hold. */
  readonly isObserved = true;
  readonly #database: Database;
  readonly #beforeUndone: (session: Session) => Promise<void>;

  /**
   * @param database what is read, and changed for as long as a transaction lasts
   * @param beforeUndone looks at what a transaction has done, while it lasts; it may be called several times, of which the last counts
   */
  constructor(database: Database, beforeUndone: (session: Session) => Promise<void>) {
    this.#database = database;
    this.#beforeUndone = beforeUndone;
  }

  get dialect(): Dialect {
    return this.#database.dialect;
  }

  get limits(): DatabaseLimits {
    return this.#database.limits;
  }

  read<T>(work: (session: Session) => Promise<T>, options?: UnitOptions): Promise<T> {
    return this.#database.read(work, options);
  }

  scan<T>(work: (reader: Reader) => Promise<T>, options: ScanOptions): Promise<T> {
    return this.#database.scan(work, options);
  }

  async change<T>(work: (session: Session) => Promise<T>, options?: ChangeOptions): Promise<T> {
    const undone = new Undone();
    let outcome: { readonly result: T } | undefined;
    try {
      await this.#database.change(async (session) => {
        outcome = { result: await work(session) };
        await this.#beforeUndone(session);
        // A transaction that fails is rolled back, on every database.
        throw undone;
      }, options);
    } catch (error) {
      if (error !== undone || outcome === undefined) throw error;
    }
    return (outcome as { readonly result: T }).result;
  }

  /** Does nothing: the database behind it is closed by whoever has opened it. */
  async close(): Promise<void> {}
}

/** Ends a transaction that has come to its end. */
class Undone extends Error {
  override readonly name = 'Undone';
}
