import { randomBytes } from 'node:crypto';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { DataSource } from 'typeorm';
import { loadConfig } from '../../src/config.js';
import { createDataSource } from '../../src/database/data-source.js';
import type { Database } from '../../src/database/database.js';
import type { DatabaseLocation, MysqlLocation } from '../../src/database/database-url.js';
import { isPending, migrate, withMigrationLease } from '../../src/database/migrate.js';
import { migrations } from '../../src/database/migrations/index.js';
import { MysqlDatabase } from '../../src/database/mysql.database.js';
import { SqliteDatabase } from '../../src/database/sqlite.database.js';
import { UnavailableError } from '../../src/errors.js';
import { databaseKinds, mysqlKind, type TestDatabase, testServer } from '../support/databases.js';
import { launchGateway, startGatewayProcess } from '../support/process.js';
import { onMysql } from '../support/suites.js';

const source = fileURLToPath(new URL('../../src', import.meta.url));
const limits = { timeout: 5000, poolSize: 4, queueLimit: 100 };
const ourName = /^(pk|uq|ix|fk|ck)_[a-z][a-z_]*$/;
const names = migrations.map(({ name }) => name);

function open(location: DatabaseLocation): Database {
  return location.kind === 'sqlite' ? new SqliteDatabase(location.path, limits) : new MysqlDatabase(location, limits);
}

function locationOf(env: Record<string, string>): DatabaseLocation {
  return loadConfig(env).database;
}

/** Every entity that there is: the class that each *.entity.ts exports. */
async function entities(): Promise<(new () => object)[]> {
  const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) =>
    file.endsWith('.entity.ts'),
  );
  const modules = await Promise.all(files.map((file) => import(join(source, file))));
  return modules.flatMap((module) => Object.values(module) as (new () => object)[]);
}

/** What TypeORM would change for the tables to be what the entities say. */
async function differences(location: DatabaseLocation): Promise<string[]> {
  const dataSource = createDataSource(location, { entities: await entities(), server: await serverOf(location) });
  await dataSource.initialize();
  try {
    return (await dataSource.driver.createSchemaBuilder().log()).upQueries.map(({ query }) => query);
  } finally {
    await dataSource.destroy();
  }
}

async function serverOf(location: DatabaseLocation): Promise<'mysql' | 'mariadb'> {
  if (location.kind === 'sqlite') return 'mysql';
  const database = open(location);
  try {
    const [row] = await database.read((session) => session.rows<{ version: string }>('SELECT VERSION() AS version'));
    return row?.version.includes('MariaDB') ? 'mariadb' : 'mysql';
  } finally {
    await database.close();
  }
}

describe.each(databaseKinds)('the migrations on $name', (kind) => {
  let made: TestDatabase;
  let location: DatabaseLocation;
  let database: Database;

  beforeEach(async () => {
    made = await kind.create();
    location = locationOf(made.env);
    database = open(location);
  });
  afterEach(async () => {
    await database.close();
    await made.drop();
  });

  async function rows<Row extends object>(sql: string): Promise<Row[]> {
    return database.read((session) => session.rows<Row>(sql));
  }

  test('make exactly the tables that the entities describe', async () => {
    expect(await migrate(database, location)).toEqual(names);
    expect(await differences(location)).toEqual([]);
  });

  test('are compared with the entities in a way that shows a difference', async () => {
    await migrate(database, location);
    await database.read((session) => session.run('ALTER TABLE datasources ADD COLUMN stray INT NULL'));
    expect(await differences(location)).not.toEqual([]);
  });

  test('are pending until all of them have run, and are not run twice', async () => {
    expect(await isPending(database)).toBe(true);
    await migrate(database, location);
    expect(await isPending(database)).toBe(false);
    expect(await migrate(database, location)).toEqual([]);
    await database.read((session) => session.run('DELETE FROM migrations WHERE name = ?', [names.at(-1) as string]));
    expect(await isPending(database)).toBe(true);
  });

  test.each(migrations.map((migration, index) => ({ name: migration.name, index })))(
    'are brought to their end after a crash between the statement of $name and its record',
    async ({ index }) => {
      const options = createDataSource(location).options;
      const before = new DataSource({ ...options, migrations: migrations.slice(0, index) });
      await before.initialize();
      await before.runMigrations();
      const runner = before.createQueryRunner();
      await new (migrations[index] as (typeof migrations)[number])().up(runner);
      await runner.release();
      await before.destroy();

      expect(await migrate(database, location)).toEqual(names.slice(index));
      expect(await differences(location)).toEqual([]);
    },
  );

  test('name every index, key and constraint', async () => {
    await migrate(database, location);
    if (location.kind === 'mysql') {
      const found = await rows<{ name: string }>(
        "SELECT INDEX_NAME AS name FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = DATABASE() AND INDEX_NAME <> 'PRIMARY' UNION SELECT CONSTRAINT_NAME FROM information_schema.TABLE_CONSTRAINTS WHERE TABLE_SCHEMA = DATABASE() AND CONSTRAINT_TYPE NOT IN ('PRIMARY KEY', 'CHECK')",
      );
      expect(found.length).toBeGreaterThan(8);
      // MariaDB checks a JSON column by a constraint of its own, named as the column.
      const checks = await rows<{ name: string }>(
        "SELECT CONSTRAINT_NAME AS name FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = DATABASE() AND CHECK_CLAUSE <> CONCAT('json_valid(`', CONSTRAINT_NAME, '`)')",
      );
      expect([...found, ...checks].map(({ name }) => name).filter((name) => !ourName.test(name))).toEqual([]);
    } else {
      const indices = await rows<{ name: string }>(
        "SELECT name FROM sqlite_master WHERE type = 'index' AND sql NOT NULL",
      );
      expect(indices.length).toBeGreaterThan(6);
      expect(indices.map(({ name }) => name).filter((name) => !ourName.test(name))).toEqual([]);
      const tables = await rows<{ sql: string }>(
        "SELECT sql FROM sqlite_master WHERE type = 'table' AND name NOT IN ('migrations', 'sqlite_sequence')",
      );
      const constraints = tables.flatMap(({ sql }) => [
        ...sql.matchAll(/(?:CONSTRAINT "(\w+)" )?(?:UNIQUE|FOREIGN KEY|CHECK)\s*\(/g),
      ]);
      expect(constraints.length).toBeGreaterThan(2);
      expect(constraints.map(([, name]) => name ?? '').filter((name) => !ourName.test(name))).toEqual([]);
    }
  });

  test('leave what is stored as it is when they run again', async () => {
    await migrate(database, location);
    await database.read((session) =>
      session.run(
        'INSERT INTO accounts (id, account_provider, account_id, region, created_at, updated_at) VALUES (?, 1, ?, ?, 1, 1)',
        ['A1', 'kept', 'here'],
      ),
    );
    await database.read((session) => session.run('DELETE FROM migrations'));
    await migrate(database, location);
    expect(await rows('SELECT account_id AS accountId FROM accounts')).toEqual([{ accountId: 'kept' }]);
  });
});

onMysql.run(`the migrations on ${onMysql.name}`, () => {
  test.each(['latin1', 'utf8mb4'])(
    'store text as utf8mb4 and compare it exactly in a database whose own character set is %s',
    async (charset) => {
      const name = `gateway_${randomBytes(6).toString('hex')}`;
      const server = await createConnection(testServer());
      await server.query(`CREATE DATABASE ${name} CHARACTER SET ${charset}`);
      const location = locationOf({
        DATABASE_URL: `${testServer()}/${name}`,
        SECRETS_KEY: randomBytes(32).toString('base64'),
      });
      const database = open(location);
      try {
        await migrate(database, location);
        const [columns] = await server.query<(RowDataPacket & { place: string; collation: string })[]>(
          "SELECT CONCAT(TABLE_NAME, '.', COLUMN_NAME) AS place, COLLATION_NAME AS collation FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME NOT IN ('migrations', 'migration_lease') AND COLLATION_NAME IS NOT NULL",
          [name],
        );
        const collations = new Map(columns.map(({ place, collation }) => [place, collation]));
        expect(collations.get('accounts.account_id')).toBe('utf8mb4_bin');
        expect(collations.get('datasources.description')).toBe('utf8mb4_bin');
        // What the gateway makes itself, such as its own ids, is ASCII.
        expect([...new Set(collations.values())].sort()).toEqual(['ascii_bin', 'utf8mb4_bin']);
        expect([...collations].filter(([, collation]) => collation === 'ascii_bin').map(([place]) => place)).toEqual(
          expect.arrayContaining(['accounts.id', 'datasources.id', 'sealing_key_checks.key_id']),
        );
        expect(await differences(location)).toEqual([]);
      } finally {
        await database.close();
        await server.query(`DROP DATABASE ${name}`);
        await server.end();
      }
    },
  );

  test('are run once by five gateways that start at once on an empty database', async () => {
    for (let round = 0; round < 2; round += 1) {
      const made = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
      const gateways = await Promise.all(Array.from({ length: 5 }, () => launchGateway(made.env)));
      try {
        await Promise.all(gateways.map((gateway) => gateway.ready()));
        const database = open(locationOf(made.env));
        const recorded = await database.read((session) =>
          session.rows<{ name: string }>('SELECT name FROM migrations ORDER BY id'),
        );
        await database.close();
        expect(recorded.map(({ name }) => name)).toEqual(names);
      } finally {
        await Promise.all(gateways.map((gateway) => gateway.kill('SIGKILL')));
        await made.drop();
      }
    }
  }, 180_000);

  test('are brought to their end by the next start, whenever a gateway was killed', async () => {
    const made = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    const database = open(locationOf(made.env));
    try {
      for (let round = 0; round < 4; round += 1) {
        const gateway = await launchGateway(made.env);
        await gateway.listening();
        await sleep(round * 20);
        await gateway.kill('SIGKILL');
      }
      // The lease of the dead would run out by itself within ten seconds.
      await database
        .read((session) => session.run('UPDATE migration_lease SET expires_at = 0'))
        .catch(() => 'none was ever made');
      const gateway = await startGatewayProcess(made.env);
      await gateway.kill('SIGKILL');
      expect(await isPending(database)).toBe(false);
      expect(await differences(locationOf(made.env))).toEqual([]);
    } finally {
      await database.close();
      await made.drop();
    }
  }, 180_000);

  test('are not taken for run, nor for pending, while the database cannot be reached', async () => {
    const location: MysqlLocation = {
      ...(locationOf({
        DATABASE_URL: `${testServer()}/x`,
        SECRETS_KEY: randomBytes(32).toString('base64'),
      }) as MysqlLocation),
      hosts: [{ host: '127.0.0.1', port: 1 }],
    };
    const database = open(location);
    await expect(isPending(database)).rejects.toBeInstanceOf(UnavailableError);
    await database.close();
  });
});

onMysql.run(`the lease on ${onMysql.name}`, () => {
  let made: TestDatabase;
  let first: Database;
  let second: Database;

  beforeEach(async () => {
    made = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    first = open(locationOf(made.env));
    second = open(locationOf(made.env));
  });
  afterEach(async () => {
    await Promise.all([first.close(), second.close()]);
    await made.drop();
  });

  async function expiry(): Promise<number> {
    const [row] = await first.read((session) =>
      session.rows<{ left: number }>(
        'SELECT CAST(expires_at - UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) AS `left` FROM migration_lease',
      ),
    );
    return Number(row?.left);
  }

  async function leaseTo(holder: string, milliseconds: number): Promise<void> {
    await withMigrationLease(first, async () => undefined);
    await first.read((session) =>
      session.run(
        'UPDATE migration_lease SET holder = ?, expires_at = CAST(UNIX_TIMESTAMP(NOW(3)) * 1000 AS SIGNED) + ?',
        [holder, milliseconds],
      ),
    );
  }

  test('lets one task in at a time', async () => {
    const at = { inside: 0, most: 0, done: 0 };
    const task = async () => {
      at.inside += 1;
      at.most = Math.max(at.most, at.inside);
      await sleep(40);
      at.inside -= 1;
      at.done += 1;
    };
    await Promise.all(
      Array.from({ length: 8 }, (_, index) => withMigrationLease(index % 2 === 0 ? first : second, task)),
    );
    expect(at).toEqual({ inside: 0, most: 1, done: 8 });
  });

  test('is given back by a task that fails', async () => {
    await expect(withMigrationLease(first, () => Promise.reject(new Error('failed')))).rejects.toThrow('failed');
    expect(await expiry()).toBeLessThan(0);
    await expect(withMigrationLease(second, async () => 'in')).resolves.toBe('in');
  });

  test('is not taken from a holder that lives, and comes back when a dead one has not renewed it', async () => {
    await leaseTo('00000000-0000-4000-8000-000000000000', 1500);
    const started = performance.now();
    await withMigrationLease(second, async () => undefined);
    const waited = performance.now() - started;
    expect(waited).toBeGreaterThan(1300);
    expect(waited).toBeLessThan(6000);
  });

  test('is renewed while a task lasts', async () => {
    await withMigrationLease(first, async () => {
      await sleep(200);
      expect(await expiry()).toBeLessThan(9950);
      await sleep(2600);
      expect(await expiry()).toBeGreaterThan(9000);
    });
  });
});
