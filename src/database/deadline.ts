import { UnavailableError } from '../errors.js';

/** A moment by which a unit of work must have ended. */
export class Deadline {
  readonly #at: number;

  /** @param milliseconds from now */
  constructor(milliseconds: number) {
    this.#at = performance.now() + milliseconds;
  }

  /** Milliseconds left, 0 where it has passed. */
  get left(): number {
    return Math.max(0, this.#at - performance.now());
  }

  /**
   * Waits for a promise until the deadline.
   *
   * @param expired called once where the deadline comes first, to free what the promise holds
   * @throws UnavailableError where the deadline comes first
   */
  async bound<T>(promise: Promise<T>, expired: () => void): Promise<T> {
    let timer: NodeJS.Timeout | undefined;
    const expiry = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(new UnavailableError(new Error('the deadline for the database has passed')));
        expired();
      }, this.left);
    });
    try {
      return await Promise.race([promise, expiry]);
    } finally {
      clearTimeout(timer);
      promise.catch(() => undefined);
    }
  }
}
