import { beforeEach, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { databaseKinds } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import { accountKey, addAccount, addDatasource, datasourceInput, legacyBody, snapshot } from '../support/samples.js';

const success = { status: 'success', code: 1001, message: 'Operation succeeded' };
const deletion = legacyBody(accountKey());
const edit = legacyBody(datasourceInput('orders', { description: 'edited' }));

describe.each(databaseKinds)('the path of Delete Account and Edit Datasource, on $name', (kind) => {
  const { gateway } = useGateway(kind);
  beforeEach(async () => {
    await gateway.legacy('delete_account', deletion);
    await addAccount(gateway);
    await addDatasource(gateway, datasourceInput('orders', { description: 'as added' }));
    await addDatasource(gateway, datasourceInput('invoices'));
  });

  test.each([
    ['a deletion with one name of an edit', { ...deletion, instance_id: 'orders' }],
    ['a deletion with a name of an edit that is null', { ...deletion, instance_id: null }],
    ['a deletion with a name of an edit that is empty', { ...deletion, description: '' }],
    ['a deletion with a list of datasources', { ...deletion, instances: ['orders'] }],
    ['a deletion with a name that nothing has', { ...deletion, comment: 'please' }],
    ['a deletion with an empty name', { ...deletion, '': null }],
    ['a deletion with a name in another case', { ...deletion, Region: 'eu-west-1' }],
    ['a whole edit with account_provider', { ...edit, account_provider: 1 }],
    ['a whole edit with account_provider null', { ...edit, account_provider: null }],
    ['a whole edit with account_provider empty', { ...edit, account_provider: '' }],
    ['a deletion with __proto__', `{"__proto__": null, ${JSON.stringify(deletion).slice(1)}`],
    ['a deletion with constructor', `{"constructor": {}, ${JSON.stringify(deletion).slice(1)}`],
  ])('%s is neither an edit nor a deletion: 400, nothing changed', async (_, body) => {
    const before = await snapshot(gateway);
    const answer = await gateway.legacy('delete_account', body);
    expect(answer.httpStatus).toBe(200);
    expect(answer.body).toEqual({ status: 'fail', code: 400, message: expect.any(String), ref: null });
    expect(await snapshot(gateway)).toEqual(before);
  });

  test.each([
    ['nothing at all', {}, ['account_provider', 'account_id', 'region']],
    ['no provider', { account_id: '123456789012', region: 'eu-west-1' }, ['account_provider']],
    ['no region', { account_provider: 1, account_id: '123456789012' }, ['region']],
    ['a null id', { ...deletion, account_id: null }, ['account_id']],
    ['an empty region', { ...deletion, region: '' }, ['region']],
  ])('a deletion with %s is refused and names what is missing', async (_, body, names) => {
    const before = await snapshot(gateway);
    const { body: envelope } = await gateway.legacy('delete_account', body);
    expect(envelope).toMatchObject({ status: 'fail', code: 400 });
    expect(envelope.ref.map(({ name }: { name: string }) => name)).toEqual(names);
    expect(await snapshot(gateway)).toEqual(before);
  });

  test.each([
    ['a name that nothing has', { ...edit, comment: 'x' }, 'comment'],
    ['a name that nothing has, null', { ...edit, comment: null }, 'comment'],
    ['the name of a list of datasources', { ...edit, instances: ['orders'] }, 'instances'],
    ['a name in GraphQL style', { ...edit, expectedVersion: 1 }, 'expectedVersion'],
    ['__proto__', `{"__proto__": {"account_provider": 1}, ${JSON.stringify(edit).slice(1)}`, '__proto__'],
    ['constructor', { ...edit, constructor: 'x' }, 'constructor'],
  ])('an edit with %s is refused and names it, although it is ignored on the other path', async (_, body, name) => {
    const before = await snapshot(gateway);
    const { body: envelope } = await gateway.legacy('delete_account', body);
    expect(envelope).toMatchObject({ code: 400, message: expect.stringContaining(name) });
    expect(envelope.ref).toEqual([{ name, message: expect.any(String) }]);
    expect(await snapshot(gateway)).toEqual(before);
    expect((await gateway.legacy('update-jdbc-conn', body)).body).toEqual(success);
  });

  test('an edit names unknown parameters and wrong ones at once', async () => {
    const { body } = await gateway.legacy('delete_account', {
      ...edit,
      comment: 'x',
      create_type: 2,
      region: undefined,
    });
    expect(body.ref.map(({ name }: { name: string }) => name).sort()).toEqual(['comment', 'create_type', 'region']);
  });

  test('a deletion without account_provider that has one name more is an edit that lacks its parameters', async () => {
    const before = await snapshot(gateway);
    const { body } = await gateway.legacy('delete_account', { account_id: '123456789012', region: 'eu-west-1', x: 1 });
    expect(body.code).toBe(400);
    expect(body.ref.map(({ name }: { name: string }) => name)).toEqual(
      expect.arrayContaining(['x', 'instance_id', 'account_provider_id', 'jdbc_connection_url', 'create_type']),
    );
    expect(await snapshot(gateway)).toEqual(before);
  });

  test('an edit edits and deletes nothing', async () => {
    expect((await gateway.legacy('delete_account', edit)).body).toEqual(success);
    const { accounts, datasources } = await snapshot(gateway);
    expect(accounts.totalCount).toBe(1);
    expect(
      datasources.edges.map(({ node }: { node: Record<string, unknown> }) => [
        node.instanceId,
        node.description,
        node.version,
      ]),
    ).toEqual([
      ['orders', 'edited', 2],
      ['invoices', null, 1],
    ]);
  });

  test('an edit here takes expected_version, and of another version changes nothing', async () => {
    expect((await gateway.legacy('delete_account', { ...edit, expected_version: '1' })).body).toEqual(success);
    const before = await snapshot(gateway);
    const { httpStatus, body } = await gateway.legacy('delete_account', { ...edit, expected_version: 1 });
    expect(httpStatus).toBe(200);
    expect(body).toEqual({ status: 'fail', code: 1901, message: expect.stringContaining('version 2'), ref: null });
    expect(await snapshot(gateway)).toEqual(before);
    expect((await gateway.legacy('delete_account', { ...edit, expected_version: 2 })).body).toEqual(success);
  });

  test('an edit of a datasource that does not exist says so and leaves the account', async () => {
    const before = await snapshot(gateway);
    const { body } = await gateway.legacy('delete_account', { ...edit, instance_id: 'nowhere' });
    expect(body).toMatchObject({ code: 1249, ref: null });
    expect(await snapshot(gateway)).toEqual(before);
  });

  test('a deletion deletes the account and its datasources', async () => {
    expect((await gateway.legacy('delete_account', deletion)).body).toEqual(success);
    expect(await snapshot(gateway)).toMatchObject({ accounts: { totalCount: 0 }, datasources: { totalCount: 0 } });
  });

  test('whatever body has a name beyond the three, the account and its datasources are still there', async () => {
    const names = Object.keys({ ...edit, ...deletion });
    const name = fc.oneof(fc.constantFrom(...names, '__proto__', 'constructor', 'Region', ''), fc.string());
    const likely = (key: string) =>
      fc.constantFrom(new Map(Object.entries({ ...edit, ...deletion })).get(key) ?? null, null, '', 1);
    const body = fc
      .tuple(fc.subarray(Object.keys(deletion)), fc.uniqueArray(name, { minLength: 1, maxLength: 12 }))
      .map(([some, more]) => [...new Set([...some, ...more])])
      .filter((given) => given.some((one) => !Object.hasOwn(deletion, one)))
      .chain((given) =>
        fc.tuple(...given.map((one) => likely(one).map((value) => `${JSON.stringify(one)}:${JSON.stringify(value)}`))),
      )
      .map((members) => `{${members.join(',')}}`);
    const before = await snapshot(gateway);
    await fc.assert(
      fc.asyncProperty(body, async (text) => {
        const answer = await gateway.legacy('delete_account', text);
        expect(answer.body).toMatchObject({ status: 'fail', code: 400 });
      }),
      { numRuns: 300 },
    );
    expect(await snapshot(gateway)).toEqual(before);
  });
});
