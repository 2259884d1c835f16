import { InvalidParametersError } from '../errors.js';
import { kindOfId } from '../global-id.js';
import type { Condition } from './condition.js';
import type { Dialect, Reader } from './database.js';
import {
  comparePositions,
  type IndexRange,
  type ListedTable,
  type Position,
  type Reading,
  rangeClause,
} from './index-range.js';
import { advance, beginning, nextParts, partSizes, type RangePart, unfinished } from './range-parts.js';

/** How many rows a page has at most. */
export const maxPageSize = 100;
/** How many rows a page has where none is told. */
export const defaultPageSize = 20;
// SQLite takes 500 parts of a union at most.
const maxRangesAtOnce = 100;

/** The order of a list: the property that it is sorted by, with the id behind it so that the order is total. */
export interface Order {
  readonly property: string;
  readonly descending: boolean;
}

/** Which page of a list is asked for. */
export interface PageRequest {
  readonly order: Order;
  /** Rows at most. */
  readonly limit: number;
  /** Whether the rows nearest the end are asked for, and not those nearest the start. */
  readonly backward: boolean;
  readonly after: Position | undefined;
  readonly before: Position | undefined;
}

/** The arguments of a connection, as the Relay specification has them. */
export interface PageArguments {
  readonly first?: number | null | undefined;
  readonly after?: string | null | undefined;
  readonly last?: number | null | undefined;
  readonly before?: string | null | undefined;
}

/** One page of a list, in the list's order. */
export interface Page<Row> {
  readonly rows: readonly Row[];
  readonly order: Order;
  readonly hasNextPage: boolean;
  readonly hasPreviousPage: boolean;
}

/**
 * Reads the arguments of a connection.
 *
 * @throws InvalidParametersError where `first` or `last` is not 1 to 100, where both are given, or where a cursor is not
 *   one of this list in this order
 */
export function pageRequest({ first, after, last, before }: PageArguments, order: Order): PageRequest {
  const problems = [...countProblems('first', first), ...countProblems('last', last)];
  if (isGiven(first) && isGiven(last)) problems.push({ property: 'last', problem: 'cannot be combined with first' });
  const positions = { after: position(after, order), before: position(before, order) };
  for (const property of ['after', 'before'] as const) {
    if (positions[property] === null) {
      problems.push({ property, problem: 'must be a cursor from this list, in the same order' });
    }
  }
  if (problems.length > 0) throw new InvalidParametersError(problems);
  return {
    order,
    limit: first ?? last ?? defaultPageSize,
    backward: isGiven(last) || (isGiven(before) && !isGiven(first) && !isGiven(after)),
    after: positions.after ?? undefined,
    before: positions.before ?? undefined,
  };
}

/** A range, and what is read of it. */
interface ReadRange {
  readonly range: IndexRange;
  readonly reading: Reading;
}

/**
 * Reads the rows of a page, and one row more, which tells whether there are others behind it: for {@link pageOf}. Where a range
 * has a filter, they are looked for in parts of the ranges.
 *
 * @param ranges where the rows are: none is in two of them
 */
export async function readPage<Row extends { readonly id: string }>(
  reader: Reader,
  table: ListedTable,
  ranges: readonly IndexRange[],
  request: PageRequest,
): Promise<Row[]> {
  const reading = readingOf(request);
  if (!ranges.some(hasFilter)) {
    const [only, ...others] = ranges;
    if (only !== undefined && others.length === 0) {
      return readMerged<Row>(reader, table, [{ range: only, reading }], request);
    }
    const read: Row[] = [];
    for (let start = 0; start < ranges.length; start += maxRangesAtOnce) {
      const some = ranges.slice(start, start + maxRangesAtOnce).map((range) => ({ range, reading }));
      read.push(...(await readMerged<Row>(reader, table, some, request)));
    }
    return firstOf(reader.dialect, request, read);
  }
  const progress = beginning(ranges, reading);
  const sizes = partSizes(reader.dialect);
  let found: Row[] = [];
  for (let next = unfinished(progress); next.length > 0; next = unfinished(progress)) {
    const parts = await nextParts(reader, table, next, sizes.next().value);
    const some = parts.map(({ of, reading }) => ({ range: of.range, reading }));
    found = firstOf(reader.dialect, request, [...found, ...(await readMerged<Row>(reader, table, some, request))]);
    for (const part of parts) leave(reader.dialect, request, part, found);
  }
  return found;
}

/** As {@link readPage}, of each of several ranges by itself, in one statement: their rows in the order of the ranges. */
export async function readEachPage<Row extends { readonly id: string }>(
  reader: Reader,
  table: ListedTable,
  ranges: readonly IndexRange[],
  request: PageRequest,
): Promise<Row[][]> {
  const reading = readingOf(request);
  if (!ranges.some(hasFilter)) {
    return readEach<Row>(
      reader,
      table,
      ranges.map((range) => ({ range, reading })),
      request,
    );
  }
  const progress = beginning(ranges, reading);
  const found = new Map(progress.map((one): [typeof one, Row[]] => [one, []]));
  const sizes = partSizes(reader.dialect);
  for (let next = unfinished(progress); next.length > 0; next = unfinished(progress)) {
    const parts = await nextParts(reader, table, next, sizes.next().value);
    const some = parts.map(({ of, reading }) => ({ range: of.range, reading }));
    const read = await readEach<Row>(reader, table, some, request);
    for (const [place, part] of parts.entries()) {
      const all = firstOf(reader.dialect, request, [...(found.get(part.of) ?? []), ...(read[place] ?? [])]);
      found.set(part.of, all);
      leave(reader.dialect, request, part, all);
    }
  }
  return progress.map((one) => found.get(one) ?? []);
}

/** Goes on behind a part, unless all that is looked for stands before. */
function leave<Row extends { readonly id: string }>(
  dialect: Dialect,
  request: PageRequest,
  part: RangePart,
  found: readonly Row[],
): void {
  advance(part);
  const last = found[request.limit];
  if (last === undefined || part.end === undefined) return;
  const position = { value: (last as Record<string, unknown>)[request.order.property] as string | number, id: last.id };
  const sign = readingOf(request).descending ? -1 : 1;
  if (sign * comparePositions(dialect, position, part.end) <= 0) part.of.isDone = true;
}

/** Reads the first rows of ranges. */
async function readMerged<Row extends { readonly id: string }>(
  reader: Reader,
  table: ListedTable,
  ranges: readonly ReadRange[],
  { limit }: PageRequest,
): Promise<Row[]> {
  const { dialect } = reader;
  const [only, ...others] = ranges;
  if (only === undefined) return [];
  if (others.length === 0) {
    const { sql, values } = rangeClause(dialect, table, only.range, only.reading);
    return reader.rows<Row>(`SELECT ${table.selectList} ${sql} LIMIT ${limit + 1}`, values);
  }
  // First which they are, from the indexes alone, then these.
  const { sql, values } = union(dialect, limit, table, ranges);
  const direction = only.reading.descending ? 'DESC' : 'ASC';
  const found = `SELECT found_id FROM (${sql}) AS parts ORDER BY sorted_by ${direction}, found_id ${direction} LIMIT ${limit + 1}`;
  return reader.rows<Row>(`SELECT ${table.selectList} FROM (${found}) AS found ${joined(dialect, table)}`, values);
}

/** Reads the first rows of each of some ranges, in their order. */
async function readEach<Row extends { readonly id: string }>(
  reader: Reader,
  table: ListedTable,
  ranges: readonly ReadRange[],
  request: PageRequest,
): Promise<Row[][]> {
  const { dialect } = reader;
  const { sql, values } = union(dialect, request.limit, table, ranges);
  const read = await reader.rows<Row & { part: number }>(
    `SELECT found.part AS part, ${table.selectList} FROM (${sql}) AS found ${joined(dialect, table)}`,
    values,
  );
  const parts = ranges.map((): Row[] => []);
  for (const row of read) parts[row.part]?.push(row);
  return parts.map((part) => firstOf(dialect, request, part));
}

/** The first of rows, in the order in which they are read: a union gives those of its parts in no promised order. */
function firstOf<Row extends { readonly id: string }>(dialect: Dialect, request: PageRequest, rows: Row[]): Row[] {
  const sign = readingOf(request).descending ? -1 : 1;
  const positionOf = (row: Row) => {
    return { value: (row as Record<string, unknown>)[request.order.property] as string | number, id: row.id };
  };
  return rows
    .sort((a, b) => sign * comparePositions(dialect, positionOf(a), positionOf(b)))
    .slice(0, request.limit + 1);
}

function readingOf({ order, backward, after, before }: PageRequest): Reading {
  return {
    descending: order.descending !== backward,
    start: backward ? before : after,
    end: backward ? after : before,
  };
}

function hasFilter({ filter }: IndexRange): boolean {
  return filter !== undefined;
}

/** Makes a page of what a statement with {@link pageClause} read. */
export function pageOf<Row>(request: PageRequest, read: Row[]): Page<Row> {
  const hasMore = read.length > request.limit;
  const rows = hasMore ? read.slice(0, request.limit) : read;
  if (request.backward) rows.reverse();
  return {
    rows,
    order: request.order,
    hasNextPage: request.backward ? request.before !== undefined : hasMore,
    hasPreviousPage: request.backward ? hasMore : request.after !== undefined,
  };
}

/** The opaque cursor of a row. */
export function cursorOf(row: { readonly id: string }, order: Order): string {
  const value = (row as Record<string, unknown>)[order.property];
  const plain = value instanceof Date ? value.getTime() : value;
  return Buffer.from(JSON.stringify([order.property, plain, row.id])).toString('base64url');
}

/** What is found in each range: the number of the range, the value of the order and the id. */
function union(dialect: Dialect, limit: number, table: ListedTable, ranges: readonly ReadRange[]): Condition {
  const parts = ranges.map(({ range, reading }, part) => {
    const { sql, values } = rangeClause(dialect, { ...table, join: '' }, range, reading);
    const found = `SELECT ${part} AS part, ${table.column} AS sorted_by, id AS found_id ${sql} LIMIT ${limit + 1}`;
    return { sql: `SELECT * FROM (${found}) AS part${part}`, values };
  });
  return { sql: parts.map(({ sql }) => sql).join(' UNION ALL '), values: parts.flatMap(({ values }) => values) };
}

/** Told which of the two comes first, for the optimizer may start from the whole table. */
function joined({ joinBehind }: Dialect, { name, join = '' }: ListedTable): string {
  return `${joinBehind} ${name} ON ${name}.id = found.found_id${join}`;
}

function position(cursor: string | null | undefined, order: Order): Position | null | undefined {
  if (!isGiven(cursor)) return undefined;
  try {
    const bytes = Buffer.from(cursor, 'base64url');
    // Buffer skips what is not base64url, so only the way back shows whether all of it was.
    if (bytes.toString('base64url') !== cursor) return null;
    const [property, value, id] = JSON.parse(bytes.toString()) as unknown[];
    const isValue = /At$|^version$/.test(String(property)) ? Number.isSafeInteger(value) : typeof value === 'string';
    return property === order.property && isValue && typeof id === 'string' && kindOfId(id) !== undefined
      ? { value: value as string, id }
      : null;
  } catch {
    return null;
  }
}

function countProblems(property: string, count: number | null | undefined) {
  return !isGiven(count) || (count >= 1 && count <= maxPageSize)
    ? []
    : [{ property, problem: `must be a whole number from 1 to ${maxPageSize}` }];
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}
