import { AbandonedError, UnavailableError } from '../errors.js';

const askedEvery = 100;

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
   * Waits for a promise until the deadline, or until nobody waits for it any more.
   *
   * @param givenUp called once where that comes first, to free what the promise holds
   * @param isAbandoned whether nobody waits for it any more: it is asked now and then
   * @throws UnavailableError where the deadline comes first, AbandonedError where nobody waits any more
   */
  bound<T>(promise: Promise<T>, givenUp: () => void, isAbandoned?: () => boolean): Promise<T> {
    return new Promise((resolve, reject) => {
      const giveUp = (error: Error) => {
        reject(error);
        givenUp();
      };
      const look = () => {
        if (this.left === 0) giveUp(new UnavailableError(new Error('the deadline for the database has passed')));
        else if (isAbandoned?.()) giveUp(new AbandonedError());
        else timer = wait();
      };
      const wait = () => setTimeout(look, isAbandoned === undefined ? this.left : Math.min(this.left, askedEvery));
      let timer = wait();
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
