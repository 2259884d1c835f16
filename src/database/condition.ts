import type { Dialect, SqlValue } from './database.js';

/** A part of a statement, such as a condition, with its values. */
export interface Condition {
  readonly sql: string;
  readonly values: readonly SqlValue[];
}

/** The condition that all of the conditions hold; with none, one that always does. */
export function all(conditions: readonly Condition[]): Condition {
  return conditions.length === 0
    ? { sql: '1 = 1', values: [] }
    : {
        sql: conditions.map(({ sql }) => sql).join(' AND '),
        values: conditions.flatMap(({ values }) => values),
      };
}

/** As {@link all}; undefined with none. */
export function allOf(conditions: readonly Condition[]): Condition | undefined {
  return conditions.length === 0 ? undefined : all(conditions);
}

/** The conditions that columns hold exactly the values that are given; null and undefined are not. */
export function equal(wanted: Readonly<Record<string, SqlValue | undefined>>): Condition[] {
  return Object.entries(wanted).flatMap(([column, value]) =>
    value === undefined || value === null ? [] : [{ sql: `${column} = ?`, values: [value] }],
  );
}

/** The condition that a text stands anywhere in one of the columns, whatever its case; none where the text is empty. */
export function contain(
  { lowered, loweredText }: Dialect,
  columns: readonly string[],
  text: string | null | undefined,
): Condition[] {
  if (!text) return [];
  // Both by the database: it and JavaScript do not lower every letter alike, such as a sigma at a word's end.
  const sql = columns.map((column) => `INSTR(${lowered(column)}, ${loweredText}) > 0`).join(' OR ');
  return [{ sql: `(${sql})`, values: columns.map(() => text) }];
}
