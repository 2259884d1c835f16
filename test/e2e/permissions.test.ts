import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import type { Permission } from '../../src/security/caller.js';
import { permissions } from '../../src/security/caller.js';
import { sqliteKind, type TestDatabase } from '../support/databases.js';
import { type GraphQLAnswer, startGateway, type TestGateway } from '../support/gateway.js';
import { as, makeKey, startKeyedGateway } from '../support/keyed-gateway.js';
import { accountKey, addAccount, addDatasource, datasourceInput, legacyBody, snapshot } from '../support/samples.js';
import { statementsOf } from '../support/statements.js';

/** Every set of permissions that a caller can have. */
const callers = Array.from({ length: 2 ** permissions.length - 1 }, (_, number) =>
  permissions.filter((_, place) => ((number + 1) >> place) % 2 === 1),
);

const { instanceId, accountProviderId, accountId, region } = datasourceInput('orders');
const key = accountKey();
const datasourceKey = { instanceId, accountProviderId, accountId, region };
const changes = { ...datasourceKey, description: 'changed' };
const newKey = accountKey({ region: 'eu-west-9' });

/** An operation: what it needs, its document, and its variables. */
type Operation = readonly [string, readonly Permission[], string, object?];

const addAccountWith = (selection: string, directives = '') =>
  `mutation ($input: AddAccountInput!) { addAccount(input: $input) ${directives} { code ${selection} } }`;
const withInput = (mutation: string, type: string, selection = '') =>
  `mutation ($input: ${type}!) { ${mutation}(input: $input) { code ${selection} } }`;
const own = 'id instanceId jdbcConnectionUrl masterUsername hasPassword hasSecret version createdAt __typename';

const operations: readonly Operation[] = [
  ['accounts', ['read'], '{ accounts { totalCount } }'],
  ['datasources', ['read'], '{ datasources { edges { node { id } } } }'],
  ['account', ['read'], 'query ($key: AccountKey!) { account(key: $key) { id } }', { key }],
  [
    'datasource',
    ['read'],
    'query ($key: DatasourceKey!) { datasource(key: $key) { account { id } } }',
    { key: datasourceKey },
  ],
  ['node', ['read'], 'query ($id: ID!) { node(id: $id) { id } }', { id: 'A0' }],
  [
    'node, and on from it',
    ['read'],
    '{ node(id: "D0") { ... on Datasource { account { datasources { totalCount } } } } }',
  ],
  [
    'datasourceCredentials',
    ['credentials'],
    'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { password secret } }',
    { key: datasourceKey },
  ],
  [
    'datasourceHistory',
    ['read'],
    'query ($key: DatasourceKey!) { datasourceHistory(key: $key) { edges { node { version changes { field from to } } } } }',
    { key: datasourceKey },
  ],
  [
    'datasourceHistory, and who made it',
    ['read', 'admin'],
    'query ($key: DatasourceKey!) { datasourceHistory(key: $key) { edges { node { actor } } } }',
    { key: datasourceKey },
  ],
  [
    'revertDatasource with its own datasource',
    ['write'],
    withInput('revertDatasource', 'RevertDatasourceInput', `datasource { ${own} }`),
    { input: { ...datasourceKey, toVersion: 1 } },
  ],
  ['changes', ['read'], '{ changes(first: 1) { cursor changes { id fields { field from to } } } }'],
  ['snapshot', ['read'], '{ snapshot { cursor accounts { totalCount } datasources { totalCount } } }'],
  ['auditEvents', ['admin'], '{ auditEvents { totalCount edges { node { actor changes { field } } } } }'],
  ['addAccount', ['write'], withInput('addAccount', 'AddAccountInput'), { input: key }],
  ['addAccount with its own account', ['write'], addAccountWith('account { id region createdAt }'), { input: key }],
  ['deleteAccount', ['write'], withInput('deleteAccount', 'DeleteAccountInput'), { input: newKey }],
  [
    'addDatasource with its own datasource',
    ['write'],
    withInput('addDatasource', 'AddDatasourceInput', `datasource { ${own} }`),
    { input: datasourceInput('orders') },
  ],
  [
    'editDatasource with its own datasource',
    ['write'],
    withInput('editDatasource', 'EditDatasourceInput', `datasource { ${own} }`),
    { input: datasourceInput('orders') },
  ],
  [
    'updateDatasource with its own datasource',
    ['write'],
    withInput('updateDatasource', 'UpdateDatasourceInput', `datasource { ${own} }`),
    { input: changes },
  ],
  [
    'deleteDatasources',
    ['write'],
    withInput('deleteDatasources', 'DeleteDatasourcesInput', 'deletedInstanceIds'),
    { input: { ...key, instances: ['nothing'] } },
  ],
  [
    'deleteAccount as a rehearsal',
    ['write'],
    'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input, dryRun: true) { code deletedDatasourceCount } }',
    { input: key },
  ],
  [
    'deleteAccount as a rehearsal, and what would change',
    ['write', 'read'],
    'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input, dryRun: true) { rehearsal { changes { instanceId } } } }',
    { input: key },
  ],
  [
    'addAccount, and on to its datasources',
    ['write', 'read'],
    addAccountWith('account { datasources { totalCount } }'),
    { input: newKey },
  ],
  [
    'addAccount, and on to none of its datasources',
    ['write', 'read'],
    addAccountWith('account { datasources(first: 1) { __typename } }'),
    { input: newKey },
  ],
  [
    'addAccount, and on behind an alias',
    ['write', 'read'],
    addAccountWith('account { id: accountId createdAt: datasources { totalCount } }'),
    { input: newKey },
  ],
  [
    'addAccount, and on by an inline fragment',
    ['write', 'read'],
    addAccountWith('... on AddAccountPayload { account { ... { datasources { totalCount } } } }'),
    { input: newKey },
  ],
  [
    'addAccount, and on by fragments in fragments',
    ['write', 'read'],
    `${addAccountWith('account { ...Outer }')} fragment Inner on Account { datasources { totalCount } } fragment Outer on Account { id ...Inner }`,
    { input: newKey },
  ],
  [
    'addAccount, and on by a fragment on the interface',
    ['write', 'read'],
    addAccountWith('account { ... on Node { ... on Account { datasources { totalCount } } } }'),
    { input: newKey },
  ],
  [
    'addAccount, and on behind @skip(if: true)',
    ['write', 'read'],
    addAccountWith('account { id datasources @skip(if: true) { totalCount } }'),
    { input: newKey },
  ],
  [
    'addAccount, and on behind @include of a variable',
    ['write', 'read'],
    'mutation ($input: AddAccountInput!, $on: Boolean!) { addAccount(input: $input) { account { id ...F @include(if: $on) } } } fragment F on Account { datasources { totalCount } }',
    { input: newKey, on: false },
  ],
  [
    'addDatasource, and on to its account',
    ['write', 'read'],
    withInput('addDatasource', 'AddDatasourceInput', 'datasource { account { id } }'),
    { input: datasourceInput('new') },
  ],
  [
    'editDatasource, and on to its account',
    ['write', 'read'],
    withInput('editDatasource', 'EditDatasourceInput', 'datasource { account { id } }'),
    { input: datasourceInput('orders') },
  ],
  [
    'updateDatasource, and on to its account',
    ['write', 'read'],
    withInput('updateDatasource', 'UpdateDatasourceInput', 'datasource { account { id } }'),
    { input: changes },
  ],
  [
    'two mutations, of which the last walks on',
    ['write', 'read'],
    'mutation ($input: AddAccountInput!) { a: addAccount(input: $input) { code } b: addAccount(input: $input) { account { datasources { totalCount } } } }',
    { input: newKey },
  ],
  [
    'a query of two permissions',
    ['read', 'credentials'],
    'query ($key: DatasourceKey!) { datasource(key: $key) { id } datasourceCredentials(key: $key) { secret } }',
    { key: datasourceKey },
  ],
  [
    'a query of three permissions, behind fragments and directives',
    ['read', 'credentials', 'admin'],
    `query ($key: DatasourceKey!) { ...F accounts { totalCount } ... @skip(if: true) { x: datasourceCredentials(key: $key) { secret } } } fragment F on Query { auditEvents { totalCount } }`,
    { key: datasourceKey },
  ],
  ['__typename', [], '{ __typename }'],
  ['__typename of mutations', [], 'mutation { __typename }'],
  ['the schema', [], getIntrospectionQuery()],
  ['a type of the schema', [], '{ __type(name: "DatasourceCredentials") { fields { name type { name } } } }'],
];

const named = operations.map(([name, needed, query, variables = {}]) => [name, needed, query, variables] as const);

const legacyOperations: readonly (readonly [string, object])[] = [
  ['add_account', legacyBody(key)],
  ['delete_account', legacyBody(newKey)],
  ['delete_account', legacyBody({ ...datasourceInput('orders', { accountProviderId: undefined }) })],
  ['add-jdbc-conn', legacyBody(datasourceInput('orders'))],
  ['update-jdbc-conn', legacyBody(datasourceInput('nothing'))],
  ['delete-jdbc', { ...legacyBody(key), instances: ['nothing'] }],
];

let database: TestDatabase;
let gateway: TestGateway;
const keys = new Map<string, string>();

/** The gateway as it is seen by who has these permissions. */
function caller(...permitted: readonly Permission[]): TestGateway {
  return as(gateway, { 'x-api-key': keys.get(permissions.filter((one) => permitted.includes(one)).join()) as string });
}

function isForbidden({ errors }: GraphQLAnswer): boolean {
  return errors?.some(({ extensions }) => extensions.code === 'FORBIDDEN') ?? false;
}

/** What the register is asked by a request, besides whose key it is. */
async function asked(request: () => Promise<unknown>): Promise<string[]> {
  return (await statementsOf(request)).filter((sql) => !sql.includes('FROM api_keys'));
}

beforeAll(async () => {
  database = await sqliteKind.create();
  gateway = await startGateway({ ...database.env, AUTH: 'keys', INTROSPECTION: 'true' });
  for (const some of callers) keys.set(some.join(), await makeKey(database.env, some));
  await addAccount(caller('write'));
  await addDatasource(caller('write', 'read'), datasourceInput('orders'));
});
afterAll(async () => {
  await gateway?.close();
  await database?.drop();
});

describe.each(callers.map((some) => [some.join(' and '), some] as const))('a caller with %s', (_, permitted) => {
  test.each(named)('is let in to what it may do, and to nothing else: %s', async (_, needed, query, variables) => {
    const lacking = permissions.filter((one) => needed.includes(one) && !permitted.includes(one));
    if (lacking.length === 0) {
      const answer = await caller(...permitted).graphql(query, variables);
      expect(isForbidden(answer)).toBe(false);
      expect(answer.data ?? null).toEqual(
        answer.errors?.every(({ path }) => path !== undefined) ? null : expect.anything(),
      );
      return;
    }
    const before = await snapshot(caller('read'));
    const answers: GraphQLAnswer[] = [];
    const statements = await asked(async () => answers.push(await caller(...permitted).graphql(query, variables)));
    const [answer] = answers;
    expect(statements).toEqual([]);
    expect([answer?.httpStatus, answer?.data]).toEqual([200, undefined]);
    expect(answer?.errors).toEqual([
      { message: expect.any(String), extensions: { code: 'FORBIDDEN', legacyCode: 1003 } },
    ]);
    const named = permissions.filter((one) => new RegExp(`\\b${one}\\b`).test(answer?.errors?.[0].message));
    expect(named).toEqual(lacking);
    expect(await snapshot(caller('read'))).toEqual(before);
  });

  test.each(legacyOperations)(
    'may call the legacy routes where it may write, and else not: %s',
    async (route, body) => {
      const before = await snapshot(caller('read'));
      const { httpStatus, body: envelope } = await caller(...permitted).legacy(route, body);
      expect(httpStatus).toBe(200);
      if (permitted.includes('write')) {
        expect([1230, 1222, 1234, 1249, 400, 1001]).toContain(envelope.code);
        return;
      }
      expect(envelope).toEqual({
        status: 'fail',
        code: 1003,
        message: 'This operation needs the permission write.',
        ref: null,
      });
      expect(await snapshot(caller('read'))).toEqual(before);
    },
  );
});

describe('a refused caller learns nothing', () => {
  const documents = [
    ['account', 'query ($key: AccountKey!) { account(key: $key) { id } }'],
    ['datasource', 'query ($key: DatasourceKey!) { datasource(key: $key) { id } }'],
    ['datasourceCredentials', 'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { secret } }'],
    ['accounts', 'query ($first: Int) { accounts(first: $first) { totalCount } }'],
    ['node', 'query ($id: ID!) { node(id: $id) { id } }'],
  ] as const;
  const variables = [
    {},
    { key },
    { key: newKey },
    { key: datasourceKey },
    { key: { ...datasourceKey, instanceId: 'nothing' } },
    { key: 'not a key', first: 'not a number', id: {} },
    { key: { accountProvider: 0 }, first: 100000, id: 'A' },
    { key: null, id: null, first: null },
  ];

  test.each(documents)('by what exists, or by what is wrong with the variables: %s', async (_, query) => {
    const writer = caller('write', 'admin');
    const answers = [];
    for (const some of variables) answers.push((await writer.graphql(query, some)).errors);
    for (const errors of answers) expect(errors).toEqual(answers[0]);
    expect(answers[0]).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  test('by what exists, or by what is wrong with the variables of a mutation', async () => {
    const query = withInput('deleteAccount', 'DeleteAccountInput');
    const answers = [];
    for (const input of [key, newKey, { accountProvider: 'x' }, null, undefined, { accountId: ' ' }]) {
      answers.push((await caller('read', 'credentials', 'admin').graphql(query, { input })).errors);
    }
    for (const errors of answers) expect(errors).toEqual(answers[0]);
    expect(answers[0]).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
  });

  test('by the body that it posts to a legacy route', async () => {
    const reader = caller('read', 'credentials', 'admin');
    const bodies = [legacyBody(key), legacyBody(newKey), {}, '{"account_provider": ', '[]', 'x'.repeat(5000)];
    const answers = [];
    for (const [route] of legacyOperations) {
      for (const body of bodies) answers.push(await reader.legacy(route, body));
    }
    answers.push(await reader.legacy('add_account', 'x', { 'content-type': 'text/plain' }));
    for (const { httpStatus, body } of answers) expect([httpStatus, body]).toEqual([200, answers[0]?.body]);
    expect(answers[0]?.body).toMatchObject({ code: 1003 });
  });

  test('by the operation of a document that it chose: only that one counts, with its fragments', async () => {
    const document = `query Reads { accounts { ...F } } mutation Writes { addAccount(input: {accountProvider: 1, accountId: "${key.accountId}", region: "${key.region}"}) { code } } fragment F on AccountConnection { edges { node { datasources { totalCount } } } }`;
    const send = async (permission: Permission, operationName: string) => {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', 'x-api-key': keys.get(permission) as string },
        body: JSON.stringify({ query: document, operationName }),
      });
      return ((await response.json()) as { errors?: { extensions: { code: string } }[] }).errors?.[0]?.extensions.code;
    };
    expect(await send('read', 'Reads')).toBeUndefined();
    expect(await send('write', 'Writes')).toBe('ACCOUNT_ALREADY_EXISTS');
    expect(await send('read', 'Writes')).toBe('FORBIDDEN');
    expect(await send('write', 'Reads')).toBe('FORBIDDEN');
  });

  test('by sending it as GET', async () => {
    const get = async (permission: Permission, query: string) => {
      const response = await fetch(`${gateway.url}/graphql?query=${encodeURIComponent(query)}`, {
        headers: { 'x-api-key': keys.get(permission) as string, accept: 'application/json' },
      });
      return (await response.json()) as object;
    };
    expect(await get('write', '{ accounts { totalCount } }')).toMatchObject({
      errors: [{ extensions: { code: 'FORBIDDEN' } }],
    });
    expect(await get('read', '{ accounts { totalCount } }')).toHaveProperty('data');
  });

  test('and the status is the one of a document that was not executed', async () => {
    const accept = { accept: 'application/graphql-response+json' };
    const { httpStatus, data } = await caller('write').graphql('{ accounts { totalCount } }', {}, accept);
    expect([httpStatus, data]).toEqual([400, undefined]);
  });
});

describe('what is refused is on the record', () => {
  beforeEach(async () => {
    await caller('write').graphql('{ x: accounts { totalCount } }');
    await caller('read').legacy('add_account', legacyBody(newKey));
  });

  test('with who asked, for what, and why not', async () => {
    const query = '{ auditEvents(first: 2) { edges { node { actor means surface operation outcome } } } }';
    const expected = [
      { actor: expect.stringMatching(/^read \(dgk_/), surface: 'rest', operation: '/data-source/add_account' },
      { actor: expect.stringMatching(/^write \(dgk_/), surface: 'graphql', operation: 'accounts' },
    ];
    // They are written after the answer.
    let nodes: unknown[] = [];
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const { data } = await caller('admin').graphql(query);
      nodes = data.auditEvents.edges.map(({ node }: { node: unknown }) => node);
      if (nodes.some((node) => (node as { surface: string }).surface === 'rest')) break;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect(nodes).toEqual(expected.map((event) => ({ ...event, means: 'key', outcome: 'FORBIDDEN' })));
  });
});

describe('where everyone is let in', () => {
  let open: TestGateway;

  beforeAll(async () => {
    open = await startGateway({ AUTH: 'none' });
    await addAccount(open);
    await addDatasource(open, datasourceInput('orders'));
  });
  afterAll(() => open?.close());

  test.each(named)('callers may read and write, and nothing else: %s', async (_, needed, query, variables) => {
    const answer = await open.graphql(query, variables);
    expect(isForbidden(answer)).toBe(needed.includes('credentials') || needed.includes('admin'));
  });

  test('the legacy routes answer everyone, and no header makes one more than that', async () => {
    const { body } = await open.legacy('add_account', legacyBody(key), { 'x-api-key': 'x', authorization: 'Bearer x' });
    expect(body.code).toBe(1230);
    const { errors } = await open.graphql(
      '{ auditEvents { totalCount } }',
      {},
      { 'x-api-key': keys.get('admin') ?? '' },
    );
    expect(errors?.[0].extensions.code).toBe('FORBIDDEN');
  });
});

describe('with a rate limit', () => {
  test('a caller that lacks a permission is counted as itself, and not with others at its address', async () => {
    const limited = await startKeyedGateway(sqliteKind, { RATE_LIMIT: '3' });
    try {
      const readers = [await makeKey(limited.env, ['read']), await makeKey(limited.env, ['read'])];
      const codes: number[] = [];
      for (const reader of readers.flatMap((one) => [one, one, one, one])) {
        codes.push((await limited.gateway.legacy('add_account', {}, { 'x-api-key': reader })).body.code);
      }
      expect(codes).toEqual([1003, 1003, 1003, 429, 1003, 1003, 1003, 429]);
      expect((await limited.gateway.legacy('add_account', {})).body.code).toBe(1003);
    } finally {
      await limited.close();
    }
  });
});
