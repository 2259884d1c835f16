import type { Condition } from './condition.js';
import type { Dialect, Reader, SqlValue } from './database.js';
import { byIndex } from './index-hint.js';
import {
  type IndexRange,
  type ListedTable,
  type PartEnd,
  type Reading,
  rangeClause,
  rangeCondition,
} from './index-range.js';

// SQLite takes 500 parts of a union at most.
const maxRangesAtOnce = 100;
const growth = 4;
// So many are counted in an index in the time in which one row is looked at.
const rowsOfIndex = 10;

/** A range that is gone through in parts. */
export interface Progress {
  readonly range: IndexRange;
  /** What is still to be read of it. */
  rest: Reading;
  isDone: boolean;
}

/** A part of a range. */
export interface RangePart {
  readonly of: Progress;
  readonly reading: Reading;
  /** Where it ends; undefined where the range ends before. */
  readonly end: PartEnd | undefined;
}

/** How many rows a part has: few at first, so that what is found often is found at once. */
export function* partSizes({ rowsOfPart: { first, most } }: Dialect): Generator<number, never> {
  for (let size = first; ; size *= growth) yield Math.min(size, most);
}

/** Ranges of which nothing was read yet. */
export function beginning(ranges: readonly IndexRange[], reading: Reading): Progress[] {
  return ranges.map((range) => ({ range, rest: reading, isDone: false }));
}

/** Those of which some is still to be read, as many as one statement reads. */
export function unfinished(ranges: readonly Progress[]): Progress[] {
  return ranges.filter(({ isDone }) => !isDone).slice(0, maxRangesAtOnce);
}

/** Finds from the indexes alone where the next part of each range ends. All of them together have so many rows. */
export async function nextParts(
  reader: Reader,
  table: Pick<ListedTable, 'name' | 'column'>,
  ranges: readonly Progress[],
  size: number,
): Promise<RangePart[]> {
  const each = Math.ceil(size / ranges.length);
  const last = ranges.map(({ range: { filter, ...range }, rest }, place) => {
    const { sql, values } = rangeClause(reader.dialect, table, range, rest);
    const found = `SELECT ${place} AS place, ${table.column} AS value, id ${sql} LIMIT 1 OFFSET ${each - 1}`;
    return { sql: `SELECT * FROM (${found}) AS part${place}`, values };
  });
  const { sql, values } = united(last);
  const ends = new Map<number, PartEnd>();
  for (const row of await reader.rows<{ place: number; value: string | number; id: string }>(sql, values)) {
    ends.set(Number(row.place), { value: row.value, id: row.id, isIncluded: true });
  }
  return ranges.map((of, place) => {
    const end = ends.get(place);
    return { of, end, reading: end === undefined ? of.rest : { ...of.rest, end } };
  });
}

/** Counts the rows of ranges, of each by itself. */
export async function countRanges(
  reader: Reader,
  table: Pick<ListedTable, 'name' | 'column'>,
  ranges: readonly IndexRange[],
): Promise<number[]> {
  const progress = beginning(ranges, { descending: false, start: undefined, end: undefined });
  const totals = new Map(progress.map((one) => [one, 0]));
  const add = (one: Progress, count: number) => totals.set(one, (totals.get(one) ?? 0) + count);
  const hasFilter = ranges.some(({ filter }) => filter !== undefined);
  const sizes = partSizes(reader.dialect);
  for (let isFirst = true; ; isFirst = false) {
    const next = unfinished(progress);
    if (next.length === 0) return progress.map((one) => totals.get(one) ?? 0);
    const size = (hasFilter ? 1 : rowsOfIndex) * sizes.next().value;
    if (isFirst && !hasFilter) {
      const most = Math.ceil(size / next.length);
      const counts = await countEach(
        reader,
        table,
        next.map(({ range, rest }) => ({ range, reading: rest })),
        most,
      );
      for (const [place, one] of next.entries()) {
        one.isDone = (counts[place] as number) < most;
        if (one.isDone) add(one, counts[place] as number);
      }
      continue;
    }
    const parts = await nextParts(reader, table, next, size);
    const each = Math.ceil(size / next.length);
    // How many rows a part has is known where there is nothing to look for in them.
    const counted = parts.filter(({ of, end }) => of.range.filter !== undefined || end === undefined);
    const counts = await countEach(
      reader,
      table,
      counted.map(({ of, reading }) => ({ range: of.range, reading })),
    );
    for (const [place, part] of counted.entries()) add(part.of, counts[place] as number);
    for (const part of parts) {
      if (!counted.includes(part)) add(part.of, each);
      advance(part);
    }
  }
}

/** Leaves a part behind. */
export function advance({ of, end }: RangePart): void {
  if (end === undefined) of.isDone = true;
  else of.rest = { ...of.rest, start: end };
}

async function countEach(
  reader: Reader,
  table: Pick<ListedTable, 'name' | 'column'>,
  parts: readonly { readonly range: IndexRange; readonly reading: Reading }[],
  most?: number,
): Promise<number[]> {
  if (parts.length === 0) return [];
  const { sql, values } = united(
    parts.map(({ range, reading }, place) => {
      const condition = rangeCondition(reader.dialect, table.column, range, reading);
      const rows = `FROM ${table.name}${byIndex(reader.dialect, range.index)} WHERE ${condition.sql}`;
      const counted = most === undefined ? rows : `FROM (SELECT 1 AS one ${rows} LIMIT ${most}) AS part${place}`;
      return { sql: `SELECT ${place} AS place, COUNT(*) AS total ${counted}`, values: condition.values };
    }),
  );
  const totals = parts.map(() => 0);
  for (const { place, total } of await reader.rows<{ place: number; total: number }>(sql, values)) {
    totals[Number(place)] = Number(total);
  }
  return totals;
}

function united(parts: readonly Condition[]): { sql: string; values: SqlValue[] } {
  return { sql: parts.map(({ sql }) => sql).join(' UNION ALL '), values: parts.flatMap(({ values }) => values) };
}
