import { createServer, type Server } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Permission } from '../../src/security/caller.js';
import { databaseKinds } from '../support/databases.js';
import { useKeyedGateway } from '../support/fixture.js';
import type { TestGateway } from '../support/gateway.js';
import { as, keyOf, makeKey } from '../support/keyed-gateway.js';
import { onDatabase, refuseAudit, storedEvents } from '../support/raw-database.js';
import { accountKey, addAccount, addDatasource, datasourceInput, snapshot } from '../support/samples.js';

const common = 'status code message rehearsed';
const changes =
  'rehearsal { hasMore changes { operation accountProvider accountId region instanceId version fields { field from to } } }';
const addDatasourceRehearsed = `mutation ($input: AddDatasourceInput!) { addDatasource(input: $input, dryRun: true) { ${common} datasource { id instanceId version hasSecret account { id accountId } history { firstVersion edges { node { version } } } lastTest { outcome } } ${changes} } }`;
const updateDatasourceRehearsed = `mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input, dryRun: true) { ${common} datasource { id description version history { edges { node { version } } } } ${changes} } }`;
const deleteAccountRehearsed = `mutation ($input: DeleteAccountInput!, $first: Int) { deleteAccount(input: $input, dryRun: true) { ${common} deletedAccountId deletedDatasourceCount rehearsal(first: $first) { hasMore changes { operation instanceId version fields { field from to } } } } }`;
const notDone = { status: 'rehearsed', code: 1905, message: 'Rehearsed: nothing was changed', rehearsed: true };

describe.each(databaseKinds)('a mutation with dryRun, on $name', (kind) => {
  const keyed = useKeyedGateway(kind, {
    CONNECTION_TEST_NETWORKS: '127.0.0.0/8',
    CONNECTION_TEST_RATE_LIMIT: '2',
    INTROSPECTION: 'true',
  });
  let stored: Record<string, unknown>;
  let accountId: string;

  beforeAll(async () => {
    accountId = await addAccount(keyed.all);
    stored = await addDatasource(keyed.all, datasourceInput('orders', { description: 'one' }));
  });

  const caller = async (...granted: Permission[]): Promise<TestGateway> =>
    as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, granted) });

  /** Has something done of which the register must show nothing, and the audit no more than so many lines. */
  async function leaving<T>(lines: number, work: () => Promise<T>): Promise<T> {
    const before = await snapshot(keyed.all);
    const { length } = await storedEvents(keyed.database);
    const result = await work();
    expect(await snapshot(keyed.all)).toEqual(before);
    for (let events = 0, tries = 0; tries < 100 && events !== length + lines; tries += 1) {
      events = (await storedEvents(keyed.database)).length;
    }
    expect((await storedEvents(keyed.database)).length).toBe(length + lines);
    return result;
  }

  test('is there for every mutation, and null is not taken for false', async () => {
    const { data } = await keyed.all.graphql(
      '{ __schema { mutationType { fields { name args { name defaultValue type { name } } } } } }',
    );
    type Field = { name: string; args: { name: string }[] };
    const { fields } = data.__schema.mutationType as { fields: Field[] };
    expect(fields.length).toBeGreaterThanOrEqual(9);
    for (const { name, args } of fields) {
      expect([name, args.find((one) => one.name === 'dryRun')]).toEqual([
        name,
        { name: 'dryRun', defaultValue: 'false', type: { name: 'Boolean' } },
      ]);
    }
    const query =
      'mutation ($input: DeleteAccountInput!, $dryRun: Boolean = false) { deleteAccount(input: $input, dryRun: $dryRun) { code } }';
    const refused = await leaving(0, () => keyed.all.graphql(query, { input: accountKey(), dryRun: null }));
    expect(refused.errors?.[0].message).toBe('Invalid parameters: dryRun must be true or false.');
    expect(refused.errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
  });

  test('answers what would be answered, under an id that nothing has, and what would change', async () => {
    const input = datasourceInput('sales', { description: 'new' });
    const { data, errors } = await leaving(0, () => keyed.all.graphql(addDatasourceRehearsed, { input }));
    expect(errors).toBeUndefined();
    const { datasource, rehearsal, ...others } = data.addDatasource;
    expect(others).toEqual(notDone);
    expect(datasource).toEqual({
      id: expect.stringMatching(/^rehearsed-D/),
      instanceId: 'sales',
      version: 1,
      hasSecret: true,
      account: { id: accountId, accountId: '123456789012' },
      history: { firstVersion: null, edges: [] },
      lastTest: null,
    });
    expect(rehearsal.hasMore).toBe(false);
    expect(rehearsal.changes).toMatchObject([{ operation: 'addDatasource', instanceId: 'sales', version: 1 }]);
    expect(rehearsal.changes[0].fields).toContainEqual({ field: 'description', from: null, to: '"new"' });
    expect(rehearsal.changes[0].fields).toContainEqual({ field: 'secret', from: null, to: null });
    expect(
      (await keyed.all.graphql('query ($id: ID!) { node(id: $id) { id } }', { id: datasource.id })).data.node,
    ).toBeNull();

    const patch = { ...keyOf(datasourceInput('orders')), description: 'two' };
    const updated = await leaving(0, () => keyed.all.graphql(updateDatasourceRehearsed, { input: patch }));
    expect(updated.data.updateDatasource).toEqual({
      ...notDone,
      // What is looked up beside its own values is as it is stored.
      datasource: {
        id: `rehearsed-${stored.id}`,
        description: 'two',
        version: 2,
        history: { edges: [{ node: { version: 1 } }] },
      },
      rehearsal: {
        hasMore: false,
        changes: [
          {
            operation: 'updateDatasource',
            ...accountKey(),
            instanceId: 'orders',
            version: 2,
            fields: [{ field: 'description', from: '"one"', to: '"two"' }],
          },
        ],
      },
    });
    const same = await leaving(0, () =>
      keyed.all.graphql(updateDatasourceRehearsed, { input: { ...patch, description: 'one' } }),
    );
    expect(same.data.updateDatasource).toMatchObject({ ...notDone, rehearsal: { hasMore: false, changes: [] } });
  });

  test('tells of the deletion of an account each of its datasources, the first hundred at most', async () => {
    const key = accountKey({ region: 'many' });
    await addAccount(keyed.all, key);
    for (let number = 0; number < 120; number += 1) {
      await addDatasource(keyed.all, datasourceInput(`one-${number}`, { region: 'many' }));
    }
    const asked = (first?: number) => keyed.all.graphql(deleteAccountRehearsed, { input: key, first });
    const { data } = await leaving(0, () => asked(100));
    const { deletedAccountId, deletedDatasourceCount, rehearsal } = data.deleteAccount;
    expect([deletedAccountId, deletedDatasourceCount]).toEqual([expect.stringMatching(/^rehearsed-A/), 120]);
    expect([rehearsal.hasMore, rehearsal.changes.length]).toEqual([true, 100]);
    for (const change of rehearsal.changes.filter(
      ({ instanceId }: { instanceId: string | null }) => instanceId !== null,
    )) {
      expect(change).toEqual({ operation: 'deleteAccount', instanceId: expect.any(String), version: 2, fields: [] });
    }
    expect((await asked()).data.deleteAccount.rehearsal.changes.length).toBe(20);
    for (const first of [0, -1, 101]) expect((await asked(first)).errors?.[0].extensions.code).toBe('BAD_USER_INPUT');
  });

  test('is refused by what a real call is refused by, the database and the audit included', async () => {
    const codeOf = async (gateway: TestGateway, query: string, input: object) =>
      (await gateway.graphql(query, { input })).errors?.[0].extensions.code;
    await leaving(0, async () => {
      expect(await codeOf(keyed.all, addDatasourceRehearsed, datasourceInput('orders'))).toBe(
        'DATASOURCE_ALREADY_EXISTS',
      );
      expect(await codeOf(keyed.all, addDatasourceRehearsed, datasourceInput('x', { region: 'none' }))).toBe(
        'ACCOUNT_NOT_FOUND',
      );
      expect(await codeOf(keyed.all, addDatasourceRehearsed, datasourceInput('x', { secret: null }))).toBe(
        'CREDENTIAL_REQUIRED',
      );
      expect(await codeOf(keyed.all, addDatasourceRehearsed, datasourceInput('x', { networkSgId: ' ' }))).toBe(
        'BAD_USER_INPUT',
      );
      const conflict = { ...keyOf(datasourceInput('orders')), description: 'x', expectedVersion: 9 };
      expect(await codeOf(keyed.all, updateDatasourceRehearsed, conflict)).toBe('VERSION_CONFLICT');
      const moved = { ...keyOf(datasourceInput('orders')), jdbcConnectionUrl: 'jdbc:mysql://elsewhere/x' };
      expect(await codeOf(keyed.all, updateDatasourceRehearsed, moved)).toBe('CREDENTIAL_REQUIRED');
    });
    // Where the audit cannot be written, nothing can be done, and a rehearsal says so.
    const admit = await refuseAudit(keyed.database);
    try {
      expect(await codeOf(keyed.all, addDatasourceRehearsed, datasourceInput('x'))).toBe('INTERNAL_SERVER_ERROR');
    } finally {
      await admit();
    }
    // A refused caller is in the audit, as for a real call.
    const reader = await caller('read');
    expect(await leaving(1, () => codeOf(reader, addDatasourceRehearsed, datasourceInput('x')))).toBe('FORBIDDEN');
    expect((await storedEvents(keyed.database)).at(-1)).toMatchObject({
      operation: 'addDatasource',
      outcome: 'FORBIDDEN',
    });
    const writer = await caller('write');
    const own = 'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input, dryRun: true) { code } }';
    expect((await leaving(0, () => writer.graphql(own, { input: datasourceInput('x') }))).data.addDatasource.code).toBe(
      1905,
    );
  });

  test('is in the log as what it is', async () => {
    await keyed.all.graphql(
      addDatasourceRehearsed,
      { input: datasourceInput('logged') },
      { 'x-request-id': 'rehearsed-one' },
    );
    await keyed.all.graphql(
      'mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }',
      { input: accountKey() },
      { 'x-request-id': 'real-one' },
    );
    const lineOf = (id: string) =>
      keyed.gateway.log
        .map((line) => JSON.parse(line))
        .find(({ requestId, msg }) => requestId === id && msg === 'request');
    expect(lineOf('rehearsed-one')).toMatchObject({ operation: 'addDatasource', isRehearsed: true });
    expect(lineOf('real-one')).not.toHaveProperty('isRehearsed');
  });

  describe('that would test a connection', () => {
    let server: Server;
    let connections = 0;

    beforeAll(async () => {
      server = createServer((socket) => {
        connections += 1;
        socket.destroy();
      });
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    });
    afterAll(() => new Promise((resolve) => server?.close(resolve)));

    test('connects to nothing, and says what keeps it from being tested', async () => {
      const { port } = server.address() as { port: number };
      const jdbcConnectionUrl = `jdbc:mysql://127.0.0.1:${port}/orders`;
      const input = datasourceInput('tested', { jdbcConnectionUrl, masterUsername: 'admin', password: 'pw' });
      await addDatasource(keyed.all, input);
      const tester = await caller('connect');
      const query = (name: string, type: string, dryRun: boolean) =>
        `mutation ($input: ${type}!) { ${name}(input: $input, dryRun: ${dryRun}) { ${common} test { outcome message servers { host } } } }`;
      const rehearsed = {
        ...notDone,
        test: { outcome: 'NOT_TESTED', message: 'Rehearsed: nothing was connected to.', servers: [] },
      };
      await leaving(0, async () => {
        // More often than may be tested in a minute.
        for (let turn = 0; turn < 4; turn += 1) {
          const registered = await tester.graphql(query('testDatasource', 'DatasourceKey', true), {
            input: keyOf(input),
          });
          expect(registered.data.testDatasource).toEqual(rehearsed);
          const other = await tester.graphql(query('testConnection', 'AddDatasourceInput', true), { input });
          expect(other.data.testConnection).toEqual(rehearsed);
        }
        const none = await tester.graphql(query('testDatasource', 'DatasourceKey', true), {
          input: keyOf(datasourceInput('none')),
        });
        expect(none.errors?.[0].extensions.code).toBe('DATASOURCE_NOT_FOUND');
        const wrong = await tester.graphql(query('testConnection', 'AddDatasourceInput', true), {
          input: { ...input, jdbcConnectionUrl: 'jdbc:x' },
        });
        expect(wrong.errors?.[0].extensions.code).toBe('INVALID_JDBC_URL');
      });
      expect(connections).toBe(0);
      for (let turn = 0; turn < 2; turn += 1) {
        const real = await tester.graphql(query('testDatasource', 'DatasourceKey', false), { input: keyOf(input) });
        expect(real.data.testDatasource).toMatchObject({ code: 1001, rehearsed: false });
      }
      expect(connections).toBeGreaterThan(0);
      const spent = await leaving(1, () =>
        tester.graphql(query('testDatasource', 'DatasourceKey', true), { input: keyOf(input) }),
      );
      expect(spent.errors?.[0].extensions.code).toBe('RATE_LIMITED');
    });

    test('is no part of the feed of changes', async () => {
      const { errors } = await keyed.all.graphql('{ changes(first: 100) { changes { id operation } } }');
      expect(errors).toBeUndefined();
      const sql = "SELECT position FROM audit_events WHERE operation = 'testDatasource'";
      const tests = await onDatabase(keyed.database, sql);
      expect(tests.filter(({ position }) => position === null).length).toBe(tests.length);
      expect(tests.length).toBeGreaterThan(0);
    });
  });
});
