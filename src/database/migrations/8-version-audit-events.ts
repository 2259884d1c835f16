import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { addIndexes, dropIndexes } from './alter-table.js';

const columns = { target_id: 'id', version: 'integer' } as const;
const indexes = {
  ix_audit_events_version: ['account_provider', 'account_id', 'region', 'instance_id', 'target_id', 'version'],
};

/** Which version of which datasource a change made, so that the audit tells the history of each; it is absent in what is older. */
export class VersionAuditEvents1764000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await addIndexes(runner, 'audit_events', indexes, columns);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndexes(runner, 'audit_events', indexes, columns);
  }
}
