import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { addIndexes, dropIndexes } from './alter-table.js';

const place = ['account_provider', 'region'];
const indexes = {
  ix_datasources_place_created: [...place, 'created_at', 'id'],
  ix_datasources_place_updated: [...place, 'updated_at', 'id'],
  ix_datasources_place_name: [...place, 'instance_id', 'id'],
  ix_datasources_place_name_created: [...place, 'instance_id', 'created_at', 'id'],
  ix_datasources_place_name_updated: [...place, 'instance_id', 'updated_at', 'id'],
};

/** The datasources of one provider and region in each order, and those of one name in it. */
export class IndexDatasourcesByPlace1764000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await addIndexes(runner, 'datasources', indexes);
  }

  async down(runner: QueryRunner): Promise<void> {
    await dropIndexes(runner, 'datasources', indexes);
  }
}
