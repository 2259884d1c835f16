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
import type { Performance } from './rehearsal/performance.js';
import { RehearsalResolver } from './rehearsal/rehearsal.resolver.js';

/** The services that change the register. */
export interface ChangingServices {
  readonly accounts: AccountService;
  readonly datasources: DatasourceService;
  readonly history: HistoryService;
}

/** What the resolvers ask. */
export interface Services extends ChangingServices {
  /** What does mutations with such services, or rehearses them. */
  readonly operations: Performance<ChangingServices>;
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
  operations,
}: Services): GraphQLSchema {
  return createSchema([
    new AccountResolver(accounts, operations),
    new DatasourceResolver(datasources, accounts, operations),
    new AccountDatasourcesResolver(datasources),
    new HistoryResolver(history, operations),
    new DatasourceVersionResolver(),
    new ChangeResolver(changes),
    new RegisterSnapshotResolver(accounts, datasources),
    new RehearsalResolver(),
    new AuditResolver(audit),
    new ConnectionTestResolver(connectionTests),
    new NodeResolver({
      A: (id, call) => accounts.byId(id, call),
      D: (id, call) => datasources.byId(id, call),
    }),
  ]);
}
