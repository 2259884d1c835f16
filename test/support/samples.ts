import type { TestGateway } from './gateway.js';

/** The key of an account. */
export interface AccountKey {
  readonly accountProvider: number;
  readonly accountId: string;
  readonly region: string;
}

/** A credential that must not be seen anywhere. */
export const samplePassword = 'pw-5ecret-pw';

/** Another one. */
export const sampleSecret = 'name-5ecret-name';

/** An account's key. */
export function accountKey(changes: Partial<AccountKey> = {}): AccountKey {
  return { accountProvider: 1, accountId: '123456789012', region: 'eu-west-1', ...changes };
}

/** The required parameters of a datasource in that account, by their GraphQL names, with a secret. */
export function datasourceInput(instanceId: string, changes: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    instanceId,
    accountProviderId: 1,
    accountId: '123456789012',
    region: 'eu-west-1',
    jdbcConnectionUrl: 'jdbc:mysql://db.example.com:3306/orders',
    jdbcConnectionSchema: 'orders',
    secret: sampleSecret,
    networkAvailabilityZone: 'eu-west-1a',
    networkSubnetId: 'subnet-1',
    networkSgId: 'sg-1',
    createType: 1,
    ...changes,
  };
}

/** Parameters by their REST names; those that are undefined are left out. */
export function legacyBody(input: object): Record<string, unknown> {
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [
      name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`),
      value,
    ]),
  );
}

/** Every field of a datasource. */
export const datasourceFields =
  'id account { id accountProvider accountId region } instanceId description jdbcConnectionUrl jdbcConnectionSchema jdbcEnforceSsl kafkaSslEnabled masterUsername hasPassword hasSecret skipCustomJdbcCertValidation customJdbcCert customJdbcCertString networkAvailabilityZone networkSubnetId networkSgId glueCrawlerLastUpdated creationTime lastUpdatedTime jdbcDriverClassName jdbcDriverJarUri createType version createdAt updatedAt';

/** Adds an account and returns its id. */
export async function addAccount(gateway: TestGateway, key: AccountKey = accountKey()): Promise<string> {
  const { data, errors } = await gateway.graphql(
    'mutation ($input: AddAccountInput!) { addAccount(input: $input) { account { id } } }',
    { input: key },
  );
  if (errors !== undefined) throw new Error(`the account was not added: ${JSON.stringify(errors)}`);
  return data.addAccount.account.id;
}

/** Adds a datasource and returns all of its fields. */
export async function addDatasource(gateway: TestGateway, input: Record<string, unknown>) {
  const { data, errors } = await gateway.graphql(
    `mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { datasource { ${datasourceFields} } } }`,
    { input },
  );
  if (errors !== undefined) throw new Error(`the datasource was not added: ${JSON.stringify(errors)}`);
  return data.addDatasource.datasource;
}

/** Finds an account by its key; null where there is none. */
export async function findAccount(gateway: TestGateway, key: AccountKey = accountKey()) {
  const { data, errors } = await gateway.graphql(
    'query ($key: AccountKey!) { account(key: $key) { id accountProvider accountId region createdAt updatedAt } }',
    { key },
  );
  if (errors !== undefined) throw new Error(`the account was not looked for: ${JSON.stringify(errors)}`);
  return data.account;
}

/** Finds a datasource with all of its fields by the key within its input; null where there is none. */
export async function findDatasource(gateway: TestGateway, input: Record<string, unknown>) {
  const { instanceId, accountProviderId, accountId, region } = input;
  const { data, errors } = await gateway.graphql(
    `query ($key: DatasourceKey!) { datasource(key: $key) { ${datasourceFields} } }`,
    { key: { instanceId, accountProviderId, accountId, region } },
  );
  if (errors !== undefined) throw new Error(`the datasource was not looked for: ${JSON.stringify(errors)}`);
  return data.datasource;
}

/** Everything that is stored, as far as GraphQL shows it: to see that nothing was changed. Up to 100 of each. */
export async function snapshot(gateway: TestGateway) {
  const { data, errors } = await gateway.graphql(
    `{ accounts(first: 100) { totalCount edges { node { id accountProvider accountId region updatedAt } } }
       datasources(first: 100) { totalCount edges { node { ${datasourceFields} } } } }`,
  );
  if (errors !== undefined) throw new Error(`the register was not read: ${JSON.stringify(errors)}`);
  return data;
}
