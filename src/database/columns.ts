import type { ValueTransformer } from 'typeorm/decorator/options/ValueTransformer.js';

/**
 * An instant is kept as whole milliseconds since 1970 in UTC: exact, comparable, and the same on every database, whatever
 * the time zone and the SQL mode of its session.
 */
export const instant: ValueTransformer = {
  to: (value: Date | null) => value?.getTime() ?? null,
  from: (value: number | string | null) => (value === null ? null : new Date(Number(value))),
};

/** A whole number that a driver may give as text. */
export const whole: ValueTransformer = {
  to: (value: number | null) => value,
  from: (value: number | string | null) => (value === null ? null : Number(value)),
};

/** A flag is kept as 1 or 0; null is "not said". */
export const flag: ValueTransformer = {
  to: (value: boolean | null) => (value === null ? null : Number(value)),
  from: (value: number | boolean | null) => (value === null ? null : Boolean(value)),
};
