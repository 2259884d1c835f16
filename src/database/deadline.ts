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
  bound<T>(promise: Promise<T>, expired: () => void): Promise<T> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new UnavailableError(new Error('the deadline for the database has passed')));
        expired();
      }, this.left);
      promise.then(
        (value) => {
          clearTimeout(timer);
          resolve(value);
        },
        (error: unknown) => {
          clearTimeout(timer);
          reject(error);
        },
      );
    });
  }
}
