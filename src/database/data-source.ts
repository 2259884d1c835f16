import { DataSource, type DataSourceOptions } from 'typeorm';
import type { DatabaseLocation, MysqlLocation } from './database-url.js';
import { migrations } from './migrations/index.js';
import { poolOptions } from './mysql-hosts.js';
import { SqliteDriver } from './sqlite-driver.js';

/** What is compared with the tables, where they are: the migrations need none of it. */
export interface Comparison {
  readonly entities: (new () => object)[];
  /** Which server answers there: the two differ in how they describe their tables. */
  readonly server: 'mysql' | 'mariadb';
}

/**
 * TypeORM's view of the register, for what is done with its schema: running the migrations, and comparing the entities
 * with the tables. It is not connected yet.
 */
export function createDataSource(
  location: DatabaseLocation,
  { entities, server }: Comparison = { entities: [], server: 'mysql' },
): DataSource {
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
