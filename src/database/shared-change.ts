import { AbandonedError, UnavailableError } from '../errors.js';
import { type ChangeOptions, ConflictError, type Database, DatabaseError, type Session } from './database.js';
import { Deadline } from './deadline.js';
import { roundCount } from './row-counts.js';

/** The most changes of one transaction. */
export const maxTogether = 32;
const maxBytes = 1024 * 1024;
const maxTransactions = 2;
// A second transaction is begun where so many wait: where fewer do, to wait for the first makes the next one larger, and
// costs less in all than a transaction more.
const enoughForAnother = maxTogether / 2;
// In milliseconds. By then the first has met a slow disk, and the second loses nothing by joining it.
const maxSoleTime = 10;
// In milliseconds. What takes longer waits for another's lock, or for a database that more transactions do no harm to.
const maxWaitedFor = 100;

/** How changes of one kind are made. */
export interface ChangeMaker<Change, Result> {
  /** Makes one in a transaction of its own. */
  alone(change: Change, options: ChangeOptions): Promise<Result>;
  /**
   * Makes several in one transaction, no two of the same row. What it does must be sure to succeed, and must not wait for others:
   * whatever is in doubt, or refused, is left to {@link alone}.
   *
   * @returns what came of each; undefined for those that are left
   */
  together(session: Session, changes: readonly Change[]): Promise<readonly (Result | undefined)[]>;
  /** Whether nobody waits for it any more; it is then not begun. */
  isAbandoned(change: Change): boolean;
  /** Names the row that it changes. */
  rowOf(change: Change): string;
  /** About how many bytes it writes. */
  bytesOf(change: Change): number;
}

interface Waiting<Change, Result> {
  readonly change: Change;
  readonly row: string;
  readonly deadline: Deadline;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Lets changes share a transaction: most of what one costs is its round trips and its commit. What comes in while one is under
 * way goes into the next; one that finds none under way is made at once. A second is begun beside the first where many
 * wait, or where the first takes longer than a hundredth of a second. What takes longer than a tenth is not waited for.
 *
 * Each has its own outcome, and its own deadline. It holds once its promise resolves, and not before. A transaction that fails for
 * anything but an absent database is rolled back, and its changes are made again, each alone: so what is wrong with one is told of
 * that one, and no change is worse off than if all were made alone after one failed attempt.
 *
 * Where every statement is observed, each change has a transaction of its own, so that it is seen with the request that it is for.
 */
export class SharedChange<Change, Result> {
  readonly #database: Database;
  readonly #maker: ChangeMaker<Change, Result>;
  /** The rows that are being changed. */
  readonly #rows = new Set<string>();
  #waiting: Waiting<Change, Result>[] = [];
  #transactions = 0;
  /** Those that were begun within {@link maxSoleTime}. */
  #young = 0;
  #start: NodeJS.Immediate | undefined;

  constructor(database: Database, maker: ChangeMaker<Change, Result>) {
    this.#database = database;
    this.#maker = maker;
  }

  /**
   * Makes a change.
   *
   * @throws UnavailableError where the database does not answer in time (whether it holds is then not known), AbandonedError where
   *   nobody waits for it any more, what the change is refused for, DatabaseError for anything else
   */
  make(change: Change): Promise<Result> {
    if (this.#database.isObserved) {
      return this.#maker.alone(change, { isAbandoned: () => this.#maker.isAbandoned(change) });
    }
    const { timeout, queueLimit } = this.#database.limits;
    if (this.#waiting.length >= queueLimit) {
      return Promise.reject(new UnavailableError(new Error('too many changes wait')));
    }
    const deadline = new Deadline(timeout);
    const made = new Promise<Result>((resolve, reject) => {
      this.#waiting.push({ change, row: this.#maker.rowOf(change), deadline, resolve, reject });
    });
    if (this.#transactions === 0) this.#startNext();
    else this.#startSoon();
    return deadline.bound(made, () => undefined);
  }

  /** What comes in within the same turn of the event loop goes together. */
  #startSoon(): void {
    this.#start ??= setImmediate(() => {
      this.#start = undefined;
      this.#startNext();
    });
  }

  #startNext(): void {
    const most = Math.min(maxTransactions, this.#database.limits.poolSize);
    while (this.#waiting.length > 0 && this.#transactions < most) {
      if (this.#young > 0 && this.#waiting.length < enoughForAnother) return;
      const taken = this.#take();
      if (taken.length === 0) return;
      const leave = this.#enter();
      void this.#makeAll(taken).finally(() => {
        leave();
        this.#startSoon();
      });
    }
  }

  /** @returns what says, at its end, that others need not wait for the transaction any more */
  #enter(): () => void {
    this.#transactions += 1;
    this.#young += 1;
    let age: 'young' | 'old' | 'left' = 'young';
    const leave = () => {
      clearTimeout(timer);
      if (age === 'left') return;
      if (age === 'young') this.#young -= 1;
      age = 'left';
      this.#transactions -= 1;
      this.#startSoon();
    };
    let timer = setTimeout(() => {
      age = 'old';
      this.#young -= 1;
      timer = setTimeout(leave, maxWaitedFor - maxSoleTime);
      this.#startSoon();
    }, maxSoleTime);
    return leave;
  }

  /** Takes those who have waited longest, of each row one at a time; what nobody waits for any more is dropped. */
  #take(): Waiting<Change, Result>[] {
    const taken: Waiting<Change, Result>[] = [];
    const left: Waiting<Change, Result>[] = [];
    const admissible: Waiting<Change, Result>[] = [];
    let bytes = 0;
    for (const one of this.#waiting) {
      if (this.#maker.isAbandoned(one.change)) one.reject(new AbandonedError());
      else if (one.deadline.left > 0) admissible.push(one);
    }
    const most = roundCount(Math.min(admissible.length, maxTogether));
    for (const one of admissible) {
      const sum = bytes + this.#maker.bytesOf(one.change);
      if (taken.length === most || this.#rows.has(one.row) || (taken.length > 0 && sum > maxBytes)) {
        left.push(one);
      } else {
        taken.push(one);
        this.#rows.add(one.row);
        bytes = sum;
      }
    }
    this.#waiting = left;
    return taken;
  }

  async #makeAll(taken: readonly Waiting<Change, Result>[]): Promise<void> {
    const [first] = taken;
    if (first !== undefined && taken.length === 1) return this.#makeAlone(first);
    const left = await this.#makeTogether(taken);
    for (const one of taken) if (!left.includes(one)) this.#rows.delete(one.row);
    // Nobody else waits for what is one's own fault, or for a row that another has locked.
    for (const one of left) void this.#makeAlone(one).finally(() => this.#startSoon());
  }

  /** @returns those that must be made alone */
  async #makeTogether(taken: readonly Waiting<Change, Result>[]): Promise<readonly Waiting<Change, Result>[]> {
    const changes = taken.map(({ change }) => change);
    const timeout = Math.max(...taken.map(({ deadline }) => deadline.left));
    const state = { isCommitting: false };
    try {
      const outcomes = await this.#database.change(
        async (session) => {
          state.isCommitting = false;
          const made = await this.#maker.together(session, changes);
          state.isCommitting = true;
          return made;
        },
        { timeout, isShared: true },
      );
      return taken.filter((one, place) => {
        const outcome = outcomes[place];
        if (outcome !== undefined) one.resolve(outcome);
        return outcome === undefined;
      });
    } catch (error) {
      // What was refused at its COMMIT may hold.
      const isUndone = error instanceof ConflictError || (error instanceof DatabaseError && !state.isCommitting);
      if (isUndone) return taken;
      for (const { reject } of taken) reject(error);
      return [];
    }
  }

  async #makeAlone({ change, row, deadline, resolve, reject }: Waiting<Change, Result>): Promise<void> {
    const isAbandoned = () => this.#maker.isAbandoned(change);
    await this.#maker.alone(change, { timeout: deadline.left, isAbandoned }).then(resolve, reject);
    this.#rows.delete(row);
  }
}
