/**
 * What the load asks for: of the gateway as a client asks it, and of the floor with the same body at a path of its own.
 * Each answer is compared with what was asked.
 */

/** The accounts that the register holds. */
export const accountCount = 10;
/** The datasources that the register holds before the load, each the next account's. */
export const datasourceCount = 2000;
const pageSize = 100;

/** An account of the register. */
export function account(number) {
  return { accountProvider: 1, accountId: `1234567890${String(number).padStart(2, '0')}`, region: 'eu-west-1' };
}

/** A datasource with most of what one can have, a user name, a password and a secret among it. */
export function datasource(instanceId, number, changes = {}) {
  const { accountProvider, accountId, region } = account(number % accountCount);
  return {
    instanceId,
    accountProviderId: accountProvider,
    accountId,
    region,
    description: 'The orders of the shop, and what was returned',
    jdbcConnectionUrl: `jdbc:mysql://orders-${number % 100}.db.example.com:3306/orders`,
    jdbcConnectionSchema: 'orders\nreturns',
    jdbcEnforceSsl: true,
    masterUsername: 'crawler',
    password: 'correct horse battery staple',
    secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders',
    networkAvailabilityZone: 'eu-west-1a',
    networkSubnetId: 'subnet-0f6c2d3f5a7b9c1d0',
    networkSgId: 'sg-0f6c2d3f5a7b9c1d0',
    jdbcDriverClassName: 'com.mysql.cj.jdbc.Driver',
    createType: 1,
    ...changes,
  };
}

/** The instance id of a datasource that the register holds. */
export function seededId(number) {
  return `orders-${String(number).padStart(6, '0')}`;
}

/** Parameters by their REST names. */
function legacy(input) {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

function key({ instanceId, accountProviderId, accountId, region }) {
  return { instanceId, accountProviderId, accountId, region };
}

const shown =
  'id instanceId description jdbcConnectionUrl jdbcConnectionSchema hasPassword hasSecret createType version updatedAt';
const added = `mutation Add($input: AddDatasourceInput!) { addDatasource(input: $input) { code datasource { id instanceId version } } }`;
const edited = `mutation Edit($input: EditDatasourceInput!) { editDatasource(input: $input) { code datasource { id instanceId version } } }`;
const found = `query Find($key: DatasourceKey!) { datasource(key: $key) { ${shown} } }`;
const listed = `query List { datasources(first: ${pageSize}) { edges { node { ${shown} account { id accountProvider accountId region } } } } }`;

const graphql = (query, variables) => JSON.stringify({ query, variables });
let edits = 0;
const edit = (number) => {
  edits += 1;
  return datasource(seededId(number), number, { description: `Edited for the ${edits}th time`, secret: null });
};
const ok = '{"status":"success","code":1001,"message":"Operation succeeded"}';

/**
 * By name: the gateway's path; the goals, as parts of the floor's rate and as multiples of its CPU; `request`, which is given
 * a number of a datasource and a name that nobody has, and returns a body and what its answer must hold; `isRight`.
 */
export const operations = {
  add: {
    title: 'addDatasource, GraphQL',
    path: '/graphql',
    goal: { rate: 0.75, cpu: 1.8 },
    request: (number, name) => ({ body: graphql(added, { input: datasource(name, number) }), expected: name }),
    isRight: (answer, name) =>
      answer.startsWith('{"data":{"addDatasource":{"code":1001,"datasource":{"id":"D') &&
      answer.endsWith(`"instanceId":"${name}","version":1}}}}\n`),
  },
  find: {
    title: 'datasource by key, GraphQL',
    path: '/graphql',
    goal: { rate: 0.9, cpu: 1.5 },
    request: (number) => ({
      body: graphql(found, { key: key(datasource(seededId(number), number)) }),
      expected: seededId(number),
    }),
    isRight: (answer, name) =>
      answer.startsWith('{"data":{"datasource":{"id":"D') && answer.includes(`"instanceId":"${name}"`),
  },
  list: {
    title: '100 datasources with their accounts, GraphQL',
    path: '/graphql',
    goal: { rate: 0.7, cpu: 2.2 },
    request: () => ({ body: graphql(listed), expected: undefined }),
    isRight: isRightList(),
  },
  'add-rest': {
    title: 'add-jdbc-conn, REST',
    path: '/data-source/add-jdbc-conn',
    goal: { rate: 0.75, cpu: 1.8 },
    request: (number, name) => ({ body: JSON.stringify(legacy(datasource(name, number))), expected: ok }),
    isRight: (answer, expected) => answer === expected,
  },
  edit: {
    title: 'editDatasource, GraphQL',
    path: '/graphql',
    goal: { rate: 0.7, cpu: undefined },
    request: (number) => ({ body: graphql(edited, { input: edit(number) }), expected: seededId(number) }),
    isRight: (answer, name) =>
      answer.startsWith('{"data":{"editDatasource":{"code":1001,"datasource":{"id":"D') &&
      answer.includes(`"instanceId":"${name}","version":`),
  },
  'edit-rest': {
    title: 'update-jdbc-conn, REST',
    path: '/data-source/update-jdbc-conn',
    goal: { rate: 0.7, cpu: undefined },
    request: (number) => ({ body: JSON.stringify(legacy(edit(number))), expected: ok }),
    isRight: (answer, expected) => answer === expected,
  },
};

/** The page holds the oldest, which are not edited: the first answer is read, and the others must be the same. */
function isRightList() {
  let right;
  return (answer) => {
    if (answer === right) return true;
    const nodes = JSON.parse(answer).data?.datasources?.edges?.map(({ node }) => node) ?? [];
    const isRight =
      nodes.length === pageSize &&
      nodes.every(
        (node, number) =>
          node.instanceId === seededId(number) &&
          node.account.accountId === account(number % accountCount).accountId &&
          node.hasSecret === true,
      );
    if (isRight) right = answer;
    return isRight;
  };
}

/** Those that are edited come behind the page that is listed. */
export function anyNumber() {
  return pageSize + Math.floor(Math.random() * (datasourceCount - pageSize));
}
