import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { addIndexes, dropIndexes } from './alter-table.js';

const indexes = {
  ix_accounts_place_created: ['account_provider', 'region', 'created_at', 'id'],
  ix_accounts_place_updated: ['account_provider', 'region', 'updated_at', 'id'],
  ix_accounts_place_name: ['account_provider', 'region', 'account_id', 'id'],
};

/** The accounts of one provider and region in each order. */
export class IndexAccountsByPlace1764000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await addIndexes(runner, 'accounts', indexes);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndexes(runner, 'accounts', indexes);
  }
}
