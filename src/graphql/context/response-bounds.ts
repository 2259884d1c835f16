import type { GraphQLError } from 'graphql';
import { AbandonedError } from '../../errors.js';
import { exceeded } from '../document/document-limits.js';

/** Bounds one answer while it is made. */
export class ResponseBounds {
  /** How many bytes it may have. */
  readonly maxBytes: number;
  /** How many characters its texts may have: each takes a byte at least. */
  readonly maxCharacters: number;
  readonly #maxCharactersRead: number;
  readonly #isAbandoned: () => boolean;
  #charactersRead = 0;

  /**
   * @param maxBytes how many bytes the answer may have
   * @param maxCharactersRead how many characters may be read for it
   * @param isAbandoned whether its client has gone away
   */
  constructor(maxBytes: number, maxCharactersRead: number, isAbandoned: () => boolean) {
    this.maxBytes = maxBytes;
    this.maxCharacters = maxBytes;
    this.#maxCharactersRead = maxCharactersRead;
    this.#isAbandoned = isAbandoned;
  }

  /**
   * Makes sure that somebody waits for it.
   *
   * @throws AbandonedError
   */
  check(): void {
    if (this.#isAbandoned()) throw new AbandonedError();
  }

  /**
   * Counts rows that were read for it.
   *
   * @throws GraphQLError where it is too much
   */
  count(rows: readonly object[]): void {
    for (const row of rows) {
      for (const value of Object.values(row)) if (typeof value === 'string') this.#charactersRead += value.length;
    }
    if (this.#charactersRead > this.#maxCharactersRead) throw this.tooManyBytes();
  }

  /** What a client is told whose answer would have more bytes than it may. */
  tooManyBytes(): GraphQLError {
    return exceeded('bytes', this.maxBytes, 'GRAPHQL_MAX_BYTES');
  }
}
