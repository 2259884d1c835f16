import { InvalidParametersError } from '../errors.js';
import { kindOfId } from '../global-id.js';
import { all, type Condition } from './condition.js';
import type { Dialect, Session, SqlValue } from './database.js';
import { byIndex } from './index-hint.js';

const mostPerPage = 100;
const usualPerPage = 20;
// SQLite takes 500 parts of a union at most.
const maxRangesAtOnce = 100;

/** The order of a list: the property that it is sorted by, with the id behind it so that the order is total. */
export interface Order {
  readonly property: string;
  readonly descending: boolean;
}

/** Where a page starts or ends: the sorting value and the id of a row. */
export interface Position {
  readonly value: string | number;
  readonly id: string;
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
    limit: first ?? last ?? usualPerPage,
    backward: isGiven(last) || (isGiven(before) && !isGiven(first) && !isGiven(after)),
    after: positions.after ?? undefined,
    before: positions.before ?? undefined,
  };
}

/**
 * A range of an index in which the rows stand in the order that is asked for: no more of them are read than the page has,
 * however many there are.
 */
export interface IndexRange {
  /** The index: its columns are those of the condition that are held to one value, then that of the order, then the id. */
  readonly index: string;
  readonly condition: Condition;
  /** The value to which the condition holds the column of the order; absent where it does not. */
  readonly fixed?: SqlValue | undefined;
  /** Whether no two of its rows have the same value in the column of the order. */
  readonly isUnique?: boolean;
}

/** Where the rows of a list are. */
export interface ListedTable {
  readonly name: string;
  /** The columns to read, under their properties' names. */
  readonly selectList: string;
  /** The column of the order. */
  readonly column: string;
  /** What is joined to each row, with what the select list has of it; none of its columns has the name of one of the table's. */
  readonly join?: string;
}

/**
 * Reads the rows of a page, and one row more, which tells whether there are others behind it: for {@link pageOf}.
 *
 * @param ranges where the rows are: none is in two of them
 */
export async function readPage<Row extends { readonly id: string }>(
  session: Session,
  table: ListedTable,
  ranges: readonly IndexRange[],
  request: PageRequest,
): Promise<Row[]> {
  const [only, ...others] = ranges;
  if (only === undefined) return [];
  if (others.length === 0) {
    const { sql, values } = pageClause(session.dialect, request, table, only);
    return session.rows<Row>(`SELECT ${table.selectList} ${sql}`, values);
  }
  const read: Row[] = [];
  for (let start = 0; start < ranges.length; start += maxRangesAtOnce) {
    const { sql, values } = merged(session.dialect, request, table, ranges.slice(start, start + maxRangesAtOnce));
    read.push(...(await session.rows<Row>(sql, values)));
  }
  return inReadingOrder(session.dialect, request, read).slice(0, request.limit + 1);
}

/** As {@link readPage}, of each of several ranges by itself, in one statement: their rows in the order of the ranges. */
export async function readEachPage<Row extends { readonly id: string }>(
  session: Session,
  table: ListedTable,
  ranges: readonly IndexRange[],
  request: PageRequest,
): Promise<Row[][]> {
  const { sql, values } = union(session.dialect, request, table, ranges);
  const rows = await session.rows<Row & { part: number }>(
    `SELECT found.part AS part, ${table.selectList} FROM (${sql}) AS found ${joined(session.dialect, table)}`,
    values,
  );
  const parts = ranges.map((): Row[] => []);
  for (const row of rows) parts[row.part]?.push(row);
  return parts.map((part) => inReadingOrder(session.dialect, request, part));
}

/** The part of a statement behind its select list that reads a range's rows of a page, and one row more. */
function pageClause(
  dialect: Dialect,
  request: PageRequest,
  { name, column, join = '' }: ListedTable,
  { index, condition, fixed, isUnique }: IndexRange,
): Condition {
  const { order, after, before } = request;
  const bounds: Condition[] = [];
  if (after !== undefined) bounds.push(beyond(dialect, column, order.descending ? '<' : '>', after, fixed));
  if (before !== undefined) bounds.push(beyond(dialect, column, order.descending ? '>' : '<', before, fixed));
  const where = all([condition, ...bounds]);
  // No column more than the order needs, or MySQL does not see that the index has it.
  const columns = fixed !== undefined ? ['id'] : isUnique ? [column] : [column, 'id'];
  const sorting = columns.map((one) => `${one} ${directionOf(request)}`).join(', ');
  return {
    sql: `FROM ${name}${byIndex(dialect, index)}${join} WHERE ${where.sql} ORDER BY ${sorting} LIMIT ${request.limit + 1}`,
    values: where.values,
  };
}

/** Sorts rows as a statement with {@link pageClause} gives them: a union gives those of its parts in no promised order. */
function inReadingOrder<Row extends { readonly id: string }>(
  { name }: Dialect,
  request: PageRequest,
  rows: Row[],
): Row[] {
  const sign = directionOf(request) === 'ASC' ? 1 : -1;
  const sortedBy = (row: Row) => (row as Record<string, unknown>)[request.order.property];
  const compare = name === 'mysql' ? comparePadded : compareExactly;
  return rows.sort((a, b) => sign * (compare(sortedBy(a), sortedBy(b)) || compareExactly(a.id, b.id)));
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

/** The rows of several ranges: first which they are, from the indexes alone, then these. */
function merged(dialect: Dialect, request: PageRequest, table: ListedTable, ranges: readonly IndexRange[]): Condition {
  const { sql, values } = union(dialect, request, table, ranges);
  const direction = directionOf(request);
  const found = `SELECT found_id FROM (${sql}) AS parts ORDER BY sorted_by ${direction}, found_id ${direction} LIMIT ${request.limit + 1}`;
  return { sql: `SELECT ${table.selectList} FROM (${found}) AS found ${joined(dialect, table)}`, values };
}

/** What is found in each range: the number of the range, the value of the order and the id. */
function union(dialect: Dialect, request: PageRequest, table: ListedTable, ranges: readonly IndexRange[]): Condition {
  const parts = ranges.map((range, part) => {
    const { sql, values } = pageClause(dialect, request, { ...table, join: '' }, range);
    const found = `SELECT ${part} AS part, ${table.column} AS sorted_by, id AS found_id ${sql}`;
    return { sql: `SELECT * FROM (${found}) AS part${part}`, values };
  });
  return { sql: parts.map(({ sql }) => sql).join(' UNION ALL '), values: parts.flatMap(({ values }) => values) };
}

/** Told which of the two comes first, for the optimizer may start from the whole table. */
function joined({ joinBehind }: Dialect, { name, join = '' }: ListedTable): string {
  return `${joinBehind} ${name} ON ${name}.id = found.found_id${join}`;
}

// Each database makes one range of an index of its own form only.
function beyond(
  { name }: Dialect,
  column: string,
  sign: '<' | '>',
  { value, id }: Position,
  fixed: SqlValue | undefined,
): Condition {
  if (value === fixed) return { sql: `id ${sign} ?`, values: [id] };
  return name === 'mysql'
    ? { sql: `(${column} ${sign} ? OR (${column} = ? AND id ${sign} ?))`, values: [value, value, id] }
    : { sql: `(${column}, id) ${sign} (?, ?)`, values: [value, id] };
}

function directionOf({ order, backward }: PageRequest): 'ASC' | 'DESC' {
  return order.descending === backward ? 'ASC' : 'DESC';
}

function compareExactly(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  // By code points, as the databases do; JavaScript's own comparison goes by UTF-16 units.
  return Buffer.compare(Buffer.from(String(a)), Buffer.from(String(b)));
}

/** As MySQL compares: as if spaces stood behind the shorter one, so that it comes behind one that goes on with a tab. */
function comparePadded(a: unknown, b: unknown): number {
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const length = Math.max(String(a).length, String(b).length);
  return compareExactly(String(a).padEnd(length), String(b).padEnd(length));
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
  return !isGiven(count) || (count >= 1 && count <= mostPerPage)
    ? []
    : [{ property, problem: `must be a whole number from 1 to ${mostPerPage}` }];
}

function isGiven<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}
