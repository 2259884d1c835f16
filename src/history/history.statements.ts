import { AuditEvent } from '../audit/audit-event.entity.js';
import { all, type Condition } from '../database/condition.js';
import type { Session } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';
import type { IndexRange } from '../database/index-range.js';
import { type Page, type PageRequest, pageOf, readEachPage } from '../database/page.js';
import { TableMapping } from '../database/table-mapping.js';
import { type DatasourceIdentity, datasourceKeyValues } from '../datasources/datasource.statements.js';

/** A datasource, also one that is not there any more. */
export interface DatasourceOfHistory extends DatasourceIdentity {
  readonly id: string;
}

/** A version of a datasource: the change that made it, or the deletion that ended it. */
export type RecordedVersion = Pick<AuditEvent, 'id' | 'createdAt' | 'actor' | 'operation' | 'changes'> & {
  readonly version: number;
};

const mapping = new TableMapping(AuditEvent, [
  'means',
  'surface',
  'address',
  'requestId',
  'outcome',
  'accountProvider',
  'accountId',
  'region',
  'instanceId',
  'targetId',
  'position',
]);
const index = 'ix_audit_events_version';
const listed = { name: 'audit_events', selectList: mapping.selectList, column: 'version' };
const byKey = 'account_provider = ? AND account_id = ? AND region = ? AND instance_id = ?';

/** Reads the same page of the versions of each of several datasources in one statement, in the order of the datasources. */
export async function selectVersionPages(
  session: Session,
  datasources: readonly DatasourceOfHistory[],
  request: PageRequest,
): Promise<Page<RecordedVersion>[]> {
  const read = await readEachPage<RecordedVersion>(session, listed, datasources.map(versionsOf), request);
  return read.map((rows) =>
    pageOf(
      request,
      rows.map((row) => mapping.hydrate(row)),
    ),
  );
}

/** Finds the first version of each of several datasources of which there is a record, in their order. */
export async function selectFirstVersions(
  session: Session,
  datasources: readonly DatasourceOfHistory[],
): Promise<(number | null)[]> {
  const parts = datasources.map((datasource, place) => {
    const { sql, values } = versionsOf(datasource).condition;
    const first = `SELECT ${place} AS place, version FROM audit_events${byIndex(session.dialect, index)} WHERE ${sql} ORDER BY version LIMIT 1`;
    return { sql: `SELECT * FROM (${first}) AS part${place}`, values };
  });
  const rows = await session.rows<{ place: number; version: number }>(
    parts.map(({ sql }) => sql).join(' UNION ALL '),
    parts.flatMap(({ values }) => values),
  );
  const found = new Map(rows.map(({ place, version }) => [place, version]));
  return datasources.map((_, place) => found.get(place) ?? null);
}

/** Finds the id of the last datasource with a key of which there is a record. */
export async function selectLastDatasourceId(session: Session, key: DatasourceIdentity): Promise<string | undefined> {
  const [row] = await session.rows<{ id: string | null }>(
    `SELECT target_id AS id FROM audit_events${byIndex(session.dialect, index)} WHERE ${byKey} AND target_id > '' ORDER BY target_id DESC LIMIT 1`,
    datasourceKeyValues(key),
  );
  return row?.id ?? undefined;
}

/** Reads the next versions of a datasource behind one, in their order. */
export async function selectVersionsAfter(
  session: Session,
  datasource: DatasourceOfHistory,
  after: number,
  atMost: number,
): Promise<Pick<RecordedVersion, 'version' | 'changes'>[]> {
  const { sql, values } = versionsOf(datasource, after).condition;
  return session.rows(
    `SELECT version, changes FROM audit_events${byIndex(session.dialect, index)} WHERE ${sql} ORDER BY version LIMIT ${atMost}`,
    values,
  );
}

function versionsOf(datasource: DatasourceOfHistory, after = 0): IndexRange {
  // What made no version, such as a reading of credentials, has none.
  const condition: Condition = all([
    { sql: `${byKey} AND target_id = ?`, values: [...datasourceKeyValues(datasource), datasource.id] },
    { sql: 'version > ?', values: [after] },
  ]);
  return { index, condition, isUnique: true };
}
