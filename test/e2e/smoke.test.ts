import { describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import { startGatewayProcess } from '../support/process.js';
import { legacyAccount, newAccountKey, newDatasource } from '../support/register-samples.js';

describe.each(databaseKinds)('on $name', (kind) => {
  const { gateway } = useGateway(kind);

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

  test('a gateway built as it is installed keeps what it is given over its own end', async () => {
    const own = await kind.create();
    const key = newAccountKey();
    try {
      const first = await startGatewayProcess(own.env);
      expect((await first.legacy('add_account', legacyAccount(key))).body.code).toBe(1001);
      const query =
        'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { datasource { hasSecret } } }';
      const added = await post(`${first.url}/graphql`, {
        query,
        variables: { input: newDatasource(key, 'orders-db') },
      });
      expect(added).toEqual({ data: { addDatasource: { datasource: { hasSecret: true } } } });
      expect(await first.kill('SIGTERM')).toEqual({ code: 0, signal: null });
      const second = await startGatewayProcess(own.env);
      const found = await post(`${second.url}/graphql`, { query: '{ datasources { edges { node { instanceId } } } }' });
      expect(found).toEqual({ data: { datasources: { edges: [{ node: { instanceId: 'orders-db' } }] } } });
      expect(await second.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    } finally {
      await own.drop();
    }
  });
});

async function post(url: string, body: object): Promise<unknown> {
  const headers = { 'content-type': 'application/json' };
  return (await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) })).json();
}
