import type { Datasource } from './datasource.entity.js';
import type { AddDatasourceInput } from './datasource.input.js';
import type { ShownDatasource } from './datasource.statements.js';

/** What an input does not say of a datasource that is stored. */
type StoredBeside = Pick<Datasource, 'id' | 'version' | 'createdAt' | 'updatedAt' | 'passwordSealed' | 'secretSealed'>;

/**
 * What is stored of an input: an optional text that is empty is none. Every value is named, for an object
 * that is put together of others takes several times as long to make.
 */
export function stored(input: AddDatasourceInput, beside: StoredBeside): Datasource {
  return {
    id: beside.id,
    accountProviderId: input.accountProviderId,
    accountId: input.accountId,
    region: input.region,
    instanceId: input.instanceId,
    description: input.description || null,
    jdbcConnectionUrl: input.jdbcConnectionUrl,
    jdbcConnectionSchema: input.jdbcConnectionSchema,
    jdbcEnforceSsl: input.jdbcEnforceSsl ?? null,
    kafkaSslEnabled: input.kafkaSslEnabled ?? null,
    masterUsername: input.masterUsername || null,
    passwordSealed: beside.passwordSealed,
    secretSealed: beside.secretSealed,
    skipCustomJdbcCertValidation: input.skipCustomJdbcCertValidation ?? null,
    customJdbcCert: input.customJdbcCert || null,
    customJdbcCertString: input.customJdbcCertString || null,
    networkAvailabilityZone: input.networkAvailabilityZone,
    networkSubnetId: input.networkSubnetId,
    networkSgId: input.networkSgId,
    glueCrawlerLastUpdated: input.glueCrawlerLastUpdated ?? null,
    creationTime: input.creationTime || null,
    lastUpdatedTime: input.lastUpdatedTime || null,
    jdbcDriverClassName: input.jdbcDriverClassName || null,
    jdbcDriverJarUri: input.jdbcDriverJarUri || null,
    createType: input.createType,
    version: beside.version,
    createdAt: beside.createdAt,
    updatedAt: beside.updatedAt,
  };
}

/** What may be shown of a datasource: nothing that is not named here. */
export function shown(datasource: Datasource, version = datasource.version): ShownDatasource {
  return {
    id: datasource.id,
    accountProviderId: datasource.accountProviderId,
    accountId: datasource.accountId,
    region: datasource.region,
    instanceId: datasource.instanceId,
    description: datasource.description,
    jdbcConnectionUrl: datasource.jdbcConnectionUrl,
    jdbcConnectionSchema: datasource.jdbcConnectionSchema,
    jdbcEnforceSsl: datasource.jdbcEnforceSsl,
    kafkaSslEnabled: datasource.kafkaSslEnabled,
    masterUsername: datasource.masterUsername,
    hasPassword: datasource.passwordSealed !== null,
    hasSecret: datasource.secretSealed !== null,
    skipCustomJdbcCertValidation: datasource.skipCustomJdbcCertValidation,
    customJdbcCert: datasource.customJdbcCert,
    customJdbcCertString: datasource.customJdbcCertString,
    networkAvailabilityZone: datasource.networkAvailabilityZone,
    networkSubnetId: datasource.networkSubnetId,
    networkSgId: datasource.networkSgId,
    glueCrawlerLastUpdated: datasource.glueCrawlerLastUpdated,
    creationTime: datasource.creationTime,
    lastUpdatedTime: datasource.lastUpdatedTime,
    jdbcDriverClassName: datasource.jdbcDriverClassName,
    jdbcDriverJarUri: datasource.jdbcDriverJarUri,
    createType: datasource.createType,
    version,
    createdAt: datasource.createdAt,
    updatedAt: datasource.updatedAt,
  };
}
