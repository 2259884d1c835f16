import { randomFillSync } from 'node:crypto';
import { monotonicFactory } from 'ulid';

/** The kinds of object that have a global id: accounts, datasources, events of the audit. */
export type IdKind = 'A' | 'D' | 'E';

const next = monotonicFactory(randomFraction);
const random = new Uint8Array(4096);
let used = random.length;
const idPattern = /^[ADE][0-9A-HJKMNP-TV-Z]{26}$/;

/**
 * A new global id: a letter for the kind of object, and a ULID (https://github.com/ulid/spec), which grows with time, so
 * that new rows are written side by side.
 */
export function newId(kind: IdKind): string {
  return kind + next();
}

const rehearsedMark = 'rehearsed-';

/** What is shown in the place of an id by a rehearsal: no object can have it, so no client takes what it sees for stored. */
export function rehearsedId(id: string): string {
  return rehearsedMark + id;
}

/** The id of which {@link rehearsedId} was shown; any other id as it is. */
export function storedId(id: string): string {
  return id.startsWith(rehearsedMark) ? id.slice(rehearsedMark.length) : id;
}

/** The kind of the object that could have an id; undefined for text that no id can be. */
export function kindOfId(id: string): IdKind | undefined {
  return idPattern.test(id) ? (id[0] as IdKind) : undefined;
}

/** The library asks once for each letter, and by itself would ask the system as often. */
function randomFraction(): number {
  if (used === random.length) {
    randomFillSync(random);
    used = 0;
  }
  used += 1;
  return (random[used - 1] as number) / 256;
}
