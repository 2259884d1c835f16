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

/** Who is told of changes. */
export interface ChangeListener {
  /** Told of the next change. The one behind it comes when the promise resolves. */
  onChange(change: RecordedChange): Promise<void>;
  /** Told why there are no more. */
  onFailure(error: unknown): void;
}

/** Ends the following of changes. */
export interface Following {
  end(): void;
}

/** Where a listener stands. While it waits for changes that is all that is held for it: there may be thousands. */
class Follower implements Following {
  readonly listener: ChangeListener;
  readonly #leave: (follower: Follower) => void;
  /** Behind which change it stands; undefined where it begins with what comes from now on. */
  cursor: ChangeCursor | undefined;
  /** Whether its cursor is known to be one that can be gone on from. */
  isKnown = false;
  isBusy = false;
  isEnded = false;

  constructor(listener: ChangeListener, cursor: ChangeCursor | undefined, leave: (follower: Follower) => void) {
    this.listener = listener;
    this.cursor = cursor;
    this.#leave = leave;
  }

  end(): void {
    if (this.isEnded) return;
    this.isEnded = true;
    this.#leave(this);
  }
}

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
  readonly #followers = new Set<Follower>();
  #timer: NodeJS.Timeout | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  /** @param feed what it reads */
  constructor(feed: ChangeService) {
    this.#feed = feed;
  }

  /**
   * Follows the changes. The listener is told of a cursor that is too old (DomainError CURSOR_TOO_OLD), and where the database is away
   * before the first change (UnavailableError).
   *
   * @param after the cursor behind which to begin; absent for what comes from now on
   * @throws InvalidParametersError
   */
  follow(after: string | null | undefined, listener: ChangeListener): Following {
    const cursor = after ? readCursor(after) : undefined;
    if (after && cursor === undefined) {
      throw new InvalidParametersError([{ property: 'after', problem: 'must be a cursor that the feed gave' }]);
    }
    const follower = new Follower(listener, cursor, (one) => this.#leave(one));
    this.#followers.add(follower);
    void this.#advance(follower);
    return follower;
  }

  /** Tells a follower all that it has not been told, as far as that is known. */
  async #advance(follower: Follower): Promise<void> {
    if (follower.isBusy) return;
    follower.isBusy = true;
    try {
      const end = await this.#begin();
      if (follower.cursor === undefined) {
        follower.cursor = end;
        follower.isKnown = true;
      }
      while (!follower.isEnded && (await this.#tellNext(follower, follower.cursor)));
    } catch (error) {
      if (!follower.isEnded) {
        follower.end();
        follower.listener.onFailure(error);
      }
    } finally {
      follower.isBusy = false;
    }
    // What came in this very moment has found it busy.
    if (!follower.isEnded && (follower.cursor?.position ?? 0) < (this.#end?.position ?? 0))
      void this.#advance(follower);
  }

  /** @returns whether there may be more to tell */
  async #tellNext(follower: Follower, cursor: ChangeCursor): Promise<boolean> {
    const recent = follower.isKnown ? this.#recentBehind(cursor) : undefined;
    if (recent !== undefined) {
      await this.#tell(follower, recent);
      return true;
    }
    if (follower.isKnown && cursor.position >= (this.#end?.position ?? 0)) return false;
    const page = await this.#caughtUp(cursor, follower.isKnown);
    follower.isKnown = true;
    for (const change of page?.changes ?? []) {
      if (follower.isEnded) return false;
      await this.#tell(follower, change);
    }
    return true;
  }

  #tell(follower: Follower, change: RecordedChange): Promise<void> {
    follower.cursor = { position: change.position, id: change.id };
    return follower.listener.onChange(change);
  }

  async #begin(): Promise<ChangeCursor> {
    if (this.#end !== undefined) return this.#end;
    const end = await this.#inTurn(async () => this.#end ?? this.#feed.end());
    // Others may have begun meanwhile, and gone on; or all may have left.
    if (this.#followers.size === 0) return end;
    this.#end ??= end;
    this.#timer ??= setTimeout(() => this.#readOn(), interval);
    return this.#end;
  }

  #leave(follower: Follower): void {
    this.#followers.delete(follower);
    if (this.#followers.size > 0) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#end = undefined;
    this.#recent = [];
  }

  #readOn(): void {
    const end = this.#end;
    const timer = this.#timer;
    if (end === undefined) return;
    this.#inTurn(() => this.#feed.pageFrom(end, readAtOnce))
      .then(
        (page) => this.#take(page, end),
        // What it stands behind is not kept any more: whoever follows is told so when it reads on by itself.
        (error: unknown) => (error instanceof UnavailableError ? undefined : this.#beginAnew()),
      )
      .finally(() => {
        // Where all have left and others begun meanwhile, it is read on for these already.
        if (this.#timer === timer) this.#timer = setTimeout(() => this.#readOn(), interval);
      });
  }

  /** @param from behind what it was read; all may have left meanwhile, and others begun elsewhere */
  #take({ changes, cursor }: ChangePage, from: ChangeCursor): void {
    if (changes.length === 0 || this.#end !== from) return;
    this.#recent = [...this.#recent, ...changes].slice(-maxRecent);
    this.#end = cursor;
    this.#advanceAll();
  }

  async #beginAnew(): Promise<void> {
    this.#recent = [];
    const end = await this.#inTurn(() => this.#feed.end()).catch(() => undefined);
    if (end !== undefined && this.#end !== undefined) this.#end = end;
    this.#advanceAll();
  }

  #advanceAll(): void {
    for (const follower of this.#followers) void this.#advance(follower);
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

  #inTurn<T>(read: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(read);
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
