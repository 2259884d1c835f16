import { isIP } from 'node:net';

/** Finds the addresses of a name. */
export type Resolve = (host: string) => Promise<readonly string[]>;

/**
 * Looks names up one after the other. The system's resolver has two threads for all of the gateway, and a name whose servers
 * never answer holds one of them for many seconds: the other stays for the gateway's own database.
 */
export class NameLookups {
  readonly #resolve: Resolve;
  #last: Promise<unknown> = Promise.resolve();

  /** @param resolve finds the addresses of one name */
  constructor(resolve: Resolve) {
    this.#resolve = resolve;
  }

  /**
   * Finds the addresses of a name; an address is its own. One that is under way cannot be called off.
   *
   * @param signal where it comes before the name's turn, the name is not looked up at all
   */
  async lookUp(host: string, signal: AbortSignal): Promise<readonly string[]> {
    if (isIP(host) !== 0) return [host];
    const before = this.#last;
    let end: () => void = () => undefined;
    this.#last = new Promise<void>((resolve) => {
      end = resolve;
    });
    try {
      await aborting(signal, before);
      return await this.#resolve(host);
    } finally {
      // Whoever gives up its turn lets the next one in no earlier.
      void before.then(end);
    }
  }
}

/** As a promise, or earlier where the signal comes. */
export function aborting<T>(signal: AbortSignal, work: Promise<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    signal.addEventListener('abort', abort, { once: true });
    if (signal.aborted) abort();
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', abort));
  });
}
