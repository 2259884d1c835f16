const maxLabelLength = 100;
const maxCallers = 100;
const maxUserAgentsOfCaller = 10;
const other = 'other';

/** Who uses the legacy routes, and with what. */
export interface LegacyUseLabels {
  readonly caller: string;
  readonly user_agent: string;
}

/**
 * Keeps the names under which the use of the legacy routes is counted to few: the first hundred callers, and of each its
 * first ten user agents. Clients choose what they send as a user agent, so there is no end to them.
 */
export class LegacyUse {
  readonly #known = new Map<string, Set<string>>();

  /** Under what a request is counted. */
  labelsOf(caller: string, userAgent = 'none'): LegacyUseLabels {
    const name = shortened(caller);
    let userAgents = this.#known.get(name);
    if (userAgents === undefined) {
      if (this.#known.size >= maxCallers) return { caller: other, user_agent: other };
      userAgents = new Set();
      this.#known.set(name, userAgents);
    }
    const agent = shortened(userAgent);
    if (!userAgents.has(agent)) {
      if (userAgents.size >= maxUserAgentsOfCaller) return { caller: name, user_agent: other };
      userAgents.add(agent);
    }
    return { caller: name, user_agent: agent };
  }
}

function shortened(text: string): string {
  return text.slice(0, maxLabelLength);
}
