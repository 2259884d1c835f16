import { once } from 'node:events';
import { request } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, expect, test } from '@jest/globals';
import { mysqlKind, sqliteKind } from '../support/databases.js';
import { type GatewayProcess, startGatewayProcess } from '../support/process.js';
import { accountKey, legacyBody } from '../support/samples.js';
import { onMysql } from '../support/suites.js';

const json = 'application/json; charset=utf-8';
const wholeRequest = 'GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n';
const envelope = { status: 'fail', code: 1000, message: expect.any(String), ref: null };
const opened: Socket[] = [];
const cleanUps: (() => Promise<unknown>)[] = [];

afterEach(async () => {
  for (const socket of opened.splice(0)) socket.destroy();
  for (const cleanUp of cleanUps.splice(0).reverse()) await cleanUp();
});

async function start(env: Record<string, string>, kind = sqliteKind): Promise<GatewayProcess> {
  const database = await kind.create();
  cleanUps.push(() => database.drop());
  const gateway = await startGatewayProcess({ ...database.env, ...env });
  cleanUps.push(() => gateway.kill('SIGKILL'));
  return gateway;
}

/**
 * Opens connections from an address of this machine, all at once, and keeps those that the gateway does not close.
 *
 * @param first what is sent on each: a whole request, after which a connection may be kept for the next, or nothing
 */
async function openConnections(gateway: GatewayProcess, count: number, localAddress: string, first = wholeRequest) {
  const port = Number(new URL(gateway.url).port);
  const sockets = Array.from({ length: count }, () => {
    const socket = connect({ port, host: '127.0.0.1', localAddress }, () => socket.write(first));
    return socket.on('error', () => undefined);
  });
  opened.push(...sockets);
  const settled = first === '' ? ['connect'] : ['data', 'close'];
  await Promise.all(sockets.map((socket) => Promise.race(settled.map((event) => once(socket, event).catch(() => [])))));
  return sockets;
}

/** Asks on a connection of its own. */
async function ask(gateway: GatewayProcess, localAddress: string, path: string, body?: object) {
  const method = body === undefined ? 'GET' : 'POST';
  const headers = { 'content-type': 'application/json' };
  const outgoing = request(`${gateway.url}${path}`, { method, headers, localAddress, agent: false, timeout: 5_000 });
  outgoing.on('timeout', () => outgoing.destroy(new Error('no answer')));
  outgoing.end(body && JSON.stringify(body));
  const [incoming] = await once(outgoing, 'response');
  const parts: Buffer[] = [];
  for await (const part of incoming) parts.push(part);
  return {
    httpStatus: incoming.statusCode,
    headers: incoming.headers,
    body: JSON.parse(Buffer.concat(parts).toString()),
  };
}

let regions = 0;
function addAccount(gateway: GatewayProcess, localAddress: string) {
  regions += 1;
  return ask(gateway, localAddress, '/data-source/add_account', legacyBody(accountKey({ region: `r${regions}` })));
}

test('of 5,000 connections of one address most are closed, and others are served as before', async () => {
  const gateway = await start({});
  const sockets = await openConnections(gateway, 5_200, '127.0.0.9');
  while (sockets.filter(({ readyState }) => readyState === 'open').length > 1_000) await sleep(20);
  await openConnections(gateway, 500, '127.0.0.9', '');
  for (const address of ['127.0.0.1', '127.0.0.2', '127.0.0.3']) {
    expect(await addAccount(gateway, address)).toMatchObject({ httpStatus: 200, body: { code: 1001 } });
  }
  // Who watches may share the address of who is too many.
  for (const address of ['127.0.0.1', '127.0.0.9']) {
    expect(await ask(gateway, address, '/healthz')).toMatchObject({ httpStatus: 200, body: { status: 'ok' } });
    expect(await ask(gateway, address, '/readyz')).toMatchObject({ httpStatus: 200, body: { status: 'ready' } });
  }
  const refused = await addAccount(gateway, '127.0.0.9');
  expect(refused).toMatchObject({ httpStatus: 503, body: envelope });
  expect(refused.headers).toMatchObject({ 'retry-after': '1', connection: 'close', 'content-type': json });
  const query = { query: '{ __typename }' };
  expect(await ask(gateway, '127.0.0.9', '/graphql', query)).toMatchObject({
    httpStatus: 503,
    body: { errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }] },
  });
  await gateway.says('see CONNECTION_LIMIT');
  const line = gateway.stdout.split('\n').find((text) => text.includes('CONNECTION_LIMIT'));
  expect(JSON.parse(String(line))).toMatchObject({ level: 'warn', address: '127.0.0.9' });

  for (const socket of opened.splice(0)) socket.destroy();
  while ((await addAccount(gateway, '127.0.0.9')).httpStatus !== 200) await sleep(50);
});

test('when all connections are taken, by whomever, the gateway still says how it is', async () => {
  const gateway = await start({});
  for (let host = 10; host < 16; host += 1) await openConnections(gateway, 1_000, `127.0.0.${host}`);
  expect(await ask(gateway, '127.0.0.1', '/healthz')).toMatchObject({ httpStatus: 200 });
  expect(await ask(gateway, '127.0.0.1', '/readyz')).toMatchObject({ httpStatus: 200 });
  expect(await addAccount(gateway, '127.0.0.1')).toMatchObject({ httpStatus: 503, body: envelope });
});

test.each([
  ['its address', '127.0.0.9'],
  ['its network', '127.0.0.8/30'],
  ['how many there are', '1'],
])('a proxy that is trusted by %s may have any number', async (_, trusted) => {
  const gateway = await start({ CONNECTION_LIMIT: '5', TRUST_PROXY: trusted });
  await openConnections(gateway, 100, '127.0.0.9');
  expect(await addAccount(gateway, '127.0.0.9')).toMatchObject({ httpStatus: 200 });
});

test('an address that is no proxy of TRUST_PROXY may not, nor by saying that it is another', async () => {
  const gateway = await start({ CONNECTION_LIMIT: '5', TRUST_PROXY: '127.0.0.1' });
  await openConnections(gateway, 100, '127.0.0.9');
  expect(await addAccount(gateway, '127.0.0.9')).toMatchObject({ httpStatus: 503 });
  expect(await addAccount(gateway, '127.0.0.1')).toMatchObject({ httpStatus: 200 });
});

onMysql.run(`of several workers on ${onMysql.name}`, () => {
  test('each counts its own, and a connection that is too many is not passed around', async () => {
    const gateway = await start({ CONNECTION_LIMIT: '20', WORKERS: '2' }, mysqlKind as NonNullable<typeof mysqlKind>);
    while ((gateway.stdout.match(/"ready"/g) ?? []).length < 2) await sleep(20);
    await openConnections(gateway, 5_000, '127.0.0.9');
    expect(await addAccount(gateway, '127.0.0.9')).toMatchObject({ httpStatus: 503 });
    expect(await ask(gateway, '127.0.0.9', '/healthz')).toMatchObject({ httpStatus: 200 });
    for (let asked = 0; asked < 10; asked += 1) {
      expect(await addAccount(gateway, '127.0.0.2')).toMatchObject({ httpStatus: 200, body: { code: 1001 } });
    }
  });
});
