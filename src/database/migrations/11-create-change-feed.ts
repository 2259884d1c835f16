import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { Table } from 'typeorm/schema-builder/table/Table.js';
import { columnsFor } from './table-columns.js';

/** The table that says how far the changes are numbered. */
export class CreateChangeFeed1764000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const column = columnsFor(runner);
    await runner.createTable(
      new Table({
        name: 'change_feed',
        columns: [{ ...column.integer('id'), isPrimary: true }, column.instant('last_position')],
      }),
      true,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('change_feed', true);
  }
}
