import { type AuditedChange, type AuditTarget, changesBetween } from '../audit/audit-trail.js';
import type { Datasource } from './datasource.entity.js';
import type { DatasourceIdentity, ShownDatasource } from './datasource.statements.js';

/** The fields of a datasource whose values the audit keeps; credentials are not among them. */
export const auditedFields = [
  'description',
  'jdbcConnectionUrl',
  'jdbcConnectionSchema',
  'jdbcEnforceSsl',
  'kafkaSslEnabled',
  'masterUsername',
  'skipCustomJdbcCertValidation',
  'customJdbcCert',
  'customJdbcCertString',
  'networkAvailabilityZone',
  'networkSubnetId',
  'networkSgId',
  'glueCrawlerLastUpdated',
  'creationTime',
  'lastUpdatedTime',
  'jdbcDriverClassName',
  'jdbcDriverJarUri',
  'createType',
] as const satisfies readonly (keyof Datasource)[];

/** The fields that say where a credential is sent, and who may read it on the way. */
export const connectionFields = [
  'jdbcConnectionUrl',
  'jdbcDriverClassName',
  'jdbcDriverJarUri',
  'jdbcEnforceSsl',
  'kafkaSslEnabled',
  'skipCustomJdbcCertValidation',
  'customJdbcCert',
  'customJdbcCertString',
] as const satisfies readonly (keyof Datasource)[];

/** Whether each credential is another than before. */
export interface CredentialChanges {
  readonly password: boolean;
  readonly secret: boolean;
}

/** The datasource as the audit names it. */
export function auditTarget({ accountProviderId, accountId, region, instanceId }: DatasourceIdentity): AuditTarget {
  return { accountProvider: accountProviderId, accountId, region, instanceId };
}

/** What changed from one state of a datasource to another, for the audit: of a credential only that it did. */
export function datasourceChanges(
  from: Partial<ShownDatasource>,
  to: Partial<Datasource>,
  credentials: CredentialChanges,
): AuditedChange[] {
  const changed = (['password', 'secret'] as const).filter((field) => credentials[field]);
  return [
    ...changesBetween(from as Record<string, unknown>, to as Record<string, unknown>, auditedFields),
    ...changed.map((field) => ({ field, changed: true as const })),
  ];
}
