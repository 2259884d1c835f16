import type { Account } from '../../src/accounts/account.entity.js';
import { type AccountIdentity, insertAccounts } from '../../src/accounts/account.statements.js';
import type { Database } from '../../src/database/database.js';
import type { Datasource } from '../../src/datasources/datasource.entity.js';
import { insertDatasources } from '../../src/datasources/datasource.statements.js';
import { type ChangeableField, changeableFields } from '../../src/datasources/datasource-changes.js';
import { newId } from '../../src/global-id.js';

const rowsAtOnce = 500;
const noValues = Object.fromEntries(changeableFields.map((field) => [field, null])) as unknown as Pick<
  Datasource,
  ChangeableField
>;

/** An account as it is stored. */
export function storedAccount(key: AccountIdentity, createdAt: number, updatedAt = createdAt): Account {
  return { id: newId('A'), ...key, createdAt: new Date(createdAt), updatedAt: new Date(updatedAt) };
}

/** A datasource of an account as it is stored, with its required values and no credential. */
export function storedDatasource(
  { accountProvider, accountId, region }: AccountIdentity,
  instanceId: string,
  createdAt: number,
  updatedAt = createdAt,
): Datasource {
  return {
    ...noValues,
    id: newId('D'),
    accountProviderId: accountProvider,
    accountId,
    region,
    instanceId,
    jdbcConnectionUrl: 'jdbc:postgresql://db.example.com:5432/orders',
    jdbcConnectionSchema: 'public',
    passwordSealed: null,
    secretSealed: null,
    networkAvailabilityZone: 'eu-west-1a',
    networkSubnetId: 'subnet-1',
    networkSgId: 'sg-1',
    createType: 1,
    version: 1,
    createdAt: new Date(createdAt),
    updatedAt: new Date(updatedAt),
  };
}

/** Puts accounts and datasources into a database, past the services. */
export function store(
  database: Database,
  accounts: readonly Account[],
  datasources: readonly Datasource[],
): Promise<void> {
  return database.change(async (session) => {
    for (let from = 0; from < accounts.length; from += rowsAtOnce) {
      await insertAccounts(session, accounts.slice(from, from + rowsAtOnce));
    }
    for (let from = 0; from < datasources.length; from += rowsAtOnce) {
      await insertDatasources(session, datasources.slice(from, from + rowsAtOnce));
    }
  });
}
