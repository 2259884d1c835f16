import { DataSource, type DataSourceOptions } from 'typeorm';
import { Account } from '../accounts/account.entity.js';
import { AccountIdClaim } from '../accounts/account-id-claim.entity.js';
import { AuditEvent } from '../audit/audit-event.entity.js';
import { Datasource } from '../datasources/datasource.entity.js';
import { ApiKey } from '../security/api-key.entity.js';
import { SealingKeyCheck } from '../security/sealing-key-check.entity.js';
import type { DatabaseLocation, MysqlLocation } from './database-url.js';
import { migrations } from './migrations/index.js';
import { poolOptions } from './mysql-hosts.js';
import { SqliteDriver } from './sqlite-driver.js';

/** Every entity of the register. */
export const entities = [Account, AccountIdClaim, Datasource, SealingKeyCheck, ApiKey, AuditEvent];

/**
 * TypeORM's view of the register, for what is done with its schema: running the migrations, and comparing the entities
 * with the tables. It is not connected yet.
 *
 * @param server which server answers there: the two differ in how they describe their tables
 */
export function createDataSource(location: DatabaseLocation, server: 'mysql' | 'mariadb' = 'mysql'): DataSource {
  const common = { entities, migrations, migrationsTransactionMode: 'each', logging: false } as const;
  const options: DataSourceOptions =
    location.kind === 'sqlite'
      ? { ...common, type: 'better-sqlite3', database: location.path, driver: SqliteDriver }
      : { ...common, ...mysqlOptions(location), type: server, migrationsTransactionMode: 'none' };
  return new DataSource(options);
}

function mysqlOptions(location: MysqlLocation) {
  const [host] = location.hosts;
  if (host === undefined) throw new Error('a MySQL location has a host');
  const {
    host: name,
    port,
    user,
    password,
    database,
    ssl,
  } = poolOptions(location, host, {
    timeout: 10_000,
    poolSize: 1,
    queueLimit: 1,
  });
  return { host: name, port, username: user, password, database, ssl: ssl as object, charset: 'utf8mb4', poolSize: 1 };
}
