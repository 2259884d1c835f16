import DataLoader from 'dataloader';
import type { Database, Session, SqlValue, UnitOptions } from './database.js';

/** Who waits for a look-up. */
type Asker = Pick<UnitOptions, 'isAbandoned'>;

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
  readonly #loader: DataLoader<{ readonly key: Key; readonly asker: Asker }, Row | undefined>;

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
    const readAll = async (asked: readonly { readonly key: Key; readonly asker: Asker }[]) => {
      const keys = padded(asked.map(({ key }) => key));
      const isAbandoned = () => asked.every(({ asker }) => asker.isAbandoned?.());
      const rows = await database.read((session) => select(session, keys), { isAbandoned });
      const found = new Map(rows.map((row) => [nameOf(row), row]));
      return asked.map(({ key }) => found.get(nameOf(key)));
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
   * @param asker who waits for it
   * @returns undefined where there is none
   * @throws UnavailableError where the database does not answer in time, AbandonedError where nobody waits for it any more,
   *   DatabaseError for anything else
   */
  find(key: Key, asker: Asker = {}): Promise<Row | undefined> {
    return this.#loader.load({ key, asker });
  }
}

/** Made a power of two long with its last key, so that the statements of all sizes are few enough to stay prepared. */
function padded<Key>(keys: readonly Key[]): readonly Key[] {
  const last = keys.at(-1) as Key;
  const length = 2 ** Math.ceil(Math.log2(keys.length));
  return length === keys.length ? keys : [...keys, ...new Array<Key>(length - keys.length).fill(last)];
}
