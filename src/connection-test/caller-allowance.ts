import type { Call } from '../security/call.js';
import { clientNetwork } from '../security/client-network.js';

const minute = 60_000;
const maxCallers = 10_000;

/** Counts what each caller asks for in a minute. Callers that are not known are counted by their address, as for every other limit. */
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
  take(call: Call, amount: number): number {
    if (call.caller.means === 'command line') return 0;
    const wait = this.waitFor(call, amount);
    if (wait > 0) return wait;
    const now = performance.now();
    const name = nameOf(call);
    const window = this.#windows.get(name);
    if (window !== undefined && window.ends > now) {
      window.count += amount;
      return 0;
    }
    if (this.#windows.size >= maxCallers) this.#forgetEnded(now);
    this.#windows.set(name, { count: amount, ends: now + minute });
    return 0;
  }

  /** As {@link take}, and nothing is taken. */
  waitFor(call: Call, amount: number): number {
    if (call.caller.means === 'command line') return 0;
    const now = performance.now();
    const { count, ends } = this.#windows.get(nameOf(call)) ?? { count: 0, ends: 0 };
    const isEnded = ends <= now;
    if ((isEnded ? 0 : count) + amount <= this.#limit) return 0;
    return Math.ceil(((isEnded ? now + minute : ends) - now) / 1000);
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

function nameOf({ caller, address }: Call): string {
  if (caller.means !== 'anonymous') return `${caller.means} ${caller.name}`;
  return `network ${address === null ? '' : clientNetwork(address)}`;
}
