/** A source of choices that makes the same ones again for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed | 0;
  }

  /** A whole number from 0 to below a limit. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0;
    return scrambled(this.#state) % limit;
  }

  /** True in so many of a hundred cases. */
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }

  /** One entry of a list that has some. */
  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }

  /** As many entries as it is asked for, at least; at most so many more. */
  many<T>(least: number, most: number, make: (number: number) => T): T[] {
    return Array.from({ length: least + this.below(most - least + 1) }, (_, number) => make(number));
  }
}

/** A seed that depends on another and on a text alone. */
export function seedOf(seed: number, text: string): number {
  let hash = seed ^ 0x811c9dc5;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return scrambled(hash);
}

/** Every bit of it depends on every bit of the number: steps of MurmurHash3's end. */
function scrambled(number: number): number {
  let bits = Math.imul(number ^ (number >>> 16), 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 13), 0xc2b2ae35);
  return (bits ^ (bits >>> 16)) >>> 0;
}
