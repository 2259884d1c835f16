/** What waits for its turn. */
export interface Turn {
  /** How much of what there is it takes. */
  readonly share: number;
  /** When it began to wait, by `performance.now()`. */
  readonly since: number;
  /** Whether nobody waits for it any more. */
  isAbandoned(): boolean;
  admit(): void;
  /** Told where its turn did not come in time. */
  refuse(): void;
  /** Told where its turn has come, and nobody waits for it any more. */
  abandon?(): void;
}

// A burst is worked off. Where there were some that wait without a break for longer than that, there are more than can be
// served, and a long queue would only make each answer late.
const maxBurst = 1000;
const maxWaitAfterwards = 250;
const maxRefusedAtOnce = 100;

/**
 * Gives out shares of what there is, in the order in which they are asked for; what waits for too long is refused. To let
 * clients wait for a refusal also slows those down that ask again at once.
 */
export class TurnQueue {
  readonly #capacity: number;
  readonly #onRefusal: () => void;
  readonly #queue = new Queue<Turn>();
  #taken = 0;
  #waitingSince = 0;
  #refusals = 0;
  #timer: NodeJS.Timeout | undefined;
  #admission: NodeJS.Immediate | undefined;

  /**
   * @param capacity how much there is
   * @param onRefusal told of each that is refused
   */
  constructor(capacity: number, onRefusal: () => void) {
    this.#capacity = capacity;
    this.#onRefusal = onRefusal;
  }

  /** How many wait now. */
  get waiting(): number {
    return this.#queue.length;
  }

  /** How many were refused since the start. */
  get refusals(): number {
    return this.#refusals;
  }

  /**
   * Admits, now or later, or refuses. One that would take more than there is, is admitted alone.
   *
   * @returns whether it was admitted at once
   */
  enter(turn: Turn): boolean {
    if (this.#queue.length === 0 && this.#hasRoomFor(turn)) {
      this.#admit(turn);
      return true;
    }
    if (this.#queue.length === 0) {
      this.#waitingSince = turn.since;
      this.#timer = setTimeout(() => this.#refuseLate(), maxBurst);
    }
    this.#queue.push(turn);
    return false;
  }

  /** Gives back what a turn has taken. */
  leave(share: number): void {
    this.#taken -= share;
    if (this.#queue.length === 0) return;
    // Not at once: what has come in meanwhile is to be read first, or those that wait would keep it from being seen.
    this.#admission ??= setImmediate(() => this.#admitNext());
  }

  #hasRoomFor({ share }: Turn): boolean {
    return this.#taken === 0 || this.#taken + share <= this.#capacity;
  }

  #admit(turn: Turn): void {
    this.#taken += turn.share;
    turn.admit();
  }

  #admitNext(): void {
    this.#admission = undefined;
    this.#refuseLate();
    while (this.#queue.first !== undefined && this.#hasRoomFor(this.#queue.first)) {
      const turn = this.#queue.shift() as Turn;
      if (turn.isAbandoned()) turn.abandon?.();
      else this.#admit(turn);
    }
  }

  #refuseLate(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    const late = now - (now - this.#waitingSince < maxBurst ? maxBurst : maxWaitAfterwards);
    for (let refused = 0; refused < maxRefusedAtOnce; refused += 1) {
      if ((this.#queue.first?.since ?? Number.POSITIVE_INFINITY) > late) break;
      const turn = this.#queue.shift() as Turn;
      if (turn.isAbandoned()) {
        turn.abandon?.();
        continue;
      }
      this.#refusals += 1;
      this.#onRefusal();
      turn.refuse();
    }
    const { first } = this.#queue;
    this.#timer = first && setTimeout(() => this.#refuseLate(), Math.max(1, first.since - late));
  }
}

/** First in, first out, in constant time. */
class Queue<T> {
  #entries: T[] = [];
  #next = 0;

  get length(): number {
    return this.#entries.length - this.#next;
  }

  get first(): T | undefined {
    return this.#entries[this.#next];
  }

  push(entry: T): void {
    this.#entries.push(entry);
  }

  shift(): T | undefined {
    const { first } = this;
    if (first !== undefined) this.#next += 1;
    if (this.#next * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#next);
      this.#next = 0;
    }
    return first;
  }
}
