import { createHash, randomBytes } from 'node:crypto';

/**
 * On which line of a file each key stands. Of a key eight bytes are kept, so that a million of them take some 25 MB: that two
 * keys of a file of a million have the same eight bytes happens once in some 40 million files.
 */
export class KeyLines {
  // So that nobody can make keys that have the same eight bytes.
  readonly #salt = randomBytes(16);
  #digests = new BigUint64Array(1024);
  #lines = new Uint32Array(1024);
  #count = 0;

  /**
   * Notes where a key stands, unless it was noted before.
   *
   * @returns the line where it was noted first; undefined where this is the first
   */
  note(key: readonly (string | number)[], line: number): number | undefined {
    if (2 * this.#count >= this.#digests.length) this.#grow();
    const digest = this.#digestOf(key);
    const slot = slotOf(this.#digests, digest);
    if (this.#digests[slot] !== 0n) return this.#lines[slot];
    this.#digests[slot] = digest;
    this.#lines[slot] = line;
    this.#count += 1;
    return undefined;
  }

  /** The line where a key was noted first; undefined where it was not. */
  lineOf(key: readonly (string | number)[]): number | undefined {
    const slot = slotOf(this.#digests, this.#digestOf(key));
    return this.#digests[slot] === 0n ? undefined : this.#lines[slot];
  }

  #digestOf(key: readonly (string | number)[]): bigint {
    const digest = createHash('sha256').update(this.#salt).update(JSON.stringify(key)).digest().readBigUInt64LE();
    // Zero marks a free slot.
    return digest === 0n ? 1n : digest;
  }

  #grow(): void {
    const digests = new BigUint64Array(2 * this.#digests.length);
    const lines = new Uint32Array(digests.length);
    for (const [from, digest] of this.#digests.entries()) {
      if (digest === 0n) continue;
      const to = slotOf(digests, digest);
      digests[to] = digest;
      lines[to] = this.#lines[from] as number;
    }
    [this.#digests, this.#lines] = [digests, lines];
  }
}

/** The slot of a digest, or the free one where it belongs. */
function slotOf(digests: BigUint64Array, digest: bigint): number {
  const mask = digests.length - 1;
  let slot = Number(digest & BigInt(mask));
  while (digests[slot] !== 0n && digests[slot] !== digest) slot = (slot + 1) & mask;
  return slot;
}
