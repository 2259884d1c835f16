import type { Permission } from './caller.js';

/**
 * What may be done without any permission: `open` by everyone, known or not; `known` by every caller who was let in, which
 * is how a payload's own object can be seen by those who may only write.
 */
export type Access = Permission | 'open' | 'known';

/**
 * What each route needs. The routes of GraphQL let in everyone who is known: what a field needs is declared beside it.
 */
export const routeAccess: Readonly<Record<string, Access>> = {
  'GET /': 'open',
  'GET /healthz': 'open',
  'GET /readyz': 'open',
  'GET /playground/*': 'open',
  'GET /metrics': 'admin',
  'GET /openapi.json': 'open',
  'GET /docs': 'open',
  'GET /docs/*': 'open',
  'GET /graphql': 'known',
  'POST /graphql': 'known',
  'POST /data-source/add_account': 'write',
  'POST /data-source/delete_account': 'write',
  'POST /data-source/add-jdbc-conn': 'write',
  'POST /data-source/update-jdbc-conn': 'write',
  'POST /data-source/delete-jdbc': 'write',
  // Those of the web portal are there with PORTAL_FILE only.
  'POST /data-source/list-providers': 'read',
  'GET /data-source/coverage': 'read',
  'GET /catalog/dashboard/agg-data-source-summary': 'read',
  'POST /data-source/list-account': 'read',
  'GET /data-source/query-regions-by-provider': 'read',
  'POST /data-source/list-jdbc': 'read',
  'POST /data-source/query-account-network': 'read',
  'POST /data-source/query-connection-detail': 'read',
  'POST /data-source/jdbc-databases': 'read',
  'POST /data-source/refresh': 'read',
  'GET /data-source/secrets': 'read',
  'POST /data-source/list-buckets': 'read',
  'POST /data-source/query-glue-connections': 'read',
  'GET /query/property_values': 'read',
  'POST /data-source/list-s3': 'read',
  'POST /data-source/list-rds': 'read',
  'POST /data-source/list-glue-database': 'read',
};
