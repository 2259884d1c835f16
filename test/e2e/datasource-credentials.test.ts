import { setTimeout as sleep } from 'node:timers/promises';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { createConnection } from 'mysql2/promise';
import type { Permission } from '../../src/security/caller.js';
import { databaseKinds } from '../support/databases.js';
import { useKeyedGateway } from '../support/fixture.js';
import { startGateway } from '../support/gateway.js';
import { as, keyOf, makeKey, readCredentials } from '../support/keyed-gateway.js';
import { onDatabase, refuseAudit, sqliteFile, storedEvents } from '../support/raw-database.js';
import { addAccount, addDatasource, datasourceInput, findDatasource, legacyBody } from '../support/samples.js';

const query = 'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { masterUsername password secret } }';
const given = { masterUsername: 'admin', password: 'päss "wörd" \\ 🐘+/=&%\u0000\n', secret: 'arn:sécret/name' };

describe.each(databaseKinds)('datasourceCredentials on $name', (kind) => {
  const keyed = useKeyedGateway(kind);
  let count = 0;

  beforeAll(async () => {
    await addAccount(keyed.all);
  });

  /** Adds a datasource of the test's own with all three credentials. */
  async function added(changes: Record<string, unknown> = {}) {
    count += 1;
    const input = datasourceInput(`ds-${count}`, { ...given, ...changes });
    await addDatasource(keyed.all, input);
    return input;
  }

  async function callerWith(...permissions: Permission[]) {
    return as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, permissions) });
  }

  async function eventsOf(instanceId: unknown) {
    const events = await storedEvents(keyed.database);
    return events.filter((event) => event.instanceId === instanceId && event.operation === 'datasourceCredentials');
  }

  /** Changes what is stored of a sealed value behind the gateway's back. */
  async function store(input: Record<string, unknown>, column: string, value: Uint8Array) {
    await onDatabase(keyed.database, `UPDATE datasources SET ${column} = ? WHERE instance_id = ?`, [
      Buffer.from(value),
      input.instanceId as string,
    ]);
  }

  async function sealed(input: Record<string, unknown>) {
    const [row] = await onDatabase<{ password: Uint8Array; secret: Uint8Array }>(
      keyed.database,
      'SELECT password_sealed AS password, secret_sealed AS secret FROM datasources WHERE instance_id = ?',
      [input.instanceId as string],
    );
    return row as { password: Uint8Array; secret: Uint8Array };
  }

  test('gives the three, character by character, to who holds `credentials` and nothing else', async () => {
    const input = await added();
    const holder = await callerWith('credentials');
    const { httpStatus, data, errors } = await holder.graphql(query, { key: keyOf(input) });
    expect({ httpStatus, data, errors }).toEqual({ httpStatus: 200, data: { datasourceCredentials: given } });
  });

  test('gives null for what is not stored', async () => {
    const onlySecret = await added({ masterUsername: null, password: null });
    expect(await readCredentials(keyed.all, onlySecret)).toEqual({
      masterUsername: null,
      password: null,
      secret: given.secret,
    });
    const onlyPassword = await added({ secret: '' });
    expect(await readCredentials(keyed.all, onlyPassword)).toEqual({ ...given, secret: null });
  });

  test.each<[string, Permission[]]>([
    ['`read`', ['read']],
    ['`write`', ['write']],
    ['`admin`', ['admin']],
    ['all the others together', ['read', 'write', 'admin']],
  ])('is refused to a caller with %s, which is recorded, and reads nothing', async (_, permissions) => {
    const input = await added();
    const caller = await callerWith(...permissions);
    const refused = await caller.graphql(query, { key: keyOf(input) }, { 'x-request-id': `refused-${count}` });
    expect(refused.httpStatus).toBe(200);
    expect(refused.data?.datasourceCredentials).toBeUndefined();
    expect(refused.errors).toMatchObject([{ extensions: { code: 'FORBIDDEN', legacyCode: 1003 } }]);
    expect(JSON.stringify(refused.errors)).not.toContain('sécret');
    const event = await recordedRefusal(`refused-${count}`);
    expect(event).toMatchObject({ operation: 'datasourceCredentials', outcome: 'FORBIDDEN', surface: 'graphql' });
    expect(await eventsOf(input.instanceId)).toEqual([event]);
  });

  test('is refused to who holds `read` however the document hides it', async () => {
    const input = await added();
    const caller = await callerWith('read', 'write', 'admin');
    const documents = [
      'query ($key: DatasourceKey!) { harmless: datasourceCredentials(key: $key) { password } }',
      'query ($key: DatasourceKey!) { ...a } fragment a on Query { datasourceCredentials(key: $key) { password } }',
      'query ($key: DatasourceKey!) { ... on Query { ...a } } fragment a on Query { ... { datasourceCredentials(key: $key) { ...b } } } fragment b on DatasourceCredentials { secret }',
      'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) @include(if: true) { __typename } }',
      `query ($key: DatasourceKey!) { ...accounts } fragment accounts on Query { datasourceCredentials(key: $key) { secret } }`,
    ];
    for (const [place, document] of documents.entries()) {
      const requestId = `hidden-${count}-${place}`;
      const { data, errors } = await caller.graphql(document, { key: keyOf(input) }, { 'x-request-id': requestId });
      expect(data ?? {}).toEqual({});
      expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
      expect((await recordedRefusal(requestId)).operation).toBe('datasourceCredentials');
    }
    const many = Array.from({ length: 14 }, (_, place) => `a${place}: accounts { totalCount }`).join(' ');
    const crowded = `query ($key: DatasourceKey!) { ${many} datasourceCredentials(key: $key) { password } }`;
    await caller.graphql(crowded, { key: keyOf(input) }, { 'x-request-id': `crowded-${count}` });
    await recordedRefusal(`crowded-${count}`);
    const events = await eventsOf(input.instanceId);
    expect(events).toHaveLength(documents.length + 1);
    for (const event of events) {
      expect(event).toMatchObject({ operation: 'datasourceCredentials', outcome: 'FORBIDDEN' });
    }
  });

  /** The answer to a refused caller does not wait for its row. */
  async function recordedRefusal(requestId: string) {
    for (;;) {
      const event = (await storedEvents(keyed.database)).find((one) => one.requestId === requestId);
      if (event !== undefined) return event;
      await sleep(10);
    }
  }

  test('is refused to callers without a key, and with a wrong one', async () => {
    const input = await added();
    for (const headers of [{}, { 'x-api-key': 'dgk_000000000000_wrong' }, { authorization: 'Bearer wrong' }]) {
      const { httpStatus, data, errors } = await keyed.gateway.graphql(query, { key: keyOf(input) }, headers as never);
      expect(httpStatus).toBe(401);
      expect(data ?? {}).toEqual({});
      expect(errors).toMatchObject([{ extensions: { code: 'UNAUTHENTICATED' } }]);
    }
    expect(await eventsOf(input.instanceId)).toEqual([]);
  });

  test('has each reading in the audit when it is answered: who, by what, from where, of what', async () => {
    const input = await added();
    const before = Date.now();
    await keyed.all.graphql(query, { key: keyOf(input) }, { 'x-request-id': 'reading-1' });
    const after = Date.now();
    const [event, ...others] = await eventsOf(input.instanceId);
    expect(others).toEqual([]);
    expect(event).toMatchObject({
      means: 'key',
      surface: 'graphql',
      address: '127.0.0.1',
      requestId: 'reading-1',
      outcome: 'done',
      accountProvider: 1,
      accountId: '123456789012',
      region: 'eu-west-1',
      changes: null,
    });
    expect(event?.actor).toMatch(/^read and write and credentials and connect and admin \(dgk_[0-9a-f]{12}\)$/);
    expect(Number(event?.createdAt)).toBeGreaterThanOrEqual(before);
    expect(Number(event?.createdAt)).toBeLessThanOrEqual(after);
  });

  test('reads and records anew for every field that asks, so that nothing is answered out of memory', async () => {
    const input = await added();
    const twice =
      'query ($key: DatasourceKey!) { a: datasourceCredentials(key: $key) { password } b: datasourceCredentials(key: $key) { password } }';
    const { data } = await keyed.all.graphql(twice, { key: keyOf(input) });
    expect(data).toEqual({ a: { password: given.password }, b: { password: given.password } });
    expect(await eventsOf(input.instanceId)).toHaveLength(2);

    const edited = { ...input, password: 'another' };
    const { body } = await keyed.all.legacy('update-jdbc-conn', legacyBody(edited));
    expect(body.code).toBe(1001);
    expect((await readCredentials(keyed.all, input)).password).toBe('another');
    expect(await eventsOf(input.instanceId)).toHaveLength(3);
  });

  test('waits for its row in the audit before it answers', async () => {
    const input = await added();
    const release = await lockAudit();
    let isAnswered = false;
    const reading = keyed.all.graphql(query, { key: keyOf(input) }).then((answer) => {
      isAnswered = true;
      return answer;
    });
    await sleep(300);
    expect(isAnswered).toBe(false);
    await release();
    expect((await reading).data.datasourceCredentials).toEqual(given);
    expect(await eventsOf(input.instanceId)).toHaveLength(1);
  });

  /** Keeps everyone from writing to the audit, until what is returned is called. */
  async function lockAudit(): Promise<() => Promise<void>> {
    const file = sqliteFile(keyed.database);
    if (file === undefined) {
      const connection = await createConnection(keyed.database.url);
      await connection.query('LOCK TABLES audit_events READ');
      return async () => {
        await connection.query('UNLOCK TABLES');
        await connection.end();
      };
    }
    const connection = new DatabaseSync(file, { timeout: 5000 });
    connection.exec('BEGIN IMMEDIATE');
    return async () => {
      connection.exec('ROLLBACK');
      connection.close();
    };
  }

  describe('where the audit cannot be written', () => {
    test.each<[string, () => Promise<() => Promise<unknown>>]>([
      ['because its table is gone', goneTable],
      ['because the database refuses its row', () => refuseAudit(keyed.database)],
    ])('%s, gives nothing', async (_, breakAudit) => {
      const input = await added();
      const repair = await breakAudit();
      const { httpStatus, data, errors } = await keyed.all.graphql(query, { key: keyOf(input) });
      const nothingThere = await keyed.all.graphql(query, { key: { ...keyOf(input), instanceId: 'none' } });
      await repair();
      expect(httpStatus).toBe(200);
      expect(data ?? null).toBeNull();
      expect(errors).toMatchObject([{ extensions: { code: 'INTERNAL_SERVER_ERROR', legacyCode: 1000 } }]);
      for (const value of Object.values(given).slice(1)) expect(JSON.stringify(errors)).not.toContain(value);
      expect(nothingThere.errors?.[0].extensions.code).toBe('DATASOURCE_NOT_FOUND');
      expect(await readCredentials(keyed.all, input)).toEqual(given);
      expect(await eventsOf(input.instanceId)).toHaveLength(1);
    });

    async function goneTable() {
      await onDatabase(keyed.database, 'ALTER TABLE audit_events RENAME TO audit_events_away');
      return () => onDatabase(keyed.database, 'ALTER TABLE audit_events_away RENAME TO audit_events');
    }
  });

  test('of one that is not there is DATASOURCE_NOT_FOUND, and no reading is recorded', async () => {
    const { data, errors } = await keyed.all.graphql(query, { key: keyOf(datasourceInput('not-there')) });
    expect(data ?? null).toBeNull();
    expect(errors).toMatchObject([{ extensions: { code: 'DATASOURCE_NOT_FOUND', legacyCode: 1249 } }]);
    expect(await eventsOf('not-there')).toEqual([]);
  });

  test('is kept out of caches, by POST and by GET', async () => {
    const input = await added();
    const post = await keyed.all.graphql(query, { key: keyOf(input) });
    expect(post.headers.get('cache-control')).toBe('no-store');
    expect(post.headers.get('etag')).toBeNull();
    const parameters = new URLSearchParams({ query, variables: JSON.stringify({ key: keyOf(input) }) });
    const key = await makeKey(keyed.env, ['credentials']);
    const get = await fetch(`${keyed.gateway.url}/graphql?${parameters}`, { headers: { 'x-api-key': key } });
    expect(await get.json()).toEqual({ data: { datasourceCredentials: given } });
    expect(get.headers.get('cache-control')).toBe('no-store');
    expect(get.headers.get('etag')).toBeNull();
  });

  describe('of a value that cannot be opened', () => {
    const breakers: [string, (input: Record<string, unknown>) => Promise<void>][] = [
      [
        'one of its bits was changed',
        async (input) => {
          const { password } = await sealed(input);
          const changed = Buffer.from(password);
          changed.writeUInt8(changed.readUInt8(30) ^ 1, 30);
          await store(input, 'password_sealed', changed);
        },
      ],
      [
        'it was cut short',
        async (input) => store(input, 'password_sealed', (await sealed(input)).password.subarray(0, 20)),
      ],
      ['it is empty', async (input) => store(input, 'password_sealed', Buffer.alloc(0))],
      ['it was never sealed', async (input) => store(input, 'password_sealed', Buffer.from('hunter2'.repeat(10)))],
      [
        'it was moved here from another datasource',
        async (input) => store(input, 'password_sealed', (await sealed(await added())).password),
      ],
      [
        'it was moved here from another field',
        async (input) => store(input, 'password_sealed', (await sealed(input)).secret),
      ],
    ];

    test.each(breakers)('because %s, gives an error for that field only, and records the reading', async (_, spoil) => {
      const input = await added();
      await spoil(input);
      const { httpStatus, data, errors } = await keyed.all.graphql(query, { key: keyOf(input) });
      expect(httpStatus).toBe(200);
      expect(data).toEqual({ datasourceCredentials: { ...given, password: null } });
      expect(errors).toMatchObject([
        { path: ['datasourceCredentials', 'password'], extensions: { code: 'INTERNAL_SERVER_ERROR' } },
      ]);
      expect(errors?.[0].message).toMatch(/^The stored password cannot be opened/);
      expect(await eventsOf(input.instanceId)).toHaveLength(1);
      // All else goes on as before.
      expect(await findDatasource(keyed.all, input)).toMatchObject({ hasPassword: true, hasSecret: true, version: 1 });
    });

    test.each(breakers)('because %s, it can be replaced by an edit and by an update', async (_, spoil) => {
      const input = await added();
      await spoil(input);
      const edited = await keyed.all.legacy('update-jdbc-conn', legacyBody({ ...input, password: 'by edit' }));
      expect(edited.body.code).toBe(1001);
      expect(await readCredentials(keyed.all, input)).toEqual({ ...given, password: 'by edit' });

      await spoil(input);
      const updated = await update({ ...keyOf(input), password: 'by update' });
      expect(updated.errors).toBeUndefined();
      expect(await readCredentials(keyed.all, input)).toEqual({ ...given, password: 'by update' });
    });

    test('leaves it as it is where something else is updated, and lets it be cleared', async () => {
      const input = await added();
      await store(input, 'password_sealed', (await sealed(input)).secret);
      const before = await sealed(input);
      expect((await update({ ...keyOf(input), description: 'new' })).errors).toBeUndefined();
      expect((await sealed(input)).password).toEqual(before.password);
      expect((await update({ ...keyOf(input), password: null })).errors).toBeUndefined();
      expect(await readCredentials(keyed.all, input)).toEqual({ ...given, password: null });
    });

    function update(input: Record<string, unknown>) {
      return keyed.all.graphql(
        'mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { code } }',
        { input },
      );
    }
  });
});

test('no other field gives a credential: not of a datasource, a payload or a page', async () => {
  const gateway = await startGateway({ AUTH: 'none' });
  const { data } = await gateway.graphql('{ __schema { types { name fields { name } } } }');
  await gateway.close();
  const types = data.__schema.types as { name: string; fields: { name: string }[] | null }[];
  const fields = types.flatMap((type) => (type.fields ?? []).map(({ name }) => `${type.name}.${name}`));
  expect(fields.filter((field) => /password|secret/i.test(field)).sort()).toEqual([
    'Datasource.hasPassword',
    'Datasource.hasSecret',
    'DatasourceCredentials.password',
    'DatasourceCredentials.secret',
  ]);
});

test('an open gateway gives credentials to nobody', async () => {
  const gateway = await startGateway({ AUTH: 'none' });
  await addAccount(gateway);
  const input = datasourceInput('open', given);
  await addDatasource(gateway, input);
  const { data, errors } = await gateway.graphql(query, { key: keyOf(input) });
  await gateway.close();
  expect(data ?? {}).toEqual({});
  expect(errors).toMatchObject([{ extensions: { code: 'FORBIDDEN' } }]);
});
