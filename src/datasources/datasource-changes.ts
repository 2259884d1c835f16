import { type AuditedChange, type AuditTarget, changesBetween } from '../audit/audit-trail.js';
import { parametersOf } from '../input/parameter.js';
import { type CredentialField, credentialFields } from './credential-seal.js';
import type { Datasource } from './datasource.entity.js';
import { AddDatasourceInput, DatasourceKey } from './datasource.input.js';
import type { DatasourceIdentity, SealedDatasource, ShownDatasource } from './datasource.statements.js';

/** The fields of a datasource that can be changed, save its credentials. */
export type ChangeableField = Exclude<keyof AddDatasourceInput, keyof DatasourceKey | CredentialField>;

const isKept = new Set([...parametersOf(DatasourceKey).map(({ property }) => property), ...credentialFields]);

/** The same as a list, in the order of the parameters: what a datasource is added with, save its key and its credentials. */
export const changeableFields = parametersOf(AddDatasourceInput)
  .map(({ property }) => property)
  .filter((property) => !isKept.has(property)) as ChangeableField[];

/** Those whose values the audit may keep; of any other, as of a credential, it keeps only that it changed. */
const auditedFields: ReadonlySet<string> = new Set([
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
] satisfies ChangeableField[]);

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
] as const satisfies readonly ChangeableField[];

/** Those that are true, false or not said. */
export const flagFields = parametersOf(AddDatasourceInput)
  .filter(({ kind }) => kind === 'flag')
  .map(({ property }) => property) as ('jdbcEnforceSsl' | 'kafkaSslEnabled' | 'skipCustomJdbcCertValidation')[];

const testedFields: ReadonlySet<string> = new Set([...connectionFields, 'masterUsername', 'password', 'secret']);

/** Whether changes of a datasource make it another connection, of which a test says nothing any more. */
export function isConnectionChange(changes: readonly AuditedChange[]): boolean {
  return changes.some(({ field }) => testedFields.has(field));
}

/** Whether two states of a datasource are the same connection. */
export function isSameConnection(from: SealedDatasource, to: SealedDatasource): boolean {
  const credentials = {
    password: !isSameSeal(from.passwordSealed, to.passwordSealed),
    secret: !isSameSeal(from.secretSealed, to.secretSealed),
  };
  return !isConnectionChange(datasourceChanges(from, to, credentials));
}

function isSameSeal(from: Uint8Array | null, to: Uint8Array | null): boolean {
  return from === null || to === null ? from === to : Buffer.compare(from, to) === 0;
}

/** Whether each credential is another than before. */
export interface CredentialChanges {
  readonly password: boolean;
  readonly secret: boolean;
}

/**
 * The datasource as the audit names it.
 *
 * @param version the version that a change made of it; absent for what is no change
 */
export function auditTarget(
  { accountProviderId, accountId, region, instanceId, id }: DatasourceIdentity & Pick<Datasource, 'id'>,
  version?: number,
): AuditTarget {
  const target = { accountProvider: accountProviderId, accountId, region, instanceId, id };
  return version === undefined ? target : { ...target, version };
}

/** What changed from one state of a datasource to another, for the audit: of a credential only that it did. */
export function datasourceChanges(
  from: Partial<ShownDatasource>,
  to: Partial<Datasource>,
  credentials: CredentialChanges,
): AuditedChange[] {
  const values = changesBetween(from as Record<string, unknown>, to as Record<string, unknown>, changeableFields);
  return [
    ...values.map((change) => (auditedFields.has(change.field) ? change : onlyThat(change.field))),
    ...credentialFields.filter((field) => credentials[field]).map(onlyThat),
  ];
}

/** What an added datasource has, as changes from nothing. */
export function changesOfNew(datasource: Datasource): AuditedChange[] {
  const given = { password: datasource.passwordSealed !== null, secret: datasource.secretSealed !== null };
  return datasourceChanges({}, datasource, given);
}

function onlyThat(field: string): AuditedChange {
  return { field, changed: true };
}
