import { monotonicFactory } from 'ulid';

const next = monotonicFactory();

/**
 * A new global id: a letter for the kind of object, and a ULID (https://github.com/ulid/spec), which grows with time, so
 * that new rows are written side by side.
 */
export function newId(kind: 'A' | 'D' | 'E'): string {
  return kind + next();
}
