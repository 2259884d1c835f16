import type { Logger } from 'pino';
import type { AccountIdService } from '../accounts/account-id.service.js';

const checkInterval = 60_000;
const retryInterval = 2_000;
/** Of the time, one part in so many may be spent with looking. */
const minIntervalRatio = 50;

/** Whether the profile is on. */
export type PortalState = 'on' | 'off' | 'unknown';

/**
 * Whether the profile is on: only while no account id is registered more than once, since the pages would take one account
 * for another. It is looked at from the start on, once a minute, so that all gateways of a register come to the same.
 */
export class PortalSwitch {
  readonly #accountIds: AccountIdService;
  readonly #log: Pick<Logger, 'error' | 'warn' | 'info'>;
  #state: PortalState = 'unknown';
  #known: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  /** @param log told of account ids that are registered more than once */
  constructor(accountIds: AccountIdService, log: Pick<Logger, 'error' | 'warn' | 'info'>) {
    this.#accountIds = accountIds;
    this.#log = log;
  }

  /** How it is now; `unknown` where it was not found out yet. */
  get state(): PortalState {
    return this.#state;
  }

  /** Looks for the first time, and from then on again and again. Where the database does not answer, it stays as it is. */
  async start(): Promise<void> {
    const started = performance.now();
    const next = await this.#look().then(
      () => Math.max(checkInterval, minIntervalRatio * (performance.now() - started)),
      (error: unknown) => {
        this.#log.warn({ err: error }, 'whether an account id is registered more than once could not be found out');
        return retryInterval;
      },
    );
    if (!this.#isClosed) this.#timer = setTimeout(() => void this.start(), next).unref();
  }

  /** Looks no more. */
  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  async #look(): Promise<void> {
    const shared = await this.#accountIds.shared();
    this.#state = shared.length === 0 ? 'on' : 'off';
    const found = JSON.stringify(shared);
    if (found === this.#known) return;
    this.#known = found;
    for (const { accountId, accounts } of shared) {
      this.#log.error(
        { accountId, accounts },
        'an account id is registered more than once: delete all of its accounts but one',
      );
    }
    if (this.#state === 'on') this.#log.info('the portal profile is on');
    else this.#log.error('the portal profile is off until no account id is registered more than once');
  }
}
