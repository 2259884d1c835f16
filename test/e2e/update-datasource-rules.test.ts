import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { type KeyedGateway, keyOf, readCredentials, startKeyedGateway } from '../support/keyed-gateway.js';
import { onDatabase } from '../support/raw-database.js';
import {
  addAccount,
  addDatasource,
  datasourceFields,
  datasourceInput,
  findDatasource,
  legacyBody,
  samplePassword,
  sampleSecret,
} from '../support/samples.js';

type Input = Record<string, unknown>;

const update = `mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { status code message datasource { ${datasourceFields} } } }`;
const edit = `mutation ($input: EditDatasourceInput!) { editDatasource(input: $input) { datasource { ${datasourceFields} } } }`;

const credentials = { masterUsername: 'admin', password: samplePassword, secret: sampleSecret };
const again = { password: samplePassword, secret: sampleSecret };

/** Every field that is not a key, with what a test stores in it. */
const full: Input = {
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

/** Another value for every field that can be seen, without white space about it. */
const others: Input = {
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

/** Another value for every field that says where a credential is sent. */
const elsewhere: Input = {
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
const optionalTexts = optional.filter((field) => typeof full[field] === 'string' && field !== 'glueCrawlerLastUpdated');

describe.each(databaseKinds)('updateDatasource on $name', (kind) => {
  let keyed: KeyedGateway;
  let count = 0;

  beforeAll(async () => {
    keyed = await startKeyedGateway(kind);
    await addAccount(keyed.all);
  });
  afterAll(() => keyed?.close());

  /** Adds a datasource of the test's own, with every field unless told. */
  async function added(changes: Input = full) {
    count += 1;
    const input = datasourceInput(`ds-${count}`, changes);
    return { input, key: keyOf(input), before: await addDatasource(keyed.all, input) };
  }

  function patch(input: Input) {
    return keyed.all.graphql(update, { input });
  }

  /** Patches, and gives what the datasource is then, which is also what was answered. */
  async function patched(input: Input) {
    const { data, errors } = await patch(input);
    expect(errors).toBeUndefined();
    expect(data.updateDatasource).toMatchObject({ status: 'success', code: 1001, message: 'Operation succeeded' });
    const found = await findDatasource(keyed.all, input);
    expect(data.updateDatasource.datasource).toEqual(found);
    return found;
  }

  function recordedChanges({ instanceId }: Input) {
    return onDatabase(
      keyed.database,
      "SELECT id, changes FROM audit_events WHERE instance_id = ? AND outcome = 'done' AND operation <> 'datasourceCredentials' ORDER BY created_at, id",
      [instanceId as string],
    );
  }

  async function sealed({ instanceId }: Input) {
    const sql = 'SELECT password_sealed AS password, secret_sealed AS secret FROM datasources WHERE instance_id = ?';
    const [row] = await onDatabase(keyed.database, sql, [instanceId as string]);
    return row;
  }

  /** Everything that a patch may touch of a datasource: its row, and how many changes of it are in the audit. */
  function stateOf({ instanceId }: Input) {
    return onDatabase(
      keyed.database,
      "SELECT d.*, (SELECT COUNT(*) FROM audit_events e WHERE e.instance_id = d.instance_id AND e.outcome = 'done' AND e.operation <> 'datasourceCredentials') AS recorded FROM datasources d WHERE d.instance_id = ?",
      [instanceId as string],
    );
  }

  /** Makes sure that a patch fails like this and changes nothing. */
  async function expectRefused(input: Input, extensions: object) {
    const before = await stateOf(input);
    expect(before).toHaveLength(1);
    const { httpStatus, data, errors } = await patch(input);
    expect(httpStatus).toBe(200);
    expect(data ?? null).toBeNull();
    expect(errors).toMatchObject([{ extensions }]);
    expect(await stateOf(input)).toEqual(before);
    return errors?.[0];
  }

  describe('what is given and what is not', () => {
    test.each(Object.entries(others))('%s is changed alone, and everything else stays', async (field, value) => {
      const { input, key, before } = await added();
      const after = await patched({ ...key, [field]: value });
      expect(after).toEqual({ ...before, [field]: value, version: 2, updatedAt: after.updatedAt });
      expect(Date.parse(after.updatedAt)).toBeGreaterThanOrEqual(Date.parse(before.updatedAt));
      const kept = field === 'masterUsername' ? { ...credentials, masterUsername: value } : credentials;
      expect(await readCredentials(keyed.all, input)).toEqual(kept);
    });

    test('the password is changed alone, and so is the secret', async () => {
      const { input, key, before } = await added();
      const first = await patched({ ...key, password: 'another' });
      expect(first).toEqual({ ...before, version: 2, updatedAt: first.updatedAt });
      expect(await readCredentials(keyed.all, input)).toEqual({ ...credentials, password: 'another' });
      const second = await patched({ ...key, secret: 'one more' });
      expect(second).toEqual({ ...before, version: 3, updatedAt: second.updatedAt });
      expect(await readCredentials(keyed.all, input)).toEqual({
        ...credentials,
        password: 'another',
        secret: 'one more',
      });
    });

    test('all fields are changed at once', async () => {
      const { input, key, before } = await added();
      const after = await patched({ ...key, ...others, ...elsewhere, password: 'p', secret: 's' });
      expect(after).toEqual({ ...before, ...others, ...elsewhere, version: 2, updatedAt: after.updatedAt });
      expect(await readCredentials(keyed.all, input)).toEqual({
        masterUsername: others.masterUsername,
        password: 'p',
        secret: 's',
      });
    });

    test.each(optional)('null clears %s', async (field) => {
      const { key, before } = await added();
      const given = field in elsewhere ? again : {};
      const after = await patched({ ...key, ...given, [field]: null });
      expect(after).toEqual({ ...before, [field]: null, version: 2, updatedAt: after.updatedAt });
    });

    test.each(optionalTexts)('an empty string clears %s', async (field) => {
      const { key, before } = await added();
      const given = field in elsewhere ? again : {};
      const after = await patched({ ...key, ...given, [field]: '' });
      expect(after).toEqual({ ...before, [field]: null, version: 2, updatedAt: after.updatedAt });
    });

    test.each([
      ['null', null],
      ['an empty string', ''],
    ])('%s clears the password or the secret, where what is left is enough', async (_, none) => {
      const { input, key, before } = await added();
      const withoutPassword = await patched({ ...key, password: none });
      expect(withoutPassword).toMatchObject({ hasPassword: false, hasSecret: true, version: 2 });
      expect(await sealed(input)).toMatchObject({ password: null });
      expect(await readCredentials(keyed.all, input)).toEqual({ ...credentials, password: null });
      const replaced = await patched({ ...key, secret: none, password: 'new' });
      expect(replaced).toEqual({ ...before, hasSecret: false, version: 3, updatedAt: replaced.updatedAt });
      expect(await readCredentials(keyed.all, input)).toEqual({ ...credentials, password: 'new', secret: null });
    });

    test.each(required)('null for %s is BAD_USER_INPUT', async (field) => {
      const { key } = await added();
      await expectRefused(
        { ...key, [field]: null, description: 'not this either' },
        { code: 'BAD_USER_INPUT', legacyCode: 400, parameters: [{ name: field }] },
      );
    });

    test.each(required.filter((field) => field !== 'createType'))(
      'an empty string, or white space, for %s is BAD_USER_INPUT',
      async (field) => {
        const { key } = await added();
        for (const value of ['', ' \t']) {
          await expectRefused({ ...key, [field]: value }, { code: 'BAD_USER_INPUT', parameters: [{ name: field }] });
        }
      },
    );

    test('all that is wrong is named at once, and a value out of its limits is wrong here too', async () => {
      const { key } = await added();
      const error = await expectRefused(
        { ...key, description: 'x'.repeat(2049), networkSgId: null, createType: 2, expectedVersion: 0 },
        { code: 'BAD_USER_INPUT' },
      );
      const named = error.extensions.parameters.map(({ name }: { name: string }) => name).sort();
      expect(named).toEqual(['createType', 'description', 'expectedVersion', 'networkSgId']);
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

    test('one that is not there is DATASOURCE_NOT_FOUND, in another case too', async () => {
      const { key } = await added();
      for (const changes of [{ instanceId: 'not-there' }, { region: 'EU-west-1' }, { accountProviderId: 2 }]) {
        const { errors } = await patch({ ...key, ...changes, description: 'new' });
        expect(errors).toMatchObject([{ extensions: { code: 'DATASOURCE_NOT_FOUND', legacyCode: 1249 } }]);
      }
    });

    test('a URL that is none, or carries a password, is INVALID_JDBC_URL', async () => {
      const { key } = await added();
      for (const jdbcConnectionUrl of ['jdbc:mysql:', 'jdbc:mysql://u:p@db.example.com/orders']) {
        await expectRefused({ ...key, ...again, jdbcConnectionUrl }, { code: 'INVALID_JDBC_URL', legacyCode: 1253 });
      }
    });
  });

  describe('where the credential is sent', () => {
    const refusal = { code: 'CREDENTIAL_REQUIRED', legacyCode: 1231 };

    test.each(Object.entries(elsewhere))(
      '%s cannot be changed without both credentials again',
      async (field, value) => {
        const { input, key, before } = await added();
        const values = required.includes(field) ? [value] : [value, null];
        for (const one of values) {
          const error = await expectRefused({ ...key, [field]: one }, refusal);
          expect(error.message).toMatch(/again in the same call, or null/);
          await expectRefused({ ...key, [field]: one, password: samplePassword }, refusal);
          await expectRefused({ ...key, [field]: one, secret: sampleSecret }, refusal);
          await expectRefused({ ...key, [field]: one, masterUsername: 'another' }, refusal);
          await expectRefused({ ...key, [field]: one, secret: null }, refusal);
          await expectRefused({ ...key, [field]: one, password: '' }, refusal);
        }
        const after = await patched({ ...key, [field]: value, ...again });
        expect(after).toEqual({ ...before, [field]: value, version: 2, updatedAt: after.updatedAt });
        expect(await readCredentials(keyed.all, input)).toEqual(credentials);
      },
    );

    test.each(Object.entries(elsewhere))(
      '%s is changed where a credential is given and the other cleared',
      async (field, value) => {
        const onlyPassword = await added();
        const first = await patched({ ...onlyPassword.key, [field]: value, password: 'new', secret: null });
        expect(first).toMatchObject({ [field]: value, hasPassword: true, hasSecret: false, version: 2 });
        const onlySecret = await added();
        const second = await patched({ ...onlySecret.key, [field]: value, password: '', secret: 'new' });
        expect(second).toMatchObject({ [field]: value, hasPassword: false, hasSecret: true, version: 2 });
      },
    );

    test.each(Object.entries(elsewhere))('%s needs only the credential that is stored', async (field, value) => {
      const onlySecret = await added({ ...full, password: null });
      await expectRefused({ ...onlySecret.key, [field]: value }, refusal);
      await expectRefused({ ...onlySecret.key, [field]: value, password: 'new' }, refusal);
      expect((await patched({ ...onlySecret.key, [field]: value, secret: 'new' })).version).toBe(2);
      const onlyPassword = await added({ ...full, secret: null });
      await expectRefused({ ...onlyPassword.key, [field]: value }, refusal);
      await expectRefused({ ...onlyPassword.key, [field]: value, secret: 'new' }, refusal);
      expect((await patched({ ...onlyPassword.key, [field]: value, password: 'new' })).version).toBe(2);
    });

    test('a value that such a field has already is no change of it', async () => {
      const { input, key, before } = await added();
      const same = Object.fromEntries(Object.keys(elsewhere).map((field) => [field, full[field]]));
      expect(await patched({ ...key, ...same })).toEqual(before);
      const after = await patched({ ...key, ...same, description: 'new' });
      expect(after).toEqual({ ...before, description: 'new', version: 2, updatedAt: after.updatedAt });
      expect(await readCredentials(keyed.all, input)).toEqual(credentials);
    });

    test('null, or an empty string, for one that is not there is no change of it', async () => {
      const { key, before } = await added({});
      const none = { jdbcEnforceSsl: null, customJdbcCert: '', customJdbcCertString: null, jdbcDriverClassName: '' };
      expect(await patched({ ...key, ...none })).toEqual(before);
      await expectRefused({ ...key, jdbcEnforceSsl: false }, refusal);
    });

    test('the same URL with a different password needs nothing else', async () => {
      const { input, key, before } = await added();
      const url = full.jdbcConnectionUrl;
      const after = await patched({ ...key, jdbcConnectionUrl: url, password: 'different', expectedVersion: 1 });
      expect(after).toEqual({ ...before, version: 2, updatedAt: after.updatedAt });
      expect(await readCredentials(keyed.all, input)).toEqual({ ...credentials, password: 'different' });
      const [, event] = await recordedChanges(input);
      const changes = typeof event?.changes === 'string' ? JSON.parse(event.changes) : event?.changes;
      expect(changes).toEqual([{ field: 'password', changed: true }]);
    });
  });

  test.each<[string, Input, Input[]]>([
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
      [{ masterUsername: null }, { password: null }, { password: '' }],
    ],
  ])('with %s stored, a patch that would leave too little is CREDENTIAL_REQUIRED', async (_, stored, patches) => {
    const { key } = await added(stored);
    for (const one of patches)
      await expectRefused({ ...key, ...one }, { code: 'CREDENTIAL_REQUIRED', legacyCode: 1231 });
  });

  test('a credential may be exchanged for the other in one patch', async () => {
    const { input, key } = await added({ ...full, masterUsername: null, password: null });
    await patched({ ...key, secret: null, masterUsername: 'u', password: 'p' });
    expect(await readCredentials(keyed.all, input)).toEqual({ masterUsername: 'u', password: 'p', secret: null });
    await patched({ ...key, secret: 's', masterUsername: null, password: null });
    expect(await readCredentials(keyed.all, input)).toEqual({ masterUsername: null, password: null, secret: 's' });
  });

  describe('a patch that changes nothing', () => {
    test.each<[string, Input]>([
      ['nothing but the key', {}],
      ['the expected version', { expectedVersion: 1 }],
      ['the same password', { password: samplePassword }],
      ['the same secret', { secret: sampleSecret }],
      ['everything as it is', full],
      ['the same instant in another offset', { glueCrawlerLastUpdated: '2024-02-29T14:05:00.1239+01:00' }],
    ])('by bringing %s keeps version, updatedAt and what is sealed, and is not in the audit', async (_, changes) => {
      const { input, key } = await added();
      const before = await stateOf(input);
      await patched({ ...key, ...changes });
      expect(await stateOf(input)).toEqual(before);
    });

    test('by clearing what is not there', async () => {
      const { input, key } = await added({});
      const before = await stateOf(input);
      await patched({ ...key, description: null, masterUsername: '', password: null, kafkaSslEnabled: null });
      await patched({ ...key, password: '', creationTime: '' });
      expect(await stateOf(input)).toEqual(before);
    });

    test('is a conflict none the less where the expected version is stale', async () => {
      const { key } = await added();
      await patched({ ...key, description: 'new' });
      await expectRefused({ ...key, description: 'new', expectedVersion: 1 }, { code: 'VERSION_CONFLICT' });
    });
  });

  describe('an expected version', () => {
    const ways: [
      string,
      (input: Input, expectedVersion: unknown) => Promise<{ code: number; message: string; current: unknown }>,
    ][] = [
      [
        'updateDatasource',
        (input, expectedVersion) => byGraphQL(update, { ...keyOf(input), description: 'new', expectedVersion }),
      ],
      [
        'editDatasource',
        (input, expectedVersion) => byGraphQL(edit, { ...input, description: 'new', expectedVersion }),
      ],
      [
        '/data-source/update-jdbc-conn',
        (input, expectedVersion) => byRest('update-jdbc-conn', { ...input, description: 'new', expectedVersion }),
      ],
      [
        '/data-source/delete_account',
        (input, expectedVersion) => byRest('delete_account', { ...input, description: 'new', expectedVersion }),
      ],
    ];

    async function byGraphQL(query: string, input: Input) {
      const { errors } = await keyed.all.graphql(query, { input });
      if (errors === undefined) return { code: 1001, message: '', current: undefined };
      const [{ message, extensions }] = errors;
      if (extensions.legacyCode === 1901) expect(extensions.code).toBe('VERSION_CONFLICT');
      return { code: extensions.legacyCode, message, current: extensions.currentVersion };
    }

    async function byRest(route: string, input: Input) {
      const { httpStatus, body } = await keyed.all.legacy(route, legacyBody(input));
      expect(httpStatus).toBe(200);
      if (body.code === 1901) expect(body).toEqual({ status: 'fail', code: 1901, message: body.message, ref: null });
      return { code: body.code, message: body.message, current: Number(/at version (\d+)/.exec(body.message)?.[1]) };
    }

    test.each(ways)('that is stale, or still to come, fails by %s with the current one', async (_, send) => {
      const { input, key } = await added();
      await patched({ ...key, description: 'two' });
      await patched({ ...key, description: 'three' });
      const before = await stateOf(input);
      for (const version of [1, 2, 4, 2147483647]) {
        const { code, message, current } = await send(input, version);
        expect({ code, current }).toEqual({ code: 1901, current: 3 });
        expect(message).toContain('version 3');
      }
      expect(await stateOf(input)).toEqual(before);
    });

    test.each(ways)('that is the current one passes by %s, once', async (_, send) => {
      const { input } = await added();
      expect((await send(input, 1)).code).toBe(1001);
      expect(await findDatasource(keyed.all, input)).toMatchObject({ version: 2, description: 'new' });
      expect(await send(input, 1)).toMatchObject({ code: 1901, current: 2 });
    });

    test.each(ways)('may be left out, or be null, by %s', async (_, send) => {
      const { input } = await added();
      expect((await send(input, undefined)).code).toBe(1001);
      expect((await send({ ...input, lastUpdatedTime: 'x' }, null)).code).toBe(1001);
    });

    test.each(ways)('that none can be is an invalid parameter by %s', async (_, send) => {
      const { input } = await added();
      const before = await stateOf(input);
      for (const version of [0, -1]) expect((await send(input, version)).code).toBe(400);
      expect(await stateOf(input)).toEqual(before);
    });

    test('may be a string of digits on REST', async () => {
      const { input } = await added();
      expect((await byRest('update-jdbc-conn', { ...input, expectedVersion: '1' })).code).toBe(1001);
      expect((await byRest('delete_account', { ...input, expectedVersion: '1' })).code).toBe(1901);
      expect((await byRest('delete_account', { ...input, expectedVersion: '2' })).code).toBe(1001);
    });

    test.each<[string, (place: number) => Input]>([
      ['a description each', (place) => ({ description: `by ${place}` })],
      [
        'the same URL and a password each',
        (place) => ({ jdbcConnectionUrl: full.jdbcConnectionUrl, password: `pw-${place}` }),
      ],
      [
        'another URL each, with the credentials again',
        (place) => ({ ...again, jdbcConnectionUrl: `jdbc:mysql://db-${place}.example.com/orders` }),
      ],
    ])('the same in 20 patches at once lets one win, with %s', async (_, changes) => {
      const { input, key } = await added();
      const patches = Array.from({ length: 20 }, (_, place) => ({ ...key, ...changes(place), expectedVersion: 1 }));
      const answers = await Promise.all(patches.map((one) => patch(one)));
      const winners = answers.flatMap(({ errors }, place) => (errors === undefined ? [place] : []));
      expect(winners).toHaveLength(1);
      for (const { errors } of answers.filter(({ errors }) => errors !== undefined)) {
        expect(errors).toMatchObject([
          { extensions: { code: 'VERSION_CONFLICT', legacyCode: 1901, currentVersion: 2 } },
        ]);
      }
      const { password, secret, ...visible } = changes(winners[0] as number);
      expect(await findDatasource(keyed.all, input)).toMatchObject({ ...visible, version: 2 });
      expect(await readCredentials(keyed.all, input)).toEqual({
        ...credentials,
        ...(password ? { password } : {}),
        ...(secret ? { secret } : {}),
      });
      expect(await recordedChanges(input)).toHaveLength(2);
    });

    test('20 patches at once without it are all done, one after the other', async () => {
      const { input, key } = await added();
      const answers = await Promise.all(
        Array.from({ length: 20 }, (_, place) => patch({ ...key, description: `by ${place}` })),
      );
      expect(answers.filter(({ errors }) => errors !== undefined)).toEqual([]);
      const versions = answers.map(({ data }) => data.updateDatasource.datasource.version).sort((a, b) => a - b);
      expect(versions).toEqual(Array.from({ length: 20 }, (_, place) => place + 2));
      const last = answers.find(({ data }) => data.updateDatasource.datasource.version === 21);
      expect(await findDatasource(keyed.all, input)).toEqual(last?.data.updateDatasource.datasource);
    });
  });

  test('it is not offered on REST', async () => {
    const { input } = await added();
    for (const route of ['update-datasource', 'update_datasource', 'updateDatasource']) {
      expect((await keyed.all.legacy(route, legacyBody(input))).httpStatus).toBe(404);
    }
  });
});
