import { execFile } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { pino } from 'pino';
import { keysUsage, runKeysCommand } from '../../src/command-line/keys.command.js';
import { loadConfig } from '../../src/config.js';
import { Register } from '../../src/register.js';
import { ApiKeys } from '../../src/security/api-keys.js';
import type { Permission } from '../../src/security/caller.js';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { type GatewayProcess, launchGateway, temporaryDirectory } from '../support/process.js';
import { accountKey, legacyBody } from '../support/samples.js';

const read = '{ accounts { totalCount } }';
const keyForm = /^dgk_[0-9a-f]{12}_[\w-]{43}$/;
const minute = 60_000;
const day = 86_400_000;
/** How soon a revoked key must have stopped. */
const revocationDeadline = 10_000;
const account = legacyBody(accountKey());
const realNow = Date.now.bind(Date);

afterEach(() => {
  jest.restoreAllMocks();
});

/** Lets time pass for what looks at the clock. */
function pass(milliseconds: number): void {
  jest.spyOn(Date, 'now').mockImplementation(() => realNow() + milliseconds);
}

const prefixOf = (key: string) => key.slice(0, 16);
const otherSecretOf = (key: string) => `${prefixOf(key)}_${randomBytes(32).toString('base64url')}`;

describe.each(databaseKinds)('API keys, on $name', (kind) => {
  let database: TestDatabase;
  let gateway: TestGateway;
  let register: Register;
  let keys: ApiKeys;
  const shown: string[] = [];

  beforeAll(async () => {
    database = await kind.create();
    gateway = await startGateway({ ...database.env, AUTH: 'keys' });
    register = new Register(loadConfig(database.env), pino({ level: 'silent' }), 'tool');
    await register.prepareOnce();
    keys = new ApiKeys(register);
  });
  afterAll(async () => {
    await register?.close();
    await gateway?.close();
    await database?.drop();
  });

  async function command(...words: string[]): Promise<string[]> {
    const lines: string[] = [];
    await runKeysCommand(keys, words, (line) => void lines.push(line));
    return lines;
  }

  async function create(permissions: Permission[] = ['read', 'write'], expiresAt: Date | null = null): Promise<string> {
    const { key } = await keys.create('crawler', permissions, expiresAt);
    shown.push(key);
    return key;
  }

  async function rowOf(key: string): Promise<Record<string, unknown>> {
    const sql = 'SELECT * FROM api_keys WHERE prefix = ?';
    const [row] = await register.read((session) => session.rows<Record<string, unknown>>(sql, [prefixOf(key)]));
    return row as Record<string, unknown>;
  }

  /** Everything that a caller is told on both surfaces. */
  async function answersTo(key: string, at = gateway) {
    const { httpStatus, data, errors } = await at.graphql(read, undefined, { 'x-api-key': key });
    const legacy = await at.legacy('add_account', { ...account, region: ' ' }, { 'x-api-key': key });
    return { graphql: { httpStatus, data, errors }, rest: { httpStatus: legacy.httpStatus, body: legacy.body } };
  }

  test('a gateway that asks for keys starts before there is one, and lets nobody in', async () => {
    expect(await keys.list()).toEqual([]);
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
    const { httpStatus, errors } = await gateway.graphql(read);
    expect([httpStatus, errors]).toEqual([
      401,
      [{ message: expect.stringMatching(/x-api-key/), extensions: { code: 'UNAUTHENTICATED', legacyCode: 1003 } }],
    ]);
    const legacy = await gateway.legacy('add_account', account);
    expect([legacy.httpStatus, legacy.body]).toEqual([
      200,
      { status: 'fail', code: 1003, message: errors?.[0].message, ref: null },
    ]);
  });

  test('a key is shown once when it is made, and lets in at once with its permissions', async () => {
    const lines = await command('create', '--name', 'nightly crawler', '--permissions', 'read,write');
    const key = lines[0] as string;
    shown.push(key);
    expect(key).toMatch(keyForm);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toContain(prefixOf(key));
    expect(lines[1]).not.toContain(key.slice(17));
    expect(lines[1]).toMatch(/permits read,write, does not expire/);
    const { graphql, rest } = await answersTo(key);
    expect(graphql).toMatchObject({ httpStatus: 200, errors: undefined });
    expect(rest).toMatchObject({ httpStatus: 200, body: { code: 400 } });
    expect((await command('list')).join('\n')).not.toContain(key.slice(17));
  });

  test('keys have 256 random bits and are never the same', async () => {
    const made = await Promise.all(Array.from({ length: 20 }, () => create()));
    expect(new Set(made.map(prefixOf)).size).toBe(20);
    expect(new Set(made.map((key) => key.slice(17))).size).toBe(20);
    for (const key of made) expect(Buffer.from(key.slice(17), 'base64url')).toHaveLength(32);
  });

  test('of a key only a hash is stored', async () => {
    const key = await create(['read', 'credentials']);
    const row = await rowOf(key);
    expect(row).toMatchObject({
      prefix: prefixOf(key),
      name: 'crawler',
      permissions: 'read,credentials',
      hash: createHash('sha256').update(key).digest('hex'),
    });
    for (const value of Object.values(row)) expect(String(value)).not.toContain(key.slice(17));
  });

  test.each([
    ['90d', 90 * day],
    ['1d', day],
    ['12h', day / 2],
    ['99999d', 99_999 * day],
  ])('--expires %s is so long from now', async (expires, milliseconds) => {
    const before = Date.now();
    const [key = '', line = ''] = await command('create', '--name', 'x', '--permissions', 'read', '--expires', expires);
    shown.push(key);
    const expiresAt = Number((await rowOf(key)).expires_at);
    expect(expiresAt).toBeGreaterThanOrEqual(before + milliseconds);
    expect(expiresAt).toBeLessThanOrEqual(Date.now() + milliseconds);
    expect(line).toContain(`expires at ${new Date(expiresAt).toISOString()}`);
  });

  test.each(['2099-01-31', '2096-02-29'])('--expires %s is the start of that day', async (expires) => {
    const [key = ''] = await command('create', '--name', 'x', '--permissions', 'read', '--expires', expires);
    shown.push(key);
    expect(Number((await rowOf(key)).expires_at)).toBe(Date.parse(`${expires}T00:00:00Z`));
  });

  test('a key that is asked for wrongly is not made, and the message says how', async () => {
    const before = (await keys.list()).length;
    const right = ['--name', 'x', '--permissions', 'read'];
    const expiries = ['', '0d', '0h', '-1d', '90', '90m', '90 d', '1.5d', 'never', '123456d', '2020-01-31'];
    const noDays = ['2099-02-30', '2097-02-29', '2099-13-01', '2099-01-00', '2099-1-31', '2099-01-31T00:00:00Z'];
    for (const words of [
      [],
      ['make'],
      ['create'],
      ['create', '--permissions', 'read'],
      ['create', '--name', ' ', '--permissions', 'read'],
      ['create', '--name', 'x'.repeat(256), '--permissions', 'read'],
      ['create', '--name', '\ud800', '--permissions', 'read'],
      ['create', '--name', 'x'],
      ...['', 'READ', 'read,', 'read,root', 'read write'].map((one) => ['create', '--name', 'x', '--permissions', one]),
      ...[...expiries, ...noDays].map((one) => ['create', ...right, `--expires=${one}`]),
      ['create', ...right, '--expires'],
      ['create', ...right, '--forever'],
      ['revoke'],
      ['revoke', 'dgk_000000000000', 'dgk_000000000001'],
    ]) {
      const outcome = await command(...words).catch((error: Error) => error);
      expect([words, outcome]).toEqual([words, expect.objectContaining({ name: 'UsageError' })]);
      expect([words, (outcome as Error).message]).toEqual([words, expect.stringContaining(keysUsage)]);
    }
    expect(await keys.list()).toHaveLength(before);
  });

  test('the list says of each key what it may, how long, and whether it is valid', async () => {
    const valid = await create(['read', 'admin'], new Date('2099-01-31T00:00:00Z'));
    const expired = await create(['write'], new Date(Date.now() - 1000));
    const revoked = await create(['credentials']);
    await command('revoke', prefixOf(revoked));
    const lines = await command('list');
    expect(lines[0]).toMatch(/^PREFIX +NAME +PERMISSIONS +STATE +MADE +EXPIRES +LAST USED$/);
    const lineOf = (key: string) => lines.find((line) => line.startsWith(prefixOf(key)))?.split(/ {2,}/);
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    expect(lineOf(valid)).toEqual([
      prefixOf(valid),
      'crawler',
      'read,admin',
      'valid',
      time,
      '2099-01-31T00:00:00.000Z',
      'never',
    ]);
    expect(lineOf(expired)).toEqual([prefixOf(expired), 'crawler', 'write', 'expired', time, time, 'never']);
    expect(lineOf(revoked)).toEqual([prefixOf(revoked), 'crawler', 'credentials', 'revoked', time, 'never', 'never']);
    expect(lines).toHaveLength((await keys.list()).length + 1);
  });

  test('a key that is not there, was revoked before, or is given whole is not revoked', async () => {
    const key = await create();
    for (const words of [key, prefixOf(key).toUpperCase(), 'dgk_000000000000', 'crawler', '%', '']) {
      await expect(command('revoke', words)).rejects.toThrow(/no such key/);
    }
    expect(await command('revoke', prefixOf(key))).toEqual([expect.stringContaining(prefixOf(key))]);
    await expect(command('revoke', prefixOf(key))).rejects.toThrow(/already revoked/);
  });

  test('a key that never was, is malformed, has another secret part or is revoked gets the same answer', async () => {
    const valid = await create();
    const used = await create();
    await answersTo(used);
    const revoked = await create();
    const revokedAndExpired = await create(['read'], new Date(Date.now() - 1000));
    const expired = await create(['read'], new Date(Date.now() - 1000));
    for (const key of [revoked, revokedAndExpired]) await command('revoke', prefixOf(key));
    const message = 'The API key is not valid.';
    const same = {
      graphql: {
        httpStatus: 401,
        data: undefined,
        errors: [{ message, extensions: { code: 'UNAUTHENTICATED', legacyCode: 1003 } }],
      },
      rest: { httpStatus: 200, body: { status: 'fail', code: 1003, message, ref: null } },
    };
    for (const [label, key] of [
      ['never was', `dgk_${'0'.repeat(12)}_${randomBytes(32).toString('base64url')}`],
      ['malformed', 'x'],
      ['empty', ''],
      ['a prefix only', prefixOf(valid)],
      ['too short', valid.slice(0, -1)],
      ['too long', `${valid}A`],
      ['upper case', valid.toUpperCase()],
      ['a statement', "dgk_' OR '1'='1"],
      ['another secret part', otherSecretOf(valid)],
      ['another secret part of one in use', otherSecretOf(used)],
      ['another secret part of an expired one', otherSecretOf(expired)],
      ['revoked', revoked],
      ['another secret part of a revoked one', otherSecretOf(revoked)],
      ['revoked and expired', revokedAndExpired],
    ] as const) {
      expect([label, await answersTo(key)]).toEqual([label, same]);
    }
    expect((await answersTo(used)).graphql.httpStatus).toBe(200);
  });

  test('two keys in one request are none', async () => {
    const headers = new Headers({ 'content-type': 'application/json' });
    for (const key of [await create(), await create()]) headers.append('x-api-key', key);
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers,
      body: JSON.stringify({ query: read }),
    });
    expect(response.status).toBe(401);
  });

  test('a key that has expired is told so: 1004 on both surfaces', async () => {
    const { graphql, rest } = await answersTo(await create(['read', 'write'], new Date(Date.now() - 1)));
    expect(graphql.httpStatus).toBe(401);
    expect(graphql.errors).toEqual([
      { message: expect.stringMatching(/expired/), extensions: { code: 'UNAUTHENTICATED', legacyCode: 1004 } },
    ]);
    expect(rest.httpStatus).toBe(200);
    expect(rest.body).toEqual({ status: 'fail', code: 1004, message: graphql.errors?.[0].message, ref: null });
  });

  test('a key stops when it expires, though it was in use a moment before', async () => {
    const key = await create(['read', 'write'], new Date(Date.now() + minute));
    expect((await answersTo(key)).graphql.httpStatus).toBe(200);
    pass(minute - 1000);
    expect((await answersTo(key)).graphql.httpStatus).toBe(200);
    pass(minute);
    expect((await answersTo(key)).rest.body.code).toBe(1004);
  });

  test('the time of a use is written, and at most once a minute', async () => {
    const key = await create(['read']);
    const changes = jest.spyOn(Register.prototype, 'change');
    const use = () => gateway.graphql(read, undefined, { 'x-api-key': key });
    const written = async (after: number) => {
      for (const started = realNow(); Number((await rowOf(key)).last_used_at) < after; await sleep(20)) {
        if (realNow() - started > 5000) throw new Error('the time of the use was not written');
      }
      return Number((await rowOf(key)).last_used_at);
    };
    expect((await rowOf(key)).last_used_at).toBeNull();
    const before = realNow();
    for (let time = 0; time < 5; time += 1) expect((await use()).httpStatus).toBe(200);
    const first = await written(before);
    expect(first).toBeLessThanOrEqual(realNow());
    expect(changes).toHaveBeenCalledTimes(1);
    const sinceFirst = () => realNow() - first;
    pass(minute - sinceFirst() - 5000);
    await use();
    expect(changes).toHaveBeenCalledTimes(1);
    pass(minute);
    await use();
    await use();
    expect(await written(first + 1)).toBeGreaterThanOrEqual(first + minute);
    expect(changes).toHaveBeenCalledTimes(2);
    const line = (await command('list')).find((one) => one.startsWith(prefixOf(key)));
    expect(line).toMatch(/ {2}\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  });

  test('a use that is refused is not written', async () => {
    const key = await create(['read'], new Date(Date.now() - 1));
    await answersTo(key);
    await answersTo(otherSecretOf(key));
    expect((await rowOf(key)).last_used_at).toBeNull();
  });

  test('a key that is revoked stops within ten seconds, wherever it was in use', async () => {
    // One SQLite file is served by one gateway only: there it is revoked past it.
    const others = kind.name === 'SQLite' ? [] : [await startGateway({ ...database.env, AUTH: 'keys' })];
    const gateways = [gateway, ...others];
    try {
      const key = await create(['read']);
      const left = await create(['read']);
      const isLetIn = async (at: TestGateway, one: string) =>
        (await at.graphql(read, undefined, { 'x-api-key': one })).httpStatus === 200;
      for (const at of gateways) expect(await isLetIn(at, key)).toBe(true);
      await command('revoke', prefixOf(key));
      const revokedAt = realNow();
      for (const at of gateways) {
        while (await isLetIn(at, key)) {
          expect(realNow() - revokedAt).toBeLessThan(revocationDeadline);
          await sleep(50);
        }
        expect((await answersTo(key, at)).graphql.errors?.[0].message).toBe('The API key is not valid.');
        expect(await isLetIn(at, left)).toBe(true);
      }
      expect(realNow() - revokedAt).toBeLessThan(revocationDeadline);
    } finally {
      for (const other of others) await other.close();
    }
  });

  test('the log knows a caller by the name and prefix of its key, and no key stands in it', async () => {
    const key = await create();
    await gateway.graphql(read, undefined, { 'x-api-key': key, 'x-request-id': 'known-by-prefix' });
    const wrong = otherSecretOf(key);
    await answersTo(wrong);
    const lines = gateway.log.map((line) => JSON.parse(line));
    const line = lines.find(({ requestId }) => requestId === 'known-by-prefix');
    expect(line).toMatchObject({ caller: `crawler (${prefixOf(key)})` });
    const log = gateway.log.join('\n');
    expect(shown.length).toBeGreaterThan(20);
    for (const one of [...shown, wrong]) expect(log).not.toContain(one.slice(17));
    for (const one of shown) expect(log).not.toContain(createHash('sha256').update(one).digest('hex'));
  });
});

describe('the command for keys, as a process', () => {
  const directory = temporaryDirectory();
  const env = { DATABASE_URL: `sqlite:${join(directory, 'gateway.sqlite')}` };
  let gateway: GatewayProcess;

  beforeAll(async () => {
    gateway = await launchGateway({ ...env, AUTH: 'keys' }, directory);
    await gateway.ready();
  });
  afterAll(async () => {
    await gateway?.kill('SIGTERM');
    rmSync(directory, { recursive: true, force: true });
  });

  function cli(words: string[], settings: Record<string, string> = env) {
    const file = join(dirname(gateway.child.spawnargs[1] as string), 'cli.js');
    return new Promise<{ code: unknown; stdout: string; stderr: string }>((resolve) => {
      const options = { cwd: directory, env: { PATH: process.env.PATH, ...settings } };
      execFile(process.execPath, [file, ...words], options, (error, stdout, stderr) =>
        resolve({ code: error === null ? 0 : error.code, stdout, stderr }),
      );
    });
  }

  async function statusFor(key: string): Promise<number> {
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key },
      body: JSON.stringify({ query: read }),
    });
    return response.status;
  }

  test('makes, lists and revokes a key beside a gateway that serves', async () => {
    const made = await cli(['keys', 'create', '--name', 'crawler', '--permissions', 'read', '--expires', '90d']);
    expect(made).toMatchObject({ code: 0, stderr: '' });
    const [key = '', note = '', ...more] = made.stdout.split('\n');
    expect(key).toMatch(keyForm);
    expect(note).toMatch(/not shown again/);
    expect(more).toEqual(['']);
    expect(await statusFor(key)).toBe(200);
    const listed = await cli(['keys', 'list']);
    expect(listed).toMatchObject({ code: 0, stderr: '' });
    expect(listed.stdout).toMatch(new RegExp(`^${prefixOf(key)} +crawler +read +valid `, 'm'));
    expect(listed.stdout).not.toContain(key.slice(17));
    expect(await cli(['keys', 'revoke', prefixOf(key)])).toMatchObject({ code: 0, stderr: '' });
    for (const revokedAt = Date.now(); (await statusFor(key)) !== 401; await sleep(50)) {
      expect(Date.now() - revokedAt).toBeLessThan(revocationDeadline);
    }
    expect((await cli(['keys', 'list'])).stdout).toMatch(new RegExp(`^${prefixOf(key)} +crawler +read +revoked `, 'm'));
    expect(gateway.stdout).toContain(prefixOf(key));
    expect(gateway.stdout + gateway.stderr).not.toContain(key.slice(17));
  });

  test('says how it is called where it was called otherwise, and fails', async () => {
    const create = ['keys', 'create', '--name', 'x', '--permissions', 'read'];
    const wrong = [
      [],
      ['key'],
      ['keys'],
      ['keys', 'create', '--name', 'x'],
      [...create, 'stray'],
      ['keys', 'list', 'stray'],
      ['keys', 'revoke'],
      ['keys', 'revoke', 'dgk_000000000000', '--name', 'x'],
    ];
    for (const words of wrong) {
      const { code, stdout, stderr } = await cli(words);
      expect([words, code, stdout]).toEqual([words, 2, '']);
      expect([words, stderr]).toEqual([words, expect.stringContaining('keys create --name NAME')]);
      expect(stderr).not.toMatch(/^\s+at /m);
    }
    const { code, stderr } = await cli(['keys', 'revoke', 'dgk_000000000000']);
    expect([code, stderr]).toEqual([1, 'There is no such key, or it is already revoked.\n']);
  });

  test('names the settings that are wrong', async () => {
    const { code, stdout, stderr } = await cli(['keys', 'list'], { ...env, AUTH: 'key', PORT: '-1' });
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toMatch(/- AUTH must be [\s\S]*- PORT must be /);
  });

  test('says so where the database does not answer', async () => {
    const settings = {
      DATABASE_URL: 'mysql://gateway:hunter2@127.0.0.1:1/gateway',
      SECRETS_KEY: randomBytes(32).toString('base64'),
      DB_TIMEOUT_MS: '500',
    };
    const { code, stdout, stderr } = await cli(['keys', 'list'], settings);
    expect([code, stdout]).toEqual([1, '']);
    expect(stderr).toContain('The database does not answer.');
    expect(stderr).not.toContain('hunter2');
  });
});
