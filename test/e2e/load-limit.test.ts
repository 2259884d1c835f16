import { request as httpRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { openSqliteFile } from '../../src/database/sqlite.database.js';
import { sqliteKind, type TestDatabase } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { sendRaw } from '../support/raw-request.js';
import { accountKey, addAccount, findAccount, legacyBody } from '../support/samples.js';

// Longer than a request waits for its turn, and shorter than one in work waits for the database.
const tooLong = 1500;

let database: TestDatabase;
let gateway: TestGateway;

/** Starts a gateway on SQLite that works on so many requests at once. */
async function start(limit: number, env: Record<string, string> = {}): Promise<void> {
  database = await sqliteKind.create();
  gateway = await startGateway({ ...database.env, REQUEST_LIMIT: String(limit), ...env });
}

afterEach(async () => {
  await gateway?.close();
  await database?.drop();
});

/** Keeps every change waiting until it is let go. */
function holdChanges(): { letGo(): void } {
  const connection = openSqliteFile(database.url.slice('sqlite:'.length));
  connection.exec('BEGIN IMMEDIATE');
  return { letGo: () => connection.close() };
}

const add = (region: string) => gateway.legacy('add_account', legacyBody(accountKey({ region })));

describe('a request beyond the limit', () => {
  test('waits for its turn', async () => {
    await start(1);
    const held = holdChanges();
    const first = add('first');
    const others = [add('second'), gateway.graphql('{ __typename }')] as const;
    const isAnswered = await Promise.race([Promise.race(others).then(() => true), sleep(300, false)]);
    held.letGo();
    expect(isAnswered).toBe(false);
    expect((await first).body.code).toBe(1001);
    expect((await others[0]).body.code).toBe(1001);
    expect((await others[1]).data).toEqual({ __typename: 'Query' });
  });

  test('is refused on both surfaces where its turn does not come, does nothing, and may come again', async () => {
    await start(1);
    const held = holdChanges();
    const first = add('first');
    await sleep(50);
    const started = performance.now();
    const [legacy, graphql] = await Promise.all([
      add('second'),
      gateway.graphql(
        'mutation { addAccount(input: { accountProvider: 1, accountId: "123456789012", region: "third" }) { code } }',
      ),
    ]);
    expect(performance.now() - started).toBeLessThan(tooLong);
    expect(legacy).toMatchObject({
      httpStatus: 503,
      body: { status: 'fail', code: 1000, message: expect.stringContaining('Try again'), ref: null },
    });
    expect(graphql).toMatchObject({
      httpStatus: 503,
      data: undefined,
      errors: [{ message: expect.stringContaining('Try again'), extensions: { code: 'SERVICE_UNAVAILABLE' } }],
    });
    for (const { headers } of [legacy, graphql]) {
      expect(headers.get('retry-after')).toBe('1');
      expect(headers.get('cache-control')).toBe('no-store');
      expect(headers.get('x-request-id')).toEqual(expect.any(String));
    }
    held.letGo();
    expect((await first).body.code).toBe(1001);
    for (const region of ['second', 'third']) {
      expect(await findAccount(gateway, accountKey({ region }))).toBeNull();
      expect((await add(region)).body.code).toBe(1001);
    }
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('gateway_shed_requests_total 2');
    // One line for all, since in an overload there are many.
    await sleep(1100);
    const lines = gateway.log.map((line) => JSON.parse(line)).filter(({ level }) => level === 'warn');
    expect(lines.filter(({ msg }) => !/let in|sealing key/.test(msg))).toMatchObject([
      { refused: 2, msg: expect.stringMatching(/^overloaded/) },
    ]);
  });

  test('waits less where others have waited before it for long', async () => {
    await start(1);
    const held = holdChanges();
    const first = add('first');
    await sleep(50);
    // They keep the queue from being empty.
    const delays = Array.from({ length: 50 }, (_, number) => number * 40);
    const waiting = delays.map((delay) => sleep(delay).then(() => gateway.graphql('{ a }')));
    await sleep(1200);
    const started = performance.now();
    const last = await gateway.graphql('{ __typename }');
    const waited = performance.now() - started;
    held.letGo();
    await Promise.all([first, ...waiting]);
    expect(last.httpStatus).toBe(503);
    // A burst may wait for a second.
    expect(waited).toBeLessThan(800);
  });

  test('does not keep anyone from seeing how the gateway is', async () => {
    await start(1);
    const held = holdChanges();
    const first = add('first');
    await sleep(50);
    expect((await fetch(`${gateway.url}/healthz`)).status).toBe(200);
    // The database is held, so it may not be ready; but it says so itself.
    expect(await (await fetch(`${gateway.url}/readyz`)).json()).toHaveProperty(
      'status',
      expect.stringMatching(/ready$/),
    );
    expect(await (await fetch(`${gateway.url}/metrics`)).text()).toContain('gateway_shed_requests_total 0');
    held.letGo();
    await first;
  });
});

describe('a change that waits for the database', () => {
  test('is not made where its client has gone away meanwhile, on either surface', async () => {
    await start(10);
    const held = holdChanges();
    const first = add('first');
    await sleep(50);
    const waiting = [
      openRequest('/data-source/add_account', legacyBody(accountKey({ region: 'second' }))),
      openRequest('/graphql', {
        query: 'mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }',
        variables: { input: accountKey({ region: 'third' }) },
      }),
    ];
    for (const { end } of waiting) end();
    await sleep(100);
    for (const { outgoing } of waiting) outgoing.destroy();
    await sleep(100);
    held.letGo();
    expect((await first).body.code).toBe(1001);
    expect((await add('fourth')).body.code).toBe(1001);
    const { data } = await gateway.graphql('{ accounts { edges { node { region } } } }');
    expect(data.accounts.edges.map(({ node }: { node: { region: string } }) => node.region)).toEqual([
      'first',
      'fourth',
    ]);
  });
});

describe('a turn', () => {
  test('comes back after every kind of answer, and from clients that are gone', async () => {
    await start(2, { CORS_ORIGINS: 'https://portal.example.com' });
    await addAccount(gateway);
    const json = { 'content-type': 'application/json' };
    for (let round = 0; round < 5; round += 1) {
      await Promise.all([
        gateway.legacy('add_account', legacyBody(accountKey())),
        gateway.legacy('add_account', '{'),
        gateway.graphql('{ nothing }'),
        gateway.graphql('mutation { deleteAccount(input: { accountProvider: 1 }) { code } }'),
        sendRaw(`${gateway.url}/%zz`, { method: 'GET' }),
        sendRaw(`${gateway.url}/nothing`, { method: 'GET' }),
        sendRaw(`${gateway.url}/graphql`, { method: 'PUT', headers: json, body: '{}' }),
        sendRaw(`${gateway.url}/graphql`, { headers: { 'content-type': 'text/plain' }, body: '{}' }),
        sendRaw(`${gateway.url}/graphql`, {
          headers: { ...json, origin: 'https://elsewhere.example.com' },
          body: '{}',
        }),
        sendRaw(`${gateway.url}/graphql`, {
          method: 'OPTIONS',
          headers: { origin: 'https://portal.example.com', 'access-control-request-method': 'POST' },
        }),
        sendRaw(`${gateway.url}/data-source/add_account`, { method: 'HEAD' }),
        sendRaw(`${gateway.url}/graphql`, { headers: json, body: ['{"query":', '"{ __typename }"}'] }),
        sendRaw(`${gateway.url}/graphql`, { headers: json, body: 'x'.repeat(2_100_000) }),
      ]);
    }
    const held = holdChanges();
    await Promise.all(Array.from({ length: 10 }, (_, index) => sendAndLeave(`left ${index}`)));
    held.letGo();
    const answers = await Promise.all(Array.from({ length: 20 }, () => gateway.graphql('{ __typename }')));
    expect(answers.map(({ httpStatus }) => httpStatus)).toEqual(Array(20).fill(200));
  });

  test('is not taken by those whose bodies are still coming', async () => {
    await start(1);
    const slow = Array.from({ length: 5 }, (_, index) => startBody(`slow ${index}`));
    await sleep(100);
    for (let round = 0; round < 5; round += 1) {
      expect((await gateway.graphql('{ __typename }')).httpStatus).toBe(200);
      expect((await add(`fast ${round}`)).body.code).toBe(1001);
    }
    for (const { finish } of slow) expect((await finish()).code).toBe(1001);
  });
});

/** Sends a change, and goes away before it is answered. */
async function sendAndLeave(region: string): Promise<void> {
  const { outgoing, end } = openRequest('/data-source/add_account', legacyBody(accountKey({ region })));
  end();
  await sleep(100);
  outgoing.destroy();
}

function startBody(region: string) {
  const { answer, begin, end } = openRequest('/data-source/add_account', legacyBody(accountKey({ region })));
  begin();
  return {
    finish: () => {
      end();
      return answer;
    },
  };
}

function openRequest(path: string, content: object) {
  const outgoing = httpRequest(`${gateway.url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    agent: false,
  });
  const answer = new Promise<{ code: number }>((resolve, reject) => {
    outgoing.on('error', reject);
    outgoing.on('response', async (response) => {
      const parts: Buffer[] = [];
      for await (const part of response) parts.push(part);
      resolve(JSON.parse(Buffer.concat(parts).toString()));
    });
  });
  answer.catch(() => undefined);
  let body = JSON.stringify(content);
  return {
    outgoing,
    answer,
    begin: () => {
      outgoing.write(body.slice(0, 10));
      body = body.slice(10);
    },
    end: () => outgoing.end(body),
  };
}
