import type { Condition } from '../database/condition.js';
import type { Dialect, Session } from '../database/database.js';
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
 * Finds the places for which the conditions hold, and looks at no more accounts than there are places: it asks which place
 * comes next behind each that was there last time, and behind each that is new. What is remembered only saves round trips.
 */
export async function selectPlaces(session: Session, { accountProvider, region }: PlaceConditions): Promise<Place[]> {
  const found = new Map<string, Place>();
  const isOther = (place: Place) => Boolean(accountProvider) && place.accountProvider !== accountProvider;
  const known = new Map([...remembered].filter(([, place]) => !isOther(place)));
  const asked: Place[] = [{ accountProvider: accountProvider || 0, region: '' }, ...known.values()];
  while (asked.length > 0) {
    const places = await selectNext(session, asked.splice(0, probesAtOnce));
    for (const place of places) {
      const key = keyOf(place);
      if (isOther(place) || found.has(key)) continue;
      found.set(key, place);
      if (!known.has(key)) asked.push(place);
    }
  }
  for (const key of known.keys()) remembered.delete(key);
  if (remembered.size + found.size <= mostRemembered) for (const [key, place] of found) remembered.set(key, place);
  const places = [...found.values()];
  return region ? places.filter((place) => place.region === region) : places;
}

/** Finds the place that comes next behind each of some, where there is one. */
function selectNext(session: Session, places: readonly Place[]): Promise<Place[]> {
  const from = `SELECT account_provider AS accountProvider, region FROM accounts${byIndex(session.dialect, 'ix_accounts_place_name')}`;
  const parts = places.map((place, number) => {
    const { sql, values } = behind(session.dialect, place);
    return {
      sql: `SELECT * FROM (${from} WHERE ${sql} ORDER BY account_provider, region LIMIT 1) AS next${number}`,
      values,
    };
  });
  return session.rows<Place>(
    parts.map(({ sql }) => sql).join(' UNION ALL '),
    parts.flatMap(({ values }) => values),
  );
}

// Each database makes one range of the index of its own form only.
function behind({ name }: Dialect, { accountProvider, region }: Place): Condition {
  return name === 'mysql'
    ? {
        sql: '(account_provider > ? OR (account_provider = ? AND region > ?))',
        values: [accountProvider, accountProvider, region],
      }
    : { sql: '(account_provider, region) > (?, ?)', values: [accountProvider, region] };
}

function keyOf({ accountProvider, region }: Place): string {
  return `${accountProvider} ${region}`;
}
