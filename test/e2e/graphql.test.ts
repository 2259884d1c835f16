import { beforeEach, describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import { type RawRequest, sendRaw } from '../support/raw-request.js';
import {
  accountKey,
  addAccount,
  addDatasource,
  datasourceFields,
  datasourceInput,
  findAccount,
  findDatasource,
  samplePassword,
  sampleSecret,
  snapshot,
} from '../support/samples.js';

const json = 'application/json';
const graphqlJson = 'application/graphql-response+json';
const success = { status: 'success', code: 1001, message: 'Operation succeeded' };
const payload = 'status code message';

const inputTypes = {
  addAccount: 'AddAccountInput',
  deleteAccount: 'DeleteAccountInput',
  addDatasource: 'AddDatasourceInput',
  editDatasource: 'EditDatasourceInput',
  deleteDatasources: 'DeleteDatasourcesInput',
} as const;

describe.each(databaseKinds)('GraphQL, on $name', (kind) => {
  const { gateway } = useGateway(kind);
  beforeEach(async () => {
    const { accounts } = await snapshot(gateway);
    for (const { node } of accounts.edges) {
      const { accountProvider, accountId, region } = node;
      await mutate('deleteAccount', { accountProvider, accountId, region });
    }
    await addAccount(gateway);
  });

  function mutate(mutation: keyof typeof inputTypes, input: object, selection = payload, headers = {}) {
    const query = `mutation ($input: ${inputTypes[mutation]}!) { ${mutation}(input: $input) { ${selection} } }`;
    return gateway.graphql(query, { input }, headers);
  }

  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as a client does
  async function refusal(mutation: keyof typeof inputTypes, input: object): Promise<any> {
    const before = await snapshot(gateway);
    const { httpStatus, errors, data } = await mutate(mutation, input);
    expect(await snapshot(gateway)).toEqual(before);
    expect([httpStatus, data ?? null, errors?.length]).toEqual([200, null, 1]);
    expect(errors?.[0].path).toEqual([mutation]);
    const { message, extensions } = errors?.[0] ?? {};
    return { message, ...extensions };
  }

  describe('mutations that succeed', () => {
    test('answer with what the REST envelope says, and with what they made', async () => {
      const key = accountKey({ region: 'eu-west-2' });
      const account = 'account { id accountProvider accountId region createdAt updatedAt }';
      const added = await mutate('addAccount', key, `${payload} ${account}`);
      expect(added.data.addAccount).toEqual({ ...success, account: await findAccount(gateway, key) });
      const input = datasourceInput('orders', { region: 'eu-west-2' });
      const datasource = `${payload} datasource { ${datasourceFields} }`;
      const addedDatasource = await mutate('addDatasource', input, datasource);
      const found = await findDatasource(gateway, input);
      expect(addedDatasource.data.addDatasource).toEqual({ ...success, datasource: found });
      const edited = await mutate('editDatasource', { ...input, description: 'x' }, datasource);
      expect(edited.data.editDatasource).toEqual({ ...success, datasource: await findDatasource(gateway, input) });
      const instances = { ...key, instances: ['orders', 'orders'] };
      const deleted = await mutate('deleteDatasources', instances, `${payload} deletedInstanceIds`);
      expect(deleted.data.deleteDatasources).toEqual({ ...success, deletedInstanceIds: ['orders'] });
      for (const instance of ['a', 'b']) await addDatasource(gateway, { ...input, instanceId: instance });
      const gone = await mutate('deleteAccount', key, `${payload} deletedAccountId deletedDatasourceCount`);
      const { id } = added.data.addAccount.account;
      expect(gone.data.deleteAccount).toEqual({ ...success, deletedAccountId: id, deletedDatasourceCount: 2 });
    });

    test('count the version from 1, and keep the id and the time of adding', async () => {
      const input = datasourceInput('orders');
      const first = await addDatasource(gateway, input);
      expect(first.version).toBe(1);
      for (const version of [2, 3, 4]) {
        const { data } = await mutate('editDatasource', input, `datasource { ${datasourceFields} }`);
        const { datasource } = data.editDatasource;
        expect(datasource).toMatchObject({ version, id: first.id, createdAt: first.createdAt });
        expect(Date.parse(datasource.updatedAt)).toBeGreaterThanOrEqual(Date.parse(first.updatedAt));
      }
    });

    test('edit replaces: what is left out is cleared, and only whether there is a credential is shown', async () => {
      const all = { description: 'x', masterUsername: 'user', password: samplePassword, jdbcEnforceSsl: false };
      const input = datasourceInput('orders', all);
      const shown = {
        description: 'x',
        masterUsername: 'user',
        hasPassword: true,
        hasSecret: true,
        jdbcEnforceSsl: false,
      };
      expect(await addDatasource(gateway, input)).toMatchObject(shown);
      expect((await mutate('editDatasource', datasourceInput('orders'))).data.editDatasource).toEqual(success);
      expect(await findDatasource(gateway, input)).toMatchObject({
        description: null,
        masterUsername: null,
        hasPassword: false,
        hasSecret: true,
        jdbcEnforceSsl: null,
      });
    });

    test('a date and time comes back in UTC to the millisecond', async () => {
      const input = datasourceInput('orders', { glueCrawlerLastUpdated: '2024-03-01T00:30:00.1239+01:00' });
      const { glueCrawlerLastUpdated, createdAt, updatedAt } = await addDatasource(gateway, input);
      expect(glueCrawlerLastUpdated).toBe('2024-02-29T23:30:00.123Z');
      expect(createdAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
      expect(updatedAt).toBe(createdAt);
    });
  });

  describe('a rule that is broken is a top-level error with HTTP 200, its name and its number', () => {
    const none = { accountId: 'nowhere' };
    const url = { jdbcConnectionUrl: 'jdbc:mysql://user:5ecret@db.example.com/orders' };

    beforeEach(async () => {
      await addDatasource(gateway, datasourceInput('orders'));
    });

    test.each([
      ['addAccount', accountKey(), 'ACCOUNT_ALREADY_EXISTS', 1230],
      ['deleteAccount', { ...accountKey(), ...none }, 'ACCOUNT_NOT_FOUND', 1222],
      ['deleteAccount', accountKey({ region: 'EU-WEST-1' }), 'ACCOUNT_NOT_FOUND', 1222],
      ['addDatasource', datasourceInput('other', none), 'ACCOUNT_NOT_FOUND', 1222],
      ['addDatasource', datasourceInput('orders'), 'DATASOURCE_ALREADY_EXISTS', 1234],
      ['addDatasource', datasourceInput('other', url), 'INVALID_JDBC_URL', 1253],
      ['addDatasource', datasourceInput('other', { secret: '' }), 'CREDENTIAL_REQUIRED', 1231],
      ['addDatasource', datasourceInput('other', { secret: null, password: 'x' }), 'CREDENTIAL_REQUIRED', 1231],
      ['addDatasource', datasourceInput('other', { secret: null, masterUsername: 'x' }), 'CREDENTIAL_REQUIRED', 1231],
      ['editDatasource', datasourceInput('Orders'), 'DATASOURCE_NOT_FOUND', 1249],
      ['editDatasource', datasourceInput('orders', none), 'DATASOURCE_NOT_FOUND', 1249],
      ['editDatasource', datasourceInput('orders', url), 'INVALID_JDBC_URL', 1253],
      ['editDatasource', datasourceInput('orders', { secret: undefined }), 'CREDENTIAL_REQUIRED', 1231],
      ['editDatasource', datasourceInput('orders', { expectedVersion: 2 }), 'VERSION_CONFLICT', 1901],
      ['deleteDatasources', { ...accountKey(), ...none, instances: ['orders'] }, 'ACCOUNT_NOT_FOUND', 1222],
      ['deleteDatasources', { ...accountKey(), instances: ['orders', 'gone'] }, 'DATASOURCE_NOT_FOUND', 1249],
      // The order of checks: the URL, then the credential, then what is stored.
      ['addDatasource', datasourceInput('other', { ...url, ...none, secret: null }), 'INVALID_JDBC_URL', 1253],
      ['addDatasource', datasourceInput('other', { ...none, secret: null }), 'CREDENTIAL_REQUIRED', 1231],
      ['editDatasource', datasourceInput('orders', { secret: null, expectedVersion: 9 }), 'CREDENTIAL_REQUIRED', 1231],
    ] as const)('%s %j: %s', async (mutation, input, code, legacyCode) => {
      const { message, ...extensions } = await refusal(mutation, input);
      expect(extensions).toMatchObject({ code, legacyCode });
      expect(message).toEqual(expect.stringMatching(/\.$/));
      expect(String(message)).not.toContain('5ecret');
      if (input !== undefined && 'instances' in input && code === 'DATASOURCE_NOT_FOUND') {
        expect(message).toContain('gone');
        expect(message).not.toContain('orders');
      }
    });

    test('parameters come before all of these, and are all named at once', async () => {
      const input = datasourceInput('orders', { ...url, secret: null, createType: 2, region: ' ', networkSgId: '' });
      const { code, legacyCode, parameters } = await refusal('addDatasource', input);
      expect([code, legacyCode]).toEqual(['BAD_USER_INPUT', 400]);
      const named = parameters.map(({ name }: { name: string }) => name).sort();
      expect(named).toEqual(['createType', 'networkSgId', 'region']);
      for (const { message } of parameters) expect(message).toMatch(/^must be /);
    });

    test('the message is the one of the legacy API', async () => {
      const { body } = await gateway.legacy('add_account', {
        account_provider: 1,
        account_id: '123456789012',
        region: 'eu-west-1',
      });
      expect(await refusal('addAccount', accountKey())).toMatchObject({ message: body.message });
    });

    test('the version that is expected is compared, and the datasource of another one left as it is', async () => {
      const input = datasourceInput('orders', { description: 'edited' });
      expect((await mutate('editDatasource', { ...input, expectedVersion: 1 })).data.editDatasource).toEqual(success);
      expect(await refusal('editDatasource', { ...input, expectedVersion: 1 })).toMatchObject({
        code: 'VERSION_CONFLICT',
      });
      expect((await mutate('editDatasource', { ...input, expectedVersion: 2 })).data.editDatasource).toEqual(success);
      expect((await mutate('editDatasource', { ...input, expectedVersion: null })).data.editDatasource).toEqual(
        success,
      );
    });
  });

  describe('several mutations of one request', () => {
    const add = (alias: string, region: string) =>
      `${alias}: addAccount(input: {accountProvider: 1, accountId: "123456789012", region: "${region}"}) { code account { region } }`;

    test('run one after the other, in the order of the document', async () => {
      const remove = `remove: deleteAccount(input: {accountProvider: 1, accountId: "123456789012", region: "r1"}) { code deletedDatasourceCount }`;
      const { data, errors } = await gateway.graphql(`mutation { ${add('a', 'r1')} ${remove} ${add('b', 'r1')} }`);
      expect(errors).toBeUndefined();
      expect(data).toMatchObject({ a: { code: 1001 }, remove: { code: 1001 }, b: { code: 1001 } });
      expect(Object.keys(data)).toEqual(['a', 'remove', 'b']);
    });

    test('are each on their own: one that fails undoes none before it', async () => {
      const { httpStatus, errors } = await gateway.graphql(`mutation { ${add('a', 'r1')} ${add('b', 'r1')} }`);
      expect(httpStatus).toBe(200);
      expect(errors).toMatchObject([{ path: ['b'], extensions: { code: 'ACCOUNT_ALREADY_EXISTS', legacyCode: 1230 } }]);
      expect(await findAccount(gateway, accountKey({ region: 'r1' }))).not.toBeNull();
    });
  });

  describe('queries', () => {
    test('node finds accounts and datasources by their ids, and null for any other', async () => {
      const accountId = (await findAccount(gateway)).id;
      const { id } = await addDatasource(gateway, datasourceInput('orders'));
      const query =
        'query ($id: ID!) { node(id: $id) { __typename id ... on Account { region } ... on Datasource { instanceId } } }';
      const found = async (one: unknown) => (await gateway.graphql(query, { id: one })).data.node;
      expect(await found(accountId)).toEqual({ __typename: 'Account', id: accountId, region: 'eu-west-1' });
      expect(await found(id)).toEqual({ __typename: 'Datasource', id, instanceId: 'orders' });
      for (const other of [
        '',
        'A',
        'D',
        5,
        'Ä😀',
        '\u0000',
        `${id}0`,
        id.toLowerCase(),
        `A${id.slice(1)}`,
        '%',
        "' OR 1=1",
      ]) {
        expect([other, await found(other)]).toEqual([other, null]);
      }
    });

    test('account and datasource are null where there is none, and compare exactly', async () => {
      await addDatasource(gateway, datasourceInput('orders'));
      for (const changes of [{ accountProvider: 2 }, { accountId: '12345678901' }, { region: 'EU-west-1' }]) {
        expect(await findAccount(gateway, accountKey(changes))).toBeNull();
      }
      for (const changes of [{ accountProviderId: 2 }, { accountId: 'x' }, { region: 'x' }, { instanceId: 'ORDERS' }]) {
        expect(await findDatasource(gateway, datasourceInput('orders', changes))).toBeNull();
      }
    });

    test('a key that is not valid is an error that names its parts', async () => {
      const query = 'query ($key: AccountKey!) { account(key: $key) { id } }';
      const { errors } = await gateway.graphql(query, { key: { accountProvider: 0, accountId: '', region: ' x' } });
      expect(errors?.[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', legacyCode: 400 });
      expect(errors?.[0].extensions.parameters.map(({ name }: { name: string }) => name)).toEqual([
        'accountProvider',
        'accountId',
        'region',
      ]);
    });

    test('no type that is put out has a field for a credential', async () => {
      const { data } = await gateway.graphql(
        '{ account: __type(name: "Account") { fields { name } } datasource: __type(name: "Datasource") { fields { name } } }',
      );
      const names = [...data.account.fields, ...data.datasource.fields].map(({ name }: { name: string }) => name);
      expect(names.filter((name) => /password|secret/i.test(name)).sort()).toEqual(['hasPassword', 'hasSecret']);
    });
  });

  describe('documents that are not executed', () => {
    const cases = [
      ['does not parse', '{ accounts { totalCount }', {}, 'GRAPHQL_PARSE_FAILED'],
      ['asks for an unknown field', '{ accounts { nothing } }', {}, 'GRAPHQL_VALIDATION_FAILED'],
      ['has an unknown argument', '{ accounts(limit: 3) { totalCount } }', {}, 'GRAPHQL_VALIDATION_FAILED'],
      [
        'uses a variable of a wrong type',
        'query ($n: String) { accounts(first: $n) { totalCount } }',
        {},
        'GRAPHQL_VALIDATION_FAILED',
      ],
      [
        'has a variable that it does not use',
        'query ($n: Int) { accounts { totalCount } }',
        {},
        'GRAPHQL_VALIDATION_FAILED',
      ],
      ['has a literal of a wrong type', '{ accounts(first: "5ecret") { totalCount } }', {}, 'BAD_USER_INPUT'],
      [
        'has a default of a wrong type',
        'query ($n: Int = "5ecret") { accounts(first: $n) { totalCount } }',
        {},
        'BAD_USER_INPUT',
      ],
      [
        'is given a variable of a wrong type',
        'query ($n: Int) { accounts(first: $n) { totalCount } }',
        { n: '5ecret' },
        'BAD_USER_INPUT',
      ],
      ['lacks a variable', 'query ($n: Int!) { accounts(first: $n) { totalCount } }', {}, 'BAD_USER_INPUT'],
      ['has no operation', 'fragment F on Account { id }', {}, 'GRAPHQL_VALIDATION_FAILED'],
      [
        'does not say which operation',
        'query A { accounts { totalCount } } query B { accounts { totalCount } }',
        {},
        'OPERATION_RESOLUTION_FAILURE',
      ],
    ] as const;

    test.each(cases)(
      'one that %s: 200 for application/json, 400 for graphql-response+json',
      async (_, query, variables, code) => {
        for (const [accept, status, type] of [
          [json, 200, json],
          ['*/*', 200, json],
          [graphqlJson, 400, graphqlJson],
          [`${graphqlJson}, ${json};q=0.9`, 400, graphqlJson],
          [`${json}, ${graphqlJson};q=0.9`, 200, json],
        ] as const) {
          const answer = await gateway.graphql(query, variables, { accept });
          expect([accept, answer.httpStatus, answer.headers.get('content-type')]).toEqual([
            accept,
            status,
            expect.stringContaining(type),
          ]);
          expect(answer.data).toBeUndefined();
          expect([accept, answer.errors?.[0].extensions.code]).toEqual([accept, code]);
          expect(JSON.stringify(answer.errors)).not.toContain('5ecret');
          expect(answer.headers.get('cache-control')).toBe('no-store');
        }
      },
    );

    test.each([
      ['a string without a colon', 'password "5ecret"'],
      ['a block string without a colon', 'password """5ecret"""'],
      ['a name without a colon', 'password x5ecret'],
      ['a string that does not end', 'password: "5ecret'],
      ['a string behind a value', 'password: "x" "5ecret"'],
      ['a number without a colon', 'password 53775377'],
      ['a quote within a string', 'password: "a"5ecret"'],
      ['a name for a string', 'password: x5ecret'],
      ['a number for a string', 'password: 53775377'],
      ['an object for a string', 'password: {x: "5ecret"}'],
      ['a password twice', 'password: "5ecret" password: "5ecret"'],
    ])('no error repeats a credential: %s', async (_, field) => {
      const query = `mutation { addDatasource(input: { ${field} }) { code } }`;
      const { errors, httpStatus } = await gateway.graphql(query);
      expect(httpStatus).toBe(200);
      expect(errors?.length).toBeGreaterThan(0);
      expect(JSON.stringify(errors)).not.toMatch(/5ecret|53775377/);
    });

    test('what the service refuses is 200 for both media types, for it was executed', async () => {
      for (const accept of [json, graphqlJson]) {
        for (const input of [accountKey(), accountKey({ region: ' ' })]) {
          const { httpStatus, errors } = await mutate('addAccount', input, payload, { accept });
          expect([accept, httpStatus, errors?.length]).toEqual([accept, 200, 1]);
        }
      }
    });

    test('an error has a message, a place and extensions, and no stack or SQL', async () => {
      const answers = [
        await gateway.graphql('{ nothing }'),
        await gateway.graphql('{'),
        await mutate('addAccount', accountKey()),
        await mutate('addAccount', { accountProvider: 'x' }),
        await mutate('addDatasource', datasourceInput('orders', { accountId: 'nowhere' })),
      ];
      for (const { errors } of answers) {
        for (const error of errors ?? []) {
          expect(['message', 'locations', 'path', 'extensions']).toEqual(expect.arrayContaining(Object.keys(error)));
          expect(['code', 'legacyCode', 'parameters']).toEqual(expect.arrayContaining(Object.keys(error.extensions)));
        }
        expect(JSON.stringify(errors)).not.toMatch(/stack|INSERT|SELECT|SQLITE|\bER_|node_modules|\.ts:|5ecret/);
      }
    });
  });

  describe('the transport', () => {
    const remove = `mutation { deleteAccount(input: {accountProvider: 1, accountId: "123456789012", region: "eu-west-1"}) { code } }`;
    const get = (query: string, more = '') =>
      sendRaw(`${gateway.url}/graphql?query=${encodeURIComponent(query)}${more}`, {
        method: 'GET',
        headers: { accept: json },
      });
    const post = (request: RawRequest) => sendRaw(`${gateway.url}/graphql`, request);

    test('GET answers queries, with variables, and is not kept', async () => {
      const variables = encodeURIComponent(JSON.stringify({ n: 1 }));
      const answer = await get('query ($n: Int) { accounts(first: $n) { totalCount } }', `&variables=${variables}`);
      expect([answer.httpStatus, JSON.parse(answer.text)]).toEqual([200, { data: { accounts: { totalCount: 1 } } }]);
      expect(answer.headers['cache-control']).toBe('no-store');
    });

    test('GET never runs a mutation, however it is written', async () => {
      for (const [query, more] of [
        [remove, ''],
        [`query A { __typename } ${remove.replace('mutation', 'mutation B')}`, '&operationName=B'],
        [`fragment F on Mutation { __typename } ${remove.replace('{ deleteAccount', '{ ...F deleteAccount')}`, ''],
      ] as const) {
        const answer = await get(query, more);
        expect([query, answer.httpStatus]).toEqual([query, 405]);
        expect(answer.headers.allow).toContain('POST');
      }
      expect(await findAccount(gateway)).not.toBeNull();
    });

    test('several operations in a list are refused, and none is run', async () => {
      const body = JSON.stringify([{ query: remove }, { query: '{ __typename }' }]);
      const answer = await post({ headers: { 'content-type': json }, body });
      expect([answer.httpStatus, JSON.parse(answer.text).errors[0].extensions.code]).toEqual([400, 'BAD_REQUEST']);
      expect(await findAccount(gateway)).not.toBeNull();
    });

    test.each([['PUT'], ['PATCH'], ['DELETE'], ['OPTIONS']])(
      '%s is refused with 405 and Allow, whatever the body is',
      async (method) => {
        for (const request of [{}, { headers: { 'content-type': 'text/plain' }, body: 'x' }]) {
          const answer = await sendRaw(`${gateway.url}/graphql`, { method, ...request });
          expect([answer.httpStatus, answer.headers.allow]).toEqual([405, 'GET, POST']);
        }
      },
    );

    test.each([
      ['a form', 415, { 'content-type': 'application/x-www-form-urlencoded' }, 'query={__typename}'],
      ['plain text', 415, { 'content-type': 'text/plain' }, '{"query":"{ __typename }"}'],
      ['a compressed body', 415, { 'content-type': json, 'content-encoding': 'gzip' }, '{"query":"{ __typename }"}'],
      ['broken JSON', 400, { 'content-type': json }, '{"query": "5ecret'],
      ['no query', 400, { 'content-type': json }, '{"variables": {"x": "5ecret"}}'],
      ['variables in a string', 400, { 'content-type': json }, '{"query": "{ __typename }", "variables": "5ecret"}'],
      ['a body over 2 MiB', 413, { 'content-type': json }, `{"query": "${'x'.repeat(2 * 1024 * 1024)}"}`],
    ])('%s is refused with an error as GraphQL has it: %i', async (_, status, headers, body) => {
      const answer = await post({ headers, body });
      expect(answer.httpStatus).toBe(status);
      expect(JSON.parse(answer.text).errors).toEqual([
        { message: expect.any(String), extensions: expect.objectContaining({ code: expect.any(String) }) },
      ]);
      expect(answer.text).not.toContain('5ecret');
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.headers['x-request-id']).toEqual(expect.any(String));
    });

    test('every answer has the id of its request', async () => {
      const { headers } = await gateway.graphql('{ __typename }', {}, { 'x-request-id': 'mine-1' });
      expect(headers.get('x-request-id')).toBe('mine-1');
    });
  });

  test('no credential is in the log', async () => {
    await addDatasource(gateway, datasourceInput('orders', { masterUsername: 'user', password: samplePassword }));
    await mutate('addDatasource', datasourceInput('x', { password: { x: sampleSecret } }));
    expect(gateway.log.length).toBeGreaterThan(10);
    expect(gateway.log.filter((line) => line.includes('5ecret'))).toEqual([]);
  });
});
