import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { loadConfig } from '../../src/config.js';
import type { Database } from '../../src/database/database.js';
import { MysqlDatabase } from '../../src/database/mysql.database.js';
import { SqliteDatabase } from '../../src/database/sqlite.database.js';
import { open } from '../../src/security/sealing.js';
import { parseSealingKey, type SealingKey } from '../../src/security/sealing-key.js';
import { checkSealingKeys, SealingKeyError } from '../../src/security/sealing-keys.js';
import { databaseKinds, mysqlKind, type TestDatabase } from '../support/databases.js';
import { startGateway } from '../support/gateway.js';
import { type GatewayProcess, launchGateway, startGatewayProcess, temporaryDirectory } from '../support/process.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from '../support/register-samples.js';
import { onMysql } from '../support/suites.js';

const limits = { timeout: 3000, poolSize: 2, queueLimit: 20 };
const planted = { password: 'correct horse 🐘 battery', secret: 'arn:planted:secret:staple' };

function newKey(): string {
  return randomBytes(32).toString('base64');
}

function idOf(key: string): string {
  return (parseSealingKey(key) as SealingKey).id;
}

function openDatabase(env: Record<string, string>): Database {
  const { database } = loadConfig({ SECRETS_KEY: newKey(), DATABASE_URL: env.DATABASE_URL });
  return database.kind === 'sqlite' ? new SqliteDatabase(database.path, limits) : new MysqlDatabase(database, limits);
}

/** A gateway that is expected to end by itself. It is not shown anything of a key. */
async function refusal(env: Record<string, string>): Promise<string> {
  const gateway = await launchGateway(env);
  expect(await gateway.ended).toEqual({ code: 1, signal: null });
  for (const [name, value] of Object.entries(env)) {
    if (name.startsWith('SECRETS_KEY')) {
      for (const key of value.split(',')) expect(gateway.stderr + gateway.stdout).not.toContain(key.slice(0, 12));
    }
  }
  return gateway.stderr;
}

async function addSealed(gateway: Pick<GatewayProcess, 'legacy'>) {
  const account = newAccountKey();
  await gateway.legacy('add_account', legacyAccount(account));
  const datasource = newDatasource(account, 'orders', { ...planted, masterUsername: 'admin' });
  const added = await gateway.legacy('add-jdbc-conn', legacyDatasource(datasource));
  expect(added.body.code).toBe(1001);
  return datasource;
}

describe('the key beside an SQLite file', () => {
  let directory: string;
  let env: Record<string, string>;
  let keyFile: string;

  beforeEach(() => {
    directory = temporaryDirectory();
    env = { DATABASE_URL: `sqlite:${join(directory, 'gateway.sqlite')}` };
    keyFile = join(directory, 'gateway.sqlite.key');
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('is made at the first start, with a line in the log that does not show it, and kept from then on', async () => {
    const first = await startGateway(env);
    await first.close();
    const key = readFileSync(keyFile, 'utf8');
    expect(parseSealingKey(key.trim())).toBeDefined();
    expect(statSync(keyFile).mode & 0o777).toBe(0o600);
    const lines = first.log.filter((line) => line.includes(keyFile));
    expect(lines).toHaveLength(1);
    expect(JSON.parse(lines[0] as string)).toMatchObject({ level: 'warn', file: keyFile });
    expect(first.log.join('')).not.toContain(key.slice(0, 12));

    const second = await startGateway(env);
    await second.close();
    expect(readFileSync(keyFile, 'utf8')).toBe(key);
    expect(second.log.join('')).not.toContain(keyFile);
    expect(readdirSync(directory).filter((name) => name.includes('.key'))).toEqual(['gateway.sqlite.key']);
  });

  test('is not made where one is set', async () => {
    const gateway = await startGateway({ ...env, SECRETS_KEY: newKey() });
    await gateway.close();
    expect(existsSync(keyFile)).toBe(false);
  });

  test('is not made anew where it is gone and the register was sealed with it', async () => {
    const first = await startGateway(env);
    await addSealed(first);
    await first.close();
    const key = readFileSync(keyFile, 'utf8');
    rmSync(keyFile);
    const message = await refusal(env);
    expect(message).toContain(`put ${keyFile} back`);
    expect(message).not.toMatch(/^\s+at /m);
    expect(existsSync(keyFile)).toBe(false);

    writeFileSync(keyFile, key);
    const second = await startGateway(env);
    await second.close();
  });

  test('may be moved into the setting', async () => {
    const first = await startGateway(env);
    await addSealed(first);
    await first.close();
    const key = readFileSync(keyFile, 'utf8').trim();
    rmSync(keyFile);
    const second = await startGateway({ ...env, SECRETS_KEY: key });
    await addSealed(second);
    await second.close();
    expect(existsSync(keyFile)).toBe(false);
  });

  test.each([
    ['empty', ''],
    ['cut short', 'QUJD\n'],
    ['another', `${newKey()}\n`],
  ])('stops the start where it is %s, and the register was sealed', async (_, content) => {
    const first = await startGateway(env);
    await addSealed(first);
    await first.close();
    writeFileSync(keyFile, content);
    const message = await refusal(env);
    expect(message).toMatch(/key/);
    expect(message).not.toMatch(/^\s+at /m);
    if (content.length > 10) expect(message).not.toContain(content.slice(0, 12));
    expect(readFileSync(keyFile, 'utf8')).toBe(content);
  });
});

describe.each(databaseKinds)('sealing keys on $name', (kind) => {
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeEach(async () => {
    database = await kind.create();
    env = { DATABASE_URL: database.url };
  });
  afterEach(() => database.drop());

  async function registered(): Promise<string[]> {
    const connection = openDatabase(env);
    try {
      const rows = await connection.read((session) =>
        session.rows<{ id: string }>('SELECT key_id AS id FROM sealing_key_checks'),
      );
      return rows.map(({ id }) => id).sort();
    } finally {
      await connection.close();
    }
  }

  async function check(keys: string[]): Promise<void> {
    const connection = openDatabase(env);
    try {
      await checkSealingKeys(
        connection,
        keys.map((key) => parseSealingKey(key) as SealingKey),
      );
    } finally {
      await connection.close();
    }
  }

  async function sealedRows(): Promise<{ instanceId: string; accountId: string; password: Buffer; secret: Buffer }[]> {
    const connection = openDatabase(env);
    try {
      return await connection.read((session) =>
        session.rows(
          'SELECT instance_id AS instanceId, account_id AS accountId, password_sealed AS password, secret_sealed AS secret FROM datasources',
        ),
      );
    } finally {
      await connection.close();
    }
  }

  test('are registered at the first start, once', async () => {
    const key = newKey();
    for (let start = 0; start < 2; start += 1) {
      const gateway = await startGateway({ ...env, SECRETS_KEY: key });
      await gateway.close();
      expect(await registered()).toEqual([idOf(key)]);
    }
  });

  test('stop the start where they are not the ones that the register was sealed with', async () => {
    const key = newKey();
    const first = await startGateway({ ...env, SECRETS_KEY: key });
    await addSealed(first);
    await first.close();
    const wrong = newKey();
    const message = await refusal({ ...env, SECRETS_KEY: wrong });
    expect(message).toContain(idOf(key));
    expect(message).toContain(idOf(wrong));
    expect(message).toContain('SECRETS_KEY');
    expect(message).not.toMatch(/^\s+at /m);
    expect(await registered()).toEqual([idOf(key)]);
  });

  test('stop the start where the known value was changed, and repair nothing', async () => {
    const key = newKey();
    await (await startGateway({ ...env, SECRETS_KEY: key })).close();
    const connection = openDatabase(env);
    await connection.change((session) => session.run('UPDATE sealing_key_checks SET sealed = ?', [randomBytes(60)]));
    await connection.close();
    await expect(check([key])).rejects.toThrow(SealingKeyError);
    expect(await registered()).toEqual([idOf(key)]);
  });

  test('may be several: the first seals, and those that sealed before must be among them', async () => {
    const [old, next, stranger] = [newKey(), newKey(), newKey()];
    const first = await startGateway({ ...env, SECRETS_KEY: old });
    await addSealed(first);
    await first.close();
    const second = await startGateway({ ...env, SECRETS_KEYS: `${next},${old}` });
    const added = await addSealed(second);
    await second.close();
    expect(await registered()).toEqual([idOf(old), idOf(next)].sort());
    const rows = await sealedRows();
    const [row] = rows.filter(({ accountId }) => accountId === added.accountId);
    const place = ['datasource', 1, added.accountId, added.region, added.instanceId] as const;
    const nextKey = parseSealingKey(next) as SealingKey;
    expect(open(Buffer.from(row?.password as Buffer), [...place, 'password'], [nextKey])).toBe(planted.password);
    expect(open(Buffer.from(row?.secret as Buffer), [...place, 'secret'], [nextKey])).toBe(planted.secret);

    for (const keys of [[next], [stranger, next]]) {
      await expect(check(keys)).rejects.toThrow(idOf(old));
    }
    expect(await registered()).toEqual([idOf(old), idOf(next)].sort());
    const third = await startGateway({ ...env, SECRETS_KEYS: `${old},${next}` });
    await third.close();
  });

  test('leave no credential in clear in any table, nor in the log', async () => {
    const gateway = await startGateway({ ...env, SECRETS_KEY: newKey(), LOG_LEVEL: 'trace' });
    const datasource = await addSealed(gateway);
    const edited = await gateway.legacy('update-jdbc-conn', legacyDatasource(datasource));
    expect(edited.body.code).toBe(1001);
    const stored = await everyValue();
    await gateway.close();
    expect(stored.length).toBeGreaterThan(10);
    for (const words of [planted.password, planted.secret, 'correct horse', 'staple']) {
      const forms = [words, Buffer.from(words).toString('base64').slice(0, 12), Buffer.from(words).toString('hex')];
      for (const form of forms) {
        expect(stored.some((value) => value.includes(form))).toBe(false);
        expect(gateway.log.join('')).not.toContain(form);
      }
    }
    expect(stored.some((value) => value.includes(datasource.accountId))).toBe(true);
  });

  /** Every value of every table; with SQLite, every byte of its files. */
  async function everyValue(): Promise<Buffer[]> {
    if (kind.name === 'SQLite') {
      const file = database.url.slice('sqlite:'.length);
      const folder = join(file, '..');
      return readdirSync(folder).flatMap((name) => {
        const content = readFileSync(join(folder, name));
        return Array.from({ length: Math.ceil(content.length / 2048) }, (_, at) =>
          content.subarray(at * 2048, at * 2048 + 4096),
        );
      });
    }
    const connection = await createConnection(database.url);
    const [tables] = await connection.query<RowDataPacket[]>('SHOW TABLES');
    const values: Buffer[] = [];
    for (const table of tables.map((row) => Object.values(row)[0] as string)) {
      const [rows] = await connection.query<RowDataPacket[]>(`SELECT * FROM \`${table}\``);
      values.push(
        ...rows
          .flatMap((row) => Object.values(row))
          .map((value) => (Buffer.isBuffer(value) ? value : Buffer.from(String(value)))),
      );
    }
    await connection.end();
    return values;
  }
});

onMysql.run(`gateways that start at once on ${onMysql.name}`, () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
  });
  afterEach(() => database.drop());

  test('with the same key all come up, and each reads what another has sealed', async () => {
    const gateways = await Promise.all(Array.from({ length: 2 }, () => startGatewayProcess(database.env)));
    const datasource = await addSealed(gateways[0] as GatewayProcess);
    const edited = await gateways[1]?.legacy('update-jdbc-conn', legacyDatasource(datasource));
    expect(edited?.body.code).toBe(1001);
    await Promise.all(gateways.map((gateway) => gateway.kill('SIGKILL')));
  }, 180_000);

  test('with different keys do not both come up', async () => {
    const gateways = await Promise.all(
      [newKey(), newKey()].map((key) => launchGateway({ ...database.env, SECRETS_KEY: key })),
    );
    const outcomes = await Promise.all(
      gateways.map((gateway) =>
        gateway.ready().then(
          () => 'ready',
          () => gateway.stderr,
        ),
      ),
    );
    await Promise.all(gateways.map((gateway) => gateway.kill('SIGKILL')));
    expect(outcomes.filter((outcome) => outcome === 'ready')).toHaveLength(1);
    expect(outcomes.find((outcome) => outcome !== 'ready')).toMatch(/sealed with a key that is not set/);
  }, 180_000);
});
