import { DomainError, InvalidParametersError } from '../errors.js';
import { all, type Condition } from './condition.js';
import type { Session, SqlValue } from './database.js';
import { byIndex } from './index-hint.js';

/** The most rows that are listed: a page reaches no further, and a total says no more. */
export const maxListed = 100_000;
/** The most rows that are gone through for what no index has. */
export const maxSearched = 50_000;
/** The most values that a column is said to have. */
export const maxValues = 200;
const maxPerPage = 100;

/** Which page of a list is asked for by its number. */
export interface OffsetRequest {
  readonly offset: number;
  readonly limit: number;
}

/** A page by its number, and how many rows the whole list has: {@link maxListed} where there are more. */
export interface OffsetPage<Row> {
  readonly rows: readonly Row[];
  readonly total: number;
}

/** A page as people count them. */
export interface PageNumber {
  /** From 1. */
  readonly page: number;
  /** Rows to a page, 1 to 100. */
  readonly size: number;
}

/**
 * Reads which page is asked for.
 *
 * @throws InvalidParametersError where page or size are out of their limits, or reach beyond {@link maxListed}
 */
export function offsetRequest({ page, size }: PageNumber): OffsetRequest {
  const problems = [
    ...(isWhole(page, maxListed)
      ? []
      : [{ property: 'page', problem: `must be a whole number from 1 to ${maxListed}` }]),
    ...(isWhole(size, maxPerPage)
      ? []
      : [{ property: 'size', problem: `must be a whole number from 1 to ${maxPerPage}` }]),
  ];
  if (problems.length === 0 && page * size > maxListed) {
    const problem = `must not reach beyond entry ${maxListed} of the list: narrow the list down instead`;
    problems.push({ property: 'page', problem });
  }
  if (problems.length > 0) throw new InvalidParametersError(problems);
  return { offset: (page - 1) * size, limit: size };
}

/** Where the rows of a list are, and which of them are listed in which order. */
export interface OffsetList {
  readonly table: string;
  /** The columns to read, under their properties' names. */
  readonly selectList: string;
  /** The index to go by: its first columns are those of `within`. */
  readonly index: string;
  /** What the index tells. */
  readonly within: Condition;
  /** What must be looked for row by row. */
  readonly filters: readonly Condition[];
  /** The columns of the order, the id among them so that the order is total. */
  readonly order: readonly string[];
  readonly descending: boolean;
  /** Whether the rows stand in the index in that order. */
  readonly isSorted: boolean;
}

/**
 * Reads a page by its number, in two statements: how many rows there are, and those of the page. What an index does not tell
 * is looked for in {@link maxSearched} rows at most, and so many are sorted.
 *
 * @throws DomainError BAD_USER_INPUT where more rows would have to be gone through
 */
export async function readOffsetPage<Row extends object>(
  session: Session,
  list: OffsetList,
  { offset, limit }: OffsetRequest,
): Promise<OffsetPage<Row>> {
  const { table, selectList, filters, within, order, isSorted } = list;
  const from = `FROM ${table}${byIndex(session.dialect, list.index)}`;
  const filter = all(filters);
  const goesThrough = filters.length > 0 || !isSorted;
  const maxCounted = goesThrough ? maxSearched : maxListed;
  const [counts] = await session.rows<{ searched: number; total: number | null }>(
    `SELECT COUNT(*) AS searched, SUM(is_listed) AS total FROM (SELECT ${filters.length > 0 ? filter.sql : '1'} AS is_listed ${from} WHERE ${within.sql} LIMIT ${maxCounted + 1}) AS candidates`,
    [...filter.values, ...within.values],
  );
  if (goesThrough && Number(counts?.searched) > maxCounted) throw tooMany();
  const total = Math.min(Number(counts?.total ?? 0), maxListed);
  if (offset >= total) return { rows: [], total };
  const where = all([within, ...filters]);
  const sorting = (prefix: string) =>
    order.map((column) => `${prefix}${column} ${list.descending ? 'DESC' : 'ASC'}`).join(', ');
  // First which rows they are, from the index, then these: those before them are not read.
  const found = `SELECT id AS found_id ${from} WHERE ${where.sql} ORDER BY ${sorting('')} LIMIT ${limit} OFFSET ${offset}`;
  const join = session.dialect.name === 'mysql' ? 'STRAIGHT_JOIN' : 'CROSS JOIN';
  const rows = await session.rows<Row>(
    `SELECT ${selectList} FROM (${found}) AS parts ${join} ${table} ON ${table}.id = parts.found_id ORDER BY ${sorting(`${table}.`)}`,
    where.values,
  );
  return { rows, total };
}

/** What is counted, and by which index. */
export interface CountedRows {
  readonly table: string;
  readonly index: string;
  readonly within: Condition;
}

/** Counts rows, up to {@link maxListed}. */
export async function countUpTo(session: Session, { table, index, within }: CountedRows): Promise<number> {
  const rows = await session.rows<{ total: number }>(
    `SELECT COUNT(*) AS total FROM (SELECT 1 AS one FROM ${table}${byIndex(session.dialect, index)} WHERE ${within.sql} LIMIT ${maxListed}) AS candidates`,
    within.values,
  );
  return Number(rows[0]?.total);
}

/** Finds the different values of a column, {@link maxValues} at most, in the first {@link maxSearched} rows, in order. */
export async function readValues(
  session: Session,
  { table, index, within }: CountedRows,
  column: string,
): Promise<SqlValue[]> {
  const candidates = `SELECT ${column} AS value FROM ${table}${byIndex(session.dialect, index)} WHERE ${within.sql} LIMIT ${maxSearched}`;
  const rows = await session.rows<{ value: SqlValue }>(
    `SELECT DISTINCT value FROM (${candidates}) AS candidates ORDER BY value LIMIT ${maxValues}`,
    within.values,
  );
  return rows.map(({ value }) => value);
}

function isWhole(value: number, to: number): boolean {
  return Number.isInteger(value) && value >= 1 && value <= to;
}

function tooMany(): DomainError {
  return new DomainError(
    'BAD_USER_INPUT',
    `More than ${maxSearched} entries would have to be gone through. Narrow the list down by what is told exactly, such as an account id.`,
  );
}
