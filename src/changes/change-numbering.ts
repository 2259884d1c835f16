import { decodeTime } from 'ulid';
import type { Database, Session } from '../database/database.js';
import { UnavailableError } from '../errors.js';
import {
  assignPositions,
  lockLastPosition,
  proveLastPosition,
  selectLastPosition,
  selectUnnumbered,
  type UnnumberedChange,
  updateLastPosition,
} from './change.statements.js';

/** How often it is looked for changes, in milliseconds, by the gateway that numbered last, and by the others. */
const intervals = { active: 150, passive: 300 };
const numberedAtOnce = 2_000;
// By how much the clocks of two gateways may differ where more changes wait than are looked at.
const clockTolerance = 10_000;

/** What was seen of the feed at one look. */
interface Look {
  readonly lastPosition: number;
  /** The id of the first change without a position; undefined where all have one. */
  readonly waiting: string | undefined;
}

/**
 * Gives the changes that are committed their positions in the feed. Every gateway does it; the database makes sure that no two do
 * it at once. The one that did so last goes on; another takes over where a change waits and nobody has given positions meanwhile.
 */
export class ChangeNumbering {
  readonly #database: Database;
  readonly #onFailure: (error: unknown) => void;
  /** The last position that was given here; undefined where another gateway is at it. */
  #lastPosition: number | undefined;
  #before: Look | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #hasFailed = false;

  /**
   * @param database where the audit is kept
   * @param onFailure told where it fails, once until it goes on; not where the database is away, which is told elsewhere
   */
  constructor(database: Database, onFailure: (error: unknown) => void) {
    this.#database = database;
    this.#onFailure = onFailure;
  }

  /** Begins to look for changes again and again. */
  start(): void {
    const interval = this.#lastPosition === undefined ? intervals.passive : intervals.active;
    this.#timer = setTimeout(() => {
      this.#attempt().finally(() => {
        if (!this.#isStopped) this.start();
      });
    }, interval).unref();
  }

  /** Stops looking for changes. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  /** Looks once, and numbers what waits where it is at this gateway. */
  async look(): Promise<void> {
    const look = await this.#database.read(lookAtFeed);
    const { waiting, lastPosition } = look;
    const isStuck = this.#before?.waiting === waiting && this.#before?.lastPosition === lastPosition;
    this.#before = look;
    if (waiting !== undefined && (this.#lastPosition !== undefined || isStuck)) await this.#numberAll();
  }

  async #attempt(): Promise<void> {
    try {
      await this.look();
      this.#hasFailed = false;
    } catch (error) {
      this.#lastPosition = undefined;
      if (!this.#hasFailed && !(error instanceof UnavailableError)) this.#onFailure(error);
      this.#hasFailed = true;
    }
  }

  async #numberAll(): Promise<void> {
    for (let isMore = true; isMore && !this.#isStopped; ) {
      const expected = this.#lastPosition;
      const { lastPosition, count } = await this.#database.change((session) => number(session, expected));
      const isOurs = expected === undefined || count !== undefined;
      this.#lastPosition = isOurs ? lastPosition : undefined;
      isMore = count === numberedAtOnce;
    }
  }
}

async function lookAtFeed(session: Session): Promise<Look> {
  const lastPosition = await selectLastPosition(session);
  const [first] = await selectUnnumbered(session, 1);
  return { lastPosition, waiting: first?.id };
}

/**
 * Numbers the next changes.
 *
 * @param expected the last position that was given, where nothing is to be done at another
 * @returns how many, and the last position now
 */
async function number(
  session: Session,
  expected: number | undefined,
): Promise<{ lastPosition: number; count: number | undefined }> {
  // The lock comes before the first look at the changes, so that this sees all that was numbered before.
  const before = await lockLastPosition(session);
  if (expected !== undefined && before !== expected) return { lastPosition: before, count: undefined };
  const ids = (await nextInOrder(session)).slice(0, numberedAtOnce).map(({ id }) => id);
  if ((await assignPositions(session, ids, before + 1)) !== ids.length) {
    throw new Error('changes were numbered by another gateway, which did not hold the feed');
  }
  if (ids.length > 0) await updateLastPosition(session, before + ids.length);
  proveLastPosition(session, before + ids.length);
  return { lastPosition: before + ids.length, count: ids.length };
}

/**
 * The changes that wait, in their order. What one of them builds on is among them or was numbered before. Where too many wait,
 * those are left out whose forerunners may not have been read.
 */
async function nextInOrder(session: Session): Promise<UnnumberedChange[]> {
  for (let atMost = numberedAtOnce; ; atMost *= 4) {
    const read = await selectUnnumbered(session, atMost);
    if (read.length < atMost) return inOrder(read);
    const until = timeOf(read.at(-1) as UnnumberedChange) - clockTolerance;
    const safe = read.filter((change) => timeOf(change) < until);
    if (safe.length > 0) return inOrder(safe);
  }
}

/** By their ids, which go by the clocks of the gateways, but those of one datasource or account always as they came. */
export function inOrder(changes: readonly UnnumberedChange[]): UnnumberedChange[] {
  const indexes = new Map<string, number[]>();
  for (const [index, { targetId }] of changes.entries()) {
    if (targetId === null) continue;
    const found = indexes.get(targetId);
    if (found === undefined) indexes.set(targetId, [index]);
    else found.push(index);
  }
  const ordered = [...changes];
  for (const found of indexes.values()) {
    const sorted = found
      .map((index) => changes[index] as UnnumberedChange)
      .sort((one, other) => turnOf(one) - turnOf(other));
    for (const [turn, index] of found.entries()) ordered[index] = sorted[turn] as UnnumberedChange;
  }
  return ordered;
}

/** An account is only added and deleted, and has no versions. */
function turnOf({ version, operation }: UnnumberedChange): number {
  return version ?? (operation === 'addAccount' ? 1 : 2);
}

function timeOf({ id }: UnnumberedChange): number {
  return decodeTime(id.slice(1));
}
