import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { Table } from 'typeorm/schema-builder/table/Table.js';
import { columnsFor } from './table-columns.js';

/** The table of API keys, of which only hashes are kept. */
export class CreateApiKeys1764000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const column = columnsFor(runner);
    await runner.createTable(
      new Table({
        name: 'api_keys',
        columns: [
          column.id('prefix', 16),
          column.text('name', 255),
          column.text('hash', 64),
          column.text('permissions', 255),
          column.instant('created_at'),
          column.instant('expires_at', true),
          column.instant('revoked_at', true),
          column.instant('last_used_at', true),
        ],
      }),
      true,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('api_keys', true);
  }
}
