import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { pino } from 'pino';
import { AuditTrail } from '../../src/audit/audit-trail.js';
import { loadConfig } from '../../src/config.js';
import type { Database } from '../../src/database/database.js';
import { Register } from '../../src/register.js';
import { ApiKeys } from '../../src/security/api-keys.js';
import { type Permission, permissions } from '../../src/security/caller.js';
import { databaseKinds, sqliteKind, type TestDatabase } from '../support/databases.js';
import { useKeyedGateway } from '../support/fixture.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { as, keyOf, makeKey } from '../support/keyed-gateway.js';
import { onDatabase, refuseAudit, type StoredEvent, storedEvents } from '../support/raw-database.js';
import {
  type AccountKey,
  accountKey,
  addAccount,
  addDatasource,
  datasourceInput,
  findAccount,
  legacyBody,
  samplePassword,
  sampleSecret,
  snapshot,
} from '../support/samples.js';

type Input = Record<string, unknown>;

const eventFields =
  'id createdAt actor means surface address requestId operation outcome accountProvider accountId region instanceId changes { field from to }';
const credentialsQuery =
  'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { masterUsername password secret } }';
const eventsQuery = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: AuditEventFilter, $direction: OrderDirection) {
  auditEvents(first: $first, after: $after, last: $last, before: $before, filter: $filter, direction: $direction) {
    totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } edges { cursor node { ${eventFields} } } } }`;

function mutation(name: string): string {
  const type = `${name.charAt(0).toUpperCase()}${name.slice(1)}Input`;
  return `mutation ($input: ${type}!) { ${name}(input: $input) { code } }`;
}

/** A way to have an operation done. */
interface Way {
  readonly surface: 'graphql' | 'rest';
  /** Where a caller is refused before GraphQL or the body is looked at: the route. */
  readonly route: string;
  readonly operation: string;
  send(gateway: TestGateway, input: object, requestId?: string): Promise<{ httpStatus: number; code: number }>;
}

function byGraphQL(operation: string): Way {
  return {
    surface: 'graphql',
    route: '/graphql',
    operation,
    async send(gateway, input, requestId) {
      const headers: Record<string, string> = requestId === undefined ? {} : { 'x-request-id': requestId };
      const { httpStatus, errors } = await gateway.graphql(mutation(operation), { input }, headers);
      return { httpStatus, code: errors?.[0].extensions.legacyCode ?? 1001 };
    },
  };
}

function byRest(operation: string, route: string): Way {
  return {
    surface: 'rest',
    route: `/data-source/${route}`,
    operation,
    async send(gateway, input, requestId) {
      const headers: Record<string, string> = requestId === undefined ? {} : { 'x-request-id': requestId };
      const { httpStatus, body } = await gateway.legacy(route, legacyBody(input), headers);
      return { httpStatus, code: body.code };
    },
  };
}

const addAccountWays = [byGraphQL('addAccount'), byRest('addAccount', 'add_account')];
const deleteAccountWays = [byGraphQL('deleteAccount'), byRest('deleteAccount', 'delete_account')];
const addWays = [byGraphQL('addDatasource'), byRest('addDatasource', 'add-jdbc-conn')];
const editWays = [
  byGraphQL('editDatasource'),
  byRest('editDatasource', 'update-jdbc-conn'),
  byRest('editDatasource', 'delete_account'),
];
const updateWays = [byGraphQL('updateDatasource')];
const deleteWays = [byGraphQL('deleteDatasources'), byRest('deleteDatasources', 'delete-jdbc')];

function named(ways: readonly Way[]): [string, Way][] {
  return ways.map((way) => [way.surface === 'rest' ? way.route : way.operation, way]);
}

/** A legacy body that names an account, as text. */
function legacyText(changes: Partial<AccountKey>): string {
  return JSON.stringify(legacyBody(accountKey(changes)));
}

/** Makes a key that has stopped, and perhaps is revoked. */
async function makeStoppedKey(env: Record<string, string>, how: 'expired' | 'revoked'): Promise<string> {
  return withRegister(env, async (register) => {
    const keys = new ApiKeys(register);
    const expiresAt = how === 'expired' ? new Date(Date.now() - 1000) : null;
    const { key, kept } = await keys.create(how, permissions, expiresAt);
    if (how === 'revoked') await keys.revoke(kept.prefix);
    return key;
  });
}

async function withRegister<T>(env: Record<string, string>, work: (register: Register) => Promise<T>): Promise<T> {
  const register = new Register(loadConfig(env), pino({ level: 'silent' }), 'tool');
  try {
    await register.prepareOnce();
    return await work(register);
  } finally {
    await register.close();
  }
}

/** Waits for the events of a request: the answer to a refused caller does not wait for its row. */
async function eventsOfRefusal(database: TestDatabase, requestId: string): Promise<StoredEvent[]> {
  for (;;) {
    const events = (await storedEvents(database)).filter((event) => event.requestId === requestId);
    if (events.length > 0) return events;
    await sleep(10);
  }
}

/** Writes events past the gateway, one a line of the table. */
async function plant(database: TestDatabase, events: readonly Partial<StoredEvent>[]) {
  const columns =
    'id, created_at, actor, means, surface, address, request_id, operation, outcome, account_provider, account_id, region, instance_id, changes';
  for (let start = 0; start < events.length; start += 500) {
    const some = events.slice(start, start + 500);
    const row = `(${columns.replaceAll(/\w+/g, '?')})`;
    const sql = `INSERT INTO audit_events (${columns}) VALUES ${some.map(() => row).join(', ')}`;
    const values = some.flatMap((event, place) => [
      event.id ?? plantedId(start + place),
      event.createdAt ?? 0,
      event.actor ?? 'somebody',
      event.means ?? 'key',
      event.surface ?? 'rest',
      event.address ?? null,
      event.requestId ?? 'planted',
      event.operation ?? 'addAccount',
      event.outcome ?? 'done',
      event.accountProvider ?? null,
      event.accountId ?? null,
      event.region ?? null,
      event.instanceId ?? null,
      null,
    ]);
    await onDatabase(database, sql, values);
  }
}

function plantedId(number: number): string {
  return `E${String(number).padStart(26, '0')}`;
}

describe.each(databaseKinds)('the audit on $name', (kind) => {
  const keyed = useKeyedGateway(kind);
  let writer: TestGateway;
  let count = 0;

  beforeAll(async () => {
    writer = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['write']) });
    await addAccount(keyed.all);
  });

  function next(prefix: string): string {
    count += 1;
    return `${prefix}-${count}`;
  }

  /** The key of an account of the test's own, that is there unless told. */
  async function account(isThere = true): Promise<AccountKey> {
    const key = accountKey({ region: next('region') });
    if (isThere) await addAccount(keyed.all, key);
    return key;
  }

  /** Adds a datasource of the test's own. */
  async function datasource(changes: Input = {}): Promise<Input> {
    const input = datasourceInput(next('ds'), changes);
    await addDatasource(keyed.all, input);
    return input;
  }

  /** The events of a request, as GraphQL shows them, the oldest first. */
  async function eventsOf(requestId: string) {
    const { data, errors } = await keyed.all.graphql(eventsQuery, { first: 100 });
    expect(errors).toBeUndefined();
    type Node = { requestId: string; createdAt: string };
    const nodes = (data.auditEvents.edges as { node: Node }[]).map(({ node }) => node);
    return nodes.filter((node) => node.requestId === requestId).reverse();
  }

  /** Has something done, and gives its events, of which everything but the target and the changes is checked. */
  async function recorded(way: Way, input: object) {
    const requestId = next('request');
    const before = Date.now();
    expect(await way.send(writer, input, requestId)).toEqual({ httpStatus: 200, code: 1001 });
    const after = Date.now();
    const events = await eventsOf(requestId);
    for (const event of events) {
      expect(event).toMatchObject({
        id: expect.stringMatching(/^E[0-9A-Z]{26}$/),
        actor: expect.stringMatching(/^write \(dgk_[0-9a-f]{12}\)$/),
        means: 'key',
        surface: way.surface,
        address: '127.0.0.1',
        requestId,
        operation: way.operation,
        outcome: 'done',
      });
      expect(Date.parse(event.createdAt)).toBeGreaterThanOrEqual(before);
      expect(Date.parse(event.createdAt)).toBeLessThanOrEqual(after);
    }
    return events as object[];
  }

  const inAccount = { accountProvider: 1, accountId: '123456789012', region: 'eu-west-1' };

  describe('has each change', () => {
    test.each(named(addAccountWays))('of an account added by %s', async (_, way) => {
      const key = await account(false);
      expect(await recorded(way, key)).toMatchObject([{ ...key, instanceId: null, changes: null }]);
    });

    test.each(named(deleteAccountWays))('of an account deleted by %s, with each of its datasources', async (_, way) => {
      const key = await account();
      const { accountProvider: accountProviderId, accountId, region } = key;
      for (const name of ['a', 'b']) {
        await addDatasource(keyed.all, datasourceInput(name, { accountProviderId, accountId, region }));
      }
      const changes = [{ field: 'datasources', from: '2', to: '0' }];
      const events = await recorded(way, key);
      expect(events).toHaveLength(3);
      expect(events).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ ...key, instanceId: null, changes }),
          expect.objectContaining({ ...key, instanceId: 'a', changes: null }),
          expect.objectContaining({ ...key, instanceId: 'b', changes: null }),
        ]),
      );
    });

    test.each(named(addWays))('of a datasource added by %s, with what it was given', async (_, way) => {
      const given = { masterUsername: 'admin', password: samplePassword, jdbcEnforceSsl: false, createType: 0 };
      const input = datasourceInput(next('ds'), given);
      const [event, ...others] = (await recorded(way, input)) as { changes: { field: string }[] }[];
      expect(others).toEqual([]);
      expect(event).toMatchObject({ ...inAccount, instanceId: input.instanceId });
      const { instanceId: _i, accountProviderId: _p, accountId: _a, region: _r, ...values } = input;
      const expected = Object.entries(values).map(([field, value]) => {
        const isCredential = field === 'password' || field === 'secret';
        return { field, from: null, to: isCredential ? null : JSON.stringify(value) };
      });
      expect(sorted(event?.changes ?? [])).toEqual(sorted(expected));
    });

    test.each(named(editWays))('of a datasource edited by %s, from what to what', async (_, way) => {
      const input = await datasource({
        description: 'old "text" 🐘',
        jdbcEnforceSsl: true,
        glueCrawlerLastUpdated: '2024-02-29T13:05:00.000Z',
        masterUsername: 'admin',
        password: samplePassword,
      });
      const edited = {
        ...input,
        description: undefined,
        jdbcEnforceSsl: 'false',
        networkSgId: 'sg-2',
        glueCrawlerLastUpdated: '2025-02-28T13:05:00.000Z',
        createType: 0,
        password: way.surface === 'rest' ? samplePassword : 'another',
        secret: way.surface === 'rest' ? 'another' : sampleSecret,
      };
      const sent = way.surface === 'rest' ? edited : { ...edited, jdbcEnforceSsl: false };
      const [event, ...others] = (await recorded(way, sent)) as { changes: { field: string }[] }[];
      expect(others).toEqual([]);
      expect(event).toMatchObject({ ...inAccount, instanceId: input.instanceId });
      expect(sorted(event?.changes ?? [])).toEqual([
        { field: 'createType', from: '1', to: '0' },
        { field: 'description', from: '"old \\"text\\" 🐘"', to: null },
        { field: 'glueCrawlerLastUpdated', from: '"2024-02-29T13:05:00.000Z"', to: '"2025-02-28T13:05:00.000Z"' },
        { field: 'jdbcEnforceSsl', from: 'true', to: 'false' },
        { field: 'networkSgId', from: '"sg-1"', to: '"sg-2"' },
        // A credential that is given again as it was has not changed.
        { field: way.surface === 'rest' ? 'secret' : 'password', from: null, to: null },
      ]);
    });

    test.each(named(updateWays))('of a datasource patched by %s, and nothing of what stayed', async (_, way) => {
      const input = await datasource({ description: 'old', masterUsername: 'admin', password: samplePassword });
      const patch = { ...keyOf(input), description: 'new', createType: 1, password: 'another', masterUsername: null };
      expect(await recorded(way, patch)).toMatchObject([
        {
          ...inAccount,
          instanceId: input.instanceId,
          changes: [
            { field: 'description', from: '"old"', to: '"new"' },
            { field: 'masterUsername', from: '"admin"', to: null },
            { field: 'password', from: null, to: null },
          ],
        },
      ]);
      expect(await recorded(way, patch)).toEqual([]);
    });

    test.each(named(deleteWays))('of each datasource deleted by %s, once', async (_, way) => {
      const inputs = [await datasource(), await datasource(), await datasource()];
      const ids = inputs.map(({ instanceId }) => instanceId);
      const events = await recorded(way, { ...inAccount, instances: [...ids, ids[0]] });
      const expected = ids.map((instanceId) => ({ ...inAccount, instanceId, changes: null }));
      expect(events).toHaveLength(3);
      expect(events).toEqual(expect.arrayContaining(expected.map((one) => expect.objectContaining(one))));
    });

    test('of a reading of credentials, which tells nothing of them', async () => {
      const input = await datasource({ masterUsername: 'admin', password: samplePassword });
      const requestId = next('request');
      await keyed.all.graphql(credentialsQuery, { key: keyOf(input) }, { 'x-request-id': requestId });
      expect(await eventsOf(requestId)).toMatchObject([
        {
          ...inAccount,
          instanceId: input.instanceId,
          operation: 'datasourceCredentials',
          outcome: 'done',
          surface: 'graphql',
          changes: null,
        },
      ]);
    });

    test('of those in one document, each on its own', async () => {
      const [first, second] = [await account(false), await account(false)];
      const requestId = next('request');
      const document =
        'mutation ($a: AddAccountInput!, $b: AddAccountInput!) { a: addAccount(input: $a) { code } b: addAccount(input: $b) { code } }';
      const { errors } = await writer.graphql(document, { a: first, b: second }, { 'x-request-id': requestId });
      expect(errors).toBeUndefined();
      expect(await eventsOf(requestId)).toMatchObject([
        { ...first, operation: 'addAccount' },
        { ...second, operation: 'addAccount' },
      ]);
    });

    test('and no credential, in any row', async () => {
      const text = JSON.stringify(await storedEvents(keyed.database));
      for (const credential of [samplePassword, sampleSecret]) expect(text).not.toContain(credential);
    });
  });

  function sorted<Change extends { field: string }>(changes: readonly Change[]): Change[] {
    return [...changes].sort((a, b) => (a.field < b.field ? -1 : 1));
  }

  test('calls REST what comes in on its routes, however the path is written', async () => {
    const requestId = next('request');
    const response = await fetch(`${keyed.gateway.url}/data%2Dsource/add_account`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-request-id': requestId },
      body: '{}',
    });
    expect(await response.json()).toMatchObject({ code: 1003 });
    expect(await eventsOfRefusal(keyed.database, requestId)).toMatchObject([
      { surface: 'rest', operation: '/data-source/add_account' },
    ]);
  });

  describe('has each caller that was refused', () => {
    const everyWay = [
      ...addAccountWays,
      ...deleteAccountWays,
      ...addWays,
      ...editWays,
      ...updateWays,
      ...deleteWays,
    ] as const;
    const strangers: [string, () => Promise<Record<string, string>>, string, number, string | undefined][] = [
      ['without a key', async () => ({}), 'UNAUTHENTICATED', 1003, undefined],
      [
        'with a wrong key',
        async () => ({ 'x-api-key': `dgk_000000000000_${'x'.repeat(43)}` }),
        'UNAUTHENTICATED',
        1003,
        undefined,
      ],
      ['with what is no key', async () => ({ 'x-api-key': 'hunter2' }), 'UNAUTHENTICATED', 1003, undefined],
      [
        'with a revoked key',
        async () => ({ 'x-api-key': await makeStoppedKey(keyed.env, 'revoked') }),
        'UNAUTHENTICATED',
        1003,
        'revoked',
      ],
      [
        'with an expired key',
        async () => ({ 'x-api-key': await makeStoppedKey(keyed.env, 'expired') }),
        'CREDENTIAL_EXPIRED',
        1004,
        'expired',
      ],
    ];

    test.each(strangers)('%s, on every way in', async (_, headersOf, outcome, code, keyName) => {
      const headers = await headersOf();
      const actor = keyName === undefined ? 'anonymous' : `${keyName} (${headers['x-api-key']?.slice(0, 16)})`;
      const caller = as(keyed.gateway, headers);
      for (const way of [...addAccountWays, ...editWays]) {
        const requestId = next('request');
        const before = Date.now();
        const answer = await way.send(caller, {}, requestId);
        expect(answer).toEqual({ httpStatus: way.surface === 'rest' ? 200 : 401, code });
        const events = await eventsOfRefusal(keyed.database, requestId);
        expect(events).toMatchObject([
          {
            actor,
            means: keyName === undefined ? 'anonymous' : 'key',
            surface: way.surface,
            address: '127.0.0.1',
            requestId,
            operation: way.route,
            outcome,
            accountId: null,
            changes: null,
          },
        ]);
        expect(Number(events[0]?.createdAt)).toBeGreaterThanOrEqual(before);
        for (const key of Object.values(headers)) expect(JSON.stringify(events)).not.toContain(key);
      }
    });

    test.each(named(everyWay))('for want of the permission, by %s', async (_, way) => {
      const caller = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['read', 'credentials', 'admin']) });
      const before = await snapshot(keyed.all);
      const requestId = next('request');
      const isOfAccount = /Account$/.test(way.operation);
      const input = isOfAccount
        ? inAccount
        : way.operation === 'deleteDatasources'
          ? { ...inAccount, instances: ['orders'] }
          : keyOf(datasourceInput('orders'));
      expect(await way.send(caller, input, requestId)).toEqual({ httpStatus: 200, code: 1003 });
      expect(await eventsOfRefusal(keyed.database, requestId)).toMatchObject([
        {
          actor: expect.stringMatching(/^read and credentials and admin \(dgk_[0-9a-f]{12}\)$/),
          means: 'key',
          surface: way.surface,
          address: '127.0.0.1',
          operation: way.surface === 'rest' ? way.route : way.operation,
          outcome: 'FORBIDDEN',
          ...inAccount,
          instanceId: isOfAccount ? null : 'orders',
          changes: null,
        },
      ]);
      expect(await snapshot(keyed.all)).toEqual(before);
    });

    test.each([
      ['that is not JSON', '{"account_id": "1"'],
      ['that is no object', '[1]'],
      ['of wrong types', '{"account_provider": {}, "account_id": [1], "region": 5, "instance_id": true}'],
      ['of values that are too long', legacyText({ accountId: 'x'.repeat(256) })],
      ['that is larger than a body may be', `{"description": "${'x'.repeat(2_200_000)}"}`],
      ['that is empty', ''],
    ])('for want of the permission, whatever else is wrong with its body: one %s', async (_, body) => {
      const requestId = next('request');
      const response = await fetch(`${keyed.gateway.url}/data-source/add_account`, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'x-api-key': await makeKey(keyed.env, ['read']),
          'x-request-id': requestId,
        },
        body,
      });
      expect([response.status, await response.json()]).toMatchObject([200, { code: 1003 }]);
      expect(await eventsOfRefusal(keyed.database, requestId)).toMatchObject([
        { operation: '/data-source/add_account', outcome: 'FORBIDDEN', means: 'key', accountId: null },
      ]);
    });

    test.each([
      ['before its body was sent', '{"account_provider": 1', null],
      ['before it was answered', JSON.stringify(legacyBody(accountKey())), '123456789012'],
    ])('for want of the permission, though its client goes away %s', async (_, body, accountId) => {
      const requestId = next('request');
      const { hostname, port } = new URL(keyed.gateway.url);
      const lines = [
        'POST /data-source/add_account HTTP/1.1',
        `Host: ${hostname}`,
        `x-api-key: ${await makeKey(keyed.env, ['read'])}`,
        `x-request-id: ${requestId}`,
        'Content-Type: application/json',
        `Content-Length: ${JSON.stringify(legacyBody(accountKey())).length}`,
      ];
      const socket = connect(Number(port), hostname);
      await new Promise((resolve) => socket.write(`${lines.join('\r\n')}\r\n\r\n${body}`, resolve));
      // So that the caller is known before it has gone.
      await sleep(200);
      socket.destroy();
      expect(await eventsOfRefusal(keyed.database, requestId)).toMatchObject([
        { operation: '/data-source/add_account', outcome: 'FORBIDDEN', means: 'key', accountId },
      ]);
    });

    test('for want of the permission, with each thing that a document asks for', async () => {
      const caller = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['read']) });
      const requestId = next('request');
      const document = `mutation ($a: AddAccountInput!) {
        one: addAccount(input: $a) { code } two: addAccount(input: $a) { code } ...more }
        fragment more on Mutation { deleteAccount(input: { accountProvider: 2, accountId: "77", region: "north" }) { code } }`;
      await caller.graphql(document, { a: inAccount }, { 'x-request-id': requestId });
      const events = await eventsOfRefusal(keyed.database, requestId);
      expect(events).toHaveLength(2);
      expect(events).toEqual(
        expect.arrayContaining([
          expect.objectContaining({ operation: 'addAccount', ...inAccount }),
          expect.objectContaining({ operation: 'deleteAccount', accountProvider: 2, accountId: '77', region: 'north' }),
        ]),
      );
    });

    test('as a page of another site', async () => {
      const requestId = next('request');
      const headers = { origin: 'https://evil.example.com', 'x-request-id': requestId };
      expect((await keyed.gateway.legacy('add_account', {}, headers)).httpStatus).toBe(403);
      expect(await eventsOfRefusal(keyed.database, requestId)).toMatchObject([
        { actor: 'anonymous', operation: '/data-source/add_account', outcome: 'FORBIDDEN', address: '127.0.0.1' },
      ]);
    });

    test.each<[string, string, Permission[]]>([
      ['datasourceCredentials', credentialsQuery, ['read', 'write', 'admin']],
      ['auditEvents', '{ auditEvents { totalCount } }', ['read', 'write', 'credentials']],
      ['accounts', '{ accounts { totalCount } }', ['write', 'credentials', 'admin']],
      ['datasources', '{ datasources { totalCount } }', ['write', 'credentials', 'admin']],
      ['node', '{ node(id: "x") { id } }', ['write', 'credentials', 'admin']],
    ])('who asks for %s without the permission', async (operation, document, granted) => {
      const caller = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, granted) });
      const requestId = next('request');
      const key = keyOf(datasourceInput('ds'));
      const variables = document.includes('$key') ? { key } : undefined;
      const { errors } = await caller.graphql(document, variables, { 'x-request-id': requestId });
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', legacyCode: 1003 } }]);
      expect(await eventsOfRefusal(keyed.database, requestId)).toMatchObject([
        { operation, outcome: 'FORBIDDEN', surface: 'graphql', means: 'key' },
      ]);
    });

    test('and the answer is the same where the audit cannot be written', async () => {
      const repair = await refuseAudit(keyed.database);
      const refused = await addAccountWays[0]?.send(keyed.gateway, {});
      await repair();
      expect(refused).toEqual({ httpStatus: 401, code: 1003 });
    });
  });

  describe('holds together with the change', () => {
    /** One of each operation on each surface, with what it needs to be there. */
    const operations: [Way, () => Promise<object>][] = [
      ...addAccountWays.map((way): [Way, () => Promise<object>] => [way, () => account(false)]),
      ...deleteAccountWays.map((way): [Way, () => Promise<object>] => [way, () => account()]),
      ...addWays.map((way): [Way, () => Promise<object>] => [way, async () => datasourceInput(next('ds'))]),
      ...editWays.map((way): [Way, () => Promise<object>] => [
        way,
        async () => ({ ...(await datasource()), description: 'new' }),
      ]),
      ...updateWays.map((way): [Way, () => Promise<object>] => [
        way,
        async () => ({ ...keyOf(await datasource()), password: 'new' }),
      ]),
      ...deleteWays.map((way): [Way, () => Promise<object>] => [
        way,
        async () => ({ ...inAccount, instances: [(await datasource()).instanceId, (await datasource()).instanceId] }),
      ]),
    ];
    const breakers: [string, () => Promise<() => Promise<unknown>>][] = [
      ['its table is gone', goneTable],
      ['the database refuses its row', () => refuseAudit(keyed.database)],
    ];

    async function goneTable() {
      await onDatabase(keyed.database, 'ALTER TABLE audit_events RENAME TO audit_events_away');
      return () => onDatabase(keyed.database, 'ALTER TABLE audit_events_away RENAME TO audit_events');
    }

    /** Everything that is stored, sealed values included. */
    async function stored() {
      return {
        accounts: await onDatabase(keyed.database, 'SELECT * FROM accounts ORDER BY id'),
        datasources: await onDatabase(keyed.database, 'SELECT * FROM datasources ORDER BY id'),
      };
    }

    describe.each(breakers)('where %s', (_, breakAudit) => {
      test.each(operations.map(([way, prepare]) => [named([way])[0]?.[0] as string, way, prepare] as const))(
        '%s fails with 1000, and changes nothing',
        async (_, way, prepare) => {
          const input = await prepare();
          const before = await stored();
          const repair = await breakAudit();
          const requestId = next('request');
          const answer = await way.send(writer, input, requestId);
          const after = await stored();
          await repair();
          expect(answer).toEqual({ httpStatus: way.surface === 'rest' ? 500 : 200, code: 1000 });
          expect(after).toEqual(before);
          expect(await eventsOf(requestId)).toEqual([]);
          // With the audit back, the same request is done.
          expect((await way.send(writer, input)).code).toBe(1001);
        },
      );
    });

    test('an operation that fails leaves no row that says it was done', async () => {
      const there = await account();
      const away = await account(false);
      const input = await datasource();
      const inAway = { ...datasourceInput('ds'), accountId: away.accountId, region: away.region };
      const failing: [readonly Way[], object, number][] = [
        [addAccountWays, there, 1230],
        [addAccountWays, { ...away, region: '' }, 400],
        [deleteAccountWays, away, 1222],
        [addWays, input, 1234],
        [addWays, inAway, 1222],
        [addWays, { ...datasourceInput(next('ds')), secret: null }, 1231],
        [addWays, { ...datasourceInput(next('ds')), jdbcConnectionUrl: 'jdbc:mysql://' }, 1253],
        [editWays, { ...input, instanceId: 'away' }, 1249],
        [editWays, { ...input, expectedVersion: 9 }, 1901],
        [updateWays, { ...keyOf(input), description: 'new', expectedVersion: 9 }, 1901],
        [updateWays, { ...keyOf(input), jdbcConnectionUrl: 'jdbc:mysql://else.example.com/x' }, 1231],
        [updateWays, { ...keyOf(input), instanceId: 'away', description: 'new' }, 1249],
        [deleteWays, { ...inAccount, instances: [input.instanceId, 'away'] }, 1249],
        [deleteWays, { ...away, instances: ['away'] }, 1222],
      ];
      const before = await storedEvents(keyed.database);
      for (const [ways, body, code] of failing) {
        for (const way of ways) expect([way.route, await way.send(writer, body)]).toMatchObject([way.route, { code }]);
      }
      expect(await storedEvents(keyed.database)).toEqual(before);
    });

    test('of two in one document, where the second fails, the first has its row', async () => {
      const key = await account(false);
      const requestId = next('request');
      const document =
        'mutation ($a: AddAccountInput!) { a: addAccount(input: $a) { code } b: addAccount(input: $a) { code } }';
      const { errors } = await writer.graphql(document, { a: key }, { 'x-request-id': requestId });
      expect(errors).toMatchObject([{ path: ['b'], extensions: { code: 'ACCOUNT_ALREADY_EXISTS' } }]);
      expect(await eventsOf(requestId)).toMatchObject([{ ...key, operation: 'addAccount', outcome: 'done' }]);
    });
  });

  test('has a row for each of more datasources than fit into one statement', async () => {
    const key = await account();
    const { accountProvider: accountProviderId, accountId, region } = key;
    await addDatasource(keyed.all, datasourceInput('many', { accountProviderId, accountId, region }));
    const rows = await onDatabase(keyed.database, `SELECT * FROM datasources WHERE region = '${region}'`);
    const row = rows[0] as Record<string, string | number | null>;
    const names = Object.keys(row);
    const copies = Array.from({ length: 999 }, (_, place) => ({
      ...row,
      id: `D${String(place).padStart(26, '0')}`,
      instance_id: `many-${place}`,
    }));
    for (let start = 0; start < copies.length; start += 333) {
      const some = copies.slice(start, start + 333);
      const marks = `(${names.map(() => '?').join(', ')})`;
      await onDatabase(
        keyed.database,
        `INSERT INTO datasources (${names.join(', ')}) VALUES ${some.map(() => marks).join(', ')}`,
        some.flatMap((copy) => names.map((name) => (copy as typeof row)[name] ?? null)),
      );
    }
    const instances = ['many', ...copies.map(({ instance_id }) => instance_id)];
    const requestId = next('request');
    expect((await deleteWays[0]?.send(writer, { ...key, instances }, requestId))?.code).toBe(1001);
    const events = (await storedEvents(keyed.database)).filter((event) => event.requestId === requestId);
    expect(events.map(({ instanceId }) => instanceId).sort()).toEqual([...instances].sort());
    expect(await findAccount(keyed.all, key)).not.toBeNull();
  });

  test('takes every field at its longest, in characters of four bytes', async () => {
    const name = '🐘'.repeat(127);
    const key = await withRegister(
      keyed.env,
      async (register) => (await new ApiKeys(register).create(name, permissions, null)).key,
    );
    const caller = as(keyed.gateway, { 'x-api-key': key });
    const longest = { accountProvider: 2147483647, accountId: '🦊'.repeat(255), region: '🐢'.repeat(64) };
    const filled = (one: string): Input => ({
      description: one.repeat(2048),
      jdbcConnectionUrl: `jdbc:other:${one.repeat(1013)}`,
      jdbcConnectionSchema: one.repeat(1024),
      jdbcEnforceSsl: one === '🐘',
      kafkaSslEnabled: one === '🐘',
      masterUsername: one.repeat(255),
      password: one.repeat(1024),
      secret: one.repeat(1024),
      skipCustomJdbcCertValidation: one === '🐘',
      customJdbcCert: one.repeat(1024),
      customJdbcCertString: one.repeat(1024),
      networkAvailabilityZone: one.repeat(255),
      networkSubnetId: one.repeat(255),
      networkSgId: one.repeat(255),
      glueCrawlerLastUpdated: one === '🐘' ? '9999-12-31T23:59:59.999Z' : '0001-01-01T00:00:00.000Z',
      creationTime: one.repeat(64),
      lastUpdatedTime: one.repeat(64),
      jdbcDriverClassName: one.repeat(2048),
      jdbcDriverJarUri: one.repeat(2048),
      createType: one === '🐘' ? 1 : 0,
    });
    const id = {
      instanceId: '🐝'.repeat(255),
      accountProviderId: 2147483647,
      accountId: longest.accountId,
      region: longest.region,
    };
    const requestIds = [1, 2, 3, 4, 5].map((place) => `${place}`.repeat(128));
    const steps: [Way | undefined, object][] = [
      [addAccountWays[0], longest],
      [addWays[0], { ...id, ...filled('🐘') }],
      [updateWays[0], { ...id, ...filled('🐋') }],
      [editWays[1], { ...id, ...filled('🐘') }],
      [deleteWays[0], { ...longest, instances: [id.instanceId] }],
    ];
    for (const [place, [way, input]] of steps.entries()) {
      expect([way?.operation, (await way?.send(caller, input, requestIds[place]))?.code]).toEqual([
        way?.operation,
        1001,
      ]);
    }
    const { data } = await keyed.all.graphql(eventsQuery, {
      filter: { ...longest, instanceId: id.instanceId, operation: 'updateDatasource' },
    });
    expect(data.auditEvents.totalCount).toBe(1);
    const [{ node }] = data.auditEvents.edges;
    expect(node.actor).toBe(`${name} (${key.slice(0, 16)})`);
    expect(node).toMatchObject({ ...longest, instanceId: id.instanceId, requestId: requestIds[2] });
    const [from, to] = [filled('🐘'), filled('🐋')];
    const expected = Object.keys(from).map((field) =>
      field === 'password' || field === 'secret'
        ? { field, from: null, to: null }
        : { field, from: JSON.stringify(from[field]), to: JSON.stringify(to[field]) },
    );
    expect(sorted(node.changes as { field: string }[])).toEqual(sorted(expected));
    const byActor = await keyed.all.graphql(eventsQuery, { filter: { actor: node.actor } });
    expect(byActor.data.auditEvents.totalCount).toBe(5);
  });

  describe('auditEvents', () => {
    const day = Date.parse('2001-01-01T00:00:00.000Z');
    const planted: Partial<StoredEvent>[] = Array.from({ length: 25 }, (_, place) => ({
      id: `EPAGE${String(place).padStart(22, '0')}`,
      // Some at the same instant, so that the id decides.
      createdAt: day + Math.floor(place / 3) * 1000,
      actor: place % 2 === 0 ? 'even' : 'odd',
      operation: place % 5 === 0 ? 'deleteAccount' : 'addAccount',
      outcome: place % 10 === 0 ? 'FORBIDDEN' : 'done',
      accountProvider: 1 + (place % 3),
      accountId: place < 5 ? 'Acme' : 'acme',
      region: place < 12 ? 'north' : 'south',
      instanceId: place === 7 ? 'seven' : null,
    }));
    const within = { from: '2001-01-01T00:00:00.000Z', until: '2001-01-02T00:00:00.000Z' };

    beforeAll(() => plant(keyed.database, planted));

    interface Answer {
      readonly totalCount: number;
      readonly ids: string[];
      readonly pageInfo: Record<string, unknown>;
    }

    async function list(variables: Record<string, unknown>): Promise<Answer> {
      const { data, errors } = await keyed.all.graphql(eventsQuery, variables);
      expect(errors).toBeUndefined();
      const { totalCount, pageInfo, edges } = data.auditEvents;
      return { totalCount, pageInfo, ids: edges.map(({ node }: { node: { id: string } }) => node.id) };
    }

    function idsOf(which: (place: number) => boolean): string[] {
      return planted
        .filter((_, place) => which(place))
        .map(({ id }) => id as string)
        .reverse();
    }

    const everyId = idsOf(() => true);

    test.each([
      ['the newest first', undefined, everyId],
      ['the oldest first', 'ASC', [...everyId].reverse()],
    ])('are paged through from the start and from the end, %s', async (_, direction, expected) => {
      const forward: string[] = [];
      let after: unknown;
      for (;;) {
        const page = await list({ first: 10, after, direction, filter: within });
        expect(page.totalCount).toBe(25);
        forward.push(...page.ids);
        if (!page.pageInfo.hasNextPage) break;
        after = page.pageInfo.endCursor;
      }
      expect(forward).toEqual(expected);
      const backward: string[] = [];
      let before: unknown;
      for (;;) {
        const page = await list({ last: 10, before, direction, filter: within });
        backward.unshift(...page.ids);
        if (!page.pageInfo.hasPreviousPage) break;
        before = page.pageInfo.startCursor;
      }
      expect(backward).toEqual(expected);
    });

    test('are 20 unless told, the newest first', async () => {
      expect((await list({ filter: within })).ids).toEqual(everyId.slice(0, 20));
    });

    test.each<[string, Input, (place: number) => boolean]>([
      ['actor', { actor: 'even' }, (place) => place % 2 === 0],
      ['operation', { operation: 'deleteAccount' }, (place) => place % 5 === 0],
      ['outcome', { outcome: 'FORBIDDEN' }, (place) => place % 10 === 0],
      ['provider', { accountProvider: 2 }, (place) => place % 3 === 1],
      ['account id, exactly', { accountId: 'Acme' }, (place) => place < 5],
      ['region', { region: 'south' }, (place) => place >= 12],
      ['instance id', { instanceId: 'seven' }, (place) => place === 7],
      [
        'the whole target',
        { accountProvider: 2, accountId: 'acme', region: 'north', instanceId: 'seven' },
        (place) => place === 7,
      ],
      ['what was from an instant on', { from: '2001-01-01T00:00:03Z' }, (place) => place >= 9],
      ['what was before an instant', { until: '2001-01-01T00:00:03Z' }, (place) => place < 9],
      [
        'a span',
        { from: '2001-01-01T00:00:02Z', until: '2001-01-01T01:00:03+01:00' },
        (place) => place >= 6 && place < 9,
      ],
      [
        'several',
        { actor: 'odd', operation: 'deleteAccount', region: 'south' },
        (place) => place % 10 === 5 && place >= 12,
      ],
      ['what none is', { actor: 'EVEN' }, () => false],
      ['nothing, by null', { actor: null, instanceId: null }, () => true],
    ])('are narrowed down by %s', async (_, filter, which) => {
      const expected = idsOf(which);
      const { ids, totalCount } = await list({ first: 100, filter: { ...within, ...filter } });
      expect({ ids, totalCount }).toEqual({ ids: expected, totalCount: expected.length });
    });

    test('are refused where the page or the filter is out of its limits', async () => {
      for (const variables of [
        { first: 0 },
        { first: 101 },
        { last: 101 },
        { first: 1, last: 1 },
        { after: 'nonsense' },
        { filter: { accountProvider: 0 } },
        { filter: { from: 'yesterday' } },
        { filter: { accountId: '' } },
      ]) {
        const { errors } = await keyed.all.graphql(eventsQuery, variables);
        expect(errors).toMatchObject([{ extensions: { code: 'BAD_USER_INPUT' } }]);
      }
    });

    test('are shown to who holds `admin` and nothing else, and to nobody without it', async () => {
      const admin = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['admin']) });
      const { data } = await admin.graphql(eventsQuery, { filter: within });
      expect(data.auditEvents.totalCount).toBe(25);
      const others = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['read', 'write', 'credentials']) });
      const refused = await others.graphql(eventsQuery, { filter: within });
      expect(refused.data ?? {}).toEqual({});
      expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
    });
  });
});

describe.each(databaseKinds)('what is old in the audit, on $name', (kind) => {
  test.each([0, 1, 500, 1000, 1203])('is removed, and nothing else, where it is %s rows', async (old) => {
    const database = await kind.create();
    const env = { ...database.env, SECRETS_KEY: Buffer.alloc(32, 1).toString('base64') };
    const limit = new Date('2020-01-01T00:00:00.000Z');
    const result = await withRegister(env, async (register) => {
      const kept = [0, 0, 1, 86_400_000].map((later, place) => ({
        id: plantedId(50_000 + place),
        createdAt: limit.getTime() + later,
      }));
      const gone = Array.from({ length: old }, (_, place) => ({
        id: plantedId(place),
        createdAt: limit.getTime() - 1 - Math.floor(place / 2),
      }));
      await plant(database, [...kept, ...gone]);
      const batches: number[] = [];
      const counted = { ...pass(register), change: counting(register, batches) } as Database;
      const removed = await new AuditTrail(counted).removeBefore(limit);
      expect((await storedEvents(database)).map(({ id }) => id)).toEqual(kept.map(({ id }) => id));
      return { removed, batches };
    });
    await database.drop();
    expect(result.removed).toBe(old);
    expect(Math.max(...result.batches)).toBeLessThanOrEqual(500);
    expect(result.batches.reduce((sum, batch) => sum + batch, 0)).toBe(old);
  });

  function pass(register: Register): Partial<Database> {
    return { dialect: register.dialect, read: (work) => register.read(work) };
  }

  /** Notes how many each transaction removed. */
  function counting(register: Register, batches: number[]): Database['change'] {
    return async (work) => {
      const result = await register.change(work);
      batches.push(Number(result));
      return result;
    };
  }
});

test('AUDIT_RETENTION_DAYS has what is older removed while the gateway serves', async () => {
  const database = await sqliteKind.create();
  const gateway = await startGateway({ ...database.env, AUDIT_RETENTION_DAYS: '30' });
  const ago = (days: number) => Date.now() - days * 86_400_000;
  const events = [31, 30.01, 29.99, 1].map((days, place) => ({
    id: plantedId(place),
    createdAt: Math.floor(ago(days)),
  }));
  await plant(database, events);
  const ids = async () => (await storedEvents(database)).map(({ id }) => id);
  while ((await ids()).includes(plantedId(0))) await sleep(50);
  const left = await ids();
  await gateway.close();
  await database.drop();
  expect(left).toEqual([plantedId(2), plantedId(3)]);
});

test('where everyone is let in, what is done is done by anonymous', async () => {
  const database = await sqliteKind.create();
  const gateway = await startGateway({ ...database.env, AUTH: 'none' });
  await addAccount(gateway);
  const events = await storedEvents(database);
  const { errors } = await gateway.graphql('{ auditEvents { totalCount } }');
  await gateway.close();
  await database.drop();
  expect(events).toMatchObject([
    { actor: 'anonymous', means: 'anonymous', surface: 'graphql', address: '127.0.0.1', operation: 'addAccount' },
  ]);
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
});

test.each(databaseKinds)(
  'on $name, an address that a trusted proxy passes on is recorded, and one that is none keeps nothing from being done',
  async (kind) => {
    const database = await kind.create();
    const gateway = await startGateway({ ...database.env, AUTH: 'none', TRUST_PROXY: '1' });
    const addresses = ['203.0.113.7', '2001:db8::1', 'x'.repeat(300)];
    const answers = [];
    for (const [place, address] of addresses.entries()) {
      const key = legacyBody(accountKey({ region: `region-${place}` }));
      answers.push((await gateway.legacy('add_account', key, { 'x-forwarded-for': address })).body.code);
    }
    const recorded = (await storedEvents(database)).map(({ address }) => address);
    await gateway.close();
    await database.drop();
    expect(answers).toEqual([1001, 1001, 1001]);
    expect(recorded).toEqual([...addresses.slice(0, 2), '127.0.0.1']);
  },
);
