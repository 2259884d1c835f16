import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { Table } from 'typeorm/schema-builder/table/Table.js';
import { columnsFor } from './table-columns.js';

/** The table of what came of the last test of each datasource, which goes with the datasource. */
export class CreateConnectionTests1764000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const column = columnsFor(runner);
    await runner.createTable(
      new Table({
        name: 'connection_tests',
        columns: [column.id('datasource_id', 27), column.text('outcome', 32), column.instant('tested_at')],
        indices: [{ name: 'ix_connection_tests_outcome', columnNames: ['outcome', 'datasource_id'] }],
        foreignKeys: [
          {
            name: 'fk_connection_tests_datasource',
            columnNames: ['datasource_id'],
            referencedTableName: 'datasources',
            referencedColumnNames: ['id'],
            onDelete: 'CASCADE',
            onUpdate: 'NO ACTION',
          },
        ],
      }),
      true,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('connection_tests', true);
  }
}
