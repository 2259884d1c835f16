import { setTimeout as sleep } from 'node:timers/promises';
import { InvalidParametersError, UnavailableError } from '../errors.js';
import type { ChangePage, ChangeService } from './change.service.js';
import type { RecordedChange } from './change.statements.js';
import { type ChangeCursor, readCursor } from './change-cursor.js';

const interval = 150;
const pauseWhileAway = 1_000;
const readAtOnce = 200;
const maxRecent = 1_000;
const caughtUpAtOnce = 20;

/**
 * Tells changes to any number of followers as they come. All of them together cost the database one reader, which reads on while
 * there is somebody to tell; whoever is far behind is caught up by the same reader, in turn.
 */
export class ChangeBroadcast {
  readonly #feed: ChangeService;
  /** The last changes that were read, without a gap. */
  #recent: RecordedChange[] = [];
  /** Up to where the changes are read; undefined while nobody follows. */
  #end: ChangeCursor | undefined;
  #followers = 0;
  #timer: NodeJS.Timeout | undefined;
  readonly #waiting = new Set<() => void>();
  #turn: Promise<unknown> = Promise.resolve();

  /** @param feed what it reads */
  constructor(feed: ChangeService) {
    this.#feed = feed;
  }

  /**
   * Follows the changes.
   *
   * @param after the cursor behind which to begin; absent for what comes from now on
   * @param signal ends it
   * @param idle after how long without a change it gives undefined, in milliseconds
   * @throws InvalidParametersError; DomainError CURSOR_TOO_OLD; UnavailableError before the first change
   */
  async *follow(
    after: string | null | undefined,
    signal: AbortSignal,
    idle: number,
  ): AsyncGenerator<RecordedChange | undefined> {
    const given = after ? readCursor(after) : undefined;
    if (after && given === undefined) {
      throw new InvalidParametersError([{ property: 'after', problem: 'must be a cursor that the feed gave' }]);
    }
    this.#followers += 1;
    try {
      const end = await this.#begin();
      let cursor = given ?? end;
      let isKnown = given === undefined;
      while (!signal.aborted) {
        const recent = isKnown ? this.#recentBehind(cursor) : undefined;
        if (recent !== undefined) {
          cursor = recent;
          yield recent;
        } else if (isKnown && cursor.position >= (this.#end?.position ?? 0)) {
          if (!(await this.#more(signal, idle))) yield undefined;
        } else {
          const page = await this.#caughtUp(cursor, isKnown);
          isKnown = true;
          for (const change of page?.changes ?? []) {
            if (signal.aborted) return;
            cursor = change;
            yield change;
          }
        }
      }
    } finally {
      this.#followers -= 1;
      if (this.#followers === 0) this.#stop();
    }
  }

  async #begin(): Promise<ChangeCursor> {
    if (this.#end !== undefined) return this.#end;
    const end = await this.#inTurn(async () => this.#end ?? this.#feed.end());
    // Others may have begun meanwhile, and gone on.
    this.#end ??= end;
    this.#timer ??= setTimeout(() => this.#readOn(), interval);
    return this.#end;
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#end = undefined;
    this.#recent = [];
  }

  #readOn(): void {
    const end = this.#end;
    if (end === undefined) return;
    this.#inTurn(() => this.#feed.pageFrom(end, readAtOnce))
      .then(
        (page) => this.#take(page),
        // What it stands behind is not kept any more: whoever follows is told so when it reads on by itself.
        (error: unknown) => (error instanceof UnavailableError ? undefined : this.#beginAnew()),
      )
      .finally(() => {
        if (this.#end !== undefined) this.#timer = setTimeout(() => this.#readOn(), interval);
      });
  }

  #take({ changes, cursor }: ChangePage): void {
    if (changes.length === 0 || this.#end === undefined) return;
    this.#recent = [...this.#recent, ...changes].slice(-maxRecent);
    this.#end = cursor;
    this.#wakeAll();
  }

  async #beginAnew(): Promise<void> {
    this.#recent = [];
    const end = await this.#inTurn(() => this.#feed.end()).catch(() => undefined);
    if (end !== undefined && this.#end !== undefined) this.#end = end;
    this.#wakeAll();
  }

  #wakeAll(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }

  #recentBehind({ position }: ChangeCursor): RecordedChange | undefined {
    const [first] = this.#recent;
    if (first === undefined) return undefined;
    const next = this.#recent[position + 1 - first.position];
    return next?.position === position + 1 ? next : undefined;
  }

  /** Reads on for one that is behind; undefined where the database is away, which a follower that has begun waits for. */
  async #caughtUp(cursor: ChangeCursor, hasBegun: boolean): Promise<ChangePage | undefined> {
    try {
      return await this.#inTurn(() => this.#feed.pageFrom(cursor, caughtUpAtOnce));
    } catch (error) {
      if (!hasBegun || !(error instanceof UnavailableError)) throw error;
      await sleep(pauseWhileAway);
      return undefined;
    }
  }

  /** Waits for more changes, for so long at most. */
  #more(signal: AbortSignal, longest: number): Promise<boolean> {
    return new Promise((resolve) => {
      const end = (isMore: boolean) => {
        clearTimeout(timer);
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve(isMore);
      };
      const wake = () => end(true);
      const timer = setTimeout(() => end(false), longest);
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
    });
  }

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(read);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
