import type { Call } from '../security/call.js';

const minute = 60_000;
const maxCallers = 10_000;

/** Counts what each caller asks for in a minute. Callers that are not known are counted by their address. */
export class CallerAllowance {
  readonly #limit: number;
  readonly #windows = new Map<string, { count: number; readonly ends: number }>();

  /** @param limit what one caller may ask for in a minute */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /**
   * Takes so much of a caller's allowance; what is beyond it is not taken.
   *
   * @returns 0, or after how many seconds there is more
   */
  take({ caller, address }: Call, amount: number): number {
    if (caller.means === 'command line') return 0;
    const now = performance.now();
    const name = caller.means === 'anonymous' ? `address ${address}` : `${caller.means} ${caller.name}`;
    let window = this.#windows.get(name);
    if (window === undefined || window.ends <= now) {
      if (this.#windows.size >= maxCallers) this.#forgetEnded(now);
      window = { count: 0, ends: now + minute };
      this.#windows.set(name, window);
    }
    if (window.count + amount > this.#limit) return Math.ceil((window.ends - now) / 1000);
    window.count += amount;
    return 0;
  }

  /** Where that is not enough, all are forgotten but those who have asked last. */
  #forgetEnded(now: number): void {
    for (const [name, { ends }] of this.#windows) if (ends <= now) this.#windows.delete(name);
    for (const name of this.#windows.keys()) {
      if (this.#windows.size < maxCallers) return;
      this.#windows.delete(name);
    }
  }
}
