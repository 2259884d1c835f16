import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { loadConfig } from '../../src/config.js';
import {
  lockSealedDatasource,
  selectDatasources,
  updateDatasource as updateStatement,
} from '../../src/datasources/datasource.statements.js';
import { Register } from '../../src/register.js';
import { databaseKinds } from '../support/databases.js';
import { useKeyedGateway } from '../support/fixture.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { keyOf, readCredentials } from '../support/keyed-gateway.js';
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

const update = `mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { status code message datasource { ${datasourceFields} } } }`;
const edit = 'mutation ($input: EditDatasourceInput!) { editDatasource(input: $input) { code } }';

const again = { password: 'stored pässword', secret: 'stored sécret' };
const credentials = { masterUsername: 'admin', ...again };

/** Every field that is not a key, with what a test stores in it. */
const full: Values = {
  description: 'orders of the shop',
  jdbcConnectionUrl: 'jdbc:mysql://db.example.com:3306/orders',
  jdbcConnectionSchema: 'orders\ncustomers',
  jdbcEnforceSsl: true,
  kafkaSslEnabled: false,
  ...credentials,
  skipCustomJdbcCertValidation: false,
  customJdbcCert: 's3://certs.example.com/a.pem',
  customJdbcCertString: 'CN=db.example.com',
  networkAvailabilityZone: 'eu-west-1a',
  networkSubnetId: 'subnet-1',
  networkSgId: 'sg-1',
  glueCrawlerLastUpdated: '2024-02-29T13:05:00.123Z',
  creationTime: '1 January',
  lastUpdatedTime: '2 January',
  jdbcDriverClassName: 'com.example.Driver',
  jdbcDriverJarUri: 's3://jars.example.com/driver.jar',
  createType: 1,
};

/** Another value of each field that is shown and does not say where a credential is sent. */
const others: Values = {
  description: ' spaces are kept ',
  jdbcConnectionSchema: 'others',
  masterUsername: 'someone else',
  networkAvailabilityZone: 'eu-west-1b',
  networkSubnetId: 'subnet-2',
  networkSgId: 'sg-2',
  glueCrawlerLastUpdated: '2025-01-01T00:00:00.000Z',
  creationTime: '3 January',
  lastUpdatedTime: '4 January',
  createType: 0,
};

/** Another value of each field that says where a credential is sent, or who can read it on the way. */
const elsewhere: Values = {
  jdbcConnectionUrl: 'jdbc:mysql://elsewhere.example.com:3306/orders',
  jdbcDriverClassName: 'com.example.OtherDriver',
  jdbcDriverJarUri: 's3://jars.example.com/other.jar',
  jdbcEnforceSsl: false,
  kafkaSslEnabled: true,
  skipCustomJdbcCertValidation: true,
  customJdbcCert: 's3://certs.example.com/b.pem',
  customJdbcCertString: 'CN=elsewhere.example.com',
};

const required = [
  'jdbcConnectionUrl',
  'jdbcConnectionSchema',
  'networkAvailabilityZone',
  'networkSubnetId',
  'networkSgId',
  'createType',
];
const optional = Object.keys({ ...others, ...elsewhere }).filter((field) => !required.includes(field));
const isText = (field: string) => typeof full[field] === 'string' && field !== 'glueCrawlerLastUpdated';

describe.each(databaseKinds)('updateDatasource on $name', (kind) => {
  const keyed = useKeyedGateway(kind);
  let all: TestGateway;
  let count = 0;

  beforeAll(async () => {
    all = keyed.all;
    await addAccount(all);
  });

  /** Adds a datasource of the test's own, with every field unless told. */
  async function added(changes: Values = full) {
    count += 1;
    const input = datasourceInput(`ds-${count}`, changes);
    return { input, key: keyOf(input), before: await addDatasource(all, input) };
  }

  function patch(input: Values, gateway: TestGateway = all) {
    return gateway.graphql(update, { input });
  }

  /** Patches, and gives what the datasource is then, which is also what was answered. */
  async function patched(input: Values) {
    const { data, errors } = await patch(input);
    expect({ input, errors }).toEqual({ input, errors: undefined });
    const { datasource, ...outcome } = data.updateDatasource;
    expect(outcome).toEqual({ status: 'success', code: 1001, message: 'Operation succeeded' });
    expect(datasource).toEqual(await findDatasource(all, input));
    return datasource;
  }

  /** Everything that a patch may touch of a datasource: its row with what is sealed, and how many rows the audit has. */
  function stateOf({ instanceId }: Values) {
    return onDatabase(
      keyed.database,
      'SELECT d.*, (SELECT COUNT(*) FROM audit_events e WHERE e.instance_id = d.instance_id) AS recorded FROM datasources d WHERE d.instance_id = ?',
      [instanceId as string],
    );
  }

  async function recordedUpdates({ instanceId }: Values) {
    const events = await storedEvents(keyed.database);
    return events.filter((event) => event.instanceId === instanceId && event.operation === 'updateDatasource');
  }

  /** Makes sure that each of these patches fails like this and that none changes anything. It gives the last error. */
  async function expectRefused(key: Values, extensions: object, patches: readonly Values[]) {
    const before = await stateOf(key);
    expect(before).toHaveLength(1);
    let error: { message: string; extensions: { parameters: { name: string }[] } } | undefined;
    for (const one of patches) {
      const { httpStatus, data, errors } = await patch({ ...key, ...one });
      expect({ one, httpStatus, data: data ?? null, errors }).toMatchObject({
        one,
        httpStatus: 200,
        data: null,
        errors: [{ extensions }],
      });
      error = errors?.[0];
    }
    expect(await stateOf(key)).toEqual(before);
    return error as NonNullable<typeof error>;
  }

  /** Makes sure that each of these patches succeeds, and leaves version, times, sealed bytes and audit as they are. */
  async function expectUnchanged(key: Values, patches: readonly Values[]) {
    const before = await stateOf(key);
    for (const one of patches) await patched({ ...key, ...one });
    expect(await stateOf(key)).toEqual(before);
  }

  describe('what is given and what is not', () => {
    test.each(Object.entries(others))('%s is changed alone, and everything else stays', async (field, value) => {
      const { input, key, before } = await added();
      const after = await patched({ ...key, [field]: value });
      expect(after).toEqual({ ...before, [field]: value, version: 2, updatedAt: after.updatedAt });
      expect(Date.parse(after.updatedAt)).toBeGreaterThanOrEqual(Date.parse(before.updatedAt));
      const kept = field === 'masterUsername' ? { ...credentials, masterUsername: value } : credentials;
      expect(await readCredentials(all, input)).toEqual(kept);
    });

    test('the password is changed alone, and so is the secret', async () => {
      const { input, key, before } = await added();
      const first = await patched({ ...key, password: 'another' });
      expect(first).toEqual({ ...before, version: 2, updatedAt: first.updatedAt });
      expect(await readCredentials(all, input)).toEqual({ ...credentials, password: 'another' });
      const second = await patched({ ...key, secret: 'one more' });
      expect(second).toEqual({ ...before, version: 3, updatedAt: second.updatedAt });
      expect(await readCredentials(all, input)).toEqual({ ...credentials, password: 'another', secret: 'one more' });
    });

    test('all fields are changed at once', async () => {
      const { input, key, before } = await added();
      const after = await patched({ ...key, ...others, ...elsewhere, password: 'p', secret: 's' });
      expect(after).toEqual({ ...before, ...others, ...elsewhere, version: 2, updatedAt: after.updatedAt });
      const { masterUsername } = others;
      expect(await readCredentials(all, input)).toEqual({ masterUsername, password: 'p', secret: 's' });
    });

    test.each(optional)('null clears %s, and so does an empty text where it is one', async (field) => {
      const given = field in elsewhere ? again : {};
      for (const none of isText(field) ? [null, ''] : [null]) {
        const { key, before } = await added();
        const after = await patched({ ...key, ...given, [field]: none });
        expect(after).toEqual({ ...before, [field]: null, version: 2, updatedAt: after.updatedAt });
      }
    });

    test.each([
      ['null', null],
      ['an empty text', ''],
    ])('%s clears the password or the secret, where what is left is enough', async (_, none) => {
      const { input, key, before } = await added();
      const withoutPassword = await patched({ ...key, password: none });
      expect(withoutPassword).toMatchObject({ hasPassword: false, hasSecret: true, version: 2 });
      expect(await stateOf(input)).toMatchObject([{ password_sealed: null }]);
      expect(await readCredentials(all, input)).toEqual({ ...credentials, password: null });
      const replaced = await patched({ ...key, secret: none, password: 'new' });
      expect(replaced).toEqual({ ...before, hasSecret: false, version: 3, updatedAt: replaced.updatedAt });
      expect(await readCredentials(all, input)).toEqual({ ...credentials, password: 'new', secret: null });
    });

    test.each(required)('null, an empty text and white space for %s are BAD_USER_INPUT', async (field) => {
      const { key } = await added();
      const values = field === 'createType' ? [null] : [null, '', ' \t\n'];
      await expectRefused(
        key,
        { code: 'BAD_USER_INPUT', legacyCode: 400, parameters: [{ name: field }] },
        values.map((value) => ({ [field]: value, description: 'not this either', ...again })),
      );
    });

    test('all that is wrong is named at once, and a value out of its limits is wrong here too', async () => {
      const { key } = await added();
      const badInput = { code: 'BAD_USER_INPUT' };
      const nulls = Object.fromEntries(required.map((field) => [field, null]));
      const wrong = { description: 'x'.repeat(2049), networkSgId: null, createType: 2, expectedVersion: 0 };
      for (const values of [nulls, wrong]) {
        const { extensions } = await expectRefused(key, badInput, [values]);
        expect(extensions.parameters.map(({ name }) => name).sort()).toEqual(Object.keys(values).sort());
      }
      await expectRefused(key, badInput, [{ accountProviderId: null }]);
    });

    test('createType 0 and flags that are false are values, and stay', async () => {
      const off = { jdbcEnforceSsl: false, kafkaSslEnabled: false, skipCustomJdbcCertValidation: false, createType: 0 };
      const { key, before } = await added({ ...full, jdbcEnforceSsl: true, kafkaSslEnabled: null, createType: 1 });
      const first = await patched({ ...key, ...again, ...off });
      expect(first).toEqual({ ...before, ...off, version: 2, updatedAt: first.updatedAt });
      const second = await patched({ ...key, description: 'else' });
      expect(second).toEqual({ ...first, description: 'else', version: 3, updatedAt: second.updatedAt });
      expect(await patched({ ...key, ...off })).toEqual(second);
      const third = await patched({ ...key, createType: 1 });
      expect(third).toEqual({ ...second, createType: 1, version: 4, updatedAt: third.updatedAt });
    });

    test('a credential of the greatest length is taken, and a longer one is not', async () => {
      const { input, key } = await added();
      const password = '🐘'.repeat(1024);
      await patched({ ...key, password });
      expect(await readCredentials(all, input)).toMatchObject({ password });
      await expectRefused(key, { code: 'BAD_USER_INPUT' }, [{ password: `${password}x` }, { secret: `${password}x` }]);
    });

    test('one that is not there is DATASOURCE_NOT_FOUND, in another case too', async () => {
      const { key } = await added();
      const notFound = { code: 'DATASOURCE_NOT_FOUND', legacyCode: 1249 };
      for (const changes of [{ instanceId: 'not-there' }, { region: 'EU-west-1' }, { accountProviderId: 2 }]) {
        const { data, errors } = await patch({ ...key, ...changes, description: 'new' });
        expect({ data: data ?? null, errors }).toMatchObject({ data: null, errors: [{ extensions: notFound }] });
      }
    });

    test('a URL that is none, or carries a password, is INVALID_JDBC_URL', async () => {
      const { key } = await added();
      const urls = ['mysql://db.example.com', 'jdbc:mysql:', 'jdbc:mysql://u:p@db.example.com/orders'];
      await expectRefused(
        key,
        { code: 'INVALID_JDBC_URL', legacyCode: 1253 },
        [...urls, 'jdbc:mysql://db.example.com/a?password=x'].map((jdbcConnectionUrl) => ({
          jdbcConnectionUrl,
          ...again,
        })),
      );
    });
  });

  const credentialRequired = { code: 'CREDENTIAL_REQUIRED', legacyCode: 1231 };

  describe('where the credential is sent', () => {
    test.each(Object.entries(elsewhere))(
      '%s cannot be changed without both credentials again',
      async (field, value) => {
        const { input, key, before } = await added();
        const { message } = await expectRefused(key, credentialRequired, [
          { [field]: value, password: again.password },
          { [field]: value, secret: again.secret },
          { [field]: value, masterUsername: 'another' },
          { [field]: value, password: null },
          { [field]: value, password: '' },
          { [field]: value, secret: null },
          { [field]: value, secret: '' },
          { [field]: value, password: null, secret: null },
          // Whatever it becomes.
          ...(optional.includes(field) ? [{ [field]: null }] : []),
          ...(optional.includes(field) && isText(field) ? [{ [field]: '' }] : []),
          { [field]: value },
        ]);
        expect(message).toMatch(/password and secret again, or null/);
        const after = await patched({ ...key, [field]: value, ...again });
        expect(after).toEqual({ ...before, [field]: value, version: 2, updatedAt: after.updatedAt });
        expect(await readCredentials(all, input)).toEqual(credentials);
      },
    );

    test('the options of the URL are a part of it', async () => {
      const { key } = await added();
      const jdbcConnectionUrl = `${full.jdbcConnectionUrl}?a=b`;
      await expectRefused(key, credentialRequired, [{ jdbcConnectionUrl }]);
      expect(await patched({ ...key, jdbcConnectionUrl, ...again })).toMatchObject({ jdbcConnectionUrl, version: 2 });
    });

    test.each(Object.entries(elsewhere))(
      '%s is changed where a credential is given and the other cleared',
      async (field, value) => {
        const onlyPassword = await added();
        const first = await patched({ ...onlyPassword.key, [field]: value, password: 'new', secret: null });
        expect(first).toMatchObject({ [field]: value, hasPassword: true, hasSecret: false, version: 2 });
        const { masterUsername } = credentials;
        const password = { masterUsername, password: 'new', secret: null };
        expect(await readCredentials(all, onlyPassword.input)).toEqual(password);
        const onlySecret = await added();
        const second = await patched({ ...onlySecret.key, [field]: value, password: '', secret: 'new' });
        expect(second).toMatchObject({ [field]: value, hasPassword: false, hasSecret: true, version: 2 });
        expect(await readCredentials(all, onlySecret.input)).toEqual({ masterUsername, password: null, secret: 'new' });
      },
    );

    test.each(Object.entries(elsewhere))('%s needs only the credential that is stored', async (field, value) => {
      const onlySecret = await added({ ...full, password: null });
      await expectRefused(onlySecret.key, credentialRequired, [
        { [field]: value },
        { [field]: value, password: 'new' },
      ]);
      expect((await patched({ ...onlySecret.key, [field]: value, secret: 'new' })).version).toBe(2);
      const onlyPassword = await added({ ...full, secret: null });
      await expectRefused(onlyPassword.key, credentialRequired, [
        { [field]: value },
        { [field]: value, secret: 'new' },
      ]);
      expect((await patched({ ...onlyPassword.key, [field]: value, password: 'new' })).version).toBe(2);
    });

    test('a value that such a field has already is no change of it', async () => {
      const { input, key, before } = await added();
      const same = Object.fromEntries(Object.keys(elsewhere).map((field) => [field, full[field]]));
      expect(await patched({ ...key, ...same })).toEqual(before);
      const after = await patched({ ...key, ...same, description: 'new' });
      expect(after).toEqual({ ...before, description: 'new', version: 2, updatedAt: after.updatedAt });
      expect(await readCredentials(all, input)).toEqual(credentials);
    });

    test('null, or an empty text, for one that is not there is no change of it; false is', async () => {
      const { key } = await added({});
      const absent = Object.keys(elsewhere).filter((field) => field !== 'jdbcConnectionUrl');
      const empty = absent.filter(isText).map((field) => ({ [field]: '' }));
      await expectUnchanged(key, [...absent.map((field) => ({ [field]: null })), ...empty]);
      await expectRefused(key, credentialRequired, [{ jdbcEnforceSsl: false }]);
    });

    test('the same URL with a different password needs nothing else, and only that is in the audit', async () => {
      const { input, key, before } = await added();
      const { jdbcConnectionUrl } = full;
      const after = await patched({ ...key, jdbcConnectionUrl, password: 'different', expectedVersion: 1 });
      expect(after).toEqual({ ...before, version: 2, updatedAt: after.updatedAt });
      expect(await readCredentials(all, input)).toEqual({ ...credentials, password: 'different' });
      expect(await recordedUpdates(input)).toMatchObject([{ changes: [{ field: 'password', changed: true }] }]);
    });
  });

  test.each<[string, Values, Values[]]>([
    [
      'all three',
      full,
      [
        { secret: null, password: null },
        { secret: null, masterUsername: null },
        { secret: '', masterUsername: '' },
      ],
    ],
    [
      'a secret only',
      { ...full, masterUsername: null, password: null },
      [{ secret: null }, { secret: null, password: 'p' }, { secret: null, masterUsername: 'u' }],
    ],
    [
      'a user name and password only',
      { ...full, secret: null },
      [{ masterUsername: null }, { masterUsername: '' }, { password: null }, { password: '' }],
    ],
  ])('with %s stored, a patch that would leave too little is CREDENTIAL_REQUIRED', async (_, stored, patches) => {
    const { key } = await added(stored);
    await expectRefused(key, credentialRequired, patches);
  });

  test('a credential may be exchanged for the other in one patch', async () => {
    const { input, key } = await added({ ...full, masterUsername: null, password: null });
    await patched({ ...key, secret: null, masterUsername: 'u', password: 'p' });
    expect(await readCredentials(all, input)).toEqual({ masterUsername: 'u', password: 'p', secret: null });
    await patched({ ...key, secret: 's', masterUsername: null, password: null });
    expect(await readCredentials(all, input)).toEqual({ masterUsername: null, password: null, secret: 's' });
  });

  describe('a patch that changes nothing', () => {
    test('keeps version, updatedAt and what is sealed, and is not in the audit', async () => {
      const { key } = await added();
      await expectUnchanged(key, [
        {},
        { expectedVersion: 1 },
        ...Object.entries(full).map(([field, value]) => ({ [field]: value })),
        full,
        { glueCrawlerLastUpdated: '2024-02-29T14:05:00.1239+01:00' },
      ]);
    });

    test('by clearing what is not there', async () => {
      const { key } = await added({});
      await expectUnchanged(key, [
        { description: null, masterUsername: '', password: null, kafkaSslEnabled: null },
        { password: '', creationTime: '' },
      ]);
    });

    test('is none any more where one value of several is another, which alone is in the audit', async () => {
      const { input, key } = await added();
      expect(await patched({ ...key, ...full, networkSgId: 'sg-9' })).toMatchObject({ version: 2 });
      const changes = [{ field: 'networkSgId', from: 'sg-1', to: 'sg-9' }];
      expect(await recordedUpdates(input)).toMatchObject([{ changes }]);
    });

    test('is told apart from a credential that differs in its case, its white space or its normal form', async () => {
      const { input, key } = await added({ ...full, password: 'pass é' });
      await expectUnchanged(key, [{ password: 'pass é' }]);
      const different = ['Pass é', 'pass é ', 'pass e\u0301'];
      for (const [place, password] of different.entries()) {
        expect(await patched({ ...key, password })).toMatchObject({ version: place + 2 });
        expect(await readCredentials(all, input)).toMatchObject({ password });
      }
      const changes = [{ field: 'password', changed: true }];
      expect(await recordedUpdates(input)).toMatchObject(different.map(() => ({ changes })));
    });

    test('is a conflict none the less where the expected version is stale', async () => {
      const { key } = await added();
      await patched({ ...key, description: 'new' });
      const patches = [{ description: 'new' }, {}];
      await expectRefused(
        key,
        { code: 'VERSION_CONFLICT' },
        patches.map((one) => ({ ...one, expectedVersion: 1 })),
      );
    });
  });

  describe('an expected version', () => {
    const byRestAt = (route: string) => async (input: Values) => {
      const { httpStatus, body } = await all.legacy(route, legacyBody({ description: 'new', ...input }));
      expect(httpStatus).toBe(200);
      if (body.code === 1901) expect(body).toEqual({ status: 'fail', code: 1901, message: body.message, ref: null });
      const names = body.ref?.map(({ name }: { name: string }) => name);
      const current = Number(/at version (\d+)\b/.exec(body.message)?.[1]);
      return { code: body.code as number, message: body.message as string, current, names };
    };
    const byGraphQL = (query: string, narrow: (input: Values) => Values) => async (input: Values) => {
      const { data, errors } = await all.graphql(query, { input: { description: 'new', ...narrow(input) } });
      if (errors === undefined) return { code: 1001, message: '', current: undefined, names: [] };
      expect(data ?? null).toBeNull();
      const [{ message, extensions }] = errors;
      if (extensions.legacyCode === 1901) {
        const { currentVersion } = extensions;
        expect(extensions).toEqual({ code: 'VERSION_CONFLICT', legacyCode: 1901, currentVersion });
      }
      const names = extensions.parameters?.map(({ name }: { name: string }) => name);
      return { code: extensions.legacyCode as number, message, current: extensions.currentVersion, names };
    };
    const onlyKey = (input: Values) => ({ ...keyOf(input), expectedVersion: input.expectedVersion });
    const ways = [
      { name: 'updateDatasource', parameter: 'expectedVersion', send: byGraphQL(update, onlyKey) },
      { name: 'editDatasource', parameter: 'expectedVersion', send: byGraphQL(edit, (input) => input) },
      ...['update-jdbc-conn', 'delete_account'].map((route) => ({
        name: `/data-source/${route}`,
        parameter: 'expected_version',
        send: byRestAt(route),
      })),
    ];

    test.each(ways)('that is stale, or still to come, fails by $name with the current one', async ({ send }) => {
      const { input, key } = await added();
      await patched({ ...key, description: 'two' });
      await patched({ ...key, description: 'three' });
      const before = await stateOf(input);
      for (const expectedVersion of [1, 2, 4, 2147483647]) {
        const { code, message, current } = await send({ ...input, expectedVersion });
        expect({ code, current }).toEqual({ code: 1901, current: 3 });
        expect(message).toMatch(/at version 3\b/);
      }
      expect(await stateOf(input)).toEqual(before);
    });

    test.each(ways)('that is the current one passes by $name, once', async ({ send }) => {
      const { input } = await added({});
      expect((await send({ ...input, expectedVersion: 1 })).code).toBe(1001);
      expect(await findDatasource(all, input)).toMatchObject({ version: 2, description: 'new' });
      expect(await send({ ...input, expectedVersion: 1 })).toMatchObject({ code: 1901, current: 2 });
    });

    test.each(ways)('may be left out, or be null, by $name', async ({ send }) => {
      const { input } = await added({});
      expect((await send(input)).code).toBe(1001);
      expect((await send({ ...input, expectedVersion: null })).code).toBe(1001);
    });

    test.each(ways)('that none can be is an invalid parameter by $name', async ({ parameter, send }) => {
      const { input } = await added();
      const before = await stateOf(input);
      const wrong = parameter === 'expectedVersion' ? [0, -1] : [0, -1, 1.5, 'two', [3], true];
      for (const expectedVersion of wrong) {
        const { code, names } = await send({ ...input, expectedVersion });
        expect({ expectedVersion, code, names }).toEqual({ expectedVersion, code: 400, names: [parameter] });
      }
      expect(await stateOf(input)).toEqual(before);
    });

    test('may be a string of digits, or empty, on REST', async () => {
      const { input } = await added();
      const [first, second] = [byRestAt('update-jdbc-conn'), byRestAt('delete_account')];
      expect((await first({ ...input, expectedVersion: '1' })).code).toBe(1001);
      expect((await second({ ...input, expectedVersion: '1' })).code).toBe(1901);
      expect((await second({ ...input, expectedVersion: '2', description: 'newer' })).code).toBe(1001);
      for (const send of [first, second]) expect((await send({ ...input, expectedVersion: '' })).code).toBe(1001);
    });

    test('is decided by the statement that changes the row', async () => {
      const { key, before } = await added();
      const register = new Register(loadConfig(keyed.env), pino({ level: 'silent' }), 'tool');
      await register.prepareOnce();
      try {
        const current = await register.read((session) => lockSealedDatasource(session, key as never));
        if (current === undefined) throw new Error('it is not there');
        const changed = { ...current, description: 'raced' };
        const changedRows = (version: number) =>
          register.change((session) => updateStatement(session, { ...changed, version }));
        const stored = async () => (await register.read((session) => selectDatasources(session, [key as never])))[0];
        expect(await changedRows(2)).toBe(0);
        expect(await stored()).toMatchObject({ version: 1, description: before.description });
        expect(await changedRows(1)).toBe(1);
        expect(await changedRows(1)).toBe(0);
        expect(await stored()).toMatchObject({ version: 2, description: 'raced' });
      } finally {
        await register.close();
      }
    });
  });

  describe('at the same time', () => {
    /** On MySQL two gateways, between which patches take turns; only one serves an SQLite file. */
    let gateways: TestGateway[];

    beforeAll(async () => {
      gateways = [all];
      if (kind.name === 'MySQL') gateways.push(await startGateway({ ...keyed.env, AUTH: 'none' }));
    });
    afterAll(async () => {
      for (const gateway of gateways?.slice(1) ?? []) await gateway.close();
    });

    function atOnce(patches: readonly Values[]) {
      return Promise.all(patches.map((one, place) => patch(one, gatewayOf(place))));
    }

    function gatewayOf(place: number): TestGateway {
      return gateways[place % gateways.length] as TestGateway;
    }

    test.each<[string, (place: number) => Values]>([
      ['a description each', (place) => ({ description: `by ${place}` })],
      [
        'the same URL and a password each',
        (place) => ({ jdbcConnectionUrl: full.jdbcConnectionUrl, password: `pw-${place}` }),
      ],
      [
        'another URL each, with the credentials again',
        (place) => ({ ...again, jdbcConnectionUrl: `jdbc:mysql://db-${place}.example.com/orders` }),
      ],
    ])('one of 20 patches that expect the same version wins, with %s', async (_, changes) => {
      const { input, key } = await added();
      const patches = Array.from({ length: 20 }, (_, place) => ({ ...key, ...changes(place), expectedVersion: 1 }));
      const answers = await atOnce(patches);
      const winners = answers.flatMap(({ errors }, place) => (errors === undefined ? [place] : []));
      expect(winners).toHaveLength(1);
      const winner = winners[0] as number;
      const conflict = { code: 'VERSION_CONFLICT', legacyCode: 1901, currentVersion: 2 };
      for (const { errors } of answers.filter((_, place) => place !== winner)) {
        expect(errors).toMatchObject([{ extensions: conflict }]);
      }
      const { password, secret, ...visible } = changes(winner);
      const found = await findDatasource(all, input);
      expect(found).toEqual(answers[winner]?.data.updateDatasource.datasource);
      expect(found).toMatchObject({ ...visible, version: 2 });
      expect(await readCredentials(all, input)).toEqual({
        ...credentials,
        ...(password ? { password } : {}),
        ...(secret ? { secret } : {}),
      });
      expect(await recordedUpdates(input)).toHaveLength(1);
    });

    test('patches of what was read lose nothing', async () => {
      const { input, key } = await added({ description: '' });
      const [writers, rounds] = [5, 4];
      // Everyone starts from the same reading, so that some must meet with a conflict.
      const first = await findDatasource(all, input);
      let conflicts = 0;
      await Promise.all(
        Array.from({ length: writers }, async (_, writer) => {
          const gateway = gatewayOf(writer);
          for (let round = 0, read = first; round < rounds; read = await findDatasource(gateway, input)) {
            const description = `${read.description ?? ''}[${writer}.${round}]`;
            const { errors } = await patch({ ...key, description, expectedVersion: read.version }, gateway);
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
      const { input, key } = await added();
      const patches = Object.entries({ ...others, password: 'raced', secret: 'raced too' });
      const answers = await atOnce(patches.map(([field, value]) => ({ ...key, [field]: value })));
      expect(answers.map(({ errors }) => errors)).toEqual(patches.map(() => undefined));
      const { masterUsername } = others;
      expect(await findDatasource(all, input)).toMatchObject({ ...others, version: 1 + patches.length });
      expect(await readCredentials(all, input)).toEqual({ masterUsername, password: 'raced', secret: 'raced too' });
    });

    test('20 patches without an expected version are all done, one after the other', async () => {
      const { input, key } = await added();
      const answers = await atOnce(Array.from({ length: 20 }, (_, place) => ({ ...key, description: `by ${place}` })));
      expect(answers.filter(({ errors }) => errors !== undefined)).toEqual([]);
      const datasources = answers.map(({ data }) => data.updateDatasource.datasource);
      const versions = datasources.map(({ version }) => version as number).sort((a, b) => a - b);
      expect(versions).toEqual(Array.from({ length: 20 }, (_, place) => place + 2));
      expect(await findDatasource(all, input)).toEqual(datasources.find(({ version }) => version === 21));
    });
  });

  test('needs the permission `write`', async () => {
    const { key } = await added();
    const { errors } = await patch({ ...key, description: 'x' }, keyed.gateway);
    expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
  });

  test('is not offered on REST, where an edit needs all that is required', async () => {
    const { input, key } = await added();
    for (const route of ['update-datasource', 'update_datasource', 'updateDatasource']) {
      expect((await all.legacy(route, legacyBody(input))).httpStatus).toBe(404);
    }
    for (const route of ['update-jdbc-conn', 'delete_account']) {
      const { body } = await all.legacy(route, legacyBody({ ...key, description: 'x' }));
      expect(body).toMatchObject({ status: 'fail', code: 400 });
    }
  });
});
