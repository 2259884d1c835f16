import DataLoader from 'dataloader';
import type { Database, Session, SqlValue, UnitOptions } from './database.js';
import { padded } from './padded-keys.js';

/** Who waits for a look-up. */
type Asker = Pick<UnitOptions, 'isAbandoned'>;

interface Asked<Key> {
  readonly key: Key;
  readonly asker: Asker;
}

/** The most keys that one statement looks up. */
export const maxLookupKeys = 32;

/**
 * Looks rows up by a key. Those that are asked for at the same time share one statement, whichever requests they are for:
 * under load most of what a look-up costs is its round trip. One that finds none under way is sent at once.
 *
 * It remembers nothing. A statement is sent after all who share it have asked, so each sees what was acknowledged before.
 * Where every statement is observed, each look-up has one of its own, so that it is seen with the request that it is for.
 */
export class SharedLookup<Key, Row extends Key & object> {
  readonly #readAll: (asked: readonly Asked<Key>[]) => Promise<(Row | undefined)[]>;
  readonly #loader: DataLoader<Asked<Key>, Row | undefined>;
  #underWay = 0;

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
    this.#readAll = async (asked) => {
      this.#underWay += 1;
      try {
        const keys = padded(asked.map(({ key }) => key));
        const isAbandoned = () => asked.every(({ asker }) => asker.isAbandoned?.());
        const rows = await database.read((session) => select(session, keys), { isAbandoned });
        if (asked.length === 1) return [rows[0]];
        const found = new Map(rows.map((row) => [nameOf(row), row]));
        return asked.map(({ key }) => found.get(nameOf(key)));
      } finally {
        this.#underWay -= 1;
      }
    };
    this.#loader = new DataLoader(this.#readAll, {
      cache: false,
      batch: !database.isObserved,
      maxBatchSize: maxLookupKeys,
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
  async find(key: Key, asker: Asker = {}): Promise<Row | undefined> {
    const asked = { key, asker };
    return this.#underWay === 0 ? (await this.#readAll([asked]))[0] : this.#loader.load(asked);
  }
}
