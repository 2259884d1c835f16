import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { as, type KeyedGateway, keyOf, makeKey, startKeyedGateway } from '../support/keyed-gateway.js';
import { onDatabase } from '../support/raw-database.js';
import { accountKey, addAccount, addDatasource, datasourceInput, samplePassword } from '../support/samples.js';

type Input = Record<string, unknown>;

const changesQuery = `query ($after: String, $first: Int) { changes(after: $after, first: $first) { cursor hasMore changes {
  cursor operation id accountProvider accountId region instanceId version time fields { field from to } } } }`;
// The longest that an entry may come late, with room for a busy machine.
const maxTime = 10_000;

// biome-ignore lint/suspicious/noExplicitAny: as a client sees it
type Change = any;

describe.each(databaseKinds)('the feed of changes on $name', (kind) => {
  let keyed: KeyedGateway;
  let all: TestGateway;
  let count = 0;

  beforeAll(async () => {
    keyed = await startKeyedGateway(kind);
    all = keyed.all;
  });
  afterAll(() => keyed?.close());

  async function read(variables: Input, gateway = all) {
    const { data, errors } = await gateway.graphql(changesQuery, variables);
    return errors === undefined ? data.changes : errors[0].extensions.code;
  }

  /** The cursor behind all that was done. */
  async function end(): Promise<string> {
    const waiting = 'SELECT id FROM audit_events WHERE position = 0';
    while ((await onDatabase(keyed.database, waiting)).length > 0) await sleep(20);
    const { data } = await all.graphql('{ snapshot { cursor } }');
    return data.snapshot.cursor;
  }

  /** Reads on until so many changes have come. */
  async function next(after: string | undefined, wanted: number, first = 100): Promise<Change[]> {
    const found: Change[] = [];
    for (let cursor = after, started = Date.now(); found.length < wanted; ) {
      const page = await read({ after: cursor, first });
      expect(page.changes.length).toBeLessThanOrEqual(first);
      found.push(...page.changes);
      cursor = page.cursor;
      if (Date.now() - started > maxTime) throw new Error(`only ${found.length} of ${wanted} changes came`);
      if (page.changes.length === 0) await sleep(20);
    }
    return found;
  }

  async function account(): Promise<{ accountProvider: number; accountId: string; region: string }> {
    count += 1;
    const key = accountKey({ region: `region-${count}` });
    await addAccount(all, key);
    return key;
  }

  const inAccount = ({ accountProvider, accountId, region }: ReturnType<typeof accountKey>) => {
    return { accountProviderId: accountProvider, accountId, region };
  };

  async function mutate(name: string, input: Input) {
    const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
    const query = `mutation ($input: ${type}!) { ${name}(input: $input) { code } }`;
    expect((await all.graphql(query, { input })).errors).toBeUndefined();
  }

  test('tells every change with the fields that changed, each datasource of a deleted account, and no credential', async () => {
    const after = await end();
    const key = await account();
    const input = datasourceInput('one', { ...inAccount(key), description: 'first', password: samplePassword });
    const { id } = await addDatasource(all, input);
    await addDatasource(all, { ...input, instanceId: 'two' });
    await addDatasource(all, { ...input, instanceId: 'three' });
    await mutate('editDatasource', { ...input, description: undefined, secret: 'another' });
    await mutate('updateDatasource', { ...keyOf(input), description: 'third' });
    await mutate('updateDatasource', { ...keyOf(input), description: 'third' });
    await mutate('revertDatasource', { ...keyOf(input), toVersion: 1 });
    await all.graphql('query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { password } }', {
      key: keyOf(input),
    });
    await mutate('deleteDatasources', { ...key, instances: ['two'] });
    await mutate('deleteAccount', key);
    const changes = await next(after, 11);
    expect(
      changes.map(({ operation, instanceId, version }) => `${operation} ${instanceId} ${version}`).slice(0, 8),
    ).toEqual([
      'addAccount null null',
      'addDatasource one 1',
      'addDatasource two 1',
      'addDatasource three 1',
      'editDatasource one 2',
      'updateDatasource one 3',
      'revertDatasource one 4',
      'deleteDatasources two 2',
    ]);
    expect(
      changes
        .slice(8)
        .map(({ operation, instanceId, version }) => `${operation} ${instanceId} ${version}`)
        .sort(),
    ).toEqual(['deleteAccount null null', 'deleteAccount one 5', 'deleteAccount three 2']);
    expect(changes[4]).toMatchObject({
      ...key,
      id,
      fields: [
        { field: 'description', from: '"first"', to: null },
        { field: 'secret', from: null, to: null },
      ],
    });
    expect(changes[1].fields).toContainEqual({ field: 'description', from: null, to: '"first"' });
    expect(JSON.stringify(changes)).not.toContain(samplePassword);
    expect(await read({ after: changes[10].cursor })).toEqual({
      changes: [],
      cursor: changes[10].cursor,
      hasMore: false,
    });
  });

  test('comes within a second where nothing is wrong', async () => {
    const input = datasourceInput('late', inAccount(await account()));
    await addDatasource(all, input);
    const late: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      const after = await end();
      await next(after, 0);
      await sleep(round * 37);
      const started = performance.now();
      await mutate('updateDatasource', { ...keyOf(input), description: `round ${round}` });
      await next(after, 1);
      late.push(performance.now() - started);
    }
    // The promise, with room for a machine that does other things.
    expect(Math.max(...late)).toBeLessThan(3000);
    expect(late.sort((a, b) => a - b)[5]).toBeLessThan(1000);
  });

  test('is the same for all readers, whatever the size of their pages', async () => {
    const after = await end();
    const input = datasourceInput('many', inAccount(await account()));
    await addDatasource(all, input);
    for (let version = 2; version <= 30; version += 1) {
      await mutate('updateDatasource', { ...keyOf(input), description: `version ${version}` });
    }
    const expected = await next(after, 31);
    expect(expected.slice(1).map(({ version }) => version)).toEqual(
      Array.from({ length: 30 }, (_, place) => place + 1),
    );
    for (const first of [1, 7, 31, 100]) expect(await next(after, 31, first)).toEqual(expected);
    const page = await read({ after, first: 30 });
    expect(page).toMatchObject({ hasMore: true, cursor: expected[29].cursor });
    const { changes } = await read({ first: 1 });
    expect(changes).toHaveLength(1);
    for (const variables of [{ first: 0 }, { first: 101 }, { after: 'nonsense' }, { after: 'WzFd' }]) {
      expect(await read(variables)).toBe('BAD_USER_INPUT');
    }
  });

  test('begins with a snapshot, from which on a reader has what there is', async () => {
    const key = await account();
    const names = Array.from({ length: 15 }, (_, number) => `in-${number}`);
    for (const name of names) await addDatasource(all, datasourceInput(name, inAccount(key)));
    const { data } = await all.graphql(
      '{ snapshot { cursor accounts(first: 100) { totalCount edges { node { id } } } datasources(first: 100) { edges { node { id instanceId version account { region } } } pageInfo { hasNextPage endCursor } } } }',
    );
    const copy = new Map<string, number>();
    for (const { node } of data.snapshot.datasources.edges) copy.set(node.id, node.version);
    expect(data.snapshot.accounts.totalCount).toBe(data.snapshot.accounts.edges.length);
    for (const name of names.slice(0, 5))
      await mutate('updateDatasource', { ...keyOf(datasourceInput(name, inAccount(key))), description: 'x' });
    await mutate('deleteDatasources', { ...key, instances: names.slice(5, 8) });
    // Some of what is in the lists may come once more.
    const isLast = ({ operation, instanceId }: Change) => operation === 'deleteDatasources' && instanceId === names[7];
    const changes: Change[] = [];
    for (let cursor = data.snapshot.cursor; !changes.some(isLast); ) {
      const page = await read({ after: cursor });
      changes.push(...page.changes);
      cursor = page.cursor;
      if (page.changes.length === 0) await sleep(20);
    }
    for (const { id, operation, instanceId, version } of changes) {
      if (instanceId === null) continue;
      if (/^delete/.test(operation)) copy.delete(id);
      else if (version > (copy.get(id) ?? 0)) copy.set(id, version);
    }
    const now = await all.graphql('{ datasources(first: 100) { edges { node { id version } } } }');
    const nodes = now.data.datasources.edges as { node: { id: string; version: number } }[];
    expect([...copy].sort()).toEqual(nodes.map(({ node }) => [node.id, node.version]).sort());
  });

  test('refuses a cursor behind which something is not kept any more, and no other', async () => {
    const before = await end();
    const input = datasourceInput('old', inAccount(await account()));
    await addDatasource(all, input);
    const changes = await next(before, 2);
    await mutate('updateDatasource', { ...keyOf(input), description: 'x' });
    const [last] = await next(changes[1].cursor, 1);
    await onDatabase(keyed.database, 'DELETE FROM audit_events WHERE target_id = ?', [changes[0].id]);
    expect(await read({ after: before })).toBe('CURSOR_TOO_OLD');
    expect(await read({ after: changes[0].cursor })).toMatchObject({ changes: [changes[1], last] });
    expect(await read({ after: changes[1].cursor })).toMatchObject({ changes: [last] });
    await onDatabase(keyed.database, 'DELETE FROM audit_events WHERE target_id = ?', [last.id]);
    expect(await read({ after: changes[1].cursor })).toBe('CURSOR_TOO_OLD');
    expect(await read({ after: last.cursor })).toMatchObject({ changes: [] });
    const begun = await end();
    await mutate('deleteDatasources', {
      accountProvider: 1,
      accountId: input.accountId,
      region: input.region,
      instances: ['old'],
    });
    expect(await next(begun, 1)).toMatchObject([{ operation: 'deleteDatasources', version: 3 }]);
    // A register that was restored from an older copy has not given that cursor.
    const later = Buffer.from(JSON.stringify([1_000_000, last.id])).toString('base64url');
    expect(await read({ after: later })).toBe('CURSOR_TOO_OLD');
    const [position] = JSON.parse(Buffer.from(await end(), 'base64url').toString());
    const other = Buffer.from(JSON.stringify([position, last.id])).toString('base64url');
    expect(await read({ after: other })).toBe('CURSOR_TOO_OLD');
  });

  test('needs the permission `read`', async () => {
    const writer = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['write']) });
    expect(await read({}, writer)).toBe('FORBIDDEN');
    const reader = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['read']) });
    expect((await read({ first: 1 }, reader)).changes).toHaveLength(1);
  });

  test('leaves nothing that is no change: refusals, readings of credentials', async () => {
    const kept = await onDatabase<{ operation: string }>(
      keyed.database,
      'SELECT DISTINCT operation FROM audit_events WHERE position IS NULL ORDER BY operation',
    );
    expect(kept.map(({ operation }) => operation)).toEqual(['changes', 'datasourceCredentials']);
  });
});

test('a gateway goes on where the one before it has stopped', async () => {
  const kind = databaseKinds.at(-1) as (typeof databaseKinds)[number];
  const database = await kind.create();
  const first = await startGateway(database.env);
  await addAccount(first);
  await first.close();
  const second = await startGateway(database.env);
  await addAccount(second, accountKey({ region: 'other' }));
  const regions: string[] = [];
  for (let after: string | undefined; regions.length < 2; await sleep(20)) {
    const { data } = await second.graphql(changesQuery, { after });
    regions.push(...data.changes.changes.map(({ region }: Change) => region));
    after = data.changes.cursor;
  }
  expect(regions).toEqual(['eu-west-1', 'other']);
  await second.close();
  await database.drop();
});
