import { AbandonedError, DomainError, OverloadedError } from '../errors.js';
import type { Database, Reader, ScanOptions, SqlValue } from './database.js';
import { Deadline } from './deadline.js';

// Two keep a server busy that has little else to do, and leave room beside them where it has.
const atOnce = 2;
const maxWaiting = 16;
/** What is found by the first of a scan's statements need not wait for what goes through very many rows. */
const statementsWithoutTurn = 4;
// What is left is for the answer: that a search was too broad must come before it is too late to say so.
const shareOfTimeout = 0.75;

/**
 * Lets reads go through many rows without being in the way of others. Each of their statements goes through a part of the rows,
 * in a unit of work of its own. After the first few it waits for its turn, of which there are few at a time: they take turns
 * statement by statement, so that one that finds little is not held up by one that goes through everything.
 */
export class ScanTurns {
  readonly #database: Pick<Database, 'dialect' | 'limits' | 'read'>;
  readonly #waiting = new Set<() => void>();
  #atWork = 0;
  #scans = 0;

  /** @param database where the units of work are done */
  constructor(database: Pick<Database, 'dialect' | 'limits' | 'read'>) {
    this.#database = database;
  }

  /** As {@link Database.scan}. */
  async run<T>(
    work: (reader: Reader) => Promise<T>,
    { timeout = this.#database.limits.timeout, isAbandoned, narrowing }: ScanOptions,
  ): Promise<T> {
    const deadline = new Deadline(timeout);
    const budget = new Deadline(timeout * shareOfTimeout);
    let sent = 0;
    const read = <Row extends object>(sql: string, values?: readonly SqlValue[]) =>
      this.#database.read((session) => session.rows<Row>(sql, values), {
        timeout: deadline.left,
        ...(isAbandoned === undefined ? {} : { isAbandoned }),
      });
    const rows = async <Row extends object>(sql: string, values?: readonly SqlValue[]): Promise<Row[]> => {
      sent += 1;
      if (sent <= statementsWithoutTurn) return read<Row>(sql, values);
      if (sent === statementsWithoutTurn + 1) this.#enter();
      await this.#turn(deadline);
      try {
        if (isAbandoned?.()) throw new AbandonedError();
        if (budget.left === 0) throw tooBroad(narrowing);
        return await read<Row>(sql, values);
      } finally {
        this.#giveBack();
      }
    };
    try {
      return await work({ dialect: this.#database.dialect, rows });
    } finally {
      if (sent > statementsWithoutTurn) this.#scans -= 1;
    }
  }

  #enter(): void {
    this.#scans += 1;
    if (this.#scans > atOnce + maxWaiting) throw new OverloadedError();
  }

  async #turn(deadline: Deadline): Promise<void> {
    if (this.#atWork < atOnce) {
      this.#atWork += 1;
      return;
    }
    let begin: () => void = () => undefined;
    const begun = new Promise<void>((resolve) => {
      begin = resolve;
    });
    this.#waiting.add(begin);
    await deadline.bound(begun, () => {
      // Its turn may have come in the same moment: it is then the next one's.
      if (!this.#waiting.delete(begin)) this.#giveBack();
    });
  }

  /** The turn goes on to who has waited longest. */
  #giveBack(): void {
    const [next] = this.#waiting;
    if (next === undefined) this.#atWork -= 1;
    else {
      this.#waiting.delete(next);
      next();
    }
  }
}

function tooBroad(narrowing: string): DomainError {
  return new DomainError(
    'SEARCH_TOO_BROAD',
    `More entries would have to be looked at than there is time for. ${narrowing}`,
  );
}
