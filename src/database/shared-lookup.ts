import DataLoader from 'dataloader';
import type { Database, Session, SqlValue } from './database.js';

/** The most keys that one statement looks up. */
export const largestLookup = 32;

/**
 * Looks rows up by a key. Those that are asked for at the same time share one statement, whichever requests they are for:
 * under load most of what a look-up costs is its round trip. Alone, a look-up waits for nobody.
 *
 * It remembers nothing. A statement is sent after all who share it have asked, so each sees what was acknowledged before.
 * Where every statement is observed, each look-up has one of its own, so that it is seen with the request that it is for.
 */
export class SharedLookup<Key, Row extends Key & object> {
  readonly #loader: DataLoader<Key, Row | undefined>;

  /**
   * @param select finds the rows that have one of the keys, in any order
   * @param valuesOf the values that a key consists of; texts have no space at their end, which MySQL would leave out of account
   */
  constructor(
    database: Database,
    select: (session: Session, keys: readonly Key[]) => Promise<Row[]>,
    valuesOf: (key: Key) => readonly SqlValue[],
  ) {
    const nameOf = (key: Key) => JSON.stringify(valuesOf(key));
    const readAll = async (keys: readonly Key[]) => {
      const rows = await database.read((session) => select(session, padded(keys)));
      const found = new Map(rows.map((row) => [nameOf(row), row]));
      return keys.map((key) => found.get(nameOf(key)));
    };
    this.#loader = new DataLoader(readAll, {
      cache: false,
      batch: !database.isObserved,
      maxBatchSize: largestLookup,
      // What came in with this one is looked up in the same turn of the event loop.
      batchScheduleFn: setImmediate,
    });
  }

  /**
   * Finds the row with a key.
   *
   * @returns undefined where there is none
   * @throws UnavailableError where the database does not answer in time, DatabaseError for anything else
   */
  find(key: Key): Promise<Row | undefined> {
    return this.#loader.load(key);
  }
}

/** Made a power of two long with its last key, so that the statements of all sizes are few enough to stay prepared. */
function padded<Key>(keys: readonly Key[]): readonly Key[] {
  const last = keys.at(-1) as Key;
  const length = 2 ** Math.ceil(Math.log2(keys.length));
  return length === keys.length ? keys : [...keys, ...new Array<Key>(length - keys.length).fill(last)];
}
