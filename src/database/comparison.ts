import type { Condition } from './condition.js';
import type { Dialect, SqlValue } from './database.js';

/** What columns of a list are held against. It holds where it does for one of them. */
export interface Comparison<Property extends string = string> {
  readonly properties: readonly Property[];
  /**
   * `equal`: the column has one of the values, null for none at all; `contain`: one of the values stands in it, whatever
   * its case; `between`: it is not less than the first of two values, and less than the second.
   */
  readonly kind: 'equal' | 'contain' | 'between';
  /** At least one. */
  readonly values: readonly SqlValue[];
  /** Whether it must not hold, which for a column that has no value is so. */
  readonly negated: boolean;
}

/** The condition that a comparison stands for. */
export function comparing<Property extends string>(
  dialect: Dialect,
  { properties, kind, values, negated }: Comparison<Property>,
  columnOf: (property: Property) => string,
): Condition {
  const held = properties.map((property) => holds[kind](columnOf(property), values, dialect));
  const sql = `(${held.map((condition) => condition.sql).join(' OR ')})`;
  // What is compared with a column that has no value is neither true nor false.
  return {
    sql: negated ? `NOT COALESCE(${sql}, 0)` : sql,
    values: held.flatMap((condition) => condition.values),
  };
}

const holds: Readonly<
  Record<Comparison['kind'], (column: string, values: readonly SqlValue[], dialect: Dialect) => Condition>
> = {
  equal(column, values) {
    const given = values.filter((value) => value !== null);
    const parts = [
      ...(given.length > 0 ? [`${column} IN (${given.map(() => '?').join(', ')})`] : []),
      ...(given.length < values.length ? [`${column} IS NULL`] : []),
    ];
    return { sql: parts.join(' OR '), values: given };
  },
  contain: (column, values, { lowered, loweredText }) => ({
    sql: values.map(() => `INSTR(${lowered(column)}, ${loweredText}) > 0`).join(' OR '),
    values,
  }),
  between: (column, values) => ({ sql: `(${column} >= ? AND ${column} < ?)`, values }),
};
