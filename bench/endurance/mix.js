/**
 * What a busy day asks for, mixed: changes and look-ups on both surfaces, documents that nobody sent before, inputs and callers
 * that are refused, clients that do not wait. What is added is deleted again, so that the register stays as large as it is.
 */
import { randomBytes } from 'node:crypto';
import { account, anyNumber, datasource, operations, seededId } from '../speed/operations.js';

const usedAccounts = 10;
const deletedAtOnce = 4;
// So many of an account stay before the first is deleted, so that additions and deletions do not follow each other at once.
const kept = 50;
const patience = 1;

let requests = 0;
const nextNumber = () => {
  requests += 1;
  return requests;
};
const added = Array.from({ length: usedAccounts }, () => []);
const graphql = (query, variables) => ({ path: '/graphql', body: JSON.stringify({ query, variables }) });

/** As the measurement of the speed asks for it. */
function measured(name) {
  return () => {
    const { path, request, isRight } = operations[name];
    const { body, expected } = request(anyNumber(), `once-${nextNumber()}`, 0);
    return { path, body, isRight: (status, text) => status === 200 && isRight(text, expected) };
  };
}

function add(name) {
  return () => {
    const number = Math.floor(Math.random() * usedAccounts);
    const instanceId = `kept-${nextNumber()}`;
    const { path, request, isRight } = operations[name];
    const { body, expected } = request(number, instanceId, 0);
    return {
      path,
      body,
      isRight(status, text) {
        if (status !== 200 || !isRight(text, expected)) return false;
        added[number].push(instanceId);
        return true;
      },
    };
  };
}

/** Nobody has sent this text before, so that nothing that is remembered by a document's text helps. */
function findByNewDocument() {
  const number = anyNumber();
  const alias = `once${nextNumber()}`;
  const { accountProviderId, accountId, region, instanceId } = datasource(seededId(number), number);
  return {
    ...graphql(
      `query Find${alias}($key: DatasourceKey!) { ${alias}: datasource(key: $key) { id instanceId version account { region } } }`,
      { key: { accountProviderId, accountId, region, instanceId } },
    ),
    isRight: (status, text) => status === 200 && text.includes(`"instanceId":"${instanceId}"`),
  };
}

function search() {
  const text = seededId(anyNumber());
  return {
    ...graphql(
      'query Search($text: String) { datasources(first: 20, filter: { search: $text }) { totalCount edges { node { instanceId version } } } }',
      { text },
    ),
    isRight: (status, answer) => status === 200 && answer.includes(`"instanceId":"${text}"`),
  };
}

function remove() {
  const number = added.findIndex((names) => names.length >= kept + deletedAtOnce);
  if (number === -1) return search();
  const instances = added[number].splice(0, deletedAtOnce);
  const { accountProvider, accountId, region } = account(number);
  return {
    path: '/data-source/delete-jdbc',
    body: JSON.stringify({ account_provider: accountProvider, account_id: accountId, region, instances }),
    isRight: (status, text) => status === 200 && text.includes('"code":1001'),
  };
}

/** An account that comes and goes at once, by two requests. */
function accountForAMoment() {
  const key = { accountProvider: 2, accountId: `once-${nextNumber()}`, region: 'eu-west-1' };
  return {
    ...graphql('mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }', { input: key }),
    isRight: (status, text) => status === 200 && text.includes('1001'),
    next: {
      path: '/data-source/delete_account',
      body: JSON.stringify({ account_provider: 2, account_id: key.accountId, region: key.region }),
      isRight: (status, text) => status === 200 && text.includes('"code":1001'),
    },
  };
}

const readCredentials = () => {
  const number = anyNumber();
  const { accountProviderId, accountId, region, instanceId } = datasource(seededId(number), number);
  return {
    ...graphql('query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { masterUsername password secret } }', {
      key: { accountProviderId, accountId, region, instanceId },
    }),
    isRight: (status, text) => status === 200 && text.includes('correct horse battery staple'),
  };
};

const audited = () => ({
  ...graphql('{ auditEvents(first: 10) { edges { node { id actor operation changes { field } } } } }'),
  isRight: (status, text) => status === 200 && text.includes('"operation":'),
});

/** Requests that are refused, each for another reason. */
const refused = [
  () => {
    const key = `dgk_${randomBytes(6).toString('hex')}_${'A'.repeat(43)}`;
    return {
      ...measured('find')(),
      key,
      isRight: (status, text) => status === 401 && text.includes('UNAUTHENTICATED'),
    };
  },
  () => ({ ...measured('add-rest')(), key: undefined, isRight: (_, text) => text.includes('"code":1003') }),
  () => {
    const input = datasource(`once-${nextNumber()}`, 1, {
      jdbcConnectionUrl: `jdbc:mysql://host:${nextNumber()}x/orders`,
    });
    return {
      ...graphql('mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { code } }', { input }),
      isRight: (status, text) => status === 200 && text.includes('INVALID_JDBC_URL'),
    };
  },
  () => ({
    path: '/data-source/add-jdbc-conn',
    body: JSON.stringify({ instance_id: `once-${nextNumber()}`, create_type: 'x'.repeat(nextNumber() % 3000) }),
    isRight: (_, text) => text.includes('"code":400'),
  }),
  () => ({
    path: '/data-source/delete-jdbc',
    body: `{"account_provider": ${nextNumber()}`,
    isRight: (_, text) => text.includes('"code":400'),
  }),
  () => ({
    ...graphql(`{ datasources { edges { node { noSuchField${nextNumber()} } } } }`),
    isRight: (_, text) => text.includes('GRAPHQL_VALIDATION_FAILED'),
  }),
  () => ({
    ...graphql(`query Deep${nextNumber()} { ${'a:datasources{edges{node{account{'.repeat(30)}id${'}}}}'.repeat(30)} }`),
    isRight: (_, text) => text.includes('errors'),
  }),
  () => ({ path: `/nothing/${nextNumber()}`, body: '{}', isRight: (status) => status === 404 }),
];

const anyRefused = () => refused[nextNumber() % refused.length]();
/** A client that goes away at once: whatever became of its request, nobody is told. */
const abandoned = () => ({ ...measured('edit')(), patience, isRight: () => true });

/** Each with its part of a hundred. */
const mix = [
  [22, measured('find')],
  [18, findByNewDocument],
  [4, measured('list-account')],
  [4, search],
  [10, add('add')],
  [10, add('add-rest')],
  [8, measured('edit')],
  [6, measured('edit-rest')],
  [5, remove],
  [2, accountForAMoment],
  [1, readCredentials],
  [1, audited],
  [8, anyRefused],
  [1, abandoned],
];
const all = mix.flatMap(([parts, make]) => Array(parts).fill(make));

/**
 * The next request of the mix: `path`, `body`, `isRight(status, text)`; `key` where it is not the caller's own, `patience` in
 * milliseconds where it does not wait for its answer, `next` where another follows it.
 */
export function anyRequest() {
  return all[Math.floor(Math.random() * all.length)]();
}
