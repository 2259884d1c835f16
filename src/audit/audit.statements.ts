import { all, allOf, equal } from '../database/condition.js';
import type { Reader, Session, SqlValue } from '../database/database.js';
import type { IndexRange } from '../database/index-range.js';
import { type Page, type PageRequest, pageOf, readPage } from '../database/page.js';
import { countRanges } from '../database/range-parts.js';
import { inRoundCounts } from '../database/row-counts.js';
import { TableMapping } from '../database/table-mapping.js';
import { AuditEvent } from './audit-event.entity.js';

/** What a list of events is narrowed down to: each part that is given must hold. */
export interface AuditConditions {
  readonly actor?: string | null;
  readonly operation?: string | null;
  readonly outcome?: string | null;
  readonly accountProvider?: number | null;
  readonly accountId?: string | null;
  readonly region?: string | null;
  readonly instanceId?: string | null;
  /** At this time or later. */
  readonly from?: Date | null;
  /** Before this time. */
  readonly until?: Date | null;
}

const indexes: Readonly<Record<string, string>> = {
  account_id: 'ix_audit_events_target',
  actor: 'ix_audit_events_actor',
  operation: 'ix_audit_events_operation',
};
const mapping = new TableMapping(AuditEvent);
const listed = { name: 'audit_events', selectList: mapping.selectList, column: 'created_at' };

/** Adds events, at least one. They are in the same transaction as what they record, so they also tell whether that holds. */
export async function insertAuditEvents(session: Session, events: readonly AuditEvent[]): Promise<void> {
  for (const some of inRoundCounts(events)) {
    await session.run(`INSERT INTO audit_events ${mapping.insertListOf(some.length)}`, mapping.valuesOf(some));
  }
  session.proveCommitBy('SELECT id FROM audit_events WHERE id = ?', [(events[0] as AuditEvent).id]);
}

/**
 * Adds an event for each datasource of an account that is to be deleted, in one statement: of each the version that would have
 * come next.
 *
 * @param event what all of them have in common
 * @returns how many there are
 */
export function insertDeletionsOfDatasources(session: Session, event: AuditEvent): Promise<number> {
  const { accountProvider, accountId, region } = event;
  const { sql, values } = mapping.insertSelection(event, {
    // The time of the event with what is random in the datasource's own id.
    id: { sql: 'CONCAT(?, SUBSTR(id, 12))', values: [event.id.slice(0, 11)] },
    instanceId: { sql: 'instance_id', values: [] },
    targetId: { sql: 'id', values: [] },
    version: { sql: 'version + 1', values: [] },
  });
  return session.run(
    `INSERT INTO audit_events ${sql} FROM datasources WHERE account_provider = ? AND account_id = ? AND region = ?`,
    [...values, accountProvider, accountId, region],
  );
}

/** Reads a page of the events for which the conditions hold. */
export async function selectAuditPage(
  reader: Reader,
  conditions: AuditConditions,
  request: PageRequest,
): Promise<Page<AuditEvent>> {
  const rows = await readPage<AuditEvent>(reader, listed, [rangeOf(conditions)], request);
  return pageOf(
    request,
    rows.map((row) => mapping.hydrate(row)),
  );
}

/** Counts the events for which the conditions hold. */
export async function countAuditEvents(reader: Reader, conditions: AuditConditions): Promise<number> {
  const [count] = await countRanges(reader, listed, [rangeOf(conditions)]);
  return count as number;
}

/**
 * Removes the oldest events from before an instant.
 *
 * @param atMost how many at most
 * @returns how many were removed
 */
export async function deleteAuditEventsBefore(session: Session, before: Date, atMost: number): Promise<number> {
  const sql = `SELECT id FROM audit_events WHERE created_at < ? ORDER BY created_at, id LIMIT ${atMost}`;
  const rows = await session.rows<{ id: string }>(sql, [before.getTime()]);
  if (rows.length === 0) return 0;
  return session.run(
    `DELETE FROM audit_events WHERE id IN (${rows.map(() => '?').join(', ')})`,
    rows.map(({ id }) => id),
  );
}

/** By that of the conditions that leaves the fewest; where none has an index, the events are gone through in their order. */
function rangeOf({ from, until, ...conditions }: AuditConditions): IndexRange {
  const columns: Record<string, SqlValue | undefined> = {
    account_id: conditions.accountId,
    actor: conditions.actor,
    operation: conditions.operation,
  };
  const told = Object.keys(columns).find((column) => columns[column]);
  const others = {
    ...columns,
    outcome: conditions.outcome,
    account_provider: conditions.accountProvider,
    region: conditions.region,
    instance_id: conditions.instanceId,
  };
  return {
    index: told === undefined ? 'ix_audit_events_created' : (indexes[told] as string),
    condition: all([
      ...(told === undefined ? [] : equal({ [told]: columns[told] })),
      ...(from ? [{ sql: 'created_at >= ?', values: [from.getTime()] }] : []),
      ...(until ? [{ sql: 'created_at < ?', values: [until.getTime()] }] : []),
    ]),
    filter: allOf(equal({ ...others, ...(told === undefined ? {} : { [told]: null }) })),
  };
}
