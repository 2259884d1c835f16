import { AuditEvent } from '../audit/audit-event.entity.js';
import type { Session } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';
import { TableMapping } from '../database/table-mapping.js';

/** A change as the transaction that makes it has recorded it. */
export type RehearsedChange = Pick<
  AuditEvent,
  | 'id'
  | 'createdAt'
  | 'operation'
  | 'accountProvider'
  | 'accountId'
  | 'region'
  | 'instanceId'
  | 'targetId'
  | 'version'
  | 'changes'
>;

const mapping = new TableMapping(AuditEvent, [
  'actor',
  'means',
  'surface',
  'address',
  'requestId',
  'outcome',
  'position',
]);

/** Reads the changes that were recorded for a request and have no place in the feed yet, those of the transaction among them. */
export async function selectChangesOfRequest(
  session: Session,
  requestId: string,
  atMost: number,
): Promise<RehearsedChange[]> {
  const rows = await session.rows<RehearsedChange>(
    `SELECT ${mapping.selectList} FROM audit_events${byIndex(session.dialect, 'ix_audit_events_position')} WHERE position = 0 AND request_id = ? ORDER BY id LIMIT ${atMost}`,
    [requestId],
  );
  return rows.map((row) => mapping.hydrate(row));
}
