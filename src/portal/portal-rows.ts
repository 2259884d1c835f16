import type { AccountService } from '../accounts/account.service.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import type { PortalRegion, PortalSecret, PortalVpc } from './portal-file.js';

type Account = Awaited<ReturnType<AccountService['list']>>['rows'][number];
type Datasource = Awaited<ReturnType<DatasourceService['list']>>['rows'][number];

/** A page as the portal reads it. */
export function pageOf(items: readonly unknown[], total: number, page: number, size: number) {
  return { items, total, page, size, pages: Math.ceil(total / size) };
}

/** An account as its list shows it. There are no stacks, buckets, instances or catalogs here. */
export function accountRow(account: Account, datasources: number) {
  return {
    id: account.id,
    account_id: account.accountId,
    account_provider_id: account.accountProvider,
    region: account.region,
    account_alias: null,
    account_email: null,
    delegated_account_id: null,
    organization_unit_id: null,
    // 1 is shown as succeeded: the account can be used.
    status: 1,
    stack_id: null,
    stackset_id: null,
    stackset_name: null,
    stack_status: null,
    stack_instance_status: null,
    detection_role_name: null,
    detection_role_status: null,
    total_s3_bucket: 0,
    connected_s3_bucket: 0,
    total_rds_instance: 0,
    connect_rds_instance: 0,
    total_glue_database: 0,
    connected_glue_database: 0,
    total_jdbc_instance: datasources,
    connected_jdbc_instance: 0,
    last_updated: account.updatedAt.toISOString(),
  };
}

/** A datasource as its list shows it. Credentials are in none of its columns. */
export function datasourceRow(datasource: Datasource) {
  return {
    instance_id: datasource.instanceId,
    account_provider_id: datasource.accountProviderId,
    account_id: datasource.accountId,
    region: datasource.region,
    description: datasource.description,
    jdbc_connection_url: datasource.jdbcConnectionUrl,
    jdbc_connection_schema: datasource.jdbcConnectionSchema,
    jdbc_enforce_ssl: flagText(datasource.jdbcEnforceSsl),
    kafka_ssl_enabled: flagText(datasource.kafkaSslEnabled),
    master_username: datasource.masterUsername,
    password: null,
    secret: null,
    skip_custom_jdbc_cert_validation: flagText(datasource.skipCustomJdbcCertValidation),
    custom_jdbc_cert: datasource.customJdbcCert,
    custom_jdbc_cert_string: datasource.customJdbcCertString,
    network_availability_zone: datasource.networkAvailabilityZone,
    network_subnet_id: datasource.networkSubnetId,
    network_sg_id: datasource.networkSgId,
    glue_crawler_last_updated: datasource.glueCrawlerLastUpdated?.toISOString() ?? null,
    creation_time: datasource.creationTime,
    last_updated_time: datasource.lastUpdatedTime,
    jdbc_driver_class_name: datasource.jdbcDriverClassName,
    jdbc_driver_jar_uri: datasource.jdbcDriverJarUri,
    create_type: datasource.createType,
    glue_state: null,
    glue_connection: null,
    glue_database: null,
    glue_crawler: null,
    glue_vpc_endpoint: null,
    connection_status: null,
    data_source_id: null,
    detection_history_id: null,
    instance_class: null,
    instance_status: null,
  };
}

/**
 * A datasource as the form that edits it reads it: in the form of a connection of AWS Glue. A property that is not there is
 * not in what the form sends, so credentials are absent, and not empty.
 */
export function connectionDetail(datasource: Datasource) {
  return {
    Name: datasource.instanceId,
    Description: datasource.description ?? '',
    ConnectionType: 'JDBC',
    ConnectionProperties: withoutNull({
      JDBC_CONNECTION_URL: datasource.jdbcConnectionUrl,
      JDBC_CONNECTION_SCHEMA: datasource.jdbcConnectionSchema,
      // What is absent is shown ticked.
      JDBC_ENFORCE_SSL: flagText(datasource.jdbcEnforceSsl) ?? 'false',
      USERNAME: datasource.masterUsername,
      SKIP_CUSTOM_JDBC_CERT_VALIDATION: flagText(datasource.skipCustomJdbcCertValidation),
      CUSTOM_JDBC_CERT: datasource.customJdbcCert,
      CUSTOM_JDBC_CERT_STRING: datasource.customJdbcCertString,
      JDBC_DRIVER_CLASS_NAME: datasource.jdbcDriverClassName,
      JDBC_DRIVER_JAR_URI: datasource.jdbcDriverJarUri,
    }),
    PhysicalConnectionRequirements: {
      SubnetId: datasource.networkSubnetId,
      SecurityGroupIdList: [datasource.networkSgId],
      AvailabilityZone: datasource.networkAvailabilityZone,
    },
  };
}

/** A region as the portal offers it. */
export function regionRow({ name, alias, longitude, latitude }: PortalRegion, at: number) {
  return { id: at + 1, region_name: name, region_alias: alias ?? name, region_cord: `${longitude},${latitude}` };
}

/** A network as the forms of connections offer it. */
export function vpcRow({ id, name, subnets, securityGroups }: PortalVpc) {
  return {
    vpcId: id,
    vpcName: name ?? id,
    subnets: subnets.map((subnet) => ({
      subnetId: subnet.id,
      arn: subnet.arn ?? subnet.id,
      subnetName: subnet.name ?? subnet.id,
    })),
    securityGroups: securityGroups.map((group) => ({
      securityGroupId: group.id,
      securityGroupName: group.name ?? group.id,
    })),
  };
}

/** A secret as the forms of connections offer it: the name is what is sent. */
export function secretRow({ name, arn }: PortalSecret) {
  return { Name: name, ARN: arn ?? name };
}

function flagText(flag: boolean | null): string | null {
  return flag === null ? null : String(flag);
}

function withoutNull(values: Readonly<Record<string, string | null>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).filter((entry): entry is [string, string] => entry[1] !== null));
}
