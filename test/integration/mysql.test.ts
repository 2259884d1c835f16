import { randomBytes } from 'node:crypto';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { loadConfig } from '../../src/config.js';
import { DatabaseError, type Session } from '../../src/database/database.js';
import type { MysqlLocation } from '../../src/database/database-url.js';
import { MysqlDatabase } from '../../src/database/mysql.database.js';
import type { MysqlLimits } from '../../src/database/mysql-hosts.js';
import { AbandonedError, UnavailableError } from '../../src/errors.js';
import { type DatabaseServer, startServer } from '../support/database-server.js';
import { mysqlKind, type TestDatabase, testServer } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { addAccount, legacyAccount, newAccountKey } from '../support/register-samples.js';
import { startStatementProxy } from '../support/statement-proxy.js';
import { onMysql, onPrivateServer } from '../support/suites.js';

const limits: MysqlLimits = { timeout: 3000, poolSize: 4, queueLimit: 20 };

function locationOf(url: string): MysqlLocation {
  return loadConfig({ DATABASE_URL: url, SECRETS_KEY: randomBytes(32).toString('base64') }).database as MysqlLocation;
}

onMysql.run(`a unit of work on ${onMysql.name}`, () => {
  let made: TestDatabase;
  let database: MysqlDatabase;
  let other: Connection;

  beforeAll(async () => {
    made = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    other = await createConnection(made.url);
    await other.query(
      'CREATE TABLE notes (id INT PRIMARY KEY, text VARCHAR(20) NOT NULL, number TINYINT) ENGINE=InnoDB',
    );
    await other.query('CREATE TABLE parents (id INT PRIMARY KEY) ENGINE=InnoDB');
    await other.query(
      'CREATE TABLE children (id INT PRIMARY KEY, CONSTRAINT fk_parent FOREIGN KEY (id) REFERENCES parents (id)) ENGINE=InnoDB',
    );
  });
  afterAll(async () => {
    await other?.end();
    await made?.drop();
  });
  beforeEach(async () => {
    await other.query('DELETE FROM notes');
    await other.query("INSERT INTO notes VALUES (1, 'one', 1), (2, 'two', 2)");
    open();
  });
  afterEach(() => database.close());

  function open(changed: Partial<MysqlLimits> = {}): void {
    database = new MysqlDatabase(locationOf(made.url), { ...limits, ...changed });
  }

  function connectionId(session: Session): Promise<number> {
    return session.rows<{ id: number }>('SELECT CONNECTION_ID() AS id').then(([row]) => Number(row?.id));
  }

  test('for which nobody waits any more when it gets a connection is not begun', async () => {
    open({ poolSize: 1 });
    const asker = { isGone: false };
    const held = database.read(() => sleep(30));
    const waiting = database.change((session) => session.run("UPDATE notes SET text = 'given up' WHERE id = 1"), {
      isAbandoned: () => asker.isGone,
    });
    asker.isGone = true;
    await held;
    await expect(waiting).rejects.toBeInstanceOf(AbandonedError);
    expect(await textOf(1)).toBe('one');
    expect(await database.read(async () => 'served')).toBe('served');
  });

  async function textOf(id: number): Promise<string | undefined> {
    const [rows] = await other.query<RowDataPacket[]>('SELECT text FROM notes WHERE id = ?', [id]);
    return rows[0]?.text as string | undefined;
  }

  const update = 'UPDATE notes SET text = ? WHERE id = ?';

  test('runs with a strict SQL mode, READ COMMITTED and utf8mb4, on every connection', async () => {
    const settings = await Promise.all(
      Array.from({ length: limits.poolSize }, () =>
        database.read(async (session) => {
          const [row] = await session.rows<{ id: number; mode: string; isolation: string; charset: string }>(
            `SELECT CONNECTION_ID() AS id, @@SESSION.sql_mode AS mode, @@SESSION.${await isolationVariable(session)} AS isolation, @@SESSION.character_set_connection AS charset`,
          );
          await sleep(100);
          return row;
        }),
      ),
    );
    expect(new Set(settings.map((row) => row?.id)).size).toBe(limits.poolSize);
    for (const row of settings) {
      expect(row?.mode.split(',')).toContain('STRICT_TRANS_TABLES');
      expect(row).toMatchObject({ isolation: 'READ-COMMITTED', charset: 'utf8mb4' });
    }
  });

  async function isolationVariable(session: Session): Promise<string> {
    const [row] = await session.rows<{ version: string }>('SELECT VERSION() AS version');
    return row?.version.includes('MariaDB') ? 'tx_isolation' : 'transaction_isolation';
  }

  test('whose statement is refused says why without its values, and the connection serves on', async () => {
    await database.close();
    open({ poolSize: 1 });
    const id = await database.read(connectionId);
    const refusals: [string, string, readonly (string | number)[]][] = [
      ['duplicate', 'INSERT INTO notes VALUES (1, ?, 1)', ['hunter2']],
      ['missingReference', 'INSERT INTO children VALUES (?)', [7]],
      ['other', 'INSERT INTO notes VALUES (9, ?, 1)', ['hunter2'.repeat(4)]],
      ['other', 'INSERT INTO notes VALUES (9, ?, 300)', ['hunter2']],
      ['other', 'SELECT hunter FROM nowhere WHERE a = ?', ['hunter2']],
      ['other', 'SELEKT ?', ['hunter2']],
    ];
    for (const [reason, sql, values] of refusals) {
      const refused = await database.change((session) => session.run(sql, values)).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(DatabaseError);
      expect(refused).toMatchObject({ reason, sql });
      expect((refused as Error).message).not.toContain('hunter2');
    }
    expect(await database.read(connectionId)).toBe(id);
    const [[row]] = await other.query<RowDataPacket[][]>('SELECT COUNT(*) AS total FROM notes');
    expect((row as unknown as { total: number }).total).toBe(2);
  });

  test('that fails is rolled back whole', async () => {
    const failing = database.change(async (session) => {
      await session.run(update, ['changed', 1]);
      throw new Error('changed its mind');
    });
    await expect(failing).rejects.toThrow('changed its mind');
    expect(await textOf(1)).toBe('one');
  });

  test.each(['while it is idle', 'between two statements', 'during a statement'])(
    'whose connection is killed %s gets another one and is done once',
    async (when) => {
      await database.close();
      open({ poolSize: 1 });
      let runs = 0;
      const first = await database.read(connectionId);
      if (when === 'while it is idle') await other.query(`KILL ${first}`);
      const ids: number[] = [];
      const done = database.change(async (session) => {
        runs += 1;
        ids.push(await connectionId(session));
        await session.run(update, [`run ${runs}`, 1]);
        if (runs === 1 && when === 'between two statements') await other.query(`KILL ${ids[0]}`);
        if (runs === 1 && when === 'during a statement') {
          setTimeout(() => void other.query(`KILL ${ids[0]}`), 100);
          await session.rows('SELECT SLEEP(2)');
        }
        await session.run('UPDATE notes SET number = number + 10 WHERE id = 2');
      });
      await done;
      expect(runs).toBe(when === 'while it is idle' ? 1 : 2);
      expect(ids.at(-1)).not.toBe(first);
      expect(await textOf(1)).toBe(`run ${runs}`);
      const [rows] = await other.query<RowDataPacket[]>('SELECT number FROM notes WHERE id = 2');
      expect(rows[0]?.number).toBe(12);
    },
  );

  test('that deadlocks with another is run again, and the caller does not learn of it', async () => {
    let runs = 0;
    const crossing = (first: number, second: number) =>
      database.change(async (session) => {
        runs += 1;
        await session.run('UPDATE notes SET number = number + 1 WHERE id = ?', [first]);
        await sleep(20);
        await session.run('UPDATE notes SET number = number + 1 WHERE id = ?', [second]);
      });
    await Promise.all([crossing(1, 2), crossing(2, 1), crossing(1, 2), crossing(2, 1)]);
    expect(runs).toBeGreaterThan(4);
    const [rows] = await other.query<RowDataPacket[]>('SELECT number FROM notes ORDER BY id');
    expect(rows.map(({ number }) => number)).toEqual([5, 6]);
  });

  test('that waits for a lock beyond the deadline is unavailable by then, and leaks no connection', async () => {
    await database.close();
    open({ timeout: 600, poolSize: 1 });
    await other.query('START TRANSACTION');
    await other.query('UPDATE notes SET number = 0 WHERE id = 1');
    try {
      for (let round = 0; round < 3; round += 1) {
        const started = performance.now();
        await expect(database.change((session) => session.run(update, ['late', 1]))).rejects.toBeInstanceOf(
          UnavailableError,
        );
        expect(performance.now() - started).toBeLessThan(1200);
        await expect(database.change((session) => session.run(update, ['in time', 2]))).resolves.toBe(1);
      }
    } finally {
      await other.query('ROLLBACK');
    }
    await expect(database.change((session) => session.run(update, ['again', 1]))).resolves.toBe(1);
    await sleep(200);
    expect(await textOf(1)).toBe('again');
  });

  test('that is past its deadline can do nothing more', async () => {
    await database.close();
    open({ timeout: 200, poolSize: 1 });
    const after: unknown[] = [];
    const late = database.change(async (session) => {
      await session.run(update, ['late', 1]);
      await sleep(400);
      after.push(await session.run(update, ['later', 2]).catch((error: unknown) => error));
    });
    await expect(late).rejects.toBeInstanceOf(UnavailableError);
    await sleep(400);
    expect(after[0]).toBeInstanceOf(UnavailableError);
    expect([await textOf(1), await textOf(2)]).toEqual(['one', 'two']);
  });

  /** Waits until the server is at none of these statements. */
  async function untilOver(text: string): Promise<number> {
    const started = performance.now();
    for (;;) {
      const [rows] = await other.query<RowDataPacket[]>('SHOW PROCESSLIST');
      const isAtIt = rows.some(({ Info }) => String(Info).includes(text) && !String(Info).includes('PROCESSLIST'));
      if (!isAtIt) return performance.now() - started;
      expect(performance.now() - started).toBeLessThan(20_000);
      await sleep(20);
    }
  }

  test.each(['SELECT', 'UPDATE'])('that is past its deadline is ended on the server too (%s)', async (kind) => {
    await database.close();
    open({ timeout: 1000, poolSize: 1 });
    const slow =
      kind === 'SELECT' ? 'SELECT SLEEP(30) AS slept' : "UPDATE notes SET text = 'slept' WHERE SLEEP(30) = 0";
    // With what comes before it, so that its own limit on the server is not yet over.
    const late = database.change(async (session) => {
      await session.run(update, ['late', 1]);
      await session.rows('SELECT SLEEP(0.5)');
      await session.run(slow);
    });
    await expect(late).rejects.toBeInstanceOf(UnavailableError);
    expect(await untilOver('SLEEP(30)')).toBeLessThan(400);
    // Its locks are gone with it, and the pool has its place again.
    await expect(database.change((session) => session.run(update, ['again', 1]))).resolves.toBe(1);
    expect(await textOf(1)).toBe('again');
  });

  test('that only reads is ended on the server when nobody waits for it any more', async () => {
    await database.close();
    open({ timeout: 20_000, poolSize: 1 });
    let isGone = false;
    const read = database.read((session) => session.rows('SELECT SLEEP(31) AS slept'), { isAbandoned: () => isGone });
    await sleep(300);
    isGone = true;
    await expect(read).rejects.toBeInstanceOf(AbandonedError);
    expect(await untilOver('SLEEP(31)')).toBeLessThan(400);
    await expect(database.change((session) => session.run(update, ['again', 1]))).resolves.toBe(1);
  });

  test('that nobody can end is ended by the server itself', async () => {
    const proxy = await startStatementProxy(locationOf(`${testServer()}/x`).hosts[0] as { host: string; port: number });
    const location = { ...locationOf(made.url), hosts: [{ host: '127.0.0.1', port: proxy.port }] };
    await database.close();
    database = new MysqlDatabase(location, { ...limits, timeout: 1000 });
    const counting =
      'SELECT COUNT(*) FROM information_schema.COLLATIONS a, information_schema.COLLATIONS b, information_schema.COLLATIONS c, information_schema.COLLATIONS d';
    const late = database.read((session) => session.rows(counting));
    await sleep(300);
    // As if the gateway were gone.
    await proxy.close();
    await late.catch(() => undefined);
    expect(await untilOver('COLLATIONS a')).toBeLessThan(5000);
  });

  test('that finds no free connection by its deadline is unavailable, as is one more than may wait', async () => {
    await database.close();
    open({ timeout: 2000, poolSize: 1, queueLimit: 3 });
    const outcomes = await Promise.all(
      Array.from({ length: 6 }, async () => {
        const started = performance.now();
        const outcome = await database
          .read((session) => session.rows('SELECT SLEEP(1.2)'))
          .then(
            () => 'served',
            (error: unknown) => (error instanceof UnavailableError ? 'unavailable' : error),
          );
        return { outcome, milliseconds: performance.now() - started };
      }),
    );
    expect(outcomes.filter(({ outcome }) => outcome === 'served')).toHaveLength(1);
    expect(outcomes.filter(({ outcome }) => outcome === 'unavailable')).toHaveLength(5);
    expect(Math.max(...outcomes.map(({ milliseconds }) => milliseconds))).toBeLessThan(4000);
    await expect(database.read((session) => session.rows('SELECT 1 AS one'))).resolves.toEqual([{ one: 1 }]);
  });

  test('in a burst of many times the pool never takes more connections than it, and all are served', async () => {
    await database.close();
    open({ queueLimit: 200 });
    await database.read((session) => session.rows('SELECT 1 AS one'));
    const burst = Array.from({ length: 100 }, () =>
      database.read(async (session) => {
        await session.rows('SELECT SLEEP(0.005)');
        return connectionId(session);
      }),
    );
    const ids = new Set(await Promise.all(burst));
    expect(ids.size).toBeLessThanOrEqual(limits.poolSize);
  });

  test('whose connection is cut while it is set up crashes nothing', async () => {
    const proxy = await cuttingProxy(locationOf(`${testServer()}/x`).hosts[0] as { host: string; port: number });
    const location = { ...locationOf(made.url), hosts: [{ host: '127.0.0.1', port: proxy.port }] };
    await database.close();
    database = new MysqlDatabase(location, { ...limits, timeout: 3000 });
    const cut = await database.read((session) => session.rows('SELECT 1 AS one')).catch((error: unknown) => error);
    expect(cut).toBeInstanceOf(UnavailableError);
    expect(proxy.cuts).toBeGreaterThan(0);
    proxy.heal();
    await expect(database.read((session) => session.rows('SELECT 1 AS one'))).resolves.toEqual([{ one: 1 }]);
    await proxy.close();
  });

  test('goes to the next host where the first does not answer', async () => {
    await database.close();
    const location = locationOf(made.url);
    database = new MysqlDatabase({ ...location, hosts: [{ host: '127.0.0.1', port: 1 }, ...location.hosts] }, limits);
    await expect(database.read((session) => session.rows('SELECT 1 AS one'))).resolves.toEqual([{ one: 1 }]);
  });

  test('is refused after the database was closed', async () => {
    await database.read((session) => session.rows('SELECT 1 AS one'));
    await database.close();
    await expect(database.read((session) => session.rows('SELECT 1 AS one'))).rejects.toBeInstanceOf(UnavailableError);
    open();
  });
});

onPrivateServer.run(`a gateway on ${onPrivateServer.name}`, () => {
  let server: DatabaseServer;
  let gateway: TestGateway;
  const timeout = 1500;
  const sealingKey = randomBytes(32).toString('base64');

  beforeAll(async () => {
    server = await startServer();
    const connection = await createConnection(server.url);
    await connection.query('CREATE DATABASE gateway_private');
    await connection.end();
    gateway = await startGateway({
      DATABASE_URL: `${server.url}/gateway_private`,
      SECRETS_KEY: sealingKey,
      DB_TIMEOUT_MS: String(timeout),
      DB_POOL_SIZE: '4',
    });
  });
  afterAll(async () => {
    server?.process.kill('SIGCONT');
    await gateway?.close();
    await server?.remove();
  });

  async function add() {
    const started = performance.now();
    const key = newAccountKey();
    const answer = await gateway.legacy('add_account', legacyAccount(key));
    return { key, answer, milliseconds: performance.now() - started };
  }

  async function ready(): Promise<number> {
    return (await fetch(`${gateway.url}/readyz`)).status;
  }

  async function untilServing(): Promise<void> {
    for (const started = performance.now(); ; await sleep(50)) {
      const { answer } = await add();
      if (answer.body.code === 1001) return;
      expect(answer.httpStatus).toBe(503);
      expect(performance.now() - started).toBeLessThan(10_000);
    }
  }

  async function expectUnavailable(): Promise<void> {
    const answers = await Promise.all(Array.from({ length: 8 }, add));
    for (const { answer, milliseconds } of answers) {
      expect(answer.httpStatus).toBe(503);
      expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
      expect(answer.body).toEqual({
        status: 'fail',
        code: 1000,
        message: 'The service cannot answer now. Try again in a moment.',
        ref: null,
      });
      expect(milliseconds).toBeLessThan(timeout + 2000);
    }
    const byGraphQL = await gateway.graphql(addAccount, { input: newAccountKey() });
    expect(byGraphQL.httpStatus).toBe(503);
    expect(byGraphQL.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(byGraphQL.errors?.[0].extensions).toMatchObject({ code: 'SERVICE_UNAVAILABLE', legacyCode: 1000 });
    const started = performance.now();
    expect(await ready()).toBe(503);
    expect(performance.now() - started).toBeLessThan(2000);
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
  }

  test('whose database is frozen answers 503 by the deadline, and serves again once it goes on', async () => {
    await untilServing();
    server.process.kill('SIGSTOP');
    await expectUnavailable();
    server.process.kill('SIGCONT');
    await untilServing();
    expect(await ready()).toBe(200);
  });

  test('whose database is killed answers 503, and serves again once it is back, with what it had acknowledged', async () => {
    const acknowledged: string[] = [];
    for (let round = 0; round < 2; round += 1) {
      const until = performance.now() + 400;
      const writers = Array.from({ length: 6 }, async () => {
        while (performance.now() < until) {
          const { key, answer } = await add();
          if (answer.body.code === 1001) acknowledged.push(key.accountId);
          else expect(answer.httpStatus).toBe(503);
        }
      });
      await sleep(200);
      server.process.kill('SIGKILL');
      await Promise.all(writers);
      await expectUnavailable();
      await server.restart();
      await untilServing();
      expect(await ready()).toBe(200);
    }
    expect(acknowledged.length).toBeGreaterThan(0);
    const connection = await createConnection(`${server.url}/gateway_private`);
    const [rows] = await connection.query<RowDataPacket[]>('SELECT account_id AS id FROM accounts');
    await connection.end();
    const stored = new Set(rows.map(({ id }) => id));
    expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  });

  test('holds no more connections than its pool after all that, and a burst of many times the pool is served', async () => {
    const answers = await Promise.all(Array.from({ length: 40 }, add));
    expect(new Set(answers.map(({ answer }) => answer.body.code))).toEqual(new Set([1001]));
    const connection = await createConnection(server.url);
    const [rows] = await connection.query<RowDataPacket[]>(
      "SELECT ID AS id FROM information_schema.PROCESSLIST WHERE DB = 'gateway_private'",
    );
    await connection.end();
    expect(rows.length).toBeLessThanOrEqual(4);
  });

  test('that starts before its database is there comes up with it', async () => {
    server.process.kill('SIGKILL');
    const late = startGateway({
      DATABASE_URL: `${server.url}/gateway_private`,
      SECRETS_KEY: sealingKey,
    });
    await sleep(500);
    await server.restart();
    const started = await late;
    const answer = await started.legacy('add_account', legacyAccount(newAccountKey()));
    await started.close();
    expect(answer.body.code).toBe(1001);
  });
});

/** A proxy that cuts each connection when its client sends its first statement, until it is healed. */
async function cuttingProxy(target: { host: string; port: number }) {
  const state = { cuts: 0, healed: false };
  const sockets = new Set<Socket>();
  const server: Server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    upstream.pipe(client);
    client.on('data', (data) => {
      if (!state.healed && data.includes('SET SESSION')) {
        state.cuts += 1;
        client.resetAndDestroy();
      } else upstream.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    get cuts() {
      return state.cuts;
    },
    heal() {
      state.healed = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
