import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals';
import type { Permission } from '../../src/security/caller.js';
import { runRegistry } from '../support/command.js';
import { databaseKinds } from '../support/databases.js';
import type { TestGateway } from '../support/gateway.js';
import { type HostileServer, mysqlGreeting, mysqlPacket, startHostileServer } from '../support/hostile-server.js';
import { as, type KeyedGateway, keyOf, makeKey, startKeyedGateway } from '../support/keyed-gateway.js';
import { scrape } from '../support/metrics.js';
import { refuseAudit, storedEvents } from '../support/raw-database.js';
import { addAccount, addDatasource, datasourceInput, samplePassword } from '../support/samples.js';

const testFields =
  'outcome message milliseconds testedAt servers { host port outcome message product version steps { name milliseconds } }';
const testDatasource = `mutation ($input: DatasourceKey!) { testDatasource(input: $input) { code test { ${testFields} } } }`;
const testConnection = `mutation ($input: AddDatasourceInput!) { testConnection(input: $input) { code test { ${testFields} } } }`;
const databases = 'query ($input: DatabasesInput!) { databases(input: $input) { outcome message names hasMore } }';
const lastTest =
  'query ($key: DatasourceKey!) { datasource(key: $key) { version updatedAt lastTest { outcome testedAt } } }';
const listed =
  'query ($filter: DatasourceFilter) { datasources(filter: $filter) { totalCount edges { node { instanceId lastTest { outcome } } } } }';

describe.each(databaseKinds)('connection tests on $name', (kind) => {
  let keyed: KeyedGateway;
  let server: HostileServer;
  let isAnswering = true;
  const callers = new Map<string, TestGateway>();

  beforeAll(async () => {
    keyed = await startKeyedGateway(kind, {
      CONNECTION_TEST_NETWORKS: '127.0.0.0/8',
      CONNECTION_TEST_TIMEOUT_MS: '1000',
      CONNECTION_TEST_RATE_LIMIT: '200',
    });
    for (const granted of [
      ['connect'],
      ['connect', 'read'],
      ['read', 'write', 'credentials', 'admin'],
    ] as Permission[][]) {
      callers.set(granted.join(), as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, granted) }));
    }
    server = await startHostileServer((socket, onData) => {
      if (!isAnswering) return;
      socket.write(mysqlGreeting({ version: '8.4.3' }));
      onData(() => socket.write(mysqlPacket(2, Buffer.from([0xff, 0x15, 0x04]))));
    });
    await addAccount(keyed.all);
  });
  afterAll(async () => {
    await keyed?.close();
    await server?.close();
  });
  afterEach(() => {
    isAnswering = true;
  });

  const url = () => `jdbc:mysql://127.0.0.1:${server.port}/orders`;
  const caller = (granted: string) => callers.get(granted) as TestGateway;

  async function added(instanceId: string, changes: Record<string, unknown> = {}) {
    const input = datasourceInput(instanceId, { jdbcConnectionUrl: url(), ...changes });
    await addDatasource(keyed.all, input);
    return input;
  }

  test('test a registered datasource with its stored credential, and keep what came of it apart', async () => {
    const input = await added('stored', { masterUsername: 'admin', password: samplePassword });
    const before = (await keyed.all.graphql(lastTest, { key: keyOf(input) })).data.datasource;
    expect(before.lastTest).toBeNull();
    const { data } = await caller('connect').graphql(testDatasource, { input: keyOf(input) });
    expect(data.testDatasource).toMatchObject({
      code: 1001,
      test: {
        outcome: 'AUTHENTICATION_FAILED',
        servers: [{ host: '127.0.0.1', port: server.port, product: 'MySQL', version: '8.4.3' }],
      },
    });
    expect(data.testDatasource.test.servers[0].steps.map(({ name }: { name: string }) => name)).toEqual([
      'RESOLVED',
      'REACHED',
    ]);
    const after = (await keyed.all.graphql(lastTest, { key: keyOf(input) })).data.datasource;
    expect(after).toEqual({
      ...before,
      lastTest: { outcome: 'AUTHENTICATION_FAILED', testedAt: data.testDatasource.test.testedAt },
    });
  });

  test('list datasources by what came of their last test', async () => {
    const [first, second] = [await added('reached'), await added('untested')];
    await keyed.all.graphql(testDatasource, { input: keyOf(first as Record<string, unknown>) });
    expect(second).toBeDefined();
    const { data } = await keyed.all.graphql(listed, { filter: { lastTest: 'REACHED' } });
    expect(data.datasources).toEqual({
      totalCount: 1,
      edges: [{ node: { instanceId: 'reached', lastTest: { outcome: 'REACHED' } } }],
    });
    const none = await keyed.all.graphql(listed, { filter: { lastTest: 'CONNECTED' } });
    expect(none.data.datasources).toEqual({ totalCount: 0, edges: [] });
  });

  test.each<[what: string, changes: Record<string, unknown>, isCleared: boolean]>([
    ['its description', { description: 'other' }, false],
    ['its URL', { jdbcConnectionUrl: 'jdbc:mysql://127.0.0.1:9/orders', secret: 'again', password: 'again' }, true],
    ['its user', { masterUsername: 'another' }, true],
    ['its password', { password: 'another' }, true],
    ['its TLS', { jdbcEnforceSsl: true, secret: 'again', password: 'again' }, true],
  ])('forget what came of one when %s is changed, or not', async (what, changes, isCleared) => {
    const input = await added(`changed ${what}`, { masterUsername: 'admin', password: samplePassword });
    await keyed.all.graphql(testDatasource, { input: keyOf(input) });
    const update = 'mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { code } }';
    expect((await keyed.all.graphql(update, { input: { ...keyOf(input), ...changes } })).errors).toBeUndefined();
    const { data } = await keyed.all.graphql(lastTest, { key: keyOf(input) });
    expect(data.datasource.lastTest === null).toBe(isCleared);
    // An edit of the whole clears it by the same rule.
    await keyed.all.graphql(testDatasource, { input: keyOf(input) });
    const edit = 'mutation ($input: EditDatasourceInput!) { editDatasource(input: $input) { code } }';
    await keyed.all.graphql(edit, { input: { ...input, ...changes, jdbcConnectionUrl: `${url()}-moved` } });
    expect((await keyed.all.graphql(lastTest, { key: keyOf(input) })).data.datasource.lastTest).toBeNull();
  });

  test('go with the datasource', async () => {
    const input = await added('gone');
    await keyed.all.graphql(testDatasource, { input: keyOf(input) });
    const remove = 'mutation ($input: DeleteDatasourcesInput!) { deleteDatasources(input: $input) { code } }';
    const { accountProviderId, instanceId, ...account } = keyOf(input);
    const { errors } = await keyed.all.graphql(remove, {
      input: { ...account, accountProvider: accountProviderId, instances: [instanceId] },
    });
    expect(errors).toBeUndefined();
    expect((await keyed.all.graphql(testDatasource, { input: keyOf(input) })).errors?.[0].extensions.code).toBe(
      'DATASOURCE_NOT_FOUND',
    );
  });

  test('test a connection that is not registered, and store nothing', async () => {
    const input = datasourceInput('unregistered', { jdbcConnectionUrl: url() });
    const { data } = await caller('connect').graphql(testConnection, { input });
    expect(data.testConnection.test.outcome).toBe('REACHED');
    expect((await keyed.all.graphql(lastTest, { key: keyOf(input) })).data.datasource).toBeNull();
  });

  test('need the permission connect, and no other is enough', async () => {
    const input = datasourceInput('unregistered', { jdbcConnectionUrl: url() });
    const connection = { jdbcConnectionUrl: url(), masterUsername: 'a', password: samplePassword };
    const before = server.connections;
    for (const [document, variables] of [
      [testConnection, { input }],
      [testDatasource, { input: keyOf(input) }],
      [databases, { input: connection }],
    ] as const) {
      const { errors } = await caller('read,write,credentials,admin').graphql(document, variables);
      expect(errors?.[0].extensions.code).toBe('FORBIDDEN');
    }
    expect(server.connections).toBe(before);
    const refused = await waitForEvents('FORBIDDEN', 3);
    expect(refused.map(({ operation }) => operation).sort()).toEqual(['databases', 'testConnection', 'testDatasource']);
  });

  async function waitForEvents(outcome: string, count: number) {
    for (let waited = 0; ; waited += 1) {
      const events = (await storedEvents(keyed.database)).filter((event) => event.outcome === outcome);
      if (events.length >= count || waited === 200) return events;
      await sleep(20);
    }
  }

  test('are in the audit before they connect, with where they go, and not without', async () => {
    const input = datasourceInput('audited', {
      jdbcConnectionUrl: url(),
      masterUsername: 'a',
      password: samplePassword,
    });
    await caller('connect').graphql(testConnection, { input });
    const event = (await storedEvents(keyed.database)).findLast(({ operation }) => operation === 'testConnection');
    expect(event).toMatchObject({ outcome: 'done', accountId: input.accountId, instanceId: 'audited' });
    expect(event?.changes).toEqual([
      { field: 'jdbcConnectionUrl', from: null, to: url() },
      { field: 'servers', from: null, to: `127.0.0.1 port ${server.port}: 127.0.0.1` },
    ]);
    const before = server.connections;
    const allow = await refuseAudit(keyed.database);
    try {
      const { errors } = await caller('connect').graphql(testConnection, { input });
      expect(errors).toBeDefined();
    } finally {
      await allow();
    }
    expect(server.connections).toBe(before);
  });

  test('to where they may not go are in the audit too', async () => {
    const input = datasourceInput('elsewhere', { jdbcConnectionUrl: 'jdbc:mysql://10.1.2.3/orders' });
    const { data } = await keyed.all.graphql(testConnection, { input });
    expect(data.testConnection.test).toMatchObject({
      outcome: 'NOT_ALLOWED',
      message: expect.stringContaining('10.1.2.3'),
    });
    const event = (await storedEvents(keyed.database)).findLast(({ operation }) => operation === 'testConnection');
    expect(event).toMatchObject({ outcome: 'NOT_ALLOWED', instanceId: 'elsewhere' });
    const masked = await caller('connect').graphql(testConnection, { input });
    expect(masked.data.testConnection.test.outcome).toBe('UNREACHABLE');
    expect(JSON.stringify(masked.data)).not.toContain('NETWORKS');
  });

  test('of which one with admin hears more do not tell those who read later', async () => {
    const input = await added('kept elsewhere', { jdbcConnectionUrl: 'jdbc:mysql://10.1.2.3/orders' });
    const { data } = await keyed.all.graphql(testDatasource, { input: keyOf(input) });
    expect(data.testDatasource.test.outcome).toBe('NOT_ALLOWED');
    const read = await caller('connect,read').graphql(lastTest, { key: keyOf(input) });
    expect(read.data.datasource.lastTest.outcome).toBe('UNREACHABLE');
    const found = await caller('connect,read').graphql(listed, { filter: { lastTest: 'NOT_ALLOWED' } });
    expect(found.data.datasources.totalCount).toBe(0);
    const metrics = await scrape(keyed.gateway.url, { 'x-api-key': await makeKey(keyed.env, ['admin']) });
    expect(metrics.value('gateway_connection_tests_total', { outcome: 'UNREACHABLE' })).toBeGreaterThanOrEqual(1);
    expect(metrics.value('gateway_connection_tests_total', { outcome: 'NOT_ALLOWED' })).toBeUndefined();
  });

  test("are not made of the gateway's own address and database", async () => {
    const own = [new URL(keyed.gateway.url).port];
    const database = /^mysql:\/\/.*:(\d+)\//.exec(keyed.env.DATABASE_URL as string)?.[1];
    if (database !== undefined) own.push(database);
    for (const port of own) {
      for (const host of ['127.0.0.1', '127.0.0.2', 'localhost']) {
        const input = datasourceInput('own', { jdbcConnectionUrl: `jdbc:mysql://${host}:${port}/d` });
        const { data } = await keyed.all.graphql(testConnection, { input });
        expect([host, port, data.testConnection.test.outcome]).toEqual([host, port, 'NOT_ALLOWED']);
      }
    }
  });

  test('from the command line are made of all, or of those of an account', async () => {
    const other = { accountProvider: 2, accountId: 'other', region: 'eu-west-1' };
    await addAccount(keyed.all, other);
    await added('by command', { accountProviderId: 2, accountId: 'other' });
    const words = ['test', '--provider', '2', '--account', 'other', '--region', 'eu-west-1'];
    const table = await runRegistry(words, keyed.env);
    expect([table.code, table.notes]).toEqual([0, []]);
    expect(table.lines).toEqual([
      expect.stringMatching(/^REACHED {2}\d+ ms {2}2 other eu-west-1 by command {2}The server was reached\./),
      'Tested 1: REACHED 1.',
    ]);
    const all = await runRegistry(['test', '--format', 'jsonl'], keyed.env);
    const rows = all.lines.map((line) => JSON.parse(line));
    const { data } = await keyed.all.graphql(listed, {});
    expect([all.code, rows.length]).toEqual([1, data.datasources.totalCount]);
    expect(rows).toContainEqual(
      expect.objectContaining({ instanceId: 'stored', outcome: 'AUTHENTICATION_FAILED', servers: [expect.anything()] }),
    );
    expect(rows).toContainEqual(expect.objectContaining({ instanceId: 'kept elsewhere', outcome: 'NOT_ALLOWED' }));
    const event = (await storedEvents(keyed.database)).findLast(({ operation }) => operation === 'testDatasource');
    expect(event).toMatchObject({ surface: 'command line' });
  });

  test('from the command line are off too, unless networks are listed', async () => {
    const { code, notes } = await runRegistry(['test'], { ...keyed.env, CONNECTION_TEST_NETWORKS: '' });
    expect([code, notes]).toEqual(['CommandError', [expect.stringContaining('CONNECTION_TEST_NETWORKS')]]);
    for (const words of [
      ['test', '--provider', '1'],
      ['test', 'x'],
      ['test', '--format', 'csv'],
    ]) {
      expect((await runRegistry(words, keyed.env)).code).toBe('UsageError');
    }
  });

  test('end with their request', async () => {
    isAnswering = false;
    const input = datasourceInput('abandoned', { jdbcConnectionUrl: url() });
    const end = new AbortController();
    const before = server.connections;
    const answer = fetch(`${keyed.gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': await makeKey(keyed.env, ['connect']) },
      body: JSON.stringify({ query: testConnection, variables: { input } }),
      signal: end.signal,
    });
    while (server.connections === before) await sleep(5);
    const started = performance.now();
    end.abort();
    await expect(answer).rejects.toThrow();
    while (server.open > 0 && performance.now() - started < 900) await sleep(5);
    expect(server.open).toBe(0);
    expect(performance.now() - started).toBeLessThan(900);
  });
});

test('a caller cannot test more in a minute by asking for many in one document', async () => {
  const keyed = await startKeyedGateway(databaseKinds[0] as (typeof databaseKinds)[number], {
    CONNECTION_TEST_NETWORKS: '127.0.0.0/8',
    CONNECTION_TEST_RATE_LIMIT: '3',
  });
  const server = await startHostileServer((socket) => socket.write(mysqlGreeting()));
  try {
    const input = datasourceInput('many', { jdbcConnectionUrl: `jdbc:mysql://127.0.0.1:${server.port}/d` });
    const names = ['a', 'b', 'c', 'd', 'e'].map((name) => `${name}: testConnection(input: $input) { code }`);
    const { errors } = await keyed.all.graphql(`mutation ($input: AddDatasourceInput!) { ${names.join(' ')} }`, {
      input,
    });
    expect(errors?.[0].extensions.code).toBe('RATE_LIMITED');
    expect(server.connections).toBe(3);
  } finally {
    await keyed.close();
    await server.close();
  }
});

test('are off unless networks are listed, and say what to set', async () => {
  const keyed = await startKeyedGateway(databaseKinds[0] as (typeof databaseKinds)[number]);
  const input = datasourceInput('off');
  const connection = { jdbcConnectionUrl: 'jdbc:mysql://127.0.0.1/d', masterUsername: 'a', password: samplePassword };
  try {
    for (const [document, variables] of [
      [testConnection, { input }],
      [testDatasource, { input: keyOf(input) }],
      [databases, { input: connection }],
    ] as const) {
      const { errors } = await keyed.all.graphql(document, variables);
      expect(errors).toEqual([
        expect.objectContaining({
          message: expect.stringContaining('CONNECTION_TEST_NETWORKS'),
          extensions: expect.objectContaining({ code: 'CONNECTION_TESTS_OFF', legacyCode: 1904 }),
        }),
      ]);
    }
  } finally {
    await keyed.close();
  }
});
