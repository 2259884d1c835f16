import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
import { Table } from 'typeorm/schema-builder/table/Table.js';
import { columnsFor } from './table-columns.js';

const accountKey = ['account_provider', 'account_id', 'region'];

/** The table of datasources, which belong to accounts and go with them. */
export class CreateDatasources1764000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    const column = columnsFor(runner);
    await runner.createTable(
      new Table({
        name: 'datasources',
        columns: [
          column.id('id', 27),
          column.integer('account_provider'),
          column.text('account_id', 255),
          column.text('region', 64),
          column.text('instance_id', 255),
          column.text('description', 2048, true),
          column.text('jdbc_connection_url', 1024),
          column.text('jdbc_connection_schema', 1024),
          column.flag('jdbc_enforce_ssl'),
          column.flag('kafka_ssl_enabled'),
          column.text('master_username', 255, true),
          column.bytes('password_sealed', true),
          column.bytes('secret_sealed', true),
          column.flag('skip_custom_jdbc_cert_validation'),
          column.text('custom_jdbc_cert', 1024, true),
          column.text('custom_jdbc_cert_string', 1024, true),
          column.text('network_availability_zone', 255),
          column.text('network_subnet_id', 255),
          column.text('network_sg_id', 255),
          column.instant('glue_crawler_last_updated', true),
          column.text('creation_time', 64, true),
          column.text('last_updated_time', 64, true),
          column.text('jdbc_driver_class_name', 2048, true),
          column.text('jdbc_driver_jar_uri', 2048, true),
          column.integer('create_type'),
          column.integer('version'),
          column.instant('created_at'),
          column.instant('updated_at'),
        ],
        uniques: [{ name: 'uq_datasources_key', columnNames: [...accountKey, 'instance_id'] }],
        indices: [
          { name: 'ix_datasources_account_created', columnNames: [...accountKey, 'created_at', 'id'] },
          { name: 'ix_datasources_account_updated', columnNames: [...accountKey, 'updated_at', 'id'] },
          { name: 'ix_datasources_created', columnNames: ['created_at', 'id'] },
          { name: 'ix_datasources_updated', columnNames: ['updated_at', 'id'] },
          { name: 'ix_datasources_name', columnNames: ['instance_id', 'id'] },
        ],
        foreignKeys: [
          {
            name: 'fk_datasources_account',
            columnNames: accountKey,
            referencedTableName: 'accounts',
            referencedColumnNames: accountKey,
            onDelete: 'CASCADE',
            onUpdate: 'NO ACTION',
          },
        ],
      }),
      true,
    );
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.dropTable('datasources', true);
  }
}
