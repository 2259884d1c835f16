/**
 * What the load asks for: of the gateway and of Mercurius as a client asks it, and of the plain server with the same body at
 * a path of its own. Each answer is compared with what was asked.
 */

/** The accounts that the register holds. */
export const accountCount = 1000;
/** The datasources that the register holds before the load, each the next account's. */
export const datasourceCount = 10_000;
const pageSize = 100;

/** An account of the register. */
export function account(number) {
  return { accountProvider: 1, accountId: `12345678${String(number).padStart(4, '0')}`, region: 'eu-west-1' };
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

/** Any of the seeded that are edited: they come behind the page that is listed. */
export function anyNumber() {
  return pageSize + Math.floor(Math.random() * (datasourceCount - pageSize));
}

const shown =
  'id instanceId description jdbcConnectionUrl jdbcConnectionSchema hasPassword hasSecret createType version updatedAt';
/** What is asked of the account: nothing, what a datasource's own row holds, or what only the account's row does. */
const ofAccount = {
  none: '',
  key: ' account { accountProvider accountId region }',
  whole: ' account { id accountProvider accountId region createdAt }',
};

const graphql = (query, variables) => JSON.stringify({ query, variables });
const ok = '{"status":"success","code":1001,"message":"Operation succeeded"}';
let edits = 0;
const edit = (number) => {
  edits += 1;
  return datasource(seededId(number), number, { description: `Edited for the ${edits}th time`, secret: null });
};

/**
 * By name: its title; the gateway's path; `request`, which is given a number of a datasource, a name that nobody has and the
 * number of a text, and returns a body and what its answer must hold; `isRight`. What changes something is also compared with
 * a transaction that writes a row of audit; what has no GraphQL is not compared with Mercurius.
 */
export const operations = {
  add: {
    title: 'addDatasource',
    path: '/graphql',
    isChange: true,
    request: (number, name, text) => ({
      body: graphql(
        `mutation Add${text}($input: AddDatasourceInput!) { addDatasource(input: $input) { code datasource { id instanceId version } } }`,
        { input: datasource(name, number) },
      ),
      expected: name,
    }),
    isRight: (answer, name) =>
      answer.startsWith('{"data":{"addDatasource":{"code":1001,"datasource":{"id":"D') &&
      answer.includes(`"instanceId":"${name}","version":1}}}}`),
  },
  'add-rest': {
    title: 'add-jdbc-conn, REST',
    path: '/data-source/add-jdbc-conn',
    isChange: true,
    request: (number, name) => ({ body: JSON.stringify(legacy(datasource(name, number))), expected: ok }),
    isRight: (answer, expected) => answer === expected,
  },
  edit: {
    title: 'editDatasource',
    path: '/graphql',
    isChange: true,
    request: (number, _name, text) => ({
      body: graphql(
        `mutation Edit${text}($input: EditDatasourceInput!) { editDatasource(input: $input) { code datasource { instanceId description } } }`,
        { input: edit(number) },
      ),
      expected: seededId(number),
    }),
    isRight: (answer, name) =>
      answer.startsWith(`{"data":{"editDatasource":{"code":1001,"datasource":{"instanceId":"${name}","description":"`),
  },
  'edit-rest': {
    title: 'update-jdbc-conn, REST',
    path: '/data-source/update-jdbc-conn',
    isChange: true,
    request: (number) => ({ body: JSON.stringify(legacy(edit(number))), expected: ok }),
    isRight: (answer, expected) => answer === expected,
  },
  find: find('by key', 'none'),
  'find-key': find("by key, with its account's key", 'key'),
  'find-account': find('by key, with its account', 'whole'),
  'find-include': findBy(
    'by key, with @include',
    (text) =>
      `query Include${text}($key: DatasourceKey!, $yes: Boolean!, $no: Boolean!) { datasource(key: $key) { ${shown} account @include(if: $no) { id } createType @include(if: $yes) } }`,
  ),
  'find-get': findBy(
    'by key, by GET',
    (text) => `query Get${text}($key: DatasourceKey!) { datasource(key: $key) { ${shown} } }`,
    true,
  ),
  'find-mixed': findBy('by key, with fragments, aliases and directives', mixed),
  node: nodeById(),
  list: list('list of 100', 'none'),
  'list-key': list("list of 100, each with its account's key", 'key'),
  'list-account': list('list of 100, each with its account', 'whole'),
};

function find(title, asked) {
  return {
    title,
    path: '/graphql',
    isChange: false,
    request(number, _name, text) {
      const { instanceId, accountProviderId, accountId, region } = datasource(seededId(number), number);
      return {
        body: graphql(
          `query Find${text}($key: DatasourceKey!) { datasource(key: $key) { ${shown}${ofAccount[asked]} } }`,
          { key: { instanceId, accountProviderId, accountId, region } },
        ),
        expected: `"instanceId":"${instanceId}"`,
      };
    },
    isRight: (answer, expected) => answer.startsWith('{"data":{"datasource":{"id":"D') && answer.includes(expected),
  };
}

/** The page holds the oldest, which are not edited: an answer that is new is read, and those behind it must be the same. */
function list(title, asked) {
  let right;
  return {
    title,
    path: '/graphql',
    isChange: false,
    request: (_number, _name, text) => ({
      body: graphql(
        `query List${text} { datasources(first: ${pageSize}) { edges { node { ${shown}${ofAccount[asked]} } } } }`,
      ),
      expected: undefined,
    }),
    isRight(answer) {
      if (answer === right) return true;
      const nodes = JSON.parse(answer).data?.datasources?.edges?.map(({ node }) => node) ?? [];
      const isRight =
        nodes.length === pageSize &&
        nodes.every(
          (node, number) =>
            node.instanceId === seededId(number) &&
            node.hasSecret === true &&
            (asked === 'none' || node.account.accountId === account(number % accountCount).accountId),
        );
      if (isRight) right = answer;
      return isRight;
    },
  };
}

/** As `find`, by another form of document: what it asks with is made of the number of its text. */
function findBy(title, queryOf, isGet = false) {
  return {
    title,
    path: '/graphql',
    plainPath: '/find',
    isChange: false,
    request(number, _name, text) {
      const { instanceId, accountProviderId, accountId, region } = datasource(seededId(number), number);
      const variables = { key: { instanceId, accountProviderId, accountId, region }, yes: true, no: false };
      const query = queryOf(text);
      const search = isGet
        ? { search: `?${new URLSearchParams({ query, variables: JSON.stringify(variables) })}` }
        : {};
      return { body: graphql(query, variables), ...search, expected: `"instanceId":"${instanceId}"` };
    },
    isRight: (answer, expected) => answer.includes(expected) && !answer.includes('"errors"'),
  };
}

/** Documents as clients put them together: with fragments, aliases and directives, each a little different. */
function mixed(text) {
  const fields = shown.split(' ');
  const [one, other] = [fields[text % fields.length], fields[(text * 7 + 3) % fields.length]];
  return `query Mixed${text}($key: DatasourceKey!, $yes: Boolean!, $no: Boolean!) {
    datasource(key: $key) { ...Shown again${text % 9}: ${one} ... @include(if: $yes) { ${other} } account @include(if: $no) { id } }
  } fragment Shown on Datasource { ${shown} kind: __typename description @skip(if: $no) }`;
}

/** By an id, of the datasources whose ids the load was told. */
function nodeById() {
  return {
    title: 'node by id',
    path: '/graphql',
    isChange: false,
    request(number, _name, text, ids) {
      const id = ids[number % ids.length];
      return {
        body: graphql(`query Node${text}($id: ID!) { node(id: $id) { id ... on Datasource { ${shown} } } }`, { id }),
        expected: `"node":{"id":"${id}"`,
      };
    },
    isRight: (answer, expected) => answer.includes(expected),
  };
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
