import { loadConfig } from '../../src/config.js';
import type { Database, StatementObserver } from '../../src/database/database.js';
import { migrate } from '../../src/database/migrate.js';
import { MysqlDatabase } from '../../src/database/mysql.database.js';
import { SqliteDatabase } from '../../src/database/sqlite.database.js';
import type { TestDatabase } from './databases.js';

const limits = { timeout: 60_000, poolSize: 2, queueLimit: 100 };

/** A database of the gateway with its tables, and no gateway before it. */
export async function openBareDatabase({ env }: TestDatabase, observe?: StatementObserver): Promise<Database> {
  const { database: location } = loadConfig(env);
  const database =
    location.kind === 'sqlite'
      ? new SqliteDatabase(location.path, limits, observe)
      : new MysqlDatabase(location, limits, observe);
  await migrate(database, location);
  return database;
}
