import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { runSecretsCommand } from '../../src/command-line/secrets.command.js';
import { loadConfig } from '../../src/config.js';
import type { Database } from '../../src/database/database.js';
import { CredentialSeal } from '../../src/datasources/credential-seal.js';
import { insertDatasource } from '../../src/datasources/datasource.statements.js';
import { newId } from '../../src/global-id.js';
import { Register } from '../../src/register.js';
import { permissions } from '../../src/security/caller.js';
import { sealingKeyIdOf } from '../../src/security/sealing.js';
import { parseSealingKey, type SealingKey } from '../../src/security/sealing-key.js';
import { databaseKinds, mysqlKind, type TestDatabase } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { as, keyOf, makeKey, readCredentials } from '../support/keyed-gateway.js';
import { launchGateway, temporaryDirectory } from '../support/process.js';
import { onDatabase } from '../support/raw-database.js';
import { addAccount, addDatasource, datasourceInput, findDatasource, legacyBody } from '../support/samples.js';
import { onMysql } from '../support/suites.js';

type Values = Record<string, unknown>;

const updateDatasource =
  'mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { datasource { version } } }';

const readAll =
  'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { password secret } datasources(first: 20) { totalCount } }';

function newKey(): string {
  return randomBytes(32).toString('base64');
}

function idOf(key: string): string {
  return (parseSealingKey(key) as SealingKey).id;
}

/** The parameters of a datasource with both credentials. */
function sealedInput(instanceId: string, word = 'first') {
  return datasourceInput(instanceId, {
    masterUsername: 'admin',
    password: `${word}-p4ss-${instanceId}`,
    secret: `${word}-s3cret-${instanceId}`,
  });
}

describe.each(databaseKinds)('sealing keys that change, on $name', (kind) => {
  const [old, next] = [newKey(), newKey()];
  let database: TestDatabase;
  let running: TestGateway[];

  beforeEach(async () => {
    database = await kind.create();
    running = [];
  });
  afterEach(async () => {
    await Promise.all(running.map((gateway) => gateway.close()));
    await database.drop();
  });

  function settings(...keys: string[]): Record<string, string> {
    return { DATABASE_URL: database.url, AUTH: 'keys', SECRETS_KEYS: keys.join(',') };
  }

  /** A gateway with these keys, asked by a caller who may do everything. */
  async function serve(...keys: string[]): Promise<TestGateway> {
    const gateway = await startGateway(settings(...keys));
    running.push(gateway);
    const key = await makeKey(settings(...keys), permissions);
    return as(gateway, { 'x-api-key': key });
  }

  async function stop(): Promise<void> {
    await Promise.all(running.splice(0).map((gateway) => gateway.close()));
  }

  async function add(gateway: TestGateway, instanceId: string): Promise<void> {
    const added = await gateway.legacy('add-jdbc-conn', legacyBody(sealedInput(instanceId)));
    expect(added.body.code).toBe(1001);
  }

  async function edit(gateway: TestGateway, instanceId: string, word: string): Promise<void> {
    const edited = await gateway.legacy('update-jdbc-conn', legacyBody(sealedInput(instanceId, word)));
    expect(edited.body.code).toBe(1001);
  }

  /** A register with so many datasources that the old key has sealed, which nothing serves. */
  async function sealWithOldKey(count: number): Promise<string[]> {
    const gateway = await serve(old);
    await addAccount(gateway);
    const names = Array.from({ length: count }, (_, number) => `orders-${number}`);
    for (let start = 0; start < count; start += 20) {
      await Promise.all(names.slice(start, start + 20).map((name) => add(gateway, name)));
    }
    await stop();
    return names;
  }

  async function expectToOpen(gateway: TestGateway, names: readonly string[], word = 'first'): Promise<void> {
    for (const name of names) {
      const { password, secret } = sealedInput(name, word);
      expect(await readCredentials(gateway, sealedInput(name))).toEqual({ masterUsername: 'admin', password, secret });
    }
  }

  function storedValues() {
    return onDatabase<{ name: string; password: Uint8Array; secret: Uint8Array }>(
      database,
      'SELECT instance_id AS name, password_sealed AS password, secret_sealed AS secret FROM datasources ORDER BY id',
    );
  }

  /** The ids of the keys that have sealed what is stored. */
  async function sealingIds(): Promise<Set<string>> {
    const rows = await storedValues();
    return new Set(
      rows.flatMap(({ password, secret }) => [password, secret].map((value) => sealingKeyIdOf(Buffer.from(value)))),
    );
  }

  /** Runs the command beside the gateways, as the command line does, on the register or what stands before it. */
  async function secrets(
    action: 'rotate' | 'verify',
    keys: readonly string[],
    before: (register: Database) => Database = (register) => register,
  ): Promise<{ code: number; lines: string[] }> {
    const register = new Register(loadConfig(settings(...keys)), pino({ level: 'silent' }), 'tool');
    const lines: string[] = [];
    const print = (line: string) => void lines.push(line);
    try {
      await register.prepareOnce();
      const code = await runSecretsCommand(before(register), () => register.sealingKeys, [action], print, print);
      for (const word of ['-p4ss-', '-s3cret-', old, next]) expect(lines.join('\n')).not.toContain(word);
      return { code, lines };
    } finally {
      await register.close();
    }
  }

  /** A database that does something once, between where the values are read and where they are replaced. */
  function withMeanwhile(meanwhile: () => Promise<void>) {
    let hasHappened = false;
    return (register: Database): Database => ({
      dialect: register.dialect,
      isObserved: register.isObserved,
      limits: register.limits,
      close: () => register.close(),
      scan: (work, options) => register.scan(work, options),
      change: (work) => register.change(work),
      read: async (work) => {
        const rows = await register.read(work);
        if (!hasHappened) {
          hasHappened = true;
          await meanwhile();
        }
        return rows;
      },
    });
  }

  /** What a gateway that must not start says. */
  async function refusal(env: Record<string, string>): Promise<string> {
    const gateway = await launchGateway(env);
    expect(await gateway.ended).toEqual({ code: 1, signal: null });
    for (const key of [old, next]) expect(gateway.stderr + gateway.stdout).not.toContain(key.slice(0, 12));
    return gateway.stderr;
  }

  test('the first seals, and all of them open', async () => {
    await sealWithOldKey(1);
    const oldFirst = await serve(old, next);
    await add(oldFirst, 'by-old');
    expect(await sealingIds()).toEqual(new Set([idOf(old)]));
    await stop();

    const nextFirst = await serve(next, old);
    await add(nextFirst, 'by-next');
    await expectToOpen(nextFirst, ['orders-0', 'by-old', 'by-next']);
    const ids = (await storedValues()).map(({ name, password }) => [name, sealingKeyIdOf(Buffer.from(password))]);
    expect(ids).toEqual([
      ['orders-0', idOf(old)],
      ['by-old', idOf(old)],
      ['by-next', idOf(next)],
    ]);
    await stop();

    const third = newKey();
    const thirdFirst = await serve(third, old, next);
    await edit(thirdFirst, 'by-old', 'third');
    await expectToOpen(thirdFirst, ['orders-0', 'by-next']);
    await expectToOpen(thirdFirst, ['by-old'], 'third');
    expect(await sealingIds()).toEqual(new Set([idOf(old), idOf(next), idOf(third)]));
  });

  test('SECRETS_KEY and SECRETS_KEYS together stop the start, whether set or in files', async () => {
    const problem = 'SECRETS_KEY and SECRETS_KEYS are both set: keep one of them.';
    const both = { DATABASE_URL: database.url, SECRETS_KEY: old, SECRETS_KEYS: `${next},${old}` };
    expect(await refusal(both)).toContain(problem);
    const file = join(temporaryDirectory(), 'keys');
    writeFileSync(file, `${next},${old}\n`);
    const { SECRETS_KEYS: _, ...others } = both;
    expect(() => loadConfig({ ...others, SECRETS_KEYS_FILE: file })).toThrow(problem);
  });

  test('a key that was taken away while it still seals something stops the start, and its id is named', async () => {
    await sealWithOldKey(2);
    const gateway = await serve(next, old);
    await edit(gateway, 'orders-0', 'second');
    await stop();
    const message = await refusal(settings(next));
    expect(message).toContain('sealed with a key that is not set');
    expect(message).toContain(idOf(old));
    expect(message).not.toMatch(/^\s+at /m);
    await expect(secrets('rotate', [next])).rejects.toThrow(idOf(old));

    const again = await serve(next, old);
    await expectToOpen(again, ['orders-0'], 'second');
    await expectToOpen(again, ['orders-1']);
  });

  test('verify opens everything and changes nothing', async () => {
    await sealWithOldKey(3);
    const before = await storedValues();
    expect(await secrets('verify', [old])).toEqual({ code: 0, lines: ['6 sealed values open.'] });
    expect(await secrets('verify', [next, old])).toEqual({ code: 0, lines: ['6 sealed values open.'] });
    expect(await storedValues()).toEqual(before);
  });

  test('rotation may be interrupted: everything still opens, and the next run does the rest', async () => {
    const names = await sealWithOldKey(8);
    let changes = 0;
    const breaking = (register: Database): Database => ({
      dialect: register.dialect,
      isObserved: register.isObserved,
      limits: register.limits,
      close: () => register.close(),
      read: (work) => register.read(work),
      scan: (work, options) => register.scan(work, options),
      change: (work) => {
        changes += 1;
        return changes > 5 ? Promise.reject(new Error('interrupted')) : register.change(work);
      },
    });
    await expect(secrets('rotate', [next, old], breaking)).rejects.toThrow('interrupted');
    expect(await sealingIds()).toEqual(new Set([idOf(old), idOf(next)]));
    await expect(secrets('verify', [next])).rejects.toThrow(idOf(old));
    const gateway = await serve(next, old);
    await expectToOpen(gateway, names);

    expect((await secrets('rotate', [next, old])).lines).toEqual([
      '16 sealed values open.',
      `11 of them were sealed anew with the key ${idOf(next)}.`,
      'No credential is sealed with the other keys any more: remove them from SECRETS_KEYS.',
    ]);
    await stop();
    await expectToOpen(await serve(next), names);
  });

  test('an edit between where a value is read and where it is replaced is kept, as is a deletion', async () => {
    await sealWithOldKey(4);
    const gateway = await serve(next, old);
    const meanwhile = async () => {
      await edit(gateway, 'orders-1', 'meanwhile');
      const { body } = await gateway.legacy('delete-jdbc', {
        account_provider: 1,
        account_id: '123456789012',
        region: 'eu-west-1',
        instances: ['orders-2'],
      });
      expect(body.code).toBe(1001);
    };
    const { code, lines } = await secrets('rotate', [next, old], withMeanwhile(meanwhile));
    expect(code).toBe(0);
    expect(lines[1]).toContain('4 of them were sealed anew');
    await stop();
    const alone = await serve(next);
    await expectToOpen(alone, ['orders-0', 'orders-3']);
    await expectToOpen(alone, ['orders-1'], 'meanwhile');
    expect(await findDatasource(alone, sealedInput('orders-2'))).toBeNull();
  });

  test('an edit by a gateway that still seals with the old key does not let that key go unseen', async () => {
    await sealWithOldKey(2);
    const behind = await serve(old, next);
    const { code, lines } = await secrets(
      'rotate',
      [next, old],
      withMeanwhile(() => edit(behind, 'orders-1', 'meanwhile')),
    );
    expect(code).toBe(0);
    expect(lines[1]).toContain('4 of them were sealed anew');
    expect(await sealingIds()).toEqual(new Set([idOf(next)]));
    await stop();
    const alone = await serve(next);
    await expectToOpen(alone, ['orders-0']);
    await expectToOpen(alone, ['orders-1'], 'meanwhile');
  });

  test('a gateway that starts with both keys, or verify, after the rotation does not bring the old key back', async () => {
    const names = await sealWithOldKey(2);
    await secrets('rotate', [next, old]);
    await serve(next, old);
    await stop();
    expect((await secrets('verify', [next, old])).code).toBe(0);
    await expectToOpen(await serve(next), names);
  });

  test('a value that does not open is named, spoils nothing else, and keeps the old key until it is replaced', async () => {
    const names = await sealWithOldKey(4);
    const [row] = await onDatabase<{ value: Uint8Array }>(
      database,
      "SELECT password_sealed AS value FROM datasources WHERE instance_id = 'orders-2'",
    );
    const broken = Buffer.from(row?.value as Uint8Array);
    broken.writeUInt8(broken.readUInt8(30) ^ 1, 30);
    await onDatabase(database, "UPDATE datasources SET password_sealed = ? WHERE instance_id = 'orders-2'", [broken]);

    const named =
      'Cannot be opened: the password of [1,"123456789012","eu-west-1","orders-2"]: the value was changed, or sealed for another place.';
    expect(await secrets('verify', [next, old])).toEqual({ code: 1, lines: ['7 sealed values open.', named] });
    const gateway = await serve(next, old);
    const rotated = await secrets('rotate', [next, old]);
    expect(rotated).toEqual({
      code: 1,
      lines: [
        '7 sealed values open.',
        `7 of them were sealed anew with the key ${idOf(next)}.`,
        named,
        'Keep the other keys: give the datasources named above their credentials again, and run this once more.',
      ],
    });
    await expect(secrets('verify', [next])).rejects.toThrow(idOf(old));
    await expectToOpen(
      gateway,
      names.filter((name) => name !== 'orders-2'),
    );

    const { password, ...key } = sealedInput('orders-2', 'again');
    const input = { instanceId: key.instanceId, accountProviderId: 1, accountId: '123456789012', region: 'eu-west-1' };
    const { errors } = await gateway.graphql(updateDatasource, { input: { ...input, password } });
    expect(errors).toBeUndefined();
    expect((await secrets('rotate', [next, old])).code).toBe(0);
    await stop();
    const alone = await serve(next);
    expect(await readCredentials(alone, input)).toMatchObject({ password, secret: sealedInput('orders-2').secret });
  });

  test('values that were moved to another datasource or field are named, and what is no sealed value at all', async () => {
    await sealWithOldKey(5);
    const values = new Map((await storedValues()).map((row) => [row.name, row]));
    const put = (column: 'password' | 'secret', name: string, value: Uint8Array) =>
      onDatabase(database, `UPDATE datasources SET ${column}_sealed = ? WHERE instance_id = ?`, [
        Buffer.from(value),
        name,
      ]);
    await put('password', 'orders-0', values.get('orders-1')?.password as Uint8Array);
    await put('secret', 'orders-2', values.get('orders-2')?.password as Uint8Array);
    await put('secret', 'orders-3', Buffer.from('in clear'));
    const { code, lines } = await secrets('verify', [old]);
    expect(code).toBe(1);
    expect(lines[0]).toBe('7 sealed values open.');
    expect(
      lines.slice(1).map((line) => line.replace(/^.*the (\w+) of .*"(orders-\d)"\]: (.*)\.$/, '$1 $2: $3')),
    ).toEqual([
      'password orders-0: the value was changed, or sealed for another place',
      'secret orders-2: the value was changed, or sealed for another place',
      'secret orders-3: this is not a sealed value',
    ]);
  });

  describe('by the command in a process of its own', () => {
    let program: string;

    beforeAll(async () => {
      // Where the build is, a gateway that does not start tells.
      const { child, ended } = await launchGateway({ PORT: 'none' });
      await ended;
      program = join(child.spawnargs[1] as string, '../cli.js');
    });

    /** Runs the command; it is killed as soon as `isEnough` holds. */
    async function run(words: readonly string[], isEnough = async () => false) {
      const env = { PATH: process.env.PATH, ...settings(next, old) };
      const child = spawn(process.execPath, [program, 'secrets', ...words], { env });
      const output = { stdout: '', stderr: '' };
      for (const name of ['stdout', 'stderr'] as const) {
        child[name].on('data', (data) => {
          output[name] += data;
        });
      }
      const state = { hasEnded: false };
      const ended = new Promise<number | null>((resolve) => {
        child.once('close', (code) => {
          state.hasEnded = true;
          resolve(code);
        });
      });
      while (!state.hasEnded) {
        if (await isEnough()) child.kill('SIGKILL');
        await sleep(5);
      }
      return { code: await ended, ...output };
    }

    test('rotation under load, killed and run again, fails no request and loses no edit, and the old key can go', async () => {
      const names = await sealWithOldKey(120);
      const gateway = await serve(next, old);
      const words = new Map(names.map((name) => [name, 'first']));
      const failures: unknown[] = [];
      const load = { asked: 0, isOver: false };
      const client = async (number: number) => {
        // Each has datasources of its own, from all over the walk.
        const own = names.filter((_, at) => at % 4 === number);
        for (let turn = 0; !load.isOver; turn += 1) {
          const name = own[(turn * 17) % own.length] as string;
          const { password, secret, ...input } = sealedInput(name, `turn-${turn}`);
          const changes = turn % 2 === 0 ? { password, secret } : { description: `turn-${turn}` };
          const updated = await gateway.graphql(updateDatasource, { input: { ...keyOf(input), ...changes } });
          if (turn % 2 === 0) words.set(name, `turn-${turn}`);
          const read = await gateway.graphql(readAll, { key: keyOf(input) });
          for (const { httpStatus, errors } of [updated, read]) {
            load.asked += 1;
            if (httpStatus !== 200 || errors !== undefined) failures.push({ httpStatus, errors });
          }
          const expected = sealedInput(name, words.get(name)).password;
          if (read.data?.datasourceCredentials?.password !== expected) failures.push({ name, expected });
        }
      };
      const clients = [0, 1, 2, 3].map(client);
      const isUnderWay = ({ name, secret }: { name: string; secret: Uint8Array }) =>
        words.get(name) === 'first' && sealingKeyIdOf(Buffer.from(secret)) === idOf(next);
      await run(['rotate'], async () => (await storedValues()).some(isUnderWay));
      const askedBefore = load.asked;
      const rotated = await run(['rotate']);
      const askedMeanwhile = load.asked - askedBefore;
      load.isOver = true;
      await Promise.all(clients);

      expect(failures).toEqual([]);
      expect(askedMeanwhile).toBeGreaterThan(20);
      expect(rotated).toMatchObject({ code: 0, stderr: '' });
      expect(rotated.stdout).toMatch(
        new RegExp(
          `^240 sealed values open\\.\n\\d+ of them were sealed anew with the key ${idOf(next)}\\.\nNo credential is sealed with the other keys any more: remove them from SECRETS_KEYS\\.\n$`,
        ),
      );
      expect(await sealingIds()).toEqual(new Set([idOf(next)]));
      await stop();
      const alone = await serve(next);
      for (const [name, word] of words) await expectToOpen(alone, [name], word);
    });

    test('verify says so by its exit code, and what it does not know stops it', async () => {
      await sealWithOldKey(3);
      expect(await run(['verify'])).toEqual({ code: 0, stdout: '6 sealed values open.\n', stderr: '' });
      await onDatabase(
        database,
        "UPDATE datasources SET secret_sealed = password_sealed WHERE instance_id = 'orders-1'",
      );
      expect(await run(['verify'])).toEqual({
        code: 1,
        stdout:
          '5 sealed values open.\nCannot be opened: the secret of [1,"123456789012","eu-west-1","orders-1"]: the value was changed, or sealed for another place.\n',
        stderr: '',
      });
      expect(await run(['rotate', 'now'])).toMatchObject({ code: 2, stdout: '' });
    });
  });
});

describe.each(databaseKinds)('a register of several batches on $name', (kind) => {
  let database: TestDatabase;
  let old: string;
  let next: string;
  let inputs: Values[];

  beforeEach(async () => {
    database = await kind.create();
    [old, next] = [newKey(), newKey()];
    const gateway = await startGateway({ ...settings(old), AUTH: 'none' });
    await addAccount(gateway);
    await gateway.close();
    inputs = await fill(450);
  });
  afterEach(() => database.drop());

  function settings(...keys: string[]): Record<string, string> {
    return { DATABASE_URL: database.url, SECRETS_KEYS: keys.join(',') };
  }

  async function withRegister<T>(keys: readonly string[], work: (register: Register) => Promise<T>): Promise<T> {
    const register = new Register(loadConfig(settings(...keys)), pino({ level: 'silent' }), 'tool');
    try {
      await register.prepareOnce();
      return await work(register);
    } finally {
      await register.close();
    }
  }

  /** Adds so many datasources, each with a password and a secret of its own that the old key seals. */
  async function fill(amount: number): Promise<Values[]> {
    const credentials = new CredentialSeal(() => [parseSealingKey(old) as SealingKey]);
    const all = Array.from({ length: amount }, (_, place) =>
      datasourceInput(`filled-${place}`, { password: `pw ${place} ✓`, secret: `name ${place}` }),
    );
    await withRegister([old], (register) =>
      register.change(async (session) => {
        for (const input of all) {
          const [owner, now] = [input as never, new Date()];
          await insertDatasource(session, {
            ...(input as unknown as Parameters<typeof insertDatasource>[1]),
            id: newId('D'),
            version: 1,
            createdAt: now,
            updatedAt: now,
            passwordSealed: credentials.sealed(owner, 'password', input.password as string),
            secretSealed: credentials.sealed(owner, 'secret', input.secret as string),
          });
        }
      }),
    );
    return all;
  }

  function secrets(action: 'rotate' | 'verify', ...keys: string[]) {
    return withRegister(keys, async (register) => {
      const lines: string[] = [];
      const print = (line: string) => void lines.push(line);
      const code = await runSecretsCommand(
        register,
        () => register.sealingKeys,
        [action],
        print,
        () => undefined,
      );
      return { code, lines };
    });
  }

  /** How many values each key seals, by the key's id. */
  async function sealedBy(): Promise<Record<string, number>> {
    const part = (column: string) => `SELECT LOWER(HEX(SUBSTR(${column}, 2, 8))) AS id FROM datasources`;
    const rows = await onDatabase<{ id: string; n: number }>(
      database,
      `SELECT id, COUNT(*) AS n FROM (${part('password_sealed')} UNION ALL ${part('secret_sealed')}) AS every GROUP BY id`,
    );
    return Object.fromEntries(rows.map(({ id, n }) => [id, Number(n)]));
  }

  test('is sealed anew to its last value, with no version or time changed, and each opens with the new key alone', async () => {
    const shown = 'SELECT id, instance_id, version, created_at, updated_at FROM datasources ORDER BY id';
    const before = await onDatabase(database, shown);
    expect(await secrets('rotate', next, old)).toEqual({
      code: 0,
      lines: [
        '900 sealed values open.',
        `900 of them were sealed anew with the key ${idOf(next)}.`,
        'No credential is sealed with the other keys any more: remove them from SECRETS_KEYS.',
      ],
    });
    expect(await sealedBy()).toEqual({ [idOf(next)]: 900 });
    expect(await onDatabase(database, shown)).toEqual(before);

    const values = 'SELECT password_sealed, secret_sealed FROM datasources ORDER BY id';
    const sealedOnce = await onDatabase(database, values);
    expect((await secrets('rotate', next, old)).lines).toEqual([
      '900 sealed values open.',
      `0 of them were sealed anew with the key ${idOf(next)}.`,
      'No credential is sealed with the other keys any more: remove them from SECRETS_KEYS.',
    ]);
    expect(await onDatabase(database, values)).toEqual(sealedOnce);
    expect(await secrets('verify', next)).toEqual({ code: 0, lines: ['900 sealed values open.'] });
    const env = { ...settings(next), AUTH: 'keys' };
    const gateway = await startGateway(env);
    const reader = as(gateway, { 'x-api-key': await makeKey(env, ['credentials']) });
    for (const input of inputs.filter((_, place) => place % 20 === 19)) {
      const { password, secret } = input;
      expect(await readCredentials(reader, input)).toEqual({ masterUsername: null, password, secret });
    }
    await gateway.close();
    await expect(secrets('verify', old)).rejects.toThrow(idOf(next));
  });

  test('is named in full where its key is lost, keeps nothing new from being served, and opens once the key is back', async () => {
    // What docs/security.md says to do where no copy of the key is left.
    await onDatabase(database, 'DELETE FROM sealing_key_checks');
    const env = { ...settings(next), AUTH: 'keys' };
    const gateway = await startGateway(env);
    const all = as(gateway, { 'x-api-key': await makeKey(env, permissions) });
    const again = { ...inputs[449], password: 'given again', secret: 'this too' };
    expect((await all.legacy('update-jdbc-conn', legacyBody(again))).body.code).toBe(1001);
    expect(await readCredentials(all, again)).toMatchObject({ password: 'given again', secret: 'this too' });
    await gateway.close();

    const { code, lines } = await secrets('verify', next);
    expect(code).toBe(1);
    expect(lines[0]).toBe('2 sealed values open.');
    const reason = 'no key is set that could have sealed the value';
    const named = inputs
      .slice(0, 449)
      .flatMap(({ instanceId }) =>
        ['password', 'secret'].map(
          (field) => `Cannot be opened: the ${field} of [1,"123456789012","eu-west-1","${instanceId}"]: ${reason}.`,
        ),
      );
    expect(lines.slice(1).sort()).toEqual(named.sort());

    expect((await secrets('rotate', next, old)).lines.slice(0, 2)).toEqual([
      '900 sealed values open.',
      `898 of them were sealed anew with the key ${idOf(next)}.`,
    ]);
  });
});

onMysql.run(`gateways side by side on ${onMysql.name}`, () => {
  test('with the keys the one way and the other way round read and edit what either has sealed', async () => {
    const database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    const [old, next] = [newKey(), newKey()];
    const env = (keys: string) => ({ DATABASE_URL: database.url, SECRETS_KEYS: keys, AUTH: 'keys' });
    const gateways: TestGateway[] = [];
    try {
      for (const keys of [`${old},${next}`, `${next},${old}`]) {
        const gateway = await startGateway(env(keys));
        gateways.push(as(gateway, { 'x-api-key': await makeKey(env(keys), permissions) }));
      }
      const [one, other] = gateways as [TestGateway, TestGateway];
      await addAccount(one);
      for (const [adds, edits] of [
        [one, other],
        [other, one],
      ] as const) {
        const input = datasourceInput(adds === one ? 'by one' : 'by other', {
          masterUsername: 'user',
          password: 'added',
        });
        await addDatasource(adds, input);
        for (const reader of gateways) expect((await readCredentials(reader, input)).password).toBe('added');
        const edited = { ...input, password: 'edited' };
        expect((await edits.legacy('update-jdbc-conn', legacyBody(edited))).body.code).toBe(1001);
        for (const reader of gateways) expect((await readCredentials(reader, input)).password).toBe('edited');
      }
      const ids = await onDatabase<{ name: string; id: string }>(
        database,
        'SELECT instance_id AS name, LOWER(HEX(SUBSTR(password_sealed, 2, 8))) AS id FROM datasources',
      );
      expect(Object.fromEntries(ids.map(({ name, id }) => [name, id]))).toEqual({
        'by one': idOf(next),
        'by other': idOf(old),
      });
    } finally {
      for (const gateway of gateways) await gateway.close();
      await database.drop();
    }
  });
});
