import { all, type Condition } from './condition.js';
import type { Dialect, SqlValue } from './database.js';
import { byIndex } from './index-hint.js';

/** Where a page or a part starts or ends: the sorting value and the id of a row. */
export interface Position {
  readonly value: string | number;
  readonly id: string;
}

/**
 * A range of an index in which the rows stand in the order that is asked for: no more of them are read than the page has,
 * however many there are. Where it has a filter it is read in parts, and as many rows as it takes.
 */
export interface IndexRange {
  /** The index: its columns are those of the condition that are held to one value, then that of the order, then the id. */
  readonly index: string;
  readonly condition: Condition;
  /** What the index does not tell, and each row must be looked at for. */
  readonly filter?: Condition | undefined;
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

/** In which direction ranges are read, and between which positions, neither of which is read. */
export interface Reading {
  readonly descending: boolean;
  readonly start: Position | undefined;
  readonly end: Position | undefined;
}

/** A position to read up to, the row that stands there included. */
export interface PartEnd extends Position {
  readonly isIncluded: true;
}

/** The part of a statement behind its select list that reads rows of a range, in their order. */
export function rangeClause(
  dialect: Dialect,
  { name, column, join = '' }: Pick<ListedTable, 'name' | 'column' | 'join'>,
  range: IndexRange,
  reading: Reading,
): Condition {
  const { sql, values } = rangeCondition(dialect, column, range, reading);
  // No column more than the order needs, or MySQL does not see that the index has it.
  const columns = range.fixed !== undefined ? ['id'] : range.isUnique ? [column] : [column, 'id'];
  const sorting = columns.map((one) => `${one} ${reading.descending ? 'DESC' : 'ASC'}`).join(', ');
  return {
    sql: `FROM ${name}${byIndex(dialect, range.index)}${join} WHERE ${sql} ORDER BY ${sorting}`,
    values,
  };
}

/** The condition that a row is in a range, and is read. */
export function rangeCondition(
  dialect: Dialect,
  column: string,
  { condition, filter, fixed }: IndexRange,
  { descending, start, end }: Reading,
): Condition {
  const [onwards, back] = descending ? (['<', '>'] as const) : (['>', '<'] as const);
  return all([
    condition,
    ...(start === undefined ? [] : [beyond(dialect, column, onwards, start, fixed)]),
    ...(end === undefined ? [] : [beyond(dialect, column, 'isIncluded' in end ? `${back}=` : back, end, fixed)]),
    ...(filter === undefined ? [] : [filter]),
  ]);
}

// Each database makes one range of an index of its own form only.
function beyond(
  { name }: Dialect,
  column: string,
  sign: '<' | '>' | '<=' | '>=',
  { value, id }: Position,
  fixed: SqlValue | undefined,
): Condition {
  if (value === fixed) return { sql: `id ${sign} ?`, values: [id] };
  return name === 'mysql'
    ? { sql: `(${column} ${sign[0]} ? OR (${column} = ? AND id ${sign} ?))`, values: [value, value, id] }
    : { sql: `(${column}, id) ${sign} (?, ?)`, values: [value, id] };
}

/** Says which of two positions a database has first: less than 0 where it is the first. */
export function comparePositions({ name }: Dialect, a: Position, b: Position): number {
  const compare = name === 'mysql' ? comparePadded : compareExactly;
  return compare(a.value, b.value) || compareExactly(a.id, b.id);
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
