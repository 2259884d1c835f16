import type { Condition } from '../database/condition.js';
import type { Reader } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';

/** A region of a provider that has accounts: there are tens of these, however many accounts there are. */
export interface ProviderRegion {
  readonly accountProvider: number;
  readonly region: string;
}

/** What they are narrowed down to: each part that is given must hold. */
export interface ProviderRegionConditions {
  readonly accountProvider?: number | null | undefined;
  readonly region?: string | null | undefined;
}

const maxProbesAtOnce = 100;
const maxRemembered = 1000;

/** Finds the regions of providers that have accounts. What it remembers of the last time only saves round trips. */
export class ProviderRegions {
  readonly #remembered = new Map<string, ProviderRegion>();

  /**
   * Finds those for which the conditions hold, and looks at no more accounts than there are of them: it asks what comes next
   * behind each that was there last time, and behind each that is new.
   */
  async select(reader: Reader, { accountProvider, region }: ProviderRegionConditions): Promise<ProviderRegion[]> {
    const isOther = (known: ProviderRegion) => Boolean(accountProvider) && known.accountProvider !== accountProvider;
    const behind = (known: ProviderRegion) =>
      accountProvider ? [nextRegion(known)] : [nextRegion(known), nextProvider(known.accountProvider)];
    const known = [...this.#remembered.values()].filter((each) => !isOther(each));
    const start = accountProvider ? nextRegion({ accountProvider, region: '' }) : nextProvider(0);
    const probes = new Map([start, ...known.flatMap(behind)].map((probe) => [keyOf(probe), probe]));
    const asked = [...probes.values()];
    const found = new Map<string, ProviderRegion>();
    while (asked.length > 0) {
      for (const next of await selectFirst(reader, asked.splice(0, maxProbesAtOnce))) {
        found.set(`${next.accountProvider} ${next.region}`, next);
        for (const probe of behind(next)) {
          if (probes.has(keyOf(probe))) continue;
          probes.set(keyOf(probe), probe);
          asked.push(probe);
        }
      }
    }
    this.#remember(found, isOther);
    const regions = [...found.values()];
    return region ? regions.filter((each) => each.region === region) : regions;
  }

  #remember(found: ReadonlyMap<string, ProviderRegion>, isKept: (known: ProviderRegion) => boolean): void {
    for (const [key, known] of this.#remembered) if (!isKept(known)) this.#remembered.delete(key);
    if (this.#remembered.size + found.size > maxRemembered) return;
    for (const [key, known] of found) this.#remembered.set(key, known);
  }
}

/** Finds the first that each of some conditions, which end in an order, leaves. */
function selectFirst(reader: Reader, conditions: readonly Condition[]): Promise<ProviderRegion[]> {
  const from = `SELECT account_provider AS accountProvider, region FROM accounts${byIndex(reader.dialect, 'ix_accounts_place_name')}`;
  const parts = conditions.map(({ sql }, part) => `SELECT * FROM (${from} WHERE ${sql} LIMIT 1) AS part${part}`);
  return reader.rows<ProviderRegion>(
    parts.join(' UNION ALL '),
    conditions.flatMap(({ values }) => values),
  );
}

// Two plain ranges of the index: of one over both columns SQLite would go through all accounts of the region before. MySQL sorts
// where the order has a column that is held to one value.
function nextRegion({ accountProvider, region }: ProviderRegion): Condition {
  return { sql: 'account_provider = ? AND region > ? ORDER BY region', values: [accountProvider, region] };
}

function nextProvider(accountProvider: number): Condition {
  return { sql: 'account_provider > ? ORDER BY account_provider, region', values: [accountProvider] };
}

function keyOf({ values }: Condition): string {
  return values.join(' ');
}
