/** The peer: Mercurius with its just-in-time compiler, and resolvers by hand over the same tables; it checks nothing more. */
import fastify from 'fastify';
import { GraphQLScalarType } from 'graphql';
import mercurius from 'mercurius';
import * as rows from './rows.js';

const pool = rows.connect();
const app = fastify();

const schema = `
  scalar DateTime
  interface Node { id: ID! }
  type Account implements Node { id: ID! accountProvider: Int! accountId: String! region: String! createdAt: DateTime! }
  type Datasource implements Node {
    id: ID! account: Account! instanceId: String! description: String jdbcConnectionUrl: String! jdbcConnectionSchema: String!
    hasPassword: Boolean! hasSecret: Boolean! createType: Int! version: Int! updatedAt: DateTime!
  }
  type Edge { node: Datasource! }
  type Connection { edges: [Edge!]! }
  type Payload { code: Int! datasource: Datasource! }
  input DatasourceKey { accountProviderId: Int! accountId: String! region: String! instanceId: String! }
  ${['AddDatasourceInput', 'EditDatasourceInput']
    .map(
      (name) => `input ${name} {
      instanceId: String! accountProviderId: Int! accountId: String! region: String! description: String
      jdbcConnectionUrl: String! jdbcConnectionSchema: String! jdbcEnforceSsl: Boolean kafkaSslEnabled: Boolean
      masterUsername: String password: String secret: String skipCustomJdbcCertValidation: Boolean customJdbcCert: String
      customJdbcCertString: String networkAvailabilityZone: String! networkSubnetId: String! networkSgId: String!
      glueCrawlerLastUpdated: DateTime creationTime: String lastUpdatedTime: String jdbcDriverClassName: String
      jdbcDriverJarUri: String createType: Int!
    }`,
    )
    .join('\n')}
  type Query { node(id: ID!): Node datasource(key: DatasourceKey!): Datasource datasources(first: Int): Connection! }
  type Mutation { addDatasource(input: AddDatasourceInput!): Payload! editDatasource(input: EditDatasourceInput!): Payload! }
`;

const asksForAccount = new WeakMap();

/** Whether more of the account is asked for than its key; found out once for each document. */
function needsAccount({ fieldNodes }) {
  let needs = asksForAccount.get(fieldNodes);
  if (needs === undefined) {
    needs = JSON.stringify(fieldNodes, (name, value) => (name === 'loc' ? undefined : value)).includes('"createdAt"');
    asksForAccount.set(fieldNodes, needs);
  }
  return needs;
}

const shown = (row) => ({ ...rows.shown(row), account: 'ownerId' in row ? rows.account(row) : rows.accountKey(row) });

const resolvers = {
  DateTime: new GraphQLScalarType({ name: 'DateTime', serialize: (date) => date.toISOString() }),
  Node: { resolveType: ({ id }) => (id.startsWith('A') ? 'Account' : 'Datasource') },
  Query: {
    async node(_root, { id }) {
      const [[row]] = await pool.execute(rows.findById, [id]);
      return row && shown(row);
    },
    async datasource(_root, { key }, _context, info) {
      const statement = needsAccount(info) ? rows.findWithAccount : rows.find;
      const [[row]] = await pool.execute(statement, rows.keyValues(key));
      return row && shown(row);
    },
    async datasources(_root, _arguments, _context, info) {
      const [page] = await pool.execute(needsAccount(info) ? rows.listWithAccounts : rows.list);
      return { edges: page.map((row) => ({ node: shown(row) })) };
    },
  },
  Mutation: {
    async addDatasource(_root, { input }) {
      const id = rows.newId('D');
      await pool.execute(rows.insert, rows.insertValues(id, input));
      return { code: 1001, datasource: { id, version: 1, ...input } };
    },
    async editDatasource(_root, { input }) {
      await pool.execute(rows.update, rows.updateValues(input));
      return { code: 1001, datasource: input };
    },
  },
};

app.register(mercurius, { schema, resolvers, jit: 1 });
await rows.listen(app, pool);
