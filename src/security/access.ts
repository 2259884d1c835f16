import type { Permission } from './caller.js';

/**
 * What may be done without any permission: `open` by everyone, known or not; `known` by every caller who was let in, which
 * is how a payload's own object can be seen by those who may only write.
 */
export type Access = Permission | 'open' | 'known';

/**
 * What each route needs. The routes of GraphQL let in everyone who is known: what a document needs is told by
 * {@link fieldAccess}.
 */
export const routeAccess: Readonly<Record<string, Access>> = {
  'GET /': 'open',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /playground/*': 'open',
  'GET /metrics': 'admin',
  'GET /graphql': 'known',
  'POST /graphql': 'known',
  'POST /data-source/add_account': 'write',
  'POST /data-source/delete_account': 'write',
  'POST /data-source/add-jdbc-conn': 'write',
  'POST /data-source/update-jdbc-conn': 'write',
  'POST /data-source/delete-jdbc': 'write',
};

/** What each field of each type needs. Fields that lead from one object to another need `read`. */
export const fieldAccess: Readonly<Record<string, Readonly<Record<string, Access>>>> = {
  Query: {
    account: 'read',
    accounts: 'read',
    auditEvents: 'admin',
    datasource: 'read',
    datasourceCredentials: 'credentials',
    datasources: 'read',
    node: 'read',
  },
  Mutation: {
    addAccount: 'write',
    deleteAccount: 'write',
    addDatasource: 'write',
    editDatasource: 'write',
    updateDatasource: 'write',
    deleteDatasources: 'write',
  },
  Node: { id: 'known' },
  OperationPayload: { status: 'known', code: 'known', message: 'known' },
  Account: {
    id: 'known',
    accountProvider: 'known',
    accountId: 'known',
    region: 'known',
    createdAt: 'known',
    updatedAt: 'known',
    datasources: 'read',
  },
  AccountConnection: { edges: 'known', pageInfo: 'known', totalCount: 'known' },
  AccountEdge: { cursor: 'known', node: 'known' },
  Datasource: {
    id: 'known',
    account: 'read',
    instanceId: 'known',
    description: 'known',
    jdbcConnectionUrl: 'known',
    jdbcConnectionSchema: 'known',
    jdbcEnforceSsl: 'known',
    kafkaSslEnabled: 'known',
    masterUsername: 'known',
    hasPassword: 'known',
    hasSecret: 'known',
    skipCustomJdbcCertValidation: 'known',
    customJdbcCert: 'known',
    customJdbcCertString: 'known',
    networkAvailabilityZone: 'known',
    networkSubnetId: 'known',
    networkSgId: 'known',
    glueCrawlerLastUpdated: 'known',
    creationTime: 'known',
    lastUpdatedTime: 'known',
    jdbcDriverClassName: 'known',
    jdbcDriverJarUri: 'known',
    createType: 'known',
    version: 'known',
    createdAt: 'known',
    updatedAt: 'known',
  },
  DatasourceConnection: { edges: 'known', pageInfo: 'known', totalCount: 'known' },
  DatasourceEdge: { cursor: 'known', node: 'known' },
  DatasourceCredentials: { masterUsername: 'credentials', password: 'credentials', secret: 'credentials' },
  AuditEvent: {
    id: 'admin',
    createdAt: 'admin',
    actor: 'admin',
    means: 'admin',
    surface: 'admin',
    address: 'admin',
    requestId: 'admin',
    operation: 'admin',
    outcome: 'admin',
    accountProvider: 'admin',
    accountId: 'admin',
    region: 'admin',
    instanceId: 'admin',
    changes: 'admin',
  },
  AuditChange: { field: 'admin', from: 'admin', to: 'admin' },
  AuditEventConnection: { edges: 'admin', pageInfo: 'admin', totalCount: 'admin' },
  AuditEventEdge: { cursor: 'admin', node: 'admin' },
  PageInfo: { hasNextPage: 'known', hasPreviousPage: 'known', startCursor: 'known', endCursor: 'known' },
  AddAccountPayload: { status: 'known', code: 'known', message: 'known', account: 'known' },
  DeleteAccountPayload: {
    status: 'known',
    code: 'known',
    message: 'known',
    deletedAccountId: 'known',
    deletedDatasourceCount: 'known',
  },
  AddDatasourcePayload: { status: 'known', code: 'known', message: 'known', datasource: 'known' },
  EditDatasourcePayload: { status: 'known', code: 'known', message: 'known', datasource: 'known' },
  UpdateDatasourcePayload: { status: 'known', code: 'known', message: 'known', datasource: 'known' },
  DeleteDatasourcesPayload: { status: 'known', code: 'known', message: 'known', deletedInstanceIds: 'known' },
};
