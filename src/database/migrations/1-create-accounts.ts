import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { Table } from 'typeorm/schema-builder/table/Table.js';
import { columnsFor } from './table-columns.js';

/** The table of accounts. */
export class CreateAccounts1764000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const column = columnsFor(runner);
    await runner.createTable(
      new Table({
        name: 'accounts',
        columns: [
          column.id('id', 27),
          column.integer('account_provider'),
          column.text('account_id', 255),
          column.text('region', 64),
          column.instant('created_at'),
          column.instant('updated_at'),
        ],
        uniques: [{ name: 'uq_accounts_key', columnNames: ['account_provider', 'account_id', 'region'] }],
        indices: [
          { name: 'ix_accounts_created', columnNames: ['created_at', 'id'] },
          { name: 'ix_accounts_updated', columnNames: ['updated_at', 'id'] },
          { name: 'ix_accounts_name', columnNames: ['account_id', 'id'] },
        ],
      }),
      true,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('accounts', true);
  }
}
