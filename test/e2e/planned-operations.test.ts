import { beforeAll, describe, expect, test } from '@jest/globals';
import { sqliteKind } from '../support/databases.js';
import { useKeyedGateway } from '../support/fixture.js';
import { makeKey } from '../support/keyed-gateway.js';
import { accountKey, addAccount, addDatasource, datasourceFields, datasourceInput } from '../support/samples.js';

/** One request, as a client sends it. */
interface Sent {
  readonly query: string;
  readonly variables?: unknown;
  readonly operationName?: unknown;
  readonly extensions?: unknown;
}

const key = { instanceId: 'orders', ...accountKey() };
const { accountProvider, ...place } = key;
const datasourceKey = { ...place, accountProviderId: accountProvider };
const missing = { ...datasourceKey, instanceId: 'missing' };
const add = 'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { code datasource { id } } }';
const find = `query Find($key: DatasourceKey!) { datasource(key: $key) { ${datasourceFields} __typename } }`;

const requests: readonly (readonly [string, Sent])[] = [
  ['finds a datasource', { query: find, variables: { key: datasourceKey } }],
  ['finds a datasource by name', { query: `${find} `, variables: { key: datasourceKey }, operationName: 'Find' }],
  ['finds none', { query: `${find}  `, variables: { key: missing } }],
  ['names no operation that there is', { query: `${find}   `, variables: { key: missing }, operationName: 'Other' }],
  ['sends a variable of a wrong type', { query: `# 1\n${find}`, variables: { key: { ...missing, region: 7 } } }],
  ['sends a variable that breaks a rule', { query: `# 2\n${find}`, variables: { key: { ...missing, region: ' ' } } }],
  ['sends no variables', { query: `# 3\n${find}` }],
  ['sends variables that are none', { query: `# 4\n${find}`, variables: null }],
  ['sends variables in a list', { query: `# 5\n${find}`, variables: [datasourceKey] }],
  ['sends a field that is not known', { query: `# 6\n${find}`, variables: { key: { ...missing, more: 1 } } }],
  ['sends extensions', { query: `# 7\n${find}`, variables: { key: missing }, extensions: { a: 1 } }],
  [
    'lists what there is',
    {
      query: `{ accounts(first: 2) { totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor
        node { __typename id region datasources(last: 3, orderBy: { field: NAME, direction: DESC }) { totalCount edges { node { ...Shown account { id } } } } } } } }
        fragment Shown on Datasource { id name: instanceId ... on Node { id } createdAt hasPassword }`,
    },
  ],
  ['asks for a page that is too large', { query: '{ datasources(first: 101) { edges { node { id } } } }' }],
  [
    'asks for a page as large as a variable says',
    { query: 'query ($n: Int) { accounts(first: $n) { totalCount } }', variables: { n: 2 } },
  ],
  [
    'asks with a condition',
    { query: 'query ($x: Boolean = false) { accounts { totalCount @include(if: $x) __typename } }' },
  ],
  ['asks for the schema', { query: '{ __schema { queryType { name } } }' }],
  ['asks for any object', { query: '{ node(id: "x") { id } }' }],
  [
    'asks for two things, of which one fails',
    {
      query: `query ($key: DatasourceKey!) { good: accounts { totalCount } bad: accounts(first: 0) { totalCount } datasource(key: $key) { id } }`,
      variables: { key: missing },
    },
  ],
  ['adds what is there', { query: add, variables: { input: datasourceInput('orders') } }],
  [
    'adds to an account that is not there',
    { query: `# 1\n${add}`, variables: { input: datasourceInput('x', { accountId: 'none' }) } },
  ],
  [
    'adds with a URL that is none',
    { query: `# 2\n${add}`, variables: { input: datasourceInput('x', { jdbcConnectionUrl: 'x' }) } },
  ],
  [
    'adds without a credential',
    { query: `# 3\n${add}`, variables: { input: datasourceInput('x', { password: null, secret: null }) } },
  ],
  [
    'changes two things, of which the first fails',
    {
      query: `mutation ($input: AddDatasourceInput!, $key: DeleteAccountInput!) { addDatasource(input: $input) { code } deleteAccount(input: $key) { code } }`,
      variables: { input: datasourceInput('orders'), key: accountKey() },
    },
  ],
  [
    'reads credentials',
    {
      query: 'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { password secret masterUsername } }',
      variables: { key: datasourceKey },
    },
  ],
  ['does not parse', { query: '{ accounts ' }],
  ['does not validate', { query: '{ accounts { nothing } }' }],
  [
    'has two operations',
    { query: 'query A { accounts { totalCount } } query B { datasources { totalCount } }', operationName: 'B' },
  ],
  ['is another kind of operation', { query: 'subscription { accounts { totalCount } }' }],
];
const accepts = [
  undefined,
  '*/*',
  'application/json',
  'application/graphql-response+json',
  'application/graphql-response+json, application/json;q=0.5',
  'text/html, */*;q=0.1',
  'text/plain',
];

describe('the same request, sent again and again and by way of Apollo Server', () => {
  const keyed = useKeyedGateway(sqliteKind);
  const keys: Record<string, string> = {};

  beforeAll(async () => {
    await addAccount(keyed.all);
    await addAccount(keyed.all, accountKey({ region: 'eu-west-2' }));
    for (const instanceId of ['orders', 'returns']) await addDatasource(keyed.all, datasourceInput(instanceId));
    keys.everything = await makeKey(keyed.env, ['read', 'write', 'credentials', 'admin']);
    keys.nothing = await makeKey(keyed.env, []);
    keys.reading = await makeKey(keyed.env, ['read']);
  });

  async function send(sent: Sent, caller: string, accept: string | undefined) {
    const { gateway } = keyed;
    const before = gateway.log.length;
    const headers = { 'content-type': 'application/json', 'x-api-key': keys[caller] ?? '', 'x-request-id': 'same' };
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { ...headers, accept: accept ?? '' },
      body: JSON.stringify(sent),
    });
    const body = await response.text();
    // The answer comes before its line in the log.
    while (!gateway.log.slice(before).some((line) => line.includes('"msg":"request"'))) {
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    const logged = gateway.log.slice(before).map((line) => {
      const { time: _, milliseconds: __, ...others } = JSON.parse(line);
      return others;
    });
    const { date: _, ...answered } = Object.fromEntries(response.headers);
    return { status: response.status, headers: answered, body, logged };
  }

  describe.each(['everything', 'reading', 'nothing'])('by a caller who may do %s', (caller) => {
    test.each(requests)('gets the same answer where it %s', async (_, sent) => {
      // Not met before: another caller may have sent it.
      const fresh = { ...sent, query: `${sent.query}# ${caller}` };
      const first = await send(fresh, caller, undefined);
      expect(first.body).not.toContain('INTERNAL_SERVER_ERROR');
      expect(await send(fresh, caller, undefined)).toEqual(first);
      // Extensions are for Apollo Server, which is asked then.
      const byApollo = { ...fresh, extensions: {} };
      for (let time = 0; time < 2; time += 1) expect(await send(byApollo, caller, undefined)).toEqual(first);
    });
  });

  test.each(accepts)('is answered in the same form where the client accepts %s', async (accept) => {
    for (const variables of [{ key: datasourceKey }, { key: { ...missing, region: 7 } }]) {
      const sent = { query: `# ${accept} ${JSON.stringify(variables)}\n${find}`, variables };
      const first = await send(sent, 'everything', accept);
      expect(await send(sent, 'everything', accept)).toEqual(first);
      expect(await send({ ...sent, extensions: {} }, 'everything', accept)).toEqual(first);
    }
  });

  test('is in the audit each time that its caller is refused or reads credentials', async () => {
    const sent = {
      query: 'query Read($key: DatasourceKey!) { datasourceCredentials(key: $key) { password } }',
      variables: { key: { ...datasourceKey, instanceId: 'returns' } },
    };
    const outcomes = async (): Promise<string[]> => {
      const { data } = await keyed.all.graphql(
        '{ auditEvents(filter: { operation: "datasourceCredentials", instanceId: "returns" }) { edges { node { outcome } } } }',
      );
      return data.auditEvents.edges.map(({ node }: { node: { outcome: string } }) => node.outcome).sort();
    };
    for (const caller of ['everything', 'reading', 'everything', 'reading', 'everything']) {
      await send(sent, caller, undefined);
    }
    // A refusal is recorded behind its answer.
    let recorded: string[] = [];
    while (recorded.length < 5) recorded = await outcomes();
    expect(recorded).toEqual(['FORBIDDEN', 'FORBIDDEN', 'done', 'done', 'done']);
  });
});
