import { randomUUID } from 'node:crypto';
import type { AddDatasourceInput } from '../../src/datasources/datasource.input.js';
import type { AccountKey } from './samples.js';

/** The key of an account that no other test has. */
export function newAccountKey(): AccountKey {
  return { accountProvider: 1, accountId: randomUUID(), region: 'eu-west-1' };
}

/** An account's key in the names of the legacy API. */
export function legacyAccount({ accountProvider, accountId, region }: AccountKey) {
  return { account_provider: accountProvider, account_id: accountId, region };
}

/** A datasource in that account with its required parameters and a secret. */
export function newDatasource(
  { accountProvider, accountId, region }: AccountKey,
  instanceId: string,
  others: Partial<AddDatasourceInput> = {},
): AddDatasourceInput {
  return {
    instanceId,
    accountProviderId: accountProvider,
    accountId,
    region,
    jdbcConnectionUrl: 'jdbc:postgresql://db.example.com:5432/orders',
    jdbcConnectionSchema: 'public',
    secret: 'arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders',
    networkAvailabilityZone: 'eu-west-1a',
    networkSubnetId: 'subnet-1',
    networkSgId: 'sg-1',
    createType: 1,
    ...others,
  };
}

/** The same in the names of the legacy API. */
export function legacyDatasource(datasource: AddDatasourceInput): Record<string, unknown> {
  const snakeCase = (name: string) => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return Object.fromEntries(Object.entries(datasource).map(([name, value]) => [snakeCase(name), value]));
}

export const addAccount = 'mutation ($input: AddAccountInput!) { addAccount(input: $input) { code account { id } } }';
export const deleteAccount =
  'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { code deletedDatasourceCount } }';
export const addDatasource =
  'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { code datasource { id version } } }';
export const editDatasource =
  'mutation ($input: EditDatasourceInput!) { editDatasource(input: $input) { code datasource { id version } } }';
