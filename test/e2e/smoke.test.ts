import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';

describe.each(databaseKinds)('on $name', (kind) => {
  let database: TestDatabase;
  let gateway: TestGateway;

  beforeAll(async () => {
    database = await kind.create();
    gateway = await startGateway(database.env);
  });
  afterAll(async () => {
    await gateway?.close();
    await database?.drop();
  });

  test('an account that was added by GraphQL is deleted by the legacy route', async () => {
    const key = { accountProvider: 1, accountId: '123456789012', region: 'eu-west-1' };
    const added = await gateway.graphql('mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }', {
      input: key,
    });
    expect(added.data).toEqual({ addAccount: { code: 1001 } });
    const deleted = await gateway.legacy('delete_account', {
      account_provider: 1,
      account_id: '123456789012',
      region: 'eu-west-1',
    });
    expect(deleted.body).toEqual({ status: 'success', code: 1001, message: 'Operation succeeded' });
  });
});
