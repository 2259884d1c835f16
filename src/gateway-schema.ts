import type { GraphQLSchema } from 'graphql';
import { AccountResolver } from './accounts/account.resolver.js';
import type { AccountService } from './accounts/account.service.js';
import { AuditResolver } from './audit/audit.resolver.js';
import type { AuditTrail } from './audit/audit-trail.js';
import { ChangeResolver, RegisterSnapshotResolver } from './changes/change.resolver.js';
import type { ChangeService } from './changes/change.service.js';
import { ConnectionTestResolver } from './connection-test/connection-test.resolver.js';
import type { ConnectionTestService } from './connection-test/connection-test.service.js';
import { AccountDatasourcesResolver, DatasourceResolver } from './datasources/datasource.resolver.js';
import type { DatasourceService } from './datasources/datasource.service.js';
import { NodeResolver } from './graphql/node.resolver.js';
import { createSchema } from './graphql/schema/schema.js';
import { DatasourceVersionResolver, HistoryResolver } from './history/history.resolver.js';
import type { HistoryService } from './history/history.service.js';

/** What the resolvers ask. */
export interface Services {
  readonly accounts: AccountService;
  readonly datasources: DatasourceService;
  readonly history: HistoryService;
  readonly changes: ChangeService;
  readonly audit: AuditTrail;
  readonly connectionTests: ConnectionTestService;
}

/** Puts the GraphQL schema of all features together, over their services. */
export function createGatewaySchema({
  accounts,
  datasources,
  history,
  changes,
  audit,
  connectionTests,
}: Services): GraphQLSchema {
  return createSchema([
    new AccountResolver(accounts),
    new DatasourceResolver(datasources, accounts),
    new AccountDatasourcesResolver(datasources),
    new HistoryResolver(history),
    new DatasourceVersionResolver(),
    new ChangeResolver(changes),
    new RegisterSnapshotResolver(accounts, datasources),
    new AuditResolver(audit),
    new ConnectionTestResolver(connectionTests),
    new NodeResolver({
      A: (id, call) => accounts.byId(id, call),
      D: (id, call) => datasources.byId(id, call),
    }),
  ]);
}
