import { beforeAll, describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { useKeyedGateway } from '../support/fixture.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { as, keyOf, makeKey } from '../support/keyed-gateway.js';
import { onDatabase } from '../support/raw-database.js';
import { addAccount, addDatasource, datasourceInput, findDatasource, samplePassword } from '../support/samples.js';

type Input = Record<string, unknown>;

const page =
  'datasourceId firstVersion pageInfo { hasNextPage endCursor } edges { cursor node { version createdAt operation changes { field from to } } }';
const historyQuery = `query ($key: DatasourceKey!, $id: ID, $first: Int, $after: String) { datasourceHistory(key: $key, id: $id, first: $first, after: $after) { ${page} } }`;
const revert =
  'mutation ($input: RevertDatasourceInput!) { revertDatasource(input: $input) { status datasource { version description jdbcConnectionUrl createType } } }';

describe.each(databaseKinds)('the history of a datasource on $name', (kind) => {
  const keyed = useKeyedGateway(kind);
  let all: TestGateway;
  let count = 0;

  beforeAll(async () => {
    all = keyed.all;
    await addAccount(all);
  });

  async function added(changes: Input = {}): Promise<Input> {
    count += 1;
    const input = datasourceInput(`ds-${count}`, changes);
    return { ...input, id: (await addDatasource(all, input)).id };
  }

  async function mutate(name: string, input: Input) {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
    const { data, errors } = await all.graphql(`mutation ($input: ${type}!) { ${name}(input: $input) { code } }`, {
      input,
    });
    expect(errors).toBeUndefined();
    return data;
  }

  const update = (input: Input, changes: Input) => mutate('updateDatasource', { ...keyOf(input), ...changes });
  const remove = (...inputs: Input[]) => {
    const [{ accountProviderId, accountId, region }] = inputs as [Input];
    const instances = inputs.map(({ instanceId }) => instanceId);
    return mutate('deleteDatasources', { accountProvider: accountProviderId, accountId, region, instances });
  };

  async function historyOf(input: Input, variables: Input = {}) {
    const { data, errors } = await all.graphql(historyQuery, { key: keyOf(input), ...variables });
    expect(errors).toBeUndefined();
    return data.datasourceHistory;
  }

  // biome-ignore lint/suspicious/noExplicitAny: as a client sees it
  const versionsOf = (history: any): any[] => history.edges.map(({ node }: { node: unknown }) => node);

  test('has each version with what changed, the newest first, and of a credential only that it changed', async () => {
    const input = await added({ description: 'one', masterUsername: 'admin', password: samplePassword });
    await update(input, { description: 'two', password: 'another' });
    await mutate('editDatasource', { ...datasourceInput(input.instanceId as string), createType: 0 });
    const history = await historyOf(input);
    expect(history).toMatchObject({ datasourceId: input.id, firstVersion: 1 });
    const [third, second, first, ...others] = versionsOf(history);
    expect(others).toEqual([]);
    expect(second).toMatchObject({
      version: 2,
      operation: 'updateDatasource',
      changes: [
        { field: 'description', from: '"one"', to: '"two"' },
        { field: 'password', from: null, to: null },
      ],
    });
    expect(first).toMatchObject({ version: 1, operation: 'addDatasource' });
    expect(first.changes).toContainEqual({ field: 'description', from: null, to: '"one"' });
    expect(third).toMatchObject({ version: 3, operation: 'editDatasource' });
    expect(third.changes).toContainEqual({ field: 'description', from: '"two"', to: null });
    const times = [first, second, third].map(({ createdAt }) => createdAt);
    expect([...times].sort()).toEqual(times);
    expect(JSON.stringify(history)).not.toContain(samplePassword);
    const { data } = await all.graphql(
      `query ($key: DatasourceKey!) { datasource(key: $key) { history { ${page} } } }`,
      { key: keyOf(input) },
    );
    expect(data.datasource.history).toEqual(history);
  });

  test('is read in pages, and of each datasource of a list', async () => {
    const input = await added();
    for (let version = 2; version <= 7; version += 1) await update(input, { description: `version ${version}` });
    const seen: number[] = [];
    for (let after: unknown; ; ) {
      const { pageInfo, ...history } = await historyOf(input, { first: 3, after });
      seen.push(...versionsOf(history).map(({ version }) => version));
      if (!pageInfo.hasNextPage) break;
      after = pageInfo.endCursor;
    }
    expect(seen).toEqual([7, 6, 5, 4, 3, 2, 1]);
    const { data } = await all.graphql(
      '{ datasources(first: 100) { edges { node { version history(first: 2) { firstVersion edges { node { version } } } } } } }',
    );
    for (const { node } of data.datasources.edges) {
      const expected = [node.version, node.version - 1].filter((version) => version > 0);
      expect(versionsOf(node.history).map(({ version }) => version)).toEqual(expected);
      expect(node.history.firstVersion).toBe(1);
    }
    const { errors } = await all.graphql(historyQuery, { key: keyOf(input), first: 101 });
    expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
  });

  test('tells of a datasource that is deleted, by its key, and by its id where another has the key now', async () => {
    const input = await added();
    await update(input, { description: 'two' });
    await remove(input);
    const ended = await historyOf(input);
    expect(versionsOf(ended)).toMatchObject([
      { version: 3, operation: 'deleteDatasources', changes: [] },
      { version: 2 },
      { version: 1 },
    ]);
    const again = await addDatasource(all, datasourceInput(input.instanceId as string));
    expect(await historyOf(input)).toMatchObject({ datasourceId: again.id, edges: [{ node: { version: 1 } }] });
    expect(await historyOf(input, { id: input.id })).toEqual(ended);
    expect(await historyOf(input, { id: 'D0' })).toBeNull();
    expect(await historyOf({ ...input, instanceId: 'never' })).toBeNull();
  });

  test('tells of each datasource that is deleted with its account', async () => {
    const account = { accountProvider: 2, accountId: 'gone', region: 'north' };
    await addAccount(all, account);
    const place = { accountProviderId: 2, accountId: 'gone', region: 'north' };
    const names = Array.from({ length: 30 }, (_, number) => `with-${number}`);
    for (const name of names) await addDatasource(all, datasourceInput(name, place));
    await update(datasourceInput('with-0', place), { description: 'changed' });
    const { data } = await all.graphql(
      'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { deletedDatasourceCount } }',
      { input: account },
    );
    expect(data.deleteAccount.deletedDatasourceCount).toBe(30);
    for (const name of names) {
      const [last] = versionsOf(await historyOf(datasourceInput(name, place)));
      expect(last).toMatchObject({ operation: 'deleteAccount', version: name === 'with-0' ? 3 : 2, changes: [] });
    }
    const events = await onDatabase(
      keyed.database,
      "SELECT DISTINCT id FROM audit_events WHERE operation = 'deleteAccount'",
    );
    expect(events).toHaveLength(31);
  });

  test('says from which version it knows where the audit does not go back to the first', async () => {
    const input = await added();
    for (const description of ['two', 'three', 'four']) await update(input, { description });
    await onDatabase(keyed.database, 'DELETE FROM audit_events WHERE target_id = ? AND version < 3', [
      input.id as string,
    ]);
    const history = await historyOf(input);
    expect(history.firstVersion).toBe(3);
    expect(versionsOf(history).map(({ version }) => version)).toEqual([4, 3]);
    await onDatabase(keyed.database, 'DELETE FROM audit_events WHERE target_id = ?', [input.id as string]);
    expect(await historyOf(input)).toMatchObject({ firstVersion: null, edges: [] });
  });

  test('names the actor to callers with `admin` only', async () => {
    const input = await added();
    const query = 'query ($key: DatasourceKey!) { datasourceHistory(key: $key) { edges { node { version actor } } } }';
    const { data } = await all.graphql(query, { key: keyOf(input) });
    expect(data.datasourceHistory.edges[0].node.actor).toMatch(/^read and write .*\(dgk_/);
    const reader = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['read']) });
    const refused = await reader.graphql(query, { key: keyOf(input) });
    expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    const shown = await reader.graphql(historyQuery, { key: keyOf(input) });
    expect(shown.data.datasourceHistory.edges[0].node.changes.length).toBeGreaterThan(5);
  });

  describe('leads back', () => {
    async function reverted(input: Input, changes: Input) {
      const { data, errors } = await all.graphql(revert, { input: { ...keyOf(input), ...changes } });
      return errors?.[0].extensions.code ?? data.revertDatasource.datasource;
    }

    test('to the values of each version, as a new one', async () => {
      const states = [
        { description: 'one', createType: 1, jdbcEnforceSsl: null, glueCrawlerLastUpdated: '2024-02-29T13:05:00.000Z' },
        { description: null, createType: 0, jdbcEnforceSsl: true, glueCrawlerLastUpdated: null },
        {
          description: 'three',
          createType: 0,
          jdbcEnforceSsl: false,
          glueCrawlerLastUpdated: '1999-01-01T00:00:00.000Z',
        },
        { description: 'three', createType: 1, jdbcEnforceSsl: null, glueCrawlerLastUpdated: null },
      ];
      const secret = { secret: 'again' };
      const input = await added(states[0]);
      for (const state of states.slice(1)) await update(input, { ...state, ...secret });
      for (const version of [1, 3, 2, 4, 5]) {
        const before = await findDatasource(all, input);
        await reverted(input, { toVersion: version, ...secret });
        const after = await findDatasource(all, input);
        const expected = version === 5 ? states[0] : states[version - 1];
        expect(after).toMatchObject({ ...expected, version: before.version + 1, hasSecret: true, id: input.id });
      }
      const [last] = versionsOf(await historyOf(input));
      expect(last).toMatchObject({ version: 9, operation: 'revertDatasource' });
    });

    test('by the rules of an update', async () => {
      const moved = 'jdbc:mysql://elsewhere.example.com:3306/orders';
      const input = await added();
      await update(input, { jdbcConnectionUrl: moved, secret: 'for elsewhere' });
      expect(await reverted(input, { toVersion: 1 })).toBe('CREDENTIAL_REQUIRED');
      expect(await reverted(input, { toVersion: 1, expectedVersion: 1 })).toBe('VERSION_CONFLICT');
      expect(await reverted(input, { toVersion: 3 })).toBe('VERSION_NOT_KNOWN');
      expect(await reverted(input, { toVersion: 0 })).toBe('BAD_USER_INPUT');
      expect(await reverted({ ...input, instanceId: 'never' }, { toVersion: 1 })).toBe('DATASOURCE_NOT_FOUND');
      expect(await reverted(input, { toVersion: 2 })).toMatchObject({ version: 2, jdbcConnectionUrl: moved });
      expect(await reverted(input, { toVersion: 1, secret: 'again', expectedVersion: 2 })).toMatchObject({
        version: 3,
        jdbcConnectionUrl: input.jdbcConnectionUrl,
      });
    });

    test('to no version that is not known whole', async () => {
      const input = await added();
      for (const description of ['two', 'three', 'four']) await update(input, { description });
      await onDatabase(keyed.database, 'DELETE FROM audit_events WHERE target_id = ? AND version = 3', [
        input.id as string,
      ]);
      expect(await reverted(input, { toVersion: 2 })).toBe('VERSION_NOT_KNOWN');
      expect(await reverted(input, { toVersion: 1 })).toBe('VERSION_NOT_KNOWN');
      expect(await reverted(input, { toVersion: 3 })).toMatchObject({ version: 5, description: 'three' });
    });

    test('further than a page of versions, and while others change it', async () => {
      const input = await added({ description: 'first' });
      for (let version = 2; version <= 230; version += 1) await update(input, { description: `version ${version}` });
      const answers = await Promise.all(
        Array.from({ length: 6 }, async (_, turn) =>
          turn % 2 === 0 ? reverted(input, { toVersion: 1 }) : update(input, { networkSgId: `sg-${turn + 10}` }),
        ),
      );
      expect(answers.filter((answer) => typeof answer === 'string')).toEqual([]);
      expect((await findDatasource(all, input)).description).toBe('first');
    });
  });
});

test('a gateway where everyone is let in tells history too', async () => {
  const gateway = await startGateway();
  await addAccount(gateway);
  await addDatasource(gateway, datasourceInput('one'));
  const { data } = await gateway.graphql(historyQuery, { key: keyOf(datasourceInput('one')) });
  await gateway.close();
  expect(data.datasourceHistory.firstVersion).toBe(1);
});
