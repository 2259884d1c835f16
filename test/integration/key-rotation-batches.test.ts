import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { runSecretsCommand } from '../../src/command-line/secrets.command.js';
import { loadConfig } from '../../src/config.js';
import { insertDatasource } from '../../src/datasources/datasource.statements.js';
import { newId } from '../../src/global-id.js';
import { Register } from '../../src/register.js';
import { permissions } from '../../src/security/caller.js';
import { CredentialSeal } from '../../src/security/credential-seal.js';
import { parseSealingKey, type SealingKey } from '../../src/security/sealing-key.js';
import { databaseKinds, mysqlKind, type TestDatabase } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { as, makeKey, readCredentials } from '../support/keyed-gateway.js';
import { onDatabase } from '../support/raw-database.js';
import { addAccount, addDatasource, datasourceInput, legacyBody } from '../support/samples.js';

type Values = Record<string, unknown>;

const newKey = () => randomBytes(32).toString('base64');
const sealingKey = (key: string) => parseSealingKey(key) as SealingKey;
const idOf = (key: string) => sealingKey(key).id;

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
    const credentials = new CredentialSeal(() => [sealingKey(old)]);
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
        'The other keys seal nothing any more: take them out of SECRETS_KEYS.',
      ],
    });
    expect(await sealedBy()).toEqual({ [idOf(next)]: 900 });
    expect(await onDatabase(database, shown)).toEqual(before);
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

(mysqlKind ? describe : describe.skip)('gateways side by side (left out where there is no server)', () => {
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
