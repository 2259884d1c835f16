import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { anonymous, type Permission } from '../../src/security/caller.js';
import { type ConnectionTester, callOf, startTester, type TesterOptions } from '../support/connection-tester.js';
import { freePort } from '../support/database-server.js';
import { type HostileServer, mysqlGreeting, startHostileServer } from '../support/hostile-server.js';

const reader = { masterUsername: 'reader', password: 'pw-5ecret-pw' };
const nobodySpecial: readonly Permission[] = ['read', 'connect'];
let tester: ConnectionTester | undefined;
let server: HostileServer | undefined;

afterEach(async () => {
  await tester?.close();
  await server?.close();
  tester = undefined;
  server = undefined;
});

async function start(options: TesterOptions = {}) {
  tester = await startTester(options);
  server = await startHostileServer((socket) => socket.write(mysqlGreeting()));
  return { tester, server, url: `jdbc:mysql://db.example.com:${server.port}/d` };
}

describe('a name', () => {
  test('is looked up once, and what was checked is what is connected to', async () => {
    const answers = [['127.0.0.1'], ['127.0.0.2']];
    const { tester, server, url } = await start({ timeout: 3000, resolve: async () => answers.shift() ?? [] });
    await tester.test(url, { secret: 'name' });
    expect(tester.lookedUp).toEqual(['db.example.com']);
    expect(server.connections).toBe(1);
  });

  test('that leads elsewhere the second time does not lead there', async () => {
    const answers = [['127.0.0.1'], ['10.0.0.1'], ['10.0.0.1']];
    const networks = ['10.0.0.0/8'];
    const { tester, server, url } = await start({ networks, resolve: async () => answers.shift() ?? [] });
    expect((await tester.test(url, reader)).outcome).toBe('NOT_ALLOWED');
    expect([tester.lookedUp.length, server.connections]).toEqual([1, 0]);
  });

  test('with one address that is refused is refused as a whole', async () => {
    for (const addresses of [
      ['127.0.0.1', '10.0.0.1'],
      ['10.0.0.1', '127.0.0.1'],
      ['127.0.0.1', '::1'],
    ]) {
      const { tester, server, url } = await start({ resolve: async () => addresses });
      expect((await tester.test(url, reader)).outcome).toBe('NOT_ALLOWED');
      expect(server.connections).toBe(0);
      await tester.close();
      await server.close();
    }
  });

  test.each<[string, () => Promise<string[]>]>([
    ['has no address', async () => []],
    ['is not found', () => Promise.reject(new Error('ENOTFOUND'))],
    ['has something else for an address', async () => ['not an address']],
  ])('that %s is not resolved', async (_, resolve) => {
    const { tester, server, url } = await start({ resolve });
    expect(await tester.test(url, reader)).toMatchObject({ outcome: 'UNRESOLVED', servers: [{ steps: [] }] });
    expect(server.connections).toBe(0);
  });

  test('that is never found out ends in time, and takes a place as long as it is looked for', async () => {
    const ends: (() => void)[] = [];
    const resolve = () => new Promise<string[]>((_, reject) => ends.push(() => reject(new Error('at last'))));
    const { tester, url } = await start({ timeout: 200, resolve });
    const tests = Array.from({ length: 8 }, () => tester.test(url, reader));
    expect((await Promise.all(tests)).map(({ outcome }) => outcome)).toEqual(Array(8).fill('TIMED_OUT'));
    // One at a time: of the others none was begun, nor is one that nobody waits for any more.
    expect(ends).toHaveLength(1);
    const again = Array.from({ length: 8 }, () => tester.test(url, reader));
    const results = await Promise.allSettled(again);
    expect(results.filter(({ status }) => status === 'rejected')).toEqual([
      { status: 'rejected', reason: expect.objectContaining({ errorName: 'SERVICE_UNAVAILABLE' }) },
    ]);
    expect(ends).toHaveLength(1);
    ends[0]?.();
    await sleep(10);
    expect((await tester.test(url, reader)).outcome).toBe('TIMED_OUT');
    expect(ends).toHaveLength(2);
    ends[1]?.();
  });

  test('with many addresses has eight of them tried, each of which counts as a server of its caller', async () => {
    const addresses = Array.from({ length: 250 }, (_, place) => `127.0.1.${place + 1}`);
    const closed = await freePort();
    const { tester } = await start({ rateLimit: 10, timeout: 1000, resolve: async () => addresses });
    const url = `jdbc:mysql://db.example.com:${closed}/d`;
    await tester.test(url, reader);
    // Of the second two are left: the server itself, and one more address.
    await tester.test(url, reader);
    await expect(tester.test(url, reader)).rejects.toMatchObject({ errorName: 'RATE_LIMITED' });
  });

  test('with many addresses, one of which is refused at the end, is refused as a whole', async () => {
    const addresses = [...Array.from({ length: 20 }, (_, place) => `127.0.1.${place + 1}`), '10.0.0.1'];
    const { tester, url } = await start({ resolve: async () => addresses });
    expect((await tester.test(url, reader)).outcome).toBe('NOT_ALLOWED');
  });

  test.each(['010.0.0.1', '0x7f.1', '2130706433', '127.1'])(
    'whose address comes as %s, which would be looked up again, is not resolved',
    async (address) => {
      const { tester, server, url } = await start({
        networks: ['0.0.0.0/0', '127.0.0.0/8'],
        resolve: async () => [address],
      });
      expect((await tester.test(url, reader)).outcome).toBe('UNRESOLVED');
      expect(server.connections).toBe(0);
    },
  );
});

describe('the forms of an address', () => {
  // By the system's own resolver.
  test.each([
    '0x7f000001',
    '0x7f.0x1',
    '0177.0.0.0x1',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:127.0.0.1%25lo]',
    '[64:ff9b::127.0.0.1]',
    '[2002:7f00:1::]',
    '[::1]',
    '[::1%25lo]',
    '[::]',
    '127.0.0.1',
    '0.0.0.0',
    'localhost',
    'LOCALHOST',
    // Full-width digits and full stops, which the resolver takes for others.
    '１２７.０.０.１',
  ])('%s is loopback', async (host) => {
    const { lookup } = await import('node:dns/promises');
    const resolve = async (name: string) => (await lookup(name, { all: true })).map(({ address }) => address);
    const { tester, server } = await start({ networks: ['0.0.0.0/0', '::/0'], resolve });
    const { outcome } = await tester.test(`jdbc:mysql://${host}:${server.port}/d`, reader);
    expect(outcome).toBe('NOT_ALLOWED');
    expect(server.connections).toBe(0);
  });
});

describe('what a URL cannot hide', () => {
  const elsewhere: [url: string, property: string][] = [
    ['jdbc:postgresql://h:PORT/d?PGHOST=other', 'pghost'],
    ['jdbc:postgresql://h:PORT/d?service=other', 'service'],
    ['jdbc:redshift://h:PORT/d?pgport=22', 'pgport'],
    ['jdbc:mysql://h:PORT/d?socketFactory=x.Y', 'socketfactory'],
    ['jdbc:mysql://h:PORT/d?dnsSrv=true', 'dnssrv'],
    ['jdbc:mysql://address=(protocol=pipe)(host=h)(port=PORT)(path=x)/d', 'path'],
    ['jdbc:mariadb://h:PORT/d?localSocket=%2Ftmp%2Fs', 'localsocket'],
    ['jdbc:mariadb:replication://h:PORT,h:PORT/d?pipe=x', 'pipe'],
    ['jdbc:sqlserver://h:PORT;serverName=other', 'serverName'],
    ['jdbc:sqlserver://h:PORT;portNumber=22', 'portNumber'],
    ['jdbc:snowflake://h:PORT/?useProxy=true&proxyHost=x', 'useproxy'],
  ];
  test.each(elsewhere)('that %s leads its driver elsewhere', async (url, property) => {
    const { tester, server } = await start();
    const result = await tester.test(url.replaceAll('PORT', String(server.port)), reader);
    expect(result).toMatchObject({ outcome: 'NOT_TESTED', message: expect.stringContaining(`property ${property} `) });
    expect([tester.lookedUp, server.connections]).toEqual([[], 0]);
  });

  test.each([
    'jdbc:sqlserver://;serverName=h;portNumber=PORT',
    'jdbc:sqlserver://h:PORT;serverName=H;portNumber=PORT',
    'jdbc:mysql:loadbalance://h:PORT/d?dnsSrv=false',
    'jdbc:mysql:replication://(host=h,port=PORT)/d',
  ])('%s leads where it says', async (url) => {
    const { tester, server } = await start();
    await tester.test(url.replaceAll('PORT', String(server.port)), { secret: 'name' });
    expect(server.connections).toBe(1);
  });

  test.each([
    ['a user', '', { ...reader, masterUsername: 'a\r\nFLUSHALL\r\n' }],
    ['a user, of parameters of a session', '', { ...reader, masterUsername: 'a\0options\0-c x=y' }],
    ['a database', '%0d%0aFLUSHALL%0d%0a', reader],
  ])('commands in the name of %s are not sent', async (_, database, values) => {
    const { tester } = await start();
    const silent = await startHostileServer(() => undefined);
    for (const family of ['postgresql', 'mysql']) {
      const url = `jdbc:${family}://h:${silent.port}/d${database}?sslmode=disable`;
      expect((await tester.test(url, values)).outcome).toBe('NOT_TESTED');
    }
    expect([silent.connections, silent.received.length]).toEqual([0, 0]);
    await silent.close();
  });
});

test("the gateway's own is refused, listed or not", async () => {
  const port = await freePort();
  const { tester } = await start({ ownEndpoints: [{ host: '127.0.0.1', port }], resolve: async () => ['127.0.0.1'] });
  expect(await tester.test(`jdbc:mysql://db.example.com:${port}/d`, reader)).toMatchObject({
    outcome: 'NOT_ALLOWED',
    message: expect.stringContaining('own'),
  });
});

test("the look-up of the gateway's own name takes no longer than the test", async () => {
  const { tester, server, url } = await start({
    timeout: 300,
    ownEndpoints: [{ host: 'own.example.com', port: 0 }],
    resolve: async (host) => (host === 'own.example.com' ? new Promise<string[]>(() => undefined) : ['127.0.0.1']),
  });
  const own = await startTester({
    timeout: 300,
    ownEndpoints: [{ host: 'own.example.com', port: server.port }],
    resolve: async (host) => (host === 'own.example.com' ? new Promise<string[]>(() => undefined) : ['127.0.0.1']),
  });
  expect((await own.test(url, reader)).outcome).toBe('TIMED_OUT');
  expect((await tester.test(url, { secret: 'name' })).outcome).toBe('REACHED');
  expect(server.connections).toBe(1);
  await own.close();
});

describe('a server that is refused, filtered or closed', () => {
  test('looks the same to a caller without admin, and takes the same time', async () => {
    const closed = await freePort();
    const seen: string[] = [];
    const took: number[] = [];
    // Closed, refused, and where nothing answers.
    for (const [address, networks] of [
      ['127.0.0.1', ['127.0.0.0/8']],
      ['10.0.0.1', ['127.0.0.0/8']],
      ['192.0.2.1', ['192.0.2.0/24']],
    ] as const) {
      const { tester, server } = await start({ timeout: 800, networks, resolve: async () => [address] });
      const started = performance.now();
      const result = await tester.test(`jdbc:mysql://h:${closed}/d`, reader, callOf(nobodySpecial));
      took.push(performance.now() - started);
      const { outcome, message, servers } = result;
      seen.push(JSON.stringify([outcome, message, servers], (key, value) => (key === 'milliseconds' ? 0 : value)));
      await tester.close();
      await server.close();
    }
    expect(new Set(seen).size).toBe(1);
    expect(seen[0]).toContain('UNREACHABLE');
    for (const time of took) expect(time).toBeGreaterThanOrEqual(395);
  });

  test('is told apart for one with admin', async () => {
    const closed = await freePort();
    const { tester } = await start({ resolve: async () => ['127.0.0.1'] });
    const result = await tester.test(`jdbc:mysql://h:${closed}/d`, reader);
    expect(result).toMatchObject({ outcome: 'UNREACHABLE', message: expect.stringContaining('Nothing listens') });
    expect(result.milliseconds).toBeLessThan(2000);
  });
});

describe('several servers', () => {
  test('each have an outcome, and the best is that of the test', async () => {
    const closed = await freePort();
    const { tester, server } = await start({ timeout: 2000 });
    const result = await tester.test(`jdbc:mysql://a:${closed},b:${server.port}/d`, { secret: 'name' });
    expect(result.servers.map(({ host, outcome }) => [host, outcome])).toEqual([
      ['a', 'UNREACHABLE'],
      ['b', 'REACHED'],
    ]);
    expect([result.outcome, result.message]).toEqual(['REACHED', expect.stringMatching(/^1 of 2 servers: /)]);
  });

  test('are tried up to eight', async () => {
    const { tester, server } = await start({ timeout: 4000 });
    const hosts = Array.from({ length: 30 }, (_, place) => `h${place}:${server.port}`).join(',');
    const result = await tester.test(`jdbc:mysql://${hosts}/d`, { secret: 'name' });
    expect([result.servers.length, server.connections]).toEqual([8, 8]);
    expect(result.message).toContain('first 8');
  });
});

describe('a database for which there is no driver', () => {
  test.each([
    ['jdbc:sqlserver://h:PORT;databaseName=d', 'RESOLVED REACHED'],
    ['jdbc:oracle:thin:@//h:PORT/s', 'RESOLVED REACHED'],
    ['jdbc:db2://h:PORT/d', 'RESOLVED REACHED'],
    ['jdbc:redshift:iam://h:PORT/d?ssl=false', 'RESOLVED REACHED'],
  ])('%s is reached', async (url, steps) => {
    const { tester, server } = await start();
    const result = await tester.test(url.replace('PORT', String(server.port)), reader);
    if (!url.includes('redshift')) expect(result.message).toContain('no driver');
    expect(result.servers[0]?.steps.map(({ name }) => name).join(' ')).toContain(steps);
  });

  test.each(['jdbc:h2:mem:x', 'jdbc:oracle:thin:@alias', 'jdbc:sqlserver://h\\instance', 'jdbc:mysql+srv://h/d'])(
    '%s is not tested',
    async (url) => {
      const { tester } = await start();
      expect(await tester.test(url, reader)).toMatchObject({ outcome: 'NOT_TESTED', servers: [] });
      expect(tester.lookedUp).toEqual([]);
    },
  );
});

describe('how much is tested', () => {
  test('eight at a time, and one more is told to come again', async () => {
    const { tester } = await start({ timeout: 1000 });
    const silent = await startHostileServer(() => undefined);
    const url = `jdbc:mysql://h:${silent.port}/d`;
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => tester.test(url, reader)));
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(8);
    expect(silent.connections).toBe(8);
    await silent.close();
  });

  test('by one caller no more servers in a minute than it may, however many are in a request', async () => {
    const { tester, server } = await start({ rateLimit: 5, timeout: 4000 });
    const three = `jdbc:mysql://a:${server.port},b:${server.port},c:${server.port}/d`;
    await tester.test(three, { secret: 'name' });
    const again = tester.test(three, { secret: 'name' });
    await expect(again).rejects.toMatchObject({ errorName: 'RATE_LIMITED', retryAfter: expect.any(Number) });
    expect(server.connections).toBe(3);
    await tester.test(three, { secret: 'name' }, callOf(undefined, 'another'));
    expect(server.connections).toBe(6);
  });

  test('by callers that are not known, as many of a network as of an address', async () => {
    const { tester, server } = await start({ rateLimit: 1 });
    const url = `jdbc:mysql://a:${server.port}/d`;
    const from = (address: string) => ({ ...callOf(), caller: anonymous, address });
    await tester.test(url, { secret: 'name' }, from('2001:db8:0:1::1'));
    const neighbour = tester.test(url, { secret: 'name' }, from('2001:db8:0:1::2'));
    await expect(neighbour).rejects.toMatchObject({ errorName: 'RATE_LIMITED' });
    await tester.test(url, { secret: 'name' }, from('2001:db8:0:2::1'));
    expect(server.connections).toBe(2);
  });
});
