import type { AuditedChange } from './audit-trail.js';

/** One field that changed, with its values as JSON; null where one was not there or is not kept. */
export interface ShownChange {
  readonly field: string;
  readonly from: string | null;
  readonly to: string | null;
}

/** Reads what an event keeps of what changed, as the database gives it: a driver may have parsed the JSON already. */
export function recordedChanges(changes: string | readonly AuditedChange[] | null): readonly AuditedChange[] | null {
  return typeof changes === 'string' ? (JSON.parse(changes) as AuditedChange[]) : changes;
}

/** As {@link recordedChanges}, as it may be shown to whoever may see the datasource. */
export function shownChanges(changes: string | readonly AuditedChange[] | null): ShownChange[] | null {
  const recorded = recordedChanges(changes);
  return (
    recorded?.map((change) =>
      'changed' in change
        ? { field: change.field, from: null, to: null }
        : { field: change.field, from: asJson(change.from), to: asJson(change.to) },
    ) ?? null
  );
}

function asJson(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
