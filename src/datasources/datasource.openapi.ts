import { accountIsMissing, exampleAccount } from '../accounts/account.openapi.js';
import { DomainError, VersionConflictError } from '../errors.js';
import type { LegacyDocumentation } from '../rest/openapi.js';
import { AddDatasourceInput, DeleteDatasourcesInput, EditDatasourceInput } from './datasource.input.js';
import { parseJdbcUrl } from './jdbc-url.js';

const required = {
  instance_id: 'orders-db',
  account_provider_id: 1,
  account_id: '123456789012',
  region: 'eu-west-1',
  jdbc_connection_url: 'jdbc:postgresql://db.example.com:5432/orders',
  jdbc_connection_schema: 'public',
  network_availability_zone: 'eu-west-1a',
  network_subnet_id: 'subnet-0123456789abcdef0',
  network_sg_id: 'sg-0123456789abcdef0',
  create_type: 1,
} as const;

/** The datasource that the examples are about. */
const exampleDatasource = { ...required, secret: 'orders/reader' } as const;

const asLegacyClientsSend = {
  ...required,
  account_provider_id: '1',
  account_id: 123456789012,
  description: 'Orders, primary',
  jdbc_enforce_ssl: 'True',
  kafka_ssl_enabled: '',
  master_username: 'orders_reader',
  password: 'example-password',
  secret: null,
  glue_crawler_last_updated: '2026-02-28 13:05:00',
  create_type: '1',
} as const;

const withoutCredential = { ...required, master_username: 'orders_reader', secret: '' } as const;
const credentialIsMissing = new DomainError(
  'CREDENTIAL_REQUIRED',
  'A credential is required: a secret, or both a master username and a password.',
);
const urls = {
  ofNoDriver: 'postgresql://db.example.com:5432/orders',
  withPassword: 'jdbc:postgresql://db.example.com:5432/orders?user=reader&password=example-password',
} as const;
const datasourceIsMissing = new DomainError(
  'DATASOURCE_NOT_FOUND',
  'The account has no datasource with this instance id.',
);

/** Add Datasource. */
export const addDatasourceDocumentation: LegacyDocumentation = {
  name: 'addDatasource',
  title: 'Add Datasource',
  description: 'Registers a datasource in an account.',
  input: AddDatasourceInput,
  examples: {
    datasourceAdded: { summary: 'A datasource is added', body: { ...exampleDatasource, instance_id: 'sales-db' } },
    datasourceAddedAsLegacyClientsSend: {
      summary: 'Numbers, flags and dates in the ways in which legacy clients write them',
      body: { ...asLegacyClientsSend, instance_id: 'sales-db' },
    },
    datasourceAlreadyExists: {
      summary: 'The account has a datasource with this instance id',
      body: exampleDatasource,
      failure: new DomainError(
        'DATASOURCE_ALREADY_EXISTS',
        'The account already has a datasource with this instance id.',
      ),
    },
    datasourceInNoAccount: {
      summary: 'The account is not there',
      body: { ...exampleDatasource, region: 'us-east-1' },
      failure: accountIsMissing,
    },
    datasourceWithoutCredential: {
      summary: 'There is neither a secret nor a user name with a password',
      body: { ...withoutCredential, instance_id: 'sales-db' },
      failure: credentialIsMissing,
    },
    datasourceWithoutUrl: {
      summary: 'The URL is not a JDBC URL',
      body: { ...exampleDatasource, instance_id: 'sales-db', jdbc_connection_url: urls.ofNoDriver },
      failure: refusalOf(urls.ofNoDriver),
    },
    datasourceWithPasswordInUrl: {
      summary: 'The URL carries a password',
      body: { ...exampleDatasource, instance_id: 'sales-db', jdbc_connection_url: urls.withPassword },
      failure: refusalOf(urls.withPassword),
    },
    datasourceInvalid: {
      summary: 'Parameters are missing or wrong',
      body: { ...exampleDatasource, region: '', jdbc_enforce_ssl: 'yes', create_type: 2 },
    },
  },
};

/** Edit Datasource. */
export const editDatasourceDocumentation: LegacyDocumentation = {
  name: 'editDatasource',
  title: 'Edit Datasource',
  description:
    'Replaces a datasource: an optional parameter that is left out is cleared. `instance_id`, `account_provider_id`, `account_id` and `region` say which one.',
  input: EditDatasourceInput,
  examples: {
    datasourceEdited: {
      summary: 'Edit Datasource: a datasource is replaced',
      body: { ...exampleDatasource, description: 'Orders, replica', expected_version: 1 },
    },
    datasourceChangedMeanwhile: {
      summary: 'Edit Datasource: it is at another version than was expected',
      body: { ...exampleDatasource, expected_version: 2 },
      failure: new VersionConflictError(1),
    },
    datasourceNotFound: {
      summary: 'Edit Datasource: the account has no such datasource',
      body: { ...exampleDatasource, instance_id: 'sales-db' },
      failure: datasourceIsMissing,
    },
    editWithoutCredential: {
      summary: 'Edit Datasource: there is neither a secret nor a user name with a password',
      body: withoutCredential,
      failure: credentialIsMissing,
    },
    editWithoutUrl: {
      summary: 'Edit Datasource: the URL is not a JDBC URL',
      body: { ...exampleDatasource, jdbc_connection_url: urls.ofNoDriver },
      failure: refusalOf(urls.ofNoDriver),
    },
    editInvalid: {
      summary: 'Edit Datasource: parameters are missing or wrong',
      body: { ...exampleDatasource, account_provider_id: 'one', network_sg_id: null },
    },
  },
};

/** Edit Datasource on the path that it shares with Delete Account, with what only a shared path refuses. */
export const editDatasourceOnSharedPathDocumentation: LegacyDocumentation = {
  ...editDatasourceDocumentation,
  description: `${editDatasourceDocumentation.description} The body has other names than those of a deletion, and \`account_provider\` is not among them.`,
  examples: {
    ...editDatasourceDocumentation.examples,
    editWithUnknown: {
      summary: 'Edit Datasource: a parameter is not known',
      body: { ...exampleDatasource, comment: 'Orders' },
    },
    neitherDeletionNorEdit: {
      summary: 'Neither: it names an account to delete, and has parameters of an edit',
      body: { ...exampleAccount, instance_id: 'orders-db' },
      failure: new DomainError(
        'BAD_USER_INPUT',
        'The body is neither a deletion of an account nor an edit of a datasource. A deletion has only the parameters account_provider, account_id and region. An edit has account_provider_id and not account_provider. Nothing was changed.',
      ),
    },
  },
};

/** Delete Datasource. */
export const deleteDatasourcesDocumentation: LegacyDocumentation = {
  name: 'deleteDatasources',
  title: 'Delete Datasource',
  description: "Deletes some of an account's datasources: all that are listed or, where one is not there, none.",
  input: DeleteDatasourcesInput,
  examples: {
    datasourcesDeleted: { summary: 'Datasources are deleted', body: { ...exampleAccount, instances: ['orders-db'] } },
    datasourcesNotFound: {
      summary: 'One of them is not there, so none is deleted',
      body: { ...exampleAccount, instances: ['orders-db', 'sales-db'] },
      failure: new DomainError(
        'DATASOURCE_NOT_FOUND',
        'Nothing was deleted, because the account has no datasource with these instance ids: sales-db.',
      ),
    },
    datasourcesInNoAccount: {
      summary: 'The account is not there',
      body: { ...exampleAccount, region: 'us-east-1', instances: ['orders-db'] },
      failure: accountIsMissing,
    },
    datasourcesInvalid: { summary: 'Parameters are missing or wrong', body: { ...exampleAccount, instances: [] } },
  },
};

function refusalOf(url: string): DomainError {
  const parsed = parseJdbcUrl(url);
  return new DomainError('INVALID_JDBC_URL', parsed.ok ? '' : parsed.problem);
}
