import type { Condition } from '../database/condition.js';
import type { Session } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';

/** A region of a provider that has accounts: there are tens of these, however many accounts there are. */
export interface Place {
  readonly accountProvider: number;
  readonly region: string;
}

/** What places are narrowed down to: each part that is given must hold. */
export interface PlaceConditions {
  readonly accountProvider?: number | null | undefined;
  readonly region?: string | null | undefined;
}

const probesAtOnce = 100;
const mostRemembered = 1000;
const remembered = new Map<string, Place>();

/**
 * Finds the places for which the conditions hold, and looks at no more accounts than there are places: it asks what comes next
 * behind each place that was there last time, and behind each that is new. What is remembered only saves round trips.
 */
export async function selectPlaces(session: Session, { accountProvider, region }: PlaceConditions): Promise<Place[]> {
  const isOther = (place: Place) => Boolean(accountProvider) && place.accountProvider !== accountProvider;
  const known = [...remembered.values()].filter((place) => !isOther(place));
  const start = accountProvider ? nextRegion({ accountProvider, region: '' }) : nextProvider(0);
  const probes = new Map([start, ...known.flatMap(behind)].map((probe) => [keyOf(probe), probe]));
  const asked = [...probes.values()];
  const found = new Map<string, Place>();
  while (asked.length > 0) {
    for (const place of await selectFirst(session, asked.splice(0, probesAtOnce))) {
      found.set(`${place.accountProvider} ${place.region}`, place);
      for (const probe of behind(place)) {
        if (probes.has(keyOf(probe))) continue;
        probes.set(keyOf(probe), probe);
        asked.push(probe);
      }
    }
  }
  for (const [key, place] of remembered) if (!isOther(place)) remembered.delete(key);
  if (remembered.size + found.size <= mostRemembered) for (const [key, place] of found) remembered.set(key, place);
  const places = [...found.values()];
  return region ? places.filter((place) => place.region === region) : places;

  function behind(place: Place): Condition[] {
    return accountProvider ? [nextRegion(place)] : [nextRegion(place), nextProvider(place.accountProvider)];
  }
}

/** Finds the first place that each of some conditions, which end in an order, leaves. */
function selectFirst(session: Session, conditions: readonly Condition[]): Promise<Place[]> {
  const from = `SELECT account_provider AS accountProvider, region FROM accounts${byIndex(session.dialect, 'ix_accounts_place_name')}`;
  const parts = conditions.map(({ sql }, part) => `SELECT * FROM (${from} WHERE ${sql} LIMIT 1) AS part${part}`);
  return session.rows<Place>(
    parts.join(' UNION ALL '),
    conditions.flatMap(({ values }) => values),
  );
}

// Two plain ranges of the index: of one over both columns SQLite would go through all accounts of the place before. MySQL sorts
// where the order has a column that is held to one value.
function nextRegion({ accountProvider, region }: Place): Condition {
  return { sql: 'account_provider = ? AND region > ? ORDER BY region', values: [accountProvider, region] };
}

function nextProvider(accountProvider: number): Condition {
  return { sql: 'account_provider > ? ORDER BY account_provider, region', values: [accountProvider] };
}

function keyOf({ values }: Condition): string {
  return values.join(' ');
}
