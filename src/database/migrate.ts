import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Database, DatabaseError } from './database.js';
import type { DatabaseLocation } from './database-url.js';
import { migrations } from './migrations/index.js';

const leaseMilliseconds = 10_000;
const now = 'CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED)';

/**
 * Brings the tables up to what the entities are, once, however many gateways start at the same time.
 *
 * @returns the names of the migrations that were run here
 */
export async function migrate(database: Database, location: DatabaseLocation): Promise<string[]> {
  if (!(await isPending(database))) return [];
  // TypeORM is large, and nothing else at run time needs the whole of it.
  const { createDataSource } = await import('./data-source.js');
  return withMigrationLease(database, async () => {
    const dataSource = createDataSource(location);
    await dataSource.initialize();
    try {
      return (await dataSource.runMigrations()).map(({ name }) => name);
    } finally {
      await dataSource.destroy();
    }
  });
}

/** Whether a migration has not been run yet. */
export async function isPending(database: Database): Promise<boolean> {
  try {
    const rows = await database.read((session) => session.rows<{ name: string }>('SELECT name FROM migrations'));
    const done = new Set(rows.map(({ name }) => name));
    return migrations.some((migration) => !done.has(migration.name));
  } catch (error) {
    if (error instanceof DatabaseError) return true;
    throw error;
  }
}

/**
 * Runs a task while no other gateway runs one so. The right is a row with a lease: it holds across a Galera cluster, where
 * GET_LOCK does not, and comes back by itself where its holder dies. On SQLite there is only one gateway.
 */
export async function withMigrationLease<T>(database: Database, task: () => Promise<T>): Promise<T> {
  if (database.dialect.name === 'sqlite') return task();
  const holder = randomUUID();
  await makeLease(database);
  while (!(await takeLease(database, holder))) await sleep(100 + Math.random() * 200);
  const renewal = setInterval(() => {
    takeLease(database, holder).catch(() => undefined);
  }, leaseMilliseconds / 4);
  try {
    return await task();
  } finally {
    clearInterval(renewal);
    await dropLease(database, holder);
  }
}

async function makeLease(database: Database): Promise<void> {
  await database.read(async (session) => {
    await session.run(
      "CREATE TABLE IF NOT EXISTS migration_lease (id INT NOT NULL PRIMARY KEY, holder VARCHAR(36) NOT NULL, expires_at BIGINT NOT NULL) ENGINE=InnoDB DEFAULT CHARSET=ascii COMMENT 'which gateway may change the schema'",
    );
    await session.run("INSERT IGNORE INTO migration_lease (id, holder, expires_at) VALUES (1, '', 0)");
  });
}

async function takeLease(database: Database, holder: string): Promise<boolean> {
  const taken = await database.read((session) =>
    session.run(
      `UPDATE migration_lease SET holder = ?, expires_at = ${now} + ${leaseMilliseconds} WHERE id = 1 AND (holder = ? OR expires_at < ${now})`,
      [holder, holder],
    ),
  );
  return taken === 1;
}

async function dropLease(database: Database, holder: string): Promise<void> {
  await database.read((session) =>
    session.run('UPDATE migration_lease SET expires_at = 0 WHERE id = 1 AND holder = ?', [holder]),
  );
}
