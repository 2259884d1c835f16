import type { Session } from '../database/database.js';
import { TableMapping } from '../database/table-mapping.js';
import { LastTest } from './last-test.entity.js';

/** What came of the last test of a datasource, without the datasource. */
export type LastTestRow = Omit<LastTest, 'datasource'>;

const mapping = new TableMapping(LastTest);
const insert = `INSERT INTO connection_tests ${mapping.insertList}`;
const update = 'UPDATE connection_tests SET outcome = ?, tested_at = ? WHERE datasource_id = ?';

/** Keeps what came of a test, in the place of the one before. The datasource must be locked. */
export async function putLastTest(session: Session, { datasourceId, outcome, testedAt }: LastTestRow): Promise<void> {
  const found = await session.run(update, [outcome, testedAt.getTime(), datasourceId]);
  if (found === 0) await session.run(insert, mapping.values({ datasourceId, outcome, testedAt }));
}

/** Finds the last tests of datasources by their ids, in no order. */
export async function selectLastTests(session: Session, datasourceIds: readonly string[]): Promise<LastTestRow[]> {
  const rows = await session.rows<LastTestRow>(
    `SELECT ${mapping.selectList} FROM connection_tests WHERE datasource_id IN (${datasourceIds.map(() => '?').join(', ')})`,
    datasourceIds,
  );
  return rows.map((row) => mapping.hydrate(row));
}
