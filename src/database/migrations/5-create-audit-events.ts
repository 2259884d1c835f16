import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { Table } from 'typeorm/schema-builder/table/Table.js';
import { columnsFor } from './table-columns.js';

/** The table of the audit. */
export class CreateAuditEvents1764000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const column = columnsFor(runner);
    await runner.createTable(
      new Table({
        name: 'audit_events',
        columns: [
          column.id('id', 27),
          column.instant('created_at'),
          column.text('actor', 300),
          column.text('means', 16),
          column.text('surface', 16),
          column.text('address', 64, true),
          column.text('request_id', 128),
          column.text('operation', 128),
          column.text('outcome', 32),
          column.integer('account_provider', true),
          column.text('account_id', 255, true),
          column.text('region', 64, true),
          column.text('instance_id', 255, true),
          column.json('changes'),
        ],
        indices: [
          { name: 'ix_audit_events_created', columnNames: ['created_at', 'id'] },
          { name: 'ix_audit_events_actor', columnNames: ['actor', 'created_at', 'id'] },
          { name: 'ix_audit_events_operation', columnNames: ['operation', 'created_at', 'id'] },
          { name: 'ix_audit_events_target', columnNames: ['account_id', 'created_at', 'id'] },
        ],
      }),
      true,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('audit_events', true);
  }
}
