import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { addIndexes, dropIndexes } from './alter-table.js';

const columns = { position: 'whole' } as const;
const indexes = { ix_audit_events_position: ['position', 'id'] };

/** The place of a change in the feed, and an index of those that have none yet. */
export class PositionAuditEvents1764000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await addIndexes(runner, 'audit_events', indexes, columns);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndexes(runner, 'audit_events', indexes, columns);
  }
}
