import type { GraphQLSchema } from 'graphql';
import { buildSchemaSync, type ClassType, getMetadataStorage } from 'type-graphql';
import { AccountResolver } from '../accounts/account.resolver.js';
import type { AccountService } from '../accounts/account.service.js';
import { AuditResolver } from '../audit/audit.resolver.js';
import type { AuditTrail } from '../audit/audit-trail.js';
import { ChangeResolver, RegisterSnapshotResolver } from '../changes/change.resolver.js';
import type { ChangeService } from '../changes/change.service.js';
import { AccountDatasourcesResolver, DatasourceResolver } from '../datasources/datasource.resolver.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import { DatasourceVersionResolver, HistoryResolver } from '../history/history.resolver.js';
import type { HistoryService } from '../history/history.service.js';
import { NodeResolver } from './node.resolver.js';

/** What the resolvers ask. */
export interface Services {
  readonly accounts: AccountService;
  readonly datasources: DatasourceService;
  readonly history: HistoryService;
  readonly changes: ChangeService;
  readonly audit: AuditTrail;
}

async function* nothing(): AsyncGenerator<never> {}

/** Builds the GraphQL schema over the services. */
export function createSchema({ accounts, datasources, history, changes, audit }: Services): GraphQLSchema {
  const instances = new Map<unknown, object>([
    [AccountResolver, new AccountResolver(accounts)],
    [DatasourceResolver, new DatasourceResolver(datasources, accounts)],
    [AccountDatasourcesResolver, new AccountDatasourcesResolver(datasources)],
    [HistoryResolver, new HistoryResolver(history)],
    [DatasourceVersionResolver, new DatasourceVersionResolver()],
    [ChangeResolver, new ChangeResolver(changes)],
    [RegisterSnapshotResolver, new RegisterSnapshotResolver(accounts, datasources)],
    [AuditResolver, new AuditResolver(audit)],
    [NodeResolver, new NodeResolver(accounts, datasources)],
  ]);
  // A field that no resolver has is read by graphql-js itself, which takes no function of type-graphql for it.
  for (const type of getMetadataStorage().objectTypes) type.simpleResolvers ??= true;
  return buildSchemaSync({
    resolvers: [
      AccountResolver,
      DatasourceResolver,
      AccountDatasourcesResolver,
      HistoryResolver,
      DatasourceVersionResolver,
      ChangeResolver,
      RegisterSnapshotResolver,
      AuditResolver,
      NodeResolver,
    ],
    // Subscriptions are carried by the event streams, which ask for this schema's types only.
    pubSub: { publish: () => undefined, subscribe: () => ({ [Symbol.asyncIterator]: nothing }) },
    container: { get: (resolver: ClassType) => instances.get(resolver) },
    // Inputs are validated by the same function as the REST routes' are.
    validate: false,
  });
}
