import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { loadConfig } from '../../src/config.js';
import {
  lockSealedDatasource,
  selectDatasource,
  updateDatasource as updateStatement,
} from '../../src/datasources/datasource.statements.js';
import { Register } from '../../src/register.js';
import { databaseKinds } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { as, type KeyedGateway, keyOf, readCredentials, startKeyedGateway } from '../support/keyed-gateway.js';
import { onDatabase, storedEvents } from '../support/raw-database.js';
import {
  addAccount,
  addDatasource,
  datasourceFields,
  datasourceInput,
  findDatasource,
  legacyBody,
} from '../support/samples.js';

type Values = Record<string, unknown>;

const stored = { password: 'stored pässword', secret: 'stored sécret' };

/** Every parameter, each with a value. */
const whole: Values = {
  description: 'Orders',
  jdbcConnectionUrl: 'jdbc:mysql://db.example.com:3306/orders',
  jdbcConnectionSchema: 'orders\nstock',
  jdbcEnforceSsl: true,
  kafkaSslEnabled: false,
  masterUsername: 'admin',
  ...stored,
  skipCustomJdbcCertValidation: false,
  customJdbcCert: 's3://certificates.example.com/ca.pem',
  customJdbcCertString: 'CN=db.example.com',
  networkAvailabilityZone: 'eu-west-1a',
  networkSubnetId: 'subnet-1',
  networkSgId: 'sg-1',
  glueCrawlerLastUpdated: '2024-02-29T13:05:00.125Z',
  creationTime: 'then',
  lastUpdatedTime: 'later',
  jdbcDriverClassName: 'com.example.Driver',
  jdbcDriverJarUri: 's3://drivers.example.com/driver.jar',
  createType: 1,
};

/** Another value of each parameter that is no credential and does not say where one is sent. */
const others: Values = {
  description: 'Stock',
  jdbcConnectionSchema: 'stock',
  masterUsername: 'reader',
  networkAvailabilityZone: 'eu-west-1b',
  networkSubnetId: 'subnet-2',
  networkSgId: 'sg-2',
  glueCrawlerLastUpdated: '2025-01-01T00:00:00.000Z',
  creationTime: 'before then',
  lastUpdatedTime: 'even later',
  createType: 0,
};

/** Other values of each parameter that says where a credential is sent, or who can read it on the way. */
const connection: Record<string, readonly unknown[]> = {
  jdbcConnectionUrl: ['jdbc:mysql://elsewhere.example.com:3306/orders', 'jdbc:mysql://db.example.com:3306/orders?a=b'],
  jdbcDriverClassName: ['com.example.OtherDriver', null, ''],
  jdbcDriverJarUri: ['s3://elsewhere.example.com/driver.jar', null, ''],
  jdbcEnforceSsl: [false, null],
  kafkaSslEnabled: [true, null],
  skipCustomJdbcCertValidation: [true, null],
  customJdbcCert: ['s3://elsewhere.example.com/ca.pem', null, ''],
  customJdbcCertString: ['CN=elsewhere.example.com', null, ''],
};

const optionalTexts = [
  'description',
  'customJdbcCert',
  'customJdbcCertString',
  'creationTime',
  'lastUpdatedTime',
  'jdbcDriverClassName',
  'jdbcDriverJarUri',
];
const optionalOthers = ['jdbcEnforceSsl', 'kafkaSslEnabled', 'skipCustomJdbcCertValidation', 'glueCrawlerLastUpdated'];
const required = [
  'jdbcConnectionUrl',
  'jdbcConnectionSchema',
  'networkAvailabilityZone',
  'networkSubnetId',
  'networkSgId',
  'createType',
];

describe.each(databaseKinds)('updateDatasource on $name', (kind) => {
  let keyed: KeyedGateway;
  let all: TestGateway;
  let count = 0;

  beforeAll(async () => {
    keyed = await startKeyedGateway(kind);
    all = keyed.all;
    await addAccount(all);
  });
  afterAll(() => keyed?.close());

  /** Adds a datasource of the test's own. */
  async function added(changes: Values = {}): Promise<Values> {
    count += 1;
    const input = datasourceInput(`ds-${count}`, { ...whole, ...changes });
    await addDatasource(all, input);
    return input;
  }

  function update(input: Values, patch: Values, gateway: TestGateway = all) {
    return gateway.graphql(
      `mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { status code message datasource { ${datasourceFields} } } }`,
      { input: { ...keyOf(input), ...patch } },
    );
  }

  function edit(input: Values) {
    return all.graphql(
      `mutation ($input: EditDatasourceInput!) { editDatasource(input: $input) { code datasource { ${datasourceFields} } } }`,
      { input },
    );
  }

  /** Everything that is stored of a datasource, its sealed bytes included, and its rows in the audit. */
  async function state(input: Values) {
    const rows = await onDatabase(keyed.database, 'SELECT * FROM datasources WHERE instance_id = ?', [
      input.instanceId as string,
    ]);
    const events = (await storedEvents(keyed.database)).filter(({ instanceId }) => instanceId === input.instanceId);
    return { rows, events };
  }

  /** What is to be refused with this code, and to change nothing. */
  async function expectRefused(input: Values, patch: Values, code: string) {
    const before = await state(input);
    const { httpStatus, data, errors } = await update(input, patch);
    expect({ patch, httpStatus, data: data ?? null, codes: errors?.map(({ extensions }) => extensions.code) }).toEqual({
      patch,
      httpStatus: 200,
      data: null,
      codes: [code],
    });
    expect(await state(input)).toEqual(before);
    return errors?.[0];
  }

  async function expectUpdated(input: Values, patch: Values) {
    const before = await findDatasource(all, input);
    const { data, errors } = await update(input, patch);
    expect({ patch, errors }).toEqual({ patch, errors: undefined });
    const { datasource, ...outcome } = data.updateDatasource;
    expect(outcome).toEqual({ status: 'success', code: 1001, message: 'Operation succeeded' });
    expect(datasource).toEqual(await findDatasource(all, input));
    expect(datasource.version).toBe(before.version + 1);
    expect(Date.parse(datasource.updatedAt)).toBeGreaterThanOrEqual(Date.parse(before.updatedAt));
    return { before, after: datasource };
  }

  /** What is to succeed, and to leave version, times, bytes and audit as they are. */
  async function expectUnchanged(input: Values, patch: Values) {
    const before = await state(input);
    const shown = await findDatasource(all, input);
    const { data, errors } = await update(input, patch);
    expect({ patch, errors }).toEqual({ patch, errors: undefined });
    expect(data.updateDatasource).toEqual({
      status: 'success',
      code: 1001,
      message: 'Operation succeeded',
      datasource: shown,
    });
    expect(await state(input)).toEqual(before);
  }

  describe('what is left out', () => {
    test.each(Object.entries(others))(
      'stays when %s is changed alone, the credentials included',
      async (field, value) => {
        const input = await added();
        const { before, after } = await expectUpdated(input, { [field]: value });
        const { version: _, updatedAt: __, ...rest } = after;
        expect({ ...rest, [field]: before[field] }).toEqual(
          (({ version: _v, updatedAt: _u, ...beforeRest }) => beforeRest)(before),
        );
        expect(after[field]).toEqual(value);
        const masterUsername = field === 'masterUsername' ? value : 'admin';
        expect(await readCredentials(all, input)).toEqual({ masterUsername, ...stored });
      },
    );

    test('stays when one credential is changed: the other one and everything shown', async () => {
      const input = await added();
      await expectUpdated(input, { password: 'new' });
      expect(await readCredentials(all, input)).toEqual({ masterUsername: 'admin', ...stored, password: 'new' });
      await expectUpdated(input, { secret: 'newer' });
      expect(await readCredentials(all, input)).toEqual({
        masterUsername: 'admin',
        password: 'new',
        secret: 'newer',
      });
    });
  });

  describe('null', () => {
    test.each([...optionalTexts, ...optionalOthers])('clears %s', async (field) => {
      const input = await added();
      const again = field in connection ? stored : {};
      const { after } = await expectUpdated(input, { [field]: null, ...again });
      expect(after[field]).toBeNull();
    });

    test('clears the password, the secret and the user name, as long as a credential is left', async () => {
      const input = await added();
      expect((await expectUpdated(input, { password: null })).after).toMatchObject({ hasPassword: false });
      expect(await readCredentials(all, input)).toEqual({ masterUsername: 'admin', ...stored, password: null });
      await expectUpdated(input, { masterUsername: null });
      await expectRefused(input, { secret: null }, 'CREDENTIAL_REQUIRED');
      await expectUpdated(input, { masterUsername: 'admin', password: 'p', secret: null });
      expect(await readCredentials(all, input)).toEqual({ masterUsername: 'admin', password: 'p', secret: null });
    });

    test.each(required)('and an empty text are refused for %s, which is required', async (field) => {
      const input = await added();
      const values = field === 'createType' ? [null] : [null, '', ' \t\n'];
      for (const value of values) {
        const error = await expectRefused(
          input,
          { [field]: value, description: 'must not be stored', ...stored },
          'BAD_USER_INPUT',
        );
        expect(error.extensions.legacyCode).toBe(400);
        expect(error.extensions.parameters.map(({ name }: { name: string }) => name)).toEqual([field]);
      }
    });

    test('is told of for all parameters at once', async () => {
      const input = await added();
      const error = await expectRefused(input, Object.fromEntries(required.map((f) => [f, null])), 'BAD_USER_INPUT');
      const names = error.extensions.parameters.map(({ name }: { name: string }) => name);
      expect(names.sort()).toEqual([...required].sort());
    });
  });

  describe('an empty text', () => {
    test.each(optionalTexts)('clears %s', async (field) => {
      const input = await added();
      const again = field in connection ? stored : {};
      expect((await expectUpdated(input, { [field]: '', ...again })).after[field]).toBeNull();
    });

    test('clears a credential', async () => {
      const input = await added();
      expect((await expectUpdated(input, { secret: '' })).after).toMatchObject({ hasPassword: true, hasSecret: false });
      await expectRefused(input, { password: '' }, 'CREDENTIAL_REQUIRED');
      await expectRefused(input, { masterUsername: '' }, 'CREDENTIAL_REQUIRED');
    });
  });

  test('keeps createType 0 and false flags, which are values', async () => {
    const input = await added();
    const patch = { createType: 0, jdbcEnforceSsl: false, skipCustomJdbcCertValidation: true, ...stored };
    expect((await expectUpdated(input, patch)).after).toMatchObject({
      createType: 0,
      jdbcEnforceSsl: false,
      skipCustomJdbcCertValidation: true,
      kafkaSslEnabled: false,
    });
    expect((await expectUpdated(input, { skipCustomJdbcCertValidation: false, ...stored })).after).toMatchObject({
      createType: 0,
      skipCustomJdbcCertValidation: false,
    });
  });

  describe('a change of where the credential is sent', () => {
    test.each(Object.entries(connection))('by %s needs every stored credential again', async (field, values) => {
      for (const value of values) {
        const input = await added();
        for (const patch of [
          {},
          { password: stored.password },
          { secret: stored.secret },
          { password: null },
          { secret: '' },
        ]) {
          await expectRefused(input, { [field]: value, ...patch }, 'CREDENTIAL_REQUIRED');
        }
        const { after } = await expectUpdated(input, { [field]: value, ...stored });
        expect(after[field]).toEqual(value === '' ? null : value);
        expect(await readCredentials(all, input)).toEqual({ masterUsername: 'admin', ...stored });
      }
    });

    test.each(Object.entries(connection))(
      'by %s may clear a credential instead of giving it again',
      async (field, values) => {
        const [value] = values;
        const first = await added();
        await expectUpdated(first, { [field]: value, password: null, secret: stored.secret });
        expect(await readCredentials(all, first)).toEqual({
          masterUsername: 'admin',
          password: null,
          secret: stored.secret,
        });
        const second = await added();
        await expectUpdated(second, { [field]: value, password: stored.password, secret: null });
        expect(await readCredentials(all, second)).toEqual({
          masterUsername: 'admin',
          password: stored.password,
          secret: null,
        });
        const third = await added();
        await expectRefused(third, { [field]: value, password: null, secret: null }, 'CREDENTIAL_REQUIRED');
      },
    );

    test.each(Object.entries(connection))('by %s needs only what is stored', async (field, values) => {
      const [value] = values;
      const withSecret = await added({ password: null });
      await expectRefused(withSecret, { [field]: value }, 'CREDENTIAL_REQUIRED');
      await expectUpdated(withSecret, { [field]: value, secret: 'another' });
      const withPassword = await added({ secret: null });
      await expectRefused(withPassword, { [field]: value, secret: 'another' }, 'CREDENTIAL_REQUIRED');
      await expectUpdated(withPassword, { [field]: value, password: 'another' });
    });

    test.each(Object.keys(connection))('is none where %s is given as it was', async (field) => {
      const input = await added();
      await expectUnchanged(input, { [field]: whole[field] });
      expect((await expectUpdated(input, { [field]: whole[field], description: 'new' })).after.version).toBe(2);
      expect(await readCredentials(all, input)).toEqual({ masterUsername: 'admin', ...stored });
    });

    test('is none where a flag or text that is absent is cleared', async () => {
      const optional = Object.keys(connection).filter((field) => field !== 'jdbcConnectionUrl');
      const input = await added(Object.fromEntries(optional.map((field) => [field, null])));
      for (const field of optional) await expectUnchanged(input, { [field]: null });
      for (const field of ['customJdbcCert', 'jdbcDriverClassName']) await expectUnchanged(input, { [field]: '' });
      // Absent and false are two things.
      await expectRefused(input, { jdbcEnforceSsl: false }, 'CREDENTIAL_REQUIRED');
    });
  });

  test('holds the rest of the rules of a datasource: its URL, its key, its existence', async () => {
    const input = await added();
    await expectRefused(input, { jdbcConnectionUrl: 'mysql://db.example.com', ...stored }, 'INVALID_JDBC_URL');
    await expectRefused(
      input,
      { jdbcConnectionUrl: 'jdbc:mysql://db.example.com/a?password=x', ...stored },
      'INVALID_JDBC_URL',
    );
    await expectRefused(input, { createType: 2 }, 'BAD_USER_INPUT');
    await expectRefused(input, { accountProviderId: null }, 'BAD_USER_INPUT');
    await expectRefused(input, { instanceId: 'not-there' }, 'DATASOURCE_NOT_FOUND');
    await expectRefused(input, { region: 'EU-WEST-1' }, 'DATASOURCE_NOT_FOUND');
  });

  test('needs the permission `write`, and is not offered by REST', async () => {
    const input = await added();
    const { errors } = await update(input, { description: 'x' }, as(keyed.gateway, {}));
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    const body = legacyBody({ ...keyOf(input), description: 'x' });
    for (const path of ['update-jdbc-conn', 'delete_account']) {
      expect((await all.legacy(path, body)).body).toMatchObject({ status: 'fail', code: 400 });
    }
  });

  describe('what changes nothing', () => {
    test('leaves version, updatedAt, sealed bytes and the audit as they are', async () => {
      const input = await added();
      await expectUnchanged(input, {});
      for (const [field, value] of Object.entries(whole)) await expectUnchanged(input, { [field]: value });
      await expectUnchanged(input, whole);
      await expectUnchanged(input, { ...whole, expectedVersion: 1 });
      await expectUnchanged(input, { glueCrawlerLastUpdated: '2024-02-29T15:05:00.125+02:00' });
    });

    test('is none any more where one value of several is another', async () => {
      const input = await added();
      const { after } = await expectUpdated(input, { ...whole, networkSgId: 'sg-9' });
      expect(after.version).toBe(2);
      const { events } = await state(input);
      expect(events.at(-1)?.changes).toEqual([{ field: 'networkSgId', from: 'sg-1', to: 'sg-9' }]);
    });

    test('is told apart from a credential that differs in its case, its white space or its normal form', async () => {
      const input = await added({ password: 'pass é' });
      await expectUnchanged(input, { password: 'pass é' });
      for (const password of ['Pass é', 'pass é ', 'pass e\u0301']) {
        const { after } = await expectUpdated(input, { password });
        expect(await readCredentials(all, input)).toMatchObject({ password });
        expect(
          (await state(input)).events.filter(({ operation }) => operation === 'updateDatasource').at(-1)?.changes,
        ).toEqual([{ field: 'password', changed: true }]);
        expect(after.version).toBeGreaterThan(1);
      }
    });
  });

  describe('the version that is expected', () => {
    test('is compared on updateDatasource: a stale one changes nothing and tells the current one', async () => {
      const input = await added();
      await expectUpdated(input, { description: 'second', expectedVersion: 1 });
      for (const expectedVersion of [1, 3, 2147483647]) {
        for (const patch of [{ description: 'third' }, {}, { password: 'new' }]) {
          const error = await expectRefused(input, { ...patch, expectedVersion }, 'VERSION_CONFLICT');
          expect(error.extensions).toEqual({ code: 'VERSION_CONFLICT', legacyCode: 1901, currentVersion: 2 });
          expect(error.message).toMatch(/at version 2\b/);
        }
      }
      await expectRefused(input, { expectedVersion: 0 }, 'BAD_USER_INPUT');
      await expectUpdated(input, { description: 'third', expectedVersion: 2 });
      await expectUpdated(input, { description: 'fourth', expectedVersion: null });
    });

    test('is compared on editDatasource', async () => {
      const input = await added();
      expect((await edit({ ...input, expectedVersion: 1 })).data.editDatasource.datasource.version).toBe(2);
      const before = await state(input);
      const { data, errors } = await edit({ ...input, description: 'third', expectedVersion: 1 });
      expect(data ?? null).toBeNull();
      expect(errors?.[0].extensions).toEqual({ code: 'VERSION_CONFLICT', legacyCode: 1901, currentVersion: 2 });
      expect(await state(input)).toEqual(before);
      expect((await edit({ ...input, expectedVersion: 2 })).data.editDatasource.datasource.version).toBe(3);
      expect((await edit(input)).data.editDatasource.datasource.version).toBe(4);
    });

    test.each(['update-jdbc-conn', 'delete_account'])('is compared on REST, at %s', async (path) => {
      const input = await added();
      const send = (changes: Values) => all.legacy(path, { ...legacyBody(input), ...changes });
      expect((await send({ expected_version: 1 })).body.code).toBe(1001);
      expect((await send({ expected_version: '2' })).body.code).toBe(1001);
      const before = await state(input);
      for (const expected of [1, '2', 4]) {
        const { httpStatus, body } = await send({ description: 'stale', expected_version: expected });
        expect({ httpStatus, body }).toEqual({
          httpStatus: 200,
          body: { status: 'fail', code: 1901, message: expect.stringMatching(/at version 3\b/), ref: null },
        });
      }
      for (const wrong of [0, -1, 1.5, 'two', [3], true]) {
        const { body } = await send({ expected_version: wrong });
        expect([wrong, body.code, body.ref?.map(({ name }: { name: string }) => name)]).toEqual([
          wrong,
          400,
          ['expected_version'],
        ]);
      }
      expect(await state(input)).toEqual(before);
      for (const absent of [null, '']) expect((await send({ expected_version: absent })).body.code).toBe(1001);
    });

    test('is decided by the statement that changes the row', async () => {
      const input = await added();
      const register = new Register(loadConfig(keyed.env), pino({ level: 'silent' }), 'tool');
      await register.prepareOnce();
      try {
        const key = keyOf(input) as never;
        const current = await register.read((session) => lockSealedDatasource(session, key));
        if (current === undefined) throw new Error('it is not there');
        const changed = { ...current, description: 'raced' };
        const changedRows = (version: number) =>
          register.change((session) => updateStatement(session, { ...changed, version }));
        expect(await changedRows(2)).toBe(0);
        expect(await register.read((session) => selectDatasource(session, key))).toMatchObject({
          version: 1,
          description: 'Orders',
        });
        expect(await changedRows(1)).toBe(1);
        expect(await changedRows(1)).toBe(0);
        expect(await register.read((session) => selectDatasource(session, key))).toMatchObject({
          version: 2,
          description: 'raced',
        });
      } finally {
        await register.close();
      }
    });
  });

  describe('at the same time', () => {
    let gateways: TestGateway[];

    beforeAll(async () => {
      const own = await all.graphql('{ __typename }');
      expect(own.errors).toBeUndefined();
      gateways = [all];
      // Only one gateway serves an SQLite file.
      if (kind.name !== 'MySQL') return;
      const second = await startGateway({ ...keyed.env, AUTH: 'none' });
      gateways.push(second);
    });
    afterAll(async () => {
      for (const gateway of gateways?.slice(1) ?? []) await gateway.close();
    });

    const gatewayOf = (place: number) => gateways[place % gateways.length] as TestGateway;

    test('of many with the same expected version one holds, and the others are told', async () => {
      const input = await added();
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, place) =>
          update(input, { description: `by ${place}`, expectedVersion: 1 }, gatewayOf(place)),
        ),
      );
      const winners = answers.flatMap(({ data, errors }) =>
        errors === undefined ? [data.updateDatasource.datasource] : [],
      );
      expect(winners).toHaveLength(1);
      for (const { errors } of answers) {
        if (errors !== undefined)
          expect(errors[0].extensions).toMatchObject({ code: 'VERSION_CONFLICT', currentVersion: 2 });
      }
      expect(await findDatasource(all, input)).toEqual(winners[0]);
      expect((await state(input)).events.filter(({ operation }) => operation === 'updateDatasource')).toHaveLength(1);
    });

    test('patches of what was read lose nothing', async () => {
      const input = await added({ description: '' });
      const [writers, rounds] = [5, 4];
      // Everyone starts from the same reading, so that some must meet with a conflict.
      const first = await findDatasource(all, input);
      let conflicts = 0;
      await Promise.all(
        Array.from({ length: writers }, async (_, writer) => {
          const gateway = gatewayOf(writer);
          for (let round = 0, read = first; round < rounds; read = await findDatasource(gateway, input)) {
            const { description, version } = read;
            const appended = `${description ?? ''}[${writer}.${round}]`;
            const { errors } = await update(input, { description: appended, expectedVersion: version }, gateway);
            if (errors === undefined) round += 1;
            else {
              expect(errors[0].extensions.code).toBe('VERSION_CONFLICT');
              conflicts += 1;
            }
          }
        }),
      );
      expect(conflicts).toBeGreaterThanOrEqual(writers - 1);
      const { description, version } = await findDatasource(all, input);
      for (let writer = 0; writer < writers; writer += 1) {
        for (let round = 0; round < rounds; round += 1) expect(description).toContain(`[${writer}.${round}]`);
      }
      expect(version).toBe(1 + writers * rounds);
    });

    test('patches of different fields without an expected version all hold', async () => {
      const input = await added();
      const patches = [...Object.entries(others), ['password', 'raced'], ['secret', 'raced too']] as [
        string,
        unknown,
      ][];
      const answers = await Promise.all(
        patches.map(([field, value], place) => update(input, { [field]: value }, gatewayOf(place))),
      );
      expect(answers.map(({ errors }) => errors)).toEqual(patches.map(() => undefined));
      expect(await findDatasource(all, input)).toMatchObject({ ...others, version: 1 + patches.length });
      expect(await readCredentials(all, input)).toEqual({
        masterUsername: 'reader',
        password: 'raced',
        secret: 'raced too',
      });
    });
  });

  test('takes a credential of the greatest length, and refuses a longer one', async () => {
    const input = await added();
    const password = '🐘'.repeat(1024);
    await expectUpdated(input, { password });
    expect(await readCredentials(all, input)).toMatchObject({ password });
    await expectRefused(input, { password: `${password}x` }, 'BAD_USER_INPUT');
    await expectRefused(input, { secret: randomBytes(520).toString('hex') }, 'BAD_USER_INPUT');
  });
});
