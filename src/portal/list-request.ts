import { InvalidParametersError, type ParameterProblem } from '../errors.js';
import { parseLegacyDateTime } from '../input/date-time.js';
import type { LegacyBody } from '../input/legacy-body.js';

/** What a column of the portal's is in the register: a property of some kind, or the same value in every row. */
export type ListColumn<Property extends string> =
  | { readonly property: Property; readonly holds: 'text' | 'optionalText' | 'provider' | 'dateTime' }
  | { readonly constant: string | number | null };

/** Properties held against values, as the services take them. */
export interface ListComparison<Property extends string> {
  readonly properties: readonly Property[];
  readonly kind: 'equal' | 'contain' | 'between';
  readonly values: readonly (string | number | null)[];
  readonly negated: boolean;
}

/** What a list can be asked for. */
export interface ListColumns<Property extends string, Order extends string> {
  /** The columns that conditions can name. */
  readonly columns: Readonly<Record<string, ListColumn<Property>>>;
  /** The properties in which a condition without a column looks. */
  readonly searched: readonly Property[];
  /** By what it can be sorted, by the names of columns; `` where none is named. */
  readonly orders: Readonly<Record<string, Order>>;
}

/** What was asked for: the rows for which all of the comparisons hold. */
export interface ListRequest<Property extends string, Order extends string> {
  readonly page: number;
  readonly size: number;
  readonly order: Order;
  readonly descending: boolean;
  readonly comparisons: readonly ListComparison<Property>[];
  /** Whether a condition is such that no row can meet it. */
  readonly isEmpty: boolean;
}

const maxPageNumber = 100_000;
const maxPerPage = 100;
const maxConditions = 20;
const maxValues = 100;
const maxValueLength = 2048;
const usualSize = 20;
/** How a page writes that there is no value. */
const noValue = new Set(['', 'Empty']);
const operations = ['=', '!=', ':', '!:', 'in'] as const;

type Operation = (typeof operations)[number];
type Value = string | number;

/**
 * Reads the body of a list: page, size, sort_column, asc and conditions.
 *
 * @throws InvalidParametersError naming everything that is wrong with it
 */
export function readListRequest<Property extends string, Order extends string>(
  body: LegacyBody,
  list: ListColumns<Property, Order>,
): ListRequest<Property, Order> {
  const problems: ParameterProblem[] = [];
  const page = wholeNumber('page', body.page ?? 1, maxPageNumber, problems);
  const size = wholeNumber('size', body.size ?? usualSize, maxPerPage, problems);
  const order = own(list.orders, body.sort_column ?? '');
  if (order === undefined) problems.push({ property: 'sort_column', problem: `must be ${oneOf(list.orders)}` });
  const asc = body.asc ?? true;
  if (typeof asc !== 'boolean') problems.push({ property: 'asc', problem: 'must be true or false' });
  const meanings = conditionsIn(body.conditions ?? [], list, problems);
  if (problems.length > 0) throw new InvalidParametersError(problems);
  return {
    page,
    size,
    order: order as Order,
    descending: !asc,
    comparisons: meanings.filter((meaning) => typeof meaning === 'object'),
    isEmpty: meanings.includes(false),
  };
}

/** What a condition comes to: a comparison, or the same for every row. */
type Meaning<Property extends string> = ListComparison<Property> | boolean;

function conditionsIn<Property extends string>(
  conditions: unknown,
  list: ListColumns<Property, string>,
  problems: ParameterProblem[],
): Meaning<Property>[] {
  if (!Array.isArray(conditions) || conditions.length > maxConditions) {
    problems.push({ property: 'conditions', problem: `must be a list of at most ${maxConditions} conditions` });
    return [];
  }
  return conditions.flatMap((condition: unknown, at) => {
    const found = conditionIn(condition, list);
    if (!Array.isArray(found)) return [found];
    problems.push(...found.map(({ property, problem }) => ({ property: `conditions[${at}]${property}`, problem })));
    return [];
  });
}

function conditionIn<Property extends string>(
  condition: unknown,
  { columns, searched }: ListColumns<Property, string>,
): Meaning<Property> | ParameterProblem[] {
  if (typeof condition !== 'object' || condition === null || Array.isArray(condition)) {
    return [{ property: '', problem: 'must be an object with column and values' }];
  }
  const { column: name, values, condition: link, operation = '=' } = condition as Readonly<Record<string, unknown>>;
  const problems: ParameterProblem[] = [];
  const column = isAbsent(name) ? undefined : own(columns, name);
  if (!isAbsent(name) && column === undefined) {
    problems.push({ property: '.column', problem: `must be ${oneOf(columns)}` });
  }
  if (!isOperation(operation)) {
    problems.push({ property: '.operation', problem: `must be one of ${operations.join(', ')}` });
  }
  // What is linked by "or" would be found by none of it.
  if (!isAbsent(link) && link !== 'and') problems.push({ property: '.condition', problem: 'must be and' });
  if (!areValues(values)) {
    const problem = `must be a list of 1 to ${maxValues} strings and numbers, each of at most ${maxValueLength} characters`;
    problems.push({ property: '.values', problem });
  }
  if (problems.length > 0) return problems;
  const [how, given] = [operation as Operation, values as Value[]];
  if (column === undefined) {
    return { properties: searched, kind: 'contain', values: given.map(String), negated: how.startsWith('!') };
  }
  const meaning = 'constant' in column ? constantMeaning(column.constant, how, given) : meaningOf(column, how, given);
  return typeof meaning === 'string' ? [{ property: '.values', problem: meaning }] : meaning;
}

/** Whether the same value in every row meets a condition. */
function constantMeaning(constant: string | number | null, operation: Operation, values: readonly Value[]): boolean {
  const isMet = values.some((value) => {
    if (constant === null) return kindOf(operation) === 'equal' && noValue.has(String(value));
    const text = String(constant);
    return kindOf(operation) === 'equal' ? text === String(value) : text.includes(String(value));
  });
  return isMet !== operation.startsWith('!');
}

/** @returns what is wrong with the values, where something is */
function meaningOf<Property extends string>(
  { property, holds }: Extract<ListColumn<Property>, { property: Property }>,
  operation: Operation,
  values: readonly Value[],
): ListComparison<Property> | string {
  const common = { properties: [property], kind: kindOf(operation), negated: operation.startsWith('!') };
  switch (holds) {
    case 'text':
      return { ...common, values: values.map(String) };
    case 'optionalText':
      // A page offers what has no value under a word that may also stand there.
      return common.kind === 'equal' && values.some((value) => noValue.has(String(value)))
        ? { ...common, values: [...values.map(String), null] }
        : { ...common, values: values.map(String) };
    case 'provider': {
      const providers = values.map((value) => (/^\d{1,10}$/.test(String(value)) ? Number(value) : 0));
      return common.kind === 'equal' && providers.every((provider) => provider >= 1 && provider <= 2147483647)
        ? { ...common, values: providers }
        : 'must be whole numbers from 1 to 2147483647, compared with =, != or in';
    }
    case 'dateTime':
      return dateTimeMeaning(common, values);
  }
}

/** Dates are equal to dates, and contain their year, their month and their day. */
function dateTimeMeaning<Property extends string>(
  common: Omit<ListComparison<Property>, 'values'>,
  values: readonly Value[],
): ListComparison<Property> | string {
  const [first, ...others] = values.map(String);
  const span = common.kind === 'contain' && others.length === 0 ? spanOf(first as string) : undefined;
  if (span !== undefined) return { ...common, kind: 'between', values: span };
  const times = values.map((value) =>
    noValue.has(String(value)) ? null : parseLegacyDateTime(String(value))?.getTime(),
  );
  return times.includes(undefined)
    ? 'must be dates and times such as 2024-02-29T13:05:00.000Z, or with : and !: a year, a month or a day'
    : { ...common, kind: 'equal', values: times as (number | null)[] };
}

/** From when to when `2024`, `2024-02` or `2024-02-29` is, in milliseconds; undefined where it is none of them. */
function spanOf(text: string): [number, number] | undefined {
  const parts = /^(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?$/.exec(text);
  if (parts === null) return undefined;
  const [year, month, day] = [Number(parts[1]), Number(parts[2] ?? 1) - 1, Number(parts[3] ?? 1)];
  const from = new Date(Date.UTC(2000, month, day)).setUTCFullYear(year, month, day);
  const next = new Date(from);
  if (parts[3] !== undefined) next.setUTCDate(day + 1);
  else if (parts[2] !== undefined) next.setUTCMonth(month + 1);
  else next.setUTCFullYear(year + 1);
  const isInCalendar = new Date(from).getUTCMonth() === month && new Date(from).getUTCDate() === day;
  return isInCalendar ? [from, next.getTime()] : undefined;
}

function kindOf(operation: Operation): 'equal' | 'contain' {
  return operation.endsWith(':') ? 'contain' : 'equal';
}

function isOperation(value: unknown): value is Operation {
  return operations.some((operation) => operation === value);
}

function areValues(values: unknown): values is Value[] {
  return (
    Array.isArray(values) &&
    values.length >= 1 &&
    values.length <= maxValues &&
    values.every(
      (value) =>
        Number.isSafeInteger(value) ||
        (typeof value === 'string' && value.length <= maxValueLength && value.isWellFormed()),
    )
  );
}

function wholeNumber(property: string, value: unknown, to: number, problems: ParameterProblem[]): number {
  const number = typeof value === 'string' && /^\d{1,10}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= to) return number;
  problems.push({ property, problem: `must be a whole number from 1 to ${to}` });
  return 1;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null || value === '';
}

/** What a table has under a name that a client sent: nothing that every object has. */
function own<Value>(table: Readonly<Record<string, Value>>, name: unknown): Value | undefined {
  return typeof name === 'string' && Object.hasOwn(table, name) ? table[name] : undefined;
}

function oneOf(table: Readonly<Record<string, unknown>>): string {
  return `one of ${Object.keys(table).filter(Boolean).join(', ')}`;
}
