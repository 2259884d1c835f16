import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { type Cut, type CuttingProxy, startCuttingProxy } from '../support/cutting-proxy.js';
import { type DatabaseServer, findServer, freePort, startServer } from '../support/database-server.js';
import { mysqlKind, type TestDatabase } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from '../support/register-samples.js';
import { type StatementProxy, startStatementProxy } from '../support/statement-proxy.js';
import { onMysql, suite } from '../support/suites.js';

const onPrivateServers = suite('two hosts', findServer() ? undefined : 'no server is installed');
const timeout = 1500;

onPrivateServers.run(`a gateway with ${onPrivateServers.name}`, () => {
  // The two know nothing of each other, so where a row is tells which was used.
  let servers: DatabaseServer[];
  let gateway: TestGateway;
  const name = 'gateway_hosts';
  const env = {
    SECRETS_KEY: randomBytes(32).toString('base64'),
    DB_TIMEOUT_MS: String(timeout),
    DB_POOL_SIZE: '4',
  };

  function urlOf(ports: readonly number[]): string {
    return `mysql://root@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/${name}`;
  }

  beforeAll(async () => {
    servers = [await startServer(), await startServer()];
    for (const { url, port } of servers) {
      const connection = await createConnection(url);
      await connection.query(`CREATE DATABASE ${name}`);
      await connection.end();
      await (await startGateway({ ...env, DATABASE_URL: urlOf([port]) })).close();
    }
    gateway = await startGateway({ ...env, DATABASE_URL: urlOf(servers.map(({ port }) => port)) });
  });
  afterAll(async () => {
    for (const server of servers ?? []) server.process.kill('SIGCONT');
    await gateway?.close();
    await Promise.all((servers ?? []).map((server) => server.remove()));
  });

  async function add(on: TestGateway = gateway) {
    const key = newAccountKey();
    const { httpStatus, body } = await on.legacy('add_account', legacyAccount(key));
    return { accountId: key.accountId, httpStatus, code: body.code as number };
  }

  async function isStoredOn(server: number, accountId: string): Promise<boolean> {
    const connection = await createConnection(`${servers[server]?.url}/${name}`);
    const [rows] = await connection.query<RowDataPacket[]>('SELECT id FROM accounts WHERE account_id = ?', [accountId]);
    await connection.end();
    return rows.length === 1;
  }

  /** Adds accounts until one is stored on a host; the answers meanwhile are right, or say that it cannot be done now. */
  async function untilUsed(server: number): Promise<void> {
    for (const started = performance.now(); ; await sleep(50)) {
      const { accountId, httpStatus, code } = await add();
      if (httpStatus !== 503) expect(code).toBe(1001);
      if (code === 1001 && (await isStoredOn(server, accountId))) return;
      expect(performance.now() - started).toBeLessThan(15_000);
    }
  }

  async function expectAddsOn(server: number): Promise<void> {
    const added = await Promise.all(Array.from({ length: 10 }, () => add()));
    expect(added.map(({ code }) => code)).toEqual(Array(10).fill(1001));
    for (const { accountId } of added) expect(await isStoredOn(server, accountId)).toBe(true);
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
  }

  test('uses the first', async () => {
    await expectAddsOn(0);
  });

  test('uses the second at once when the first is killed, and the first when it is back', async () => {
    const { process } = servers[0] as DatabaseServer;
    process.kill('SIGKILL');
    await new Promise((resolve) => process.once('exit', resolve));
    await expectAddsOn(1);
    await servers[0]?.restart();
    await untilUsed(0);
    await expectAddsOn(0);
  });

  test('loses nothing that it acknowledged while the first is killed', async () => {
    const until = performance.now() + 600;
    const acknowledged: string[] = [];
    const writers = Array.from({ length: 4 }, async () => {
      while (performance.now() < until) {
        const { accountId, httpStatus, code } = await add();
        if (code === 1001) acknowledged.push(accountId);
        else expect(httpStatus).toBe(503);
      }
    });
    await sleep(200);
    servers[0]?.process.kill('SIGKILL');
    await Promise.all(writers);
    await servers[0]?.restart();
    expect(acknowledged.length).toBeGreaterThan(10);
    for (const accountId of acknowledged) {
      expect((await isStoredOn(0, accountId)) || (await isStoredOn(1, accountId))).toBe(true);
    }
    await untilUsed(0);
  });

  test('uses the second when the first is frozen, and the first when it goes on', async () => {
    servers[0]?.process.kill('SIGSTOP');
    await untilUsed(1);
    await expectAddsOn(1);
    // Long enough to look back at the first several times.
    await sleep(2500);
    await expectAddsOn(1);
    servers[0]?.process.kill('SIGCONT');
    await untilUsed(0);
    await expectAddsOn(0);
  });

  test('stays with the first when the second is away, and answers 503 when both are', async () => {
    const { process } = servers[1] as DatabaseServer;
    process.kill('SIGKILL');
    await new Promise((resolve) => process.once('exit', resolve));
    await expectAddsOn(0);
    servers[0]?.process.kill('SIGKILL');
    for (const { httpStatus, code } of await Promise.all([add(), add(), add()])) {
      expect({ httpStatus, code }).toEqual({ httpStatus: 503, code: 1000 });
    }
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(503);
    await Promise.all(servers.map((server) => server.restart()));
    await untilUsed(0);
  });

  async function setReadOnly(server: number, isReadOnly: boolean): Promise<void> {
    const connection = await createConnection(servers[server]?.url as string);
    await connection.query(`SET GLOBAL read_only = ${isReadOnly ? 1 : 0}`);
    await connection.end();
  }

  test('uses the second while the first is read-only, for reads too, and the first when it takes writes again', async () => {
    const { accountId } = await add();
    expect(await isStoredOn(0, accountId)).toBe(true);
    await setReadOnly(0, true);
    const isSeen = async () => {
      const query = '{ accounts(first: 100) { totalCount edges { node { accountId } } } }';
      const { data, httpStatus } = await gateway.graphql(query);
      return httpStatus === 503 || JSON.stringify(data).includes(accountId);
    };
    // Nobody writes meanwhile, so nothing but asking the first tells.
    for (const started = performance.now(); await isSeen(); await sleep(50)) {
      expect(performance.now() - started).toBeLessThan(15_000);
    }
    await expectAddsOn(1);
    await setReadOnly(0, false);
    await untilUsed(0);
    await expectAddsOn(0);
  });

  test('says so where both are read-only, and serves when one takes writes again', async () => {
    await setReadOnly(0, true);
    await setReadOnly(1, true);
    const missing = async () =>
      ((await (await fetch(`${gateway.url}/readyz`)).json()) as { missing?: string[] }).missing;
    expect(await missing()).toEqual([expect.stringContaining('read-only')]);
    for (const started = performance.now(); (await add()).httpStatus !== 503; await sleep(50)) {
      expect(performance.now() - started).toBeLessThan(15_000);
    }
    expect(await missing()).toEqual([expect.stringContaining('read-only')]);
    await setReadOnly(1, false);
    await untilUsed(1);
    await setReadOnly(0, false);
    await untilUsed(0);
    expect(await missing()).toBeUndefined();
  });

  test('starts where the first refuses, and serves from the second', async () => {
    const late = await startGateway({
      ...env,
      DATABASE_URL: urlOf([await freePort(), servers[1]?.port as number]),
    });
    const { accountId, code } = await add(late);
    await late.close();
    expect(code).toBe(1001);
    expect(await isStoredOn(1, accountId)).toBe(true);
  });

  test('starts where the first is frozen, and serves from the second', async () => {
    servers[0]?.process.kill('SIGSTOP');
    const late = await startGateway({ ...env, DATABASE_URL: urlOf(servers.map(({ port }) => port)) });
    const { accountId, code } = await add(late);
    servers[0]?.process.kill('SIGCONT');
    await late.close();
    expect(code).toBe(1001);
    expect(await isStoredOn(1, accountId)).toBe(true);
  });
});

onMysql.run(`a change whose connection is cut at its COMMIT on ${onMysql.name}`, () => {
  let database: TestDatabase;
  let other: Connection;
  let proxy: CuttingProxy;
  let spare: CuttingProxy;
  let gateway: TestGateway;

  beforeEach(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    other = await createConnection(database.url);
    const { hostname, port } = new URL(database.url);
    const target = { host: hostname, port: Number(port) };
    proxy = await startCuttingProxy(target);
    spare = await startCuttingProxy(target);
    await startThrough(proxy);
  });
  afterEach(async () => {
    await gateway.close();
    await Promise.all([proxy.close(), spare.close(), other.end()]);
    await database.drop();
  });

  async function startThrough(...proxies: readonly CuttingProxy[]): Promise<void> {
    await gateway?.close();
    const hosts = proxies.map(({ port }) => `127.0.0.1:${port}`).join(',');
    gateway = await startGateway({
      ...database.env,
      DATABASE_URL: database.url.replace(/(@|\/\/)[^@/]+(?=\/[^/]+$)/, `$1${hosts}`),
      DB_TIMEOUT_MS: String(timeout),
      DB_POOL_SIZE: '2',
    });
  }

  async function count(table: 'accounts' | 'datasources' | 'audit_events'): Promise<number> {
    const [rows] = await other.query<RowDataPacket[]>(`SELECT COUNT(*) AS number FROM ${table}`);
    return Number(rows[0]?.number);
  }

  /** Ten changes at once go through the two connections of the pool, and the server holds no others. */
  async function expectNoLeak(): Promise<void> {
    const before = await count('accounts');
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => gateway.legacy('add_account', legacyAccount(newAccountKey()))),
    );
    expect(answers.map(({ body }) => body.code)).toEqual(Array(10).fill(1001));
    expect(await count('accounts')).toBe(before + 10);
    const [rows] = await other.query<RowDataPacket[]>(
      'SELECT ID FROM information_schema.PROCESSLIST WHERE DB = DATABASE() AND ID <> CONNECTION_ID()',
    );
    expect(rows.length).toBeLessThanOrEqual(2);
  }

  test('is acknowledged, and not repeated, where only the answer is lost', async () => {
    const account = newAccountKey();
    proxy.cutNext('afterCommit');
    const added = await gateway.legacy('add_account', legacyAccount(account));
    expect(added.body.code).toBe(1001);
    expect({ accounts: await count('accounts'), events: await count('audit_events') }).toEqual({
      accounts: 1,
      events: 1,
    });

    const datasource = newDatasource(account, 'orders');
    proxy.cutNext('afterCommit');
    expect((await gateway.legacy('add-jdbc-conn', legacyDatasource(datasource))).body.code).toBe(1001);
    proxy.cutNext('afterCommit');
    const edit = { ...legacyDatasource(datasource), description: 'edited' };
    expect((await gateway.legacy('update-jdbc-conn', edit)).body.code).toBe(1001);
    const [rows] = await other.query<RowDataPacket[]>('SELECT version, description FROM datasources');
    expect(rows.map((row) => ({ ...row }))).toEqual([{ version: 2, description: 'edited' }]);

    proxy.cutNext('afterCommit');
    const removal = { ...legacyAccount(account), instances: ['orders'] };
    expect((await gateway.legacy('delete-jdbc', removal)).body.code).toBe(1001);
    proxy.cutNext('afterCommit');
    expect((await gateway.legacy('delete_account', legacyAccount(account))).body.code).toBe(1001);
    expect(proxy.cuts).toBe(5);
    expect({ accounts: await count('accounts'), events: await count('audit_events') }).toEqual({
      accounts: 0,
      events: 5,
    });
    await expectNoLeak();
  });

  test('is not acknowledged, and nothing of it is stored, where the COMMIT does not reach the server', async () => {
    proxy.cutNext('beforeCommit');
    const answer = await gateway.legacy('add_account', legacyAccount(newAccountKey()));
    expect(proxy.cuts).toBe(1);
    expect(answer.httpStatus).toBe(503);
    expect(answer.body.code).toBe(1000);
    expect({ accounts: await count('accounts'), events: await count('audit_events') }).toEqual({
      accounts: 0,
      events: 0,
    });
    await expectNoLeak();
  });

  test.each<{ cut: Cut }>([{ cut: 'beforeCommit' }, { cut: 'withCommit' }, { cut: 'afterCommit' }])(
    'is acknowledged exactly where it is stored, one after the other ($cut)',
    async ({ cut }) => {
      const outcomes: { isAcknowledged: boolean; isStored: boolean }[] = [];
      for (let round = 0; round < 6; round += 1) {
        const account = newAccountKey();
        proxy.cutNext(cut);
        const { body } = await gateway.legacy('add_account', legacyAccount(account));
        expect([1001, 1000]).toContain(body.code);
        const [rows] = await other.query<RowDataPacket[]>('SELECT id FROM accounts WHERE account_id = ?', [
          account.accountId,
        ]);
        outcomes.push({ isAcknowledged: body.code === 1001, isStored: rows.length === 1 });
      }
      expect(proxy.cuts).toBe(6);
      expect(outcomes.filter(({ isAcknowledged, isStored }) => isAcknowledged !== isStored)).toEqual([]);
      expect(await count('audit_events')).toBe(await count('accounts'));
      await expectNoLeak();
    },
  );

  test('is found through the other host where the one that took it is gone with the answer', async () => {
    await startThrough(proxy, spare);
    proxy.dieWithNextCut();
    proxy.cutNext('afterCommit');
    const answer = await gateway.legacy('add_account', legacyAccount(newAccountKey()));
    expect(proxy.cuts).toBe(1);
    expect(answer.body.code).toBe(1001);
    expect({ accounts: await count('accounts'), events: await count('audit_events') }).toEqual({
      accounts: 1,
      events: 1,
    });
    await expectNoLeak();
  });

  test('is not acknowledged where nobody can be asked whether it holds', async () => {
    proxy.dieWithNextCut();
    proxy.cutNext('afterCommit');
    const answer = await gateway.legacy('add_account', legacyAccount(newAccountKey()));
    expect(answer.httpStatus).toBe(503);
    expect(await count('accounts')).toBe(1);
  });
});

onMysql.run(`a change that a host of ${onMysql.name} refuses`, () => {
  let database: TestDatabase;
  let other: Connection;
  let proxy: StatementProxy;

  beforeAll(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    other = await createConnection(database.url);
    const { hostname, port } = new URL(database.url);
    proxy = await startStatementProxy({ host: hostname, port: Number(port) });
    await (await startGateway(database.env)).close();
  });
  afterAll(async () => {
    await proxy?.close();
    await other?.end();
    await database?.drop();
  });

  /** @param hosts the first is the one that refuses; the other leads to the same database */
  async function outcomeOf(hosts: 1 | 2, statement: RegExp, number: number, reachesServer: boolean) {
    const { host } = new URL(database.url);
    const gateway = await startGateway({
      ...database.env,
      DATABASE_URL: database.url.replace(host, `127.0.0.1:${proxy.port}${hosts === 1 ? '' : `,${host}`}`),
      DB_TIMEOUT_MS: '700',
      DB_POOL_SIZE: '2',
    });
    const account = newAccountKey();
    proxy.refuse = (text) => (statement.test(text) ? { number, reachesServer } : undefined);
    try {
      const { httpStatus, body } = await gateway.legacy('add_account', legacyAccount(account));
      const [rows] = await other.query<RowDataPacket[]>('SELECT id FROM accounts WHERE account_id = ?', [
        account.accountId,
      ]);
      return { httpStatus, code: body.code, stored: rows.length };
    } finally {
      proxy.refuse = () => undefined;
      await gateway.close();
    }
  }

  const done = { httpStatus: 200, code: 1001, stored: 1 };
  const notNow = { httpStatus: 503, code: 1000, stored: 0 };
  // By the number of the error: Galera, read-only, stopping, offline, Group Replication, MySQL Router, ProxySQL.
  const hostAway = [1047, 1053, 1290, 1792, 1836, 3032, 3098, 3100, 3101, 3796, 3797, 3798, 3799, 2013, 9001];

  test.each(hostAway)('for now (error %i) is done on another host', async (number) => {
    expect(await outcomeOf(2, /^INSERT INTO `?accounts/, number, false)).toEqual(done);
  });

  test.each(hostAway)('for now (error %i), where there is no other, can be asked for again', async (number) => {
    expect(await outcomeOf(1, /^INSERT INTO `?accounts/, number, false)).toEqual(notNow);
  });

  // 1180 is an error at the COMMIT that says no more, 1317 a statement that was interrupted.
  test.each([...hostAway, 1180, 1317])(
    'at its COMMIT (error %i) is acknowledged exactly where it is stored',
    async (number) => {
      expect(await outcomeOf(2, /^COMMIT/, number, true)).toEqual(done);
      expect(await outcomeOf(2, /^COMMIT/, number, false)).toEqual(notNow);
    },
  );
});
