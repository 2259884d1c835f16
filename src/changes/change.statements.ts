import { AuditEvent } from '../audit/audit-event.entity.js';
import type { Session } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';
import { TableMapping } from '../database/table-mapping.js';

/** A change as the audit keeps it, with its place in the feed. */
export type RecordedChange = Pick<
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
> & { readonly position: number };

/** A change that has no place in the feed yet. */
export type UnnumberedChange = Pick<AuditEvent, 'id' | 'operation' | 'targetId' | 'version'>;

const mapping = new TableMapping(AuditEvent, ['actor', 'means', 'surface', 'address', 'requestId', 'outcome']);
const index = 'ix_audit_events_position';
const assignedAtOnce = 128;

/** The last position that was given; 0 before the first. */
export async function selectLastPosition(session: Session): Promise<number> {
  const rows = await session.rows<{ last: number | string }>(
    'SELECT last_position AS last FROM change_feed WHERE id = 1',
  );
  return Number(rows[0]?.last ?? 0);
}

/** As {@link selectLastPosition}; whoever else asks so waits until the transaction ends. */
export async function lockLastPosition(session: Session): Promise<number> {
  const locked = async () => {
    const rows = await session.rows<{ last: number | string }>(
      `SELECT last_position AS last FROM change_feed WHERE id = 1${session.dialect.forUpdate}`,
    );
    return rows[0] === undefined ? undefined : Number(rows[0].last);
  };
  const last = await locked();
  if (last !== undefined) return last;
  // Several gateways may make the row at once; the others wait here for the first, and go on from its position.
  const orElse = session.dialect.name === 'mysql' ? 'ON DUPLICATE KEY UPDATE id = id' : 'ON CONFLICT (id) DO NOTHING';
  await session.run(`INSERT INTO change_feed (id, last_position) VALUES (1, 0) ${orElse}`);
  return (await locked()) ?? 0;
}

/** Sets the last position that was given. */
export function updateLastPosition(session: Session, position: number): Promise<number> {
  return session.run('UPDATE change_feed SET last_position = ? WHERE id = 1', [position]);
}

/** Reads changes that have no position yet, in the order of their ids. */
export function selectUnnumbered(session: Session, atMost: number): Promise<UnnumberedChange[]> {
  return session.rows(
    `SELECT id, operation, target_id AS targetId, version FROM audit_events${byIndex(session.dialect, index)} WHERE position = 0 ORDER BY id LIMIT ${atMost}`,
  );
}

/**
 * Gives changes that have no position the next ones, in their order.
 *
 * @returns how many of them had none
 */
export async function assignPositions(session: Session, ids: readonly string[], first: number): Promise<number> {
  let assigned = 0;
  for (let start = 0; start < ids.length; start += assignedAtOnce) {
    const some = ids.slice(start, start + assignedAtOnce);
    // A number of them that is a power of two, so that the statements are few enough to stay prepared.
    const padded = [
      ...some,
      ...Array<string>(2 ** Math.ceil(Math.log2(some.length)) - some.length).fill(some[0] as string),
    ];
    const cases = padded.map(() => 'WHEN ? THEN ?').join(' ');
    const sql = `UPDATE audit_events SET position = CASE id ${cases} END WHERE id IN (${padded.map(() => '?').join(', ')}) AND position = 0`;
    // The first of equal cases counts.
    const values = padded.flatMap((id, index) => [id, first + start + (index < some.length ? index : 0)]);
    assigned += await session.run(sql, [...values, ...padded]);
  }
  return assigned;
}

/** Reads changes in their order, from a position on. */
export async function selectChangesFrom(session: Session, position: number, atMost: number): Promise<RecordedChange[]> {
  const rows = await session.rows<RecordedChange>(
    `SELECT ${mapping.selectList} FROM audit_events${byIndex(session.dialect, index)} WHERE position >= ? ORDER BY position LIMIT ${atMost}`,
    [position],
  );
  return rows.map((row) => mapping.hydrate(row));
}

/** Proves a commit by the last position, where its answer is lost. */
export function proveLastPosition(session: Session, position: number): void {
  session.proveCommitBy('SELECT id FROM change_feed WHERE id = 1 AND last_position = ?', [position]);
}
