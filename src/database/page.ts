import { InvalidParametersError } from '../errors.js';
import { kindOfId } from '../global-id.js';
import { all, type Condition } from './condition.js';

const mostPerPage = 100;
const usualPerPage = 20;

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
  if (isGiven(first) && isGiven(last)) problems.push({ property: 'last', problem: 'must not stand beside first' });
  const positions = { after: position(after, order), before: position(before, order) };
  for (const property of ['after', 'before'] as const) {
    if (positions[property] === null) {
      problems.push({ property, problem: 'must be a cursor that this list gave, in the same order' });
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

/** The end of a statement that reads a page and one row more, which tells whether there are others behind it. */
export function pageClause(request: PageRequest, column: string, condition: Condition): Condition {
  const { order, after, before } = request;
  const bounds: Condition[] = [];
  if (after !== undefined) bounds.push(beyond(column, order.descending ? '<' : '>', after));
  if (before !== undefined) bounds.push(beyond(column, order.descending ? '>' : '<', before));
  const where = all([condition, ...bounds]);
  const direction = order.descending === request.backward ? 'ASC' : 'DESC';
  return {
    sql: `WHERE ${where.sql} ORDER BY ${column} ${direction}, id ${direction} LIMIT ${request.limit + 1}`,
    values: where.values,
  };
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

// The second comparison alone would do; the first gives the optimizer a plain range of the index.
function beyond(column: string, sign: '<' | '>', { value, id }: Position): Condition {
  return { sql: `${column} ${sign}= ? AND (${column} ${sign} ? OR id ${sign} ?)`, values: [value, value, id] };
}

function position(cursor: string | null | undefined, order: Order): Position | null | undefined {
  if (!isGiven(cursor)) return undefined;
  try {
    const bytes = Buffer.from(cursor, 'base64url');
    // Buffer skips what is not base64url, so only the way back shows whether all of it was.
    if (bytes.toString('base64url') !== cursor) return null;
    const [property, value, id] = JSON.parse(bytes.toString()) as unknown[];
    const isValue = String(property).endsWith('At') ? Number.isSafeInteger(value) : typeof value === 'string';
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
