import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { createConnection } from 'mysql2/promise';
import { freePort } from '../support/database-server.js';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { type GatewayProcess, launchGateway, startGatewayProcess, temporaryDirectory } from '../support/process.js';
import { legacyAccount, newAccountKey } from '../support/register-samples.js';

const succeeded = { status: 'success', code: 1001, message: 'Operation succeeded' };

describe('the process', () => {
  let directory: string;

  beforeEach(() => {
    directory = temporaryDirectory();
  });
  afterEach(() => rmSync(directory, { recursive: true, force: true }));

  test('that is told wrong settings ends with 1 and names all of them, and none of their values', async () => {
    const gateway = await launchGateway({
      PORT: 'hunter2',
      DATABASE_URL: 'mysql://gateway:hunter2@db',
      DB_POOL_SIZE: '0',
      SECRETS_KEY: 'hunter2',
      LOG_LEVEL: 'loud',
    });
    expect(await gateway.ended).toEqual({ code: 1, signal: null });
    expect(gateway.stdout).toBe('');
    const [first, ...problems] = gateway.stderr.trim().split('\n');
    expect(first).toBe('The settings are not usable:');
    expect(problems.map((line) => /^ {2}- ([A-Z_]+) must be /.exec(line)?.[1]).sort()).toEqual([
      'DATABASE_URL',
      'DB_POOL_SIZE',
      'LOG_LEVEL',
      'PORT',
      'SECRETS_KEY',
    ]);
    expect(gateway.stderr).not.toMatch(/hunter2|loud/);
  });

  test('that is told MySQL and no sealing key says how to make one', async () => {
    const gateway = await launchGateway({ DATABASE_URL: 'mysql://gateway:hunter2@127.0.0.1:1/register' });
    expect(await gateway.ended).toEqual({ code: 1, signal: null });
    expect(gateway.stderr).toMatch(/SECRETS_KEY is required .*openssl rand -base64 32/);
    expect(gateway.stderr).not.toContain('hunter2');
  });

  test('that is told nothing keeps its register in data/ of the working directory', async () => {
    const gateway = await startGatewayProcess({}, directory);
    expect(statSync(join(directory, 'data/gateway.sqlite')).isFile()).toBe(true);
    const health = await fetch(`${gateway.url}/healthz`);
    expect(await health.json()).toMatchObject({ status: 'ok', version: expect.stringMatching(/^\d+\.\d+\.\d+/) });
    expect(await (await fetch(`${gateway.url}/readyz`)).json()).toEqual({ status: 'ready' });
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(gateway.stderr).toBe('');
  });

  test('writes nothing but lines of JSON', async () => {
    const gateway = await startGatewayProcess({}, directory);
    await gateway.legacy('add_account', legacyAccount(newAccountKey()));
    await gateway.kill('SIGTERM');
    for (const line of gateway.stdout.trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({ level: expect.any(String) });
  });

  test('whose port is taken ends with 1', async () => {
    const other = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
    const gateway = await launchGateway({ PORT: String(port) }, directory);
    expect((await gateway.ended).code).toBe(1);
    expect(gateway.stderr).toContain('EADDRINUSE');
    await new Promise((resolve) => other.close(resolve));
  });

  test('needs no more of a processor to be ready than two seconds allow', async () => {
    const gateway = await startGatewayProcess({}, directory);
    const used = processorSeconds(gateway);
    await gateway.kill('SIGKILL');
    // Twice as much, for a processor that others use at the same time is slower.
    expect(used).toBeLessThan(4);
  });

  test('whose database is not there says so, answers 503, and stops when it is told to', async () => {
    const gateway = await launchGateway({
      DATABASE_URL: 'mysql://gateway:hunter2@127.0.0.1:1/register',
      SECRETS_KEY: randomBytes(32).toString('base64'),
    });
    await gateway.listening();
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    const ready = await fetch(`${gateway.url}/readyz`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toEqual({ status: 'not ready', missing: [expect.stringContaining('database')] });
    const answer = await gateway.legacy('add_account', legacyAccount(newAccountKey()));
    expect(answer.httpStatus).toBe(503);
    expect(answer.headers.get('retry-after')).toMatch(/^\d+$/);
    expect(answer.body).toMatchObject({ status: 'fail', code: 1000 });
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(gateway.stdout).toMatch(/ECONNREFUSED/);
    expect(gateway.stdout + gateway.stderr).not.toContain('hunter2');
  });

  test.each(['SIGTERM', 'SIGINT'] as const)('ends with 0 on %s at once where nothing is under way', async (signal) => {
    const gateway = await startGatewayProcess({}, directory);
    // Clients keep their connections open.
    for (let request = 0; request < 3; request += 1) await gateway.legacy('add_account', {});
    const started = performance.now();
    expect(await gateway.kill(signal)).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(4000);
  });
});

describe.each(databaseKinds)('a process on $name', (kind) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await kind.create();
  });
  afterEach(() => database.drop());

  /** Keeps others from writing, until it is told to let them. */
  async function holdWrites(account: ReturnType<typeof newAccountKey>): Promise<() => Promise<void>> {
    if (kind.name === 'SQLite') {
      const other = new DatabaseSync(database.url.slice('sqlite:'.length));
      other.exec('BEGIN IMMEDIATE');
      return async () => {
        other.exec('ROLLBACK');
        other.close();
      };
    }
    const other = await createConnection(database.url);
    await other.query('START TRANSACTION');
    await other.query('SELECT id FROM accounts WHERE account_id = ? FOR UPDATE', [account.accountId]);
    return async () => {
      await other.query('ROLLBACK');
      await other.end();
    };
  }

  test('finds after a restart what was stored before it, however it ended', async () => {
    const accounts = [newAccountKey(), newAccountKey(), newAccountKey()];
    for (const [index, account] of accounts.entries()) {
      const gateway = await startGatewayProcess(database.env);
      const earlier = accounts.slice(0, index);
      for (const known of earlier) {
        expect((await gateway.legacy('add_account', legacyAccount(known))).body.code).toBe(1230);
      }
      expect((await gateway.legacy('add_account', legacyAccount(account))).body).toEqual(succeeded);
      await gateway.kill(index === 0 ? 'SIGTERM' : 'SIGKILL');
    }
  }, 180_000);

  test('that is told to stop ends what is under way, refuses what is new, and ends with 0', async () => {
    const gateway = await startGatewayProcess({ ...database.env, DB_TIMEOUT_MS: '8000' });
    const account = newAccountKey();
    await gateway.legacy('add_account', legacyAccount(account));
    const release = await holdWrites(account);
    const held = Array.from({ length: 3 }, () => gateway.legacy('delete_account', legacyAccount(account)));
    const pipelined = await openSocket(gateway);
    pipelined.write(rawRequest('/data-source/delete_account', JSON.stringify(legacyAccount(account))));
    await sleep(300);
    const started = performance.now();
    const ended = gateway.kill('SIGTERM');
    await untilStopping(gateway);
    // On the connection of a request that is under way another one still comes in.
    pipelined.write(rawRequest('/data-source/add_account', JSON.stringify(legacyAccount(newAccountKey()))));
    const refused = await gateway.legacy('add_account', legacyAccount(newAccountKey())).then(
      ({ httpStatus }) => httpStatus,
      (error: Error) => (error.cause as { code?: string }).code,
    );
    expect([503, 'ECONNREFUSED', 'ECONNRESET', 'UND_ERR_SOCKET']).toContain(refused);
    await sleep(200);
    await release();

    const answers = await Promise.all(held);
    expect(answers.map(({ httpStatus }) => httpStatus)).toEqual([200, 200, 200]);
    const last = await everything(pipelined);
    const codes = [...answers.map(({ body }) => body.code), Number(/"code":(1\d+)/.exec(last)?.[1])];
    expect(codes.sort()).toEqual([1001, 1222, 1222, 1222]);
    expect(await ended).toEqual({ code: 0, signal: null });
    // Once all is answered, it does not wait for clients to close their connections.
    expect(performance.now() - started).toBeLessThan(8000);

    const [, second] = last.split(/(?<=\})(?=HTTP)/);
    expect(second).toMatch(/^HTTP\/1\.1 503 /);
    expect(second).toMatch(/\r\nconnection: close\r\n/i);
    expect(second).toMatch(/\r\nretry-after: \d+\r\n/i);
    expect(second).toContain('"code":1000');
  }, 180_000);

  test('that is told to stop ends with 0 within ten seconds, even where a request could wait for longer', async () => {
    const gateway = await startGatewayProcess({ ...database.env, DB_TIMEOUT_MS: '60000' });
    const account = newAccountKey();
    await gateway.legacy('add_account', legacyAccount(account));
    const release = await holdWrites(account);
    const held = gateway.legacy('delete_account', legacyAccount(account)).catch((error: unknown) => error);
    await sleep(300);
    const started = performance.now();
    try {
      const end = await Promise.race([gateway.kill('SIGTERM'), sleep(15_000, 'still there')]);
      expect(end).toEqual({ code: 0, signal: null });
      expect(performance.now() - started).toBeLessThan(10_000);
    } finally {
      await release();
    }
    expect(await held).toMatchObject({ message: 'fetch failed' });
    const next = await startGatewayProcess(database.env);
    expect((await next.legacy('delete_account', legacyAccount(account))).body).toEqual(succeeded);
    await next.kill('SIGKILL');
  }, 180_000);
});

/**
 * The time that a process has had of the processors, in seconds: what its start takes where nothing else runs. Other
 * systems than Linux do not tell.
 */
function processorSeconds({ child }: GatewayProcess): number {
  const ticksPerSecond = 100;
  const fields = existsSync('/proc') ? readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.split(' ') : [];
  return (Number(fields?.[11] ?? 0) + Number(fields?.[12] ?? 0)) / ticksPerSecond;
}

async function openSocket(gateway: GatewayProcess): Promise<Socket> {
  const { hostname, port } = new URL(gateway.url);
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

function rawRequest(path: string, body: string): string {
  return `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

/** Everything that still comes, until the other end closes. */
async function everything(socket: Socket): Promise<string> {
  let text = '';
  socket.on('data', (data) => {
    text += data;
  });
  if (!socket.closed) await new Promise((resolve) => socket.once('close', resolve));
  return text;
}

async function untilStopping(gateway: GatewayProcess): Promise<void> {
  while (!gateway.stdout.includes('"stopping"')) await sleep(5);
}
