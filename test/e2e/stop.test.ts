import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { type Connection, createConnection, type RowDataPacket } from 'mysql2/promise';
import { type DatabaseServer, startServer } from '../support/database-server.js';
import { mysqlKind, sqliteKind, type TestDatabase } from '../support/databases.js';
import { type GatewayProcess, startGatewayProcess } from '../support/process.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from '../support/register-samples.js';
import { onMysql, onPrivateServer } from '../support/suites.js';

const maxStopTime = 10_000;
const refusal = {
  httpStatus: 503,
  connection: 'close',
  retryAfter: expect.stringMatching(/^\d+$/),
  body: { status: 'fail', code: 1000, message: 'The service cannot answer now. Try again in a moment.', ref: null },
};

/** A client's connection as it is, to send what no HTTP client would. */
interface RawConnection {
  readonly socket: Socket;
  /** What was received so far. */
  readonly received: string;
  /** When it has been closed. */
  readonly closed: Promise<void>;
}

async function connectTo(gateway: GatewayProcess): Promise<RawConnection> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (data) => {
    received += data;
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return {
    socket,
    closed,
    get received() {
      return received;
    },
  };
}

function post(route: string, body: object): string {
  const json = JSON.stringify(body);
  return `POST /data-source/${route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
}

/** Each answer on a connection, in the order they came. */
function answersIn(received: string) {
  return received
    .split(/(?=HTTP\/1\.1 \d{3} )/)
    .filter(Boolean)
    .map((answer) => {
      const [head, body] = answer.split('\r\n\r\n') as [string, string];
      return {
        httpStatus: Number(head.split(' ')[1]),
        connection: /^connection: (.*)$/im.exec(head)?.[1]?.trim(),
        retryAfter: /^retry-after: (.*)$/im.exec(head)?.[1]?.trim(),
        body: JSON.parse(body),
      };
    });
}

async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await sleep(10);
}

function untilStopping(gateway: GatewayProcess): Promise<void> {
  return until(() => gateway.stdout.includes('"stopping"'));
}

/** Tells the gateway to stop, and expects its end in the time that is promised, without a complaint. */
async function expectStop(gateway: GatewayProcess): Promise<void> {
  const started = performance.now();
  expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  expect(performance.now() - started).toBeLessThan(maxStopTime);
  expect(gateway.stderr).toBe('');
}

describe('a gateway that is told to stop', () => {
  let database: TestDatabase;
  let gateway: GatewayProcess;

  beforeEach(async () => {
    database = await sqliteKind.create();
    gateway = await startGatewayProcess(database.env);
  });
  afterEach(async () => {
    await gateway.kill('SIGKILL');
    await database.drop();
  });

  test('does so in time although clients hold connections that are idle, silent or half sent', async () => {
    const [idle, silent, halfHead, halfBody] = await Promise.all([0, 1, 2, 3].map(() => connectTo(gateway)));
    const request = post('add_account', legacyAccount(newAccountKey()));
    idle?.socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    halfHead?.socket.write(request.slice(0, 40));
    halfBody?.socket.write(request.slice(0, -5));
    await until(() => /"ok"/.test(idle?.received ?? ''));
    await expectStop(gateway);
    await Promise.all([idle, silent, halfHead, halfBody].map((connection) => connection?.closed));
  });

  test('refuses what is sent after that on a connection that is still open, closes it, and refuses others', async () => {
    const client = await connectTo(gateway);
    const account = legacyAccount(newAccountKey());
    const request = post('add_account', account);
    client.socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await until(() => client.received.includes('"ok"'));
    client.socket.write(request.slice(0, 20));
    // The half has arrived when what is sent after it, elsewhere, is answered.
    await fetch(`${gateway.url}/healthz`);
    gateway.child.kill('SIGTERM');
    await untilStopping(gateway);
    const other = await fetch(`${gateway.url}/healthz`);
    expect({ httpStatus: other.status, connection: other.headers.get('connection') }).toEqual({
      httpStatus: 503,
      connection: 'close',
    });
    client.socket.write(request.slice(20));
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    await client.closed;
    const [health, ...others] = answersIn(client.received);
    expect(health?.httpStatus).toBe(200);
    expect(others).toEqual([refusal]);

    gateway = await startGatewayProcess(database.env);
    expect((await gateway.legacy('delete_account', account)).body.code).toBe(1222);
  });
});

onMysql.run(`a gateway that is told to stop while a row is locked on ${onMysql.name}`, () => {
  let database: TestDatabase;
  let gateway: GatewayProcess;
  let other: Connection;
  let client: RawConnection;
  const account = newAccountKey();

  beforeEach(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    gateway = await startGatewayProcess({ ...database.env, DB_TIMEOUT_MS: '60000' });
    expect((await gateway.legacy('add_account', legacyAccount(account))).body.code).toBe(1001);
    other = await createConnection(database.url);
    await other.query('START TRANSACTION');
    await other.query('SELECT id FROM accounts FOR UPDATE');
    client = await connectTo(gateway);
    client.socket.write(post('delete_account', legacyAccount(account)));
    await until(isWaiting);
  });
  afterEach(async () => {
    client.socket.destroy();
    await other.end();
    await gateway.kill('SIGKILL');
    await database.drop();
  });

  async function isWaiting(): Promise<boolean> {
    const [rows] = await other.query<RowDataPacket[]>('SHOW FULL PROCESSLIST');
    const name = new URL(database.url).pathname.slice(1);
    return rows.some(({ db, Info }) => db === name && /FROM accounts WHERE .*FOR UPDATE/.test(Info ?? ''));
  }

  async function storedAccounts(): Promise<number> {
    const [rows] = await other.query<RowDataPacket[]>('SELECT id FROM accounts');
    return rows.length;
  }

  test('finishes what waits for it, and refuses what comes behind it on the same connection', async () => {
    gateway.child.kill('SIGTERM');
    await untilStopping(gateway);
    client.socket.write(post('add_account', legacyAccount(newAccountKey())));
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(503);
    expect(client.received).toBe('');
    await other.query('COMMIT');
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    await client.closed;
    const [finished, ...others] = answersIn(client.received);
    expect(finished).toMatchObject({ httpStatus: 200, body: { status: 'success', code: 1001 } });
    expect(others).toEqual([refusal]);
    expect(await storedAccounts()).toBe(0);
    expect(gateway.stderr).toBe('');
  });

  test('ends at once when it is told a second time', async () => {
    gateway.child.kill('SIGTERM');
    await untilStopping(gateway);
    expect(await gateway.kill('SIGTERM')).toEqual({ code: null, signal: 'SIGTERM' });
    await other.query('COMMIT');
    expect(await storedAccounts()).toBe(1);
  });
});

onMysql.run(`two gateways on one database on ${onMysql.name}`, () => {
  let database: TestDatabase;
  let first: GatewayProcess;
  let second: GatewayProcess;

  beforeAll(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    [first, second] = await Promise.all([startGatewayProcess(database.env), startGatewayProcess(database.env)]);
  });
  afterAll(async () => {
    await Promise.all([first?.kill('SIGKILL'), second?.kill('SIGKILL')]);
    await database?.drop();
  });

  test('see at once what the other has changed', async () => {
    const account = newAccountKey();
    const datasource = newDatasource(account, 'orders');
    expect((await first.legacy('add_account', legacyAccount(account))).body.code).toBe(1001);
    expect((await second.legacy('add-jdbc-conn', legacyDatasource(datasource))).body.code).toBe(1001);
    expect((await first.legacy('update-jdbc-conn', legacyDatasource(datasource))).body.code).toBe(1001);
    expect((await second.legacy('delete_account', legacyAccount(account))).body.code).toBe(1001);
    expect((await first.legacy('add-jdbc-conn', legacyDatasource(datasource))).body.code).toBe(1222);
  });

  test('add the same account once where both are asked at the same time', async () => {
    for (let round = 0; round < 10; round += 1) {
      const account = legacyAccount(newAccountKey());
      const answers = await Promise.all(
        [first, second, first, second].map((gateway) => gateway.legacy('add_account', account)),
      );
      expect(answers.map(({ body }) => body.code).sort()).toEqual([1001, 1230, 1230, 1230]);
    }
  });

  test('go on, one without the other, when one stops', async () => {
    await expectStop(first);
    expect((await second.legacy('add_account', legacyAccount(newAccountKey()))).body.code).toBe(1001);
    expect((await fetch(`${second.url}/readyz`)).status).toBe(200);
  });
});

onPrivateServer.run(`a gateway that is told to stop while its database is frozen, on ${onPrivateServer.name}`, () => {
  let server: DatabaseServer;
  let gateway: GatewayProcess;

  beforeAll(async () => {
    server = await startServer();
    const connection = await createConnection(server.url);
    await connection.query('CREATE DATABASE gateway_private');
    await connection.end();
    const env = { SECRETS_KEY: randomBytes(32).toString('base64'), DB_TIMEOUT_MS: '60000' };
    gateway = await startGatewayProcess({ ...env, DATABASE_URL: `${server.url}/gateway_private` });
    expect((await gateway.legacy('add_account', legacyAccount(newAccountKey()))).body.code).toBe(1001);
  });
  afterAll(async () => {
    await gateway?.kill('SIGKILL');
    await server?.remove();
  });

  test('does so in time, although a request waits for it', async () => {
    server.process.kill('SIGSTOP');
    const client = await connectTo(gateway);
    client.socket.write(post('add_account', legacyAccount(newAccountKey())));
    await fetch(`${gateway.url}/healthz`);
    await expectStop(gateway);
    await client.closed;
    // It is let wait as long as may be, or was seen only after the stop had begun, and then is refused.
    expect(client.received).toMatch(/^($|HTTP\/1\.1 503 )/);
  });
});
