import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { Table } from 'typeorm/schema-builder/table/Table.js';
import { columnsFor } from './table-columns.js';

/** The table of account ids that are registered once. */
export class CreateAccountIdClaims1764000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const column = columnsFor(runner);
    await runner.createTable(
      new Table({
        name: 'account_id_claims',
        columns: [
          { ...column.text('account_id', 255), isPrimary: true },
          { ...column.id('account', 27), isPrimary: false },
        ],
        uniques: [{ name: 'uq_account_id_claims_account', columnNames: ['account'] }],
        foreignKeys: [
          {
            name: 'fk_account_id_claims_account',
            columnNames: ['account'],
            referencedTableName: 'accounts',
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
    await runner.dropTable('account_id_claims', true);
  }
}
