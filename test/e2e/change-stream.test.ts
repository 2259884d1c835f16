import { spawn } from 'node:child_process';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { ApolloClient, ApolloLink, gql, InMemoryCache, Observable } from '@apollo/client';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { Client, fetchExchange, subscriptionExchange } from '@urql/core';
import { print } from 'graphql';
import { createClient } from 'graphql-sse';
import { databaseKinds, sqliteKind } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { type KeyedGateway, makeKey, startKeyedGateway } from '../support/keyed-gateway.js';
import { scrape } from '../support/metrics.js';
import { startGatewayProcess } from '../support/process.js';
import { onDatabase } from '../support/raw-database.js';
import { accountKey, addAccount, addDatasource, datasourceInput } from '../support/samples.js';

const subscription =
  'subscription ($after: String) { changes(after: $after) { cursor operation id region version fields { field } } }';
// biome-ignore lint/suspicious/noExplicitAny: as a client sees it
type Change = any;

/** What is used of Relay, which has no types of its own. */
interface Relay {
  readonly Network: {
    create(
      fetch: () => Promise<never>,
      subscribe: (asked: { readonly text: string }, variables: Record<string, unknown>) => unknown,
    ): {
      execute(
        asked: object,
        variables: object,
        cache: object,
      ): {
        subscribe(observer: { next(answer: { data?: Change }): void; error(error: unknown): void }): {
          unsubscribe(): void;
        };
      };
    };
  };
  readonly Observable: { create(subscribe: (sink: unknown) => () => void): unknown };
}

/** What came over one stream, event by event. */
interface Stream {
  readonly status: number;
  readonly headers: Headers;
  readonly events: { event: string; id: string | undefined; data: Change }[];
  readonly comments: number;
  /** Resolves when the stream has ended. */
  readonly ended: Promise<void>;
  until(count: number): Promise<void>;
  close(): void;
}

async function open(
  gateway: TestGateway,
  variables: object,
  headers: Record<string, string> = {},
  query = subscription,
): Promise<Stream> {
  const closing = new AbortController();
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream', ...headers },
    body: JSON.stringify({ query, variables }),
    signal: closing.signal,
  });
  const events: Stream['events'] = [];
  const seen = { comments: 0 };
  const ended = (async () => {
    let text = '';
    const decoder = new TextDecoder();
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += decoder.decode(chunk, { stream: true });
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const lines = text.slice(0, end).split('\n');
        text = text.slice(end + 2);
        const field = (name: string) =>
          lines
            .find((line) => line.startsWith(`${name}:`))
            ?.slice(name.length + 1)
            .trim();
        if (lines[0] === ':') seen.comments += 1;
        else
          events.push({
            event: field('event') ?? '',
            id: field('id'),
            data: field('data') ? JSON.parse(field('data') as string) : null,
          });
      }
    }
  })().catch(() => undefined);
  return {
    status: response.status,
    headers: response.headers,
    events,
    get comments() {
      return seen.comments;
    },
    ended,
    async until(count) {
      for (const started = Date.now(); events.length < count; await sleep(10)) {
        if (Date.now() - started > 20_000) throw new Error(`only ${events.length} of ${count} events came`);
      }
    },
    close: () => closing.abort(),
  };
}

function regionsOf(stream: Stream): string[] {
  return stream.events.map(({ data }) => data.data.changes.region);
}

describe.each(databaseKinds)('the changes as they come, on $name', (kind) => {
  let keyed: KeyedGateway;
  let all: TestGateway;
  let own: Record<string, string>;
  let count = 0;

  beforeAll(async () => {
    keyed = await startKeyedGateway(kind);
    all = keyed.all;
    own = { 'x-api-key': await makeKey(keyed.env, ['read']) };
  });
  afterAll(() => keyed?.close());

  async function add(): Promise<string> {
    count += 1;
    await addAccount(all, accountKey({ region: `region-${count}` }));
    return `region-${count}`;
  }

  async function end(): Promise<string> {
    const { data } = await all.graphql('{ snapshot { cursor } }');
    return data.snapshot.cursor;
  }

  test('are sent as events, to each who follows, from the cursor that it gave or from now on', async () => {
    const after = await end();
    const early = [await add(), await add()];
    const [fromCursor, fromNow] = [await open(all, { after }, own), await open(all, {}, own)];
    expect([fromCursor.status, fromCursor.headers.get('content-type')]).toEqual([
      200,
      'text/event-stream; charset=utf-8',
    ]);
    await fromCursor.until(2);
    await sleep(500);
    const late = [await add(), await add(), await add()];
    await Promise.all([fromCursor.until(5), fromNow.until(3)]);
    expect(regionsOf(fromCursor)).toEqual([...early, ...late]);
    expect(regionsOf(fromNow).slice(-3)).toEqual(late);
    for (const { event, id, data } of fromCursor.events) {
      expect(event).toBe('next');
      expect(data).toEqual({ data: { changes: expect.objectContaining({ cursor: id, operation: 'addAccount' }) } });
    }
    const again = await open(all, { after: fromCursor.events[2]?.id }, own);
    // Where an EventSource comes again, it says behind which event.
    const resumed = await open(all, { after }, { ...own, 'last-event-id': fromCursor.events[3]?.id as string });
    await Promise.all([again.until(2), resumed.until(1)]);
    expect([regionsOf(again), regionsOf(resumed)]).toEqual([late.slice(1), late.slice(2)]);
    for (const stream of [fromCursor, fromNow, again, resumed]) stream.close();
  });

  test('are the same for those who are far behind and those who are not', async () => {
    const after = await end();
    const regions: string[] = [];
    for (let number = 0; number < 60; number += 1) regions.push(await add());
    const streams = await Promise.all(Array.from({ length: 20 }, () => open(all, { after }, own)));
    regions.push(await add());
    await Promise.all(streams.map((stream) => stream.until(61)));
    for (const stream of streams) {
      expect(regionsOf(stream)).toEqual(regions);
      stream.close();
    }
  });

  test('tell by an event what keeps them from beginning, and other operations their answer', async () => {
    const errorOf = async (...asked: Parameters<typeof open>) => {
      const stream = await open(...asked);
      await stream.ended;
      expect([stream.status, stream.events.map(({ event }) => event)]).toEqual([200, ['next', 'complete']]);
      return stream.events[0]?.data.errors[0].extensions.code;
    };
    expect(await errorOf(all, { after: 'nonsense' }, own)).toBe('BAD_USER_INPUT');
    expect(await errorOf(all, { after: 1 }, own)).toBe('BAD_USER_INPUT');
    expect(await errorOf(all, {}, own, 'subscription { nothing }')).toBe('GRAPHQL_VALIDATION_FAILED');
    expect(await errorOf(all, {}, own, 'subscription {')).toBe('GRAPHQL_PARSE_FAILED');
    const writer = { 'x-api-key': await makeKey(keyed.env, ['write']) };
    expect(await errorOf(all, {}, writer)).toBe('FORBIDDEN');
    const later = Buffer.from(JSON.stringify([1_000_000, ''])).toString('base64url');
    expect(await errorOf(all, { after: later }, own)).toBe('CURSOR_TOO_OLD');
    const query = await open(all, {}, own, '{ accounts { totalCount } }');
    await query.ended;
    expect(query.events).toMatchObject([
      { data: { data: { accounts: { totalCount: count } } } },
      { event: 'complete' },
    ]);
    const unknown = await open(all, {}, { 'x-api-key': 'none' });
    expect(unknown.status).toBe(401);
    const { httpStatus, errors } = await all.graphql(subscription, {});
    expect([httpStatus, errors?.[0].message]).toEqual([200, expect.stringContaining('Accept: text/event-stream')]);
  });

  test('end with the key, and say so', async () => {
    const key = await makeKey(keyed.env, ['read'], new Date(Date.now() + 3_000));
    const other = await makeKey(keyed.env, ['read']);
    const [expiring, revoked] = [
      await open(all, {}, { 'x-api-key': key }),
      await open(all, {}, { 'x-api-key': other }),
    ];
    await onDatabase(keyed.database, 'UPDATE api_keys SET revoked_at = ? WHERE prefix = ?', [
      Date.now(),
      other.slice(0, 16),
    ]);
    await Promise.all([expiring.ended, revoked.ended]);
    expect(expiring.events).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'UNAUTHENTICATED', legacyCode: 1004 } }] } },
      { event: 'complete' },
    ]);
    expect(revoked.events).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'UNAUTHENTICATED', legacyCode: 1003 } }] } },
      { event: 'complete' },
    ]);
  }, 40_000);

  test('end with the permission, and say so', async () => {
    const key = await makeKey(keyed.env, ['read', 'write']);
    const stream = await open(all, {}, { 'x-api-key': key });
    const sql = "UPDATE api_keys SET permissions = 'write' WHERE prefix = ?";
    await onDatabase(keyed.database, sql, [key.slice(0, 16)]);
    await stream.ended;
    expect(stream.events).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'FORBIDDEN', legacyCode: 1003 } }] } },
      { event: 'complete' },
    ]);
  }, 40_000);

  test('are counted while they are open, and as requests by how long it took until they began', async () => {
    const admin = { 'x-api-key': await makeKey(keyed.env, ['admin']) };
    const labels = { surface: 'graphql', operation: 'changes' };
    const seconds = async () =>
      (await scrape(all.url, admin)).value('gateway_request_duration_seconds_sum', labels) ?? 0;
    const ended = async () =>
      (await scrape(all.url, admin)).value('gateway_requests_total', { ...labels, code: '1001' }) ?? 0;
    const count = async () => (await scrape(all.url, admin)).value('gateway_event_streams', {});
    const [before, endedBefore] = [await seconds(), await ended()];
    const streams = [await open(all, {}, own), await open(all, {}, own)];
    expect(await count()).toBe(2);
    await sleep(5_000);
    for (const stream of streams) stream.close();
    for (let tries = 0; tries < 200 && (await ended()) < endedBefore + 2; tries += 1) await sleep(20);
    expect(await ended()).toBe(endedBefore + 2);
    expect(await count()).toBe(0);
    expect((await seconds()) - before).toBeLessThan(5);
  }, 40_000);

  test('keep the connection alive where nothing changes', async () => {
    const stream = await open(all, {}, own);
    await sleep(11_000);
    expect(stream.comments).toBeGreaterThanOrEqual(2);
    const region = await add();
    await stream.until(1);
    expect(regionsOf(stream)).toEqual([region]);
    stream.close();
  }, 40_000);

  test('come to the graphql-sse client', async () => {
    const after = await end();
    const client = createClient({ url: `${all.url}/graphql`, headers: own, retryAttempts: 0 });
    const regions = [await add(), await add()];
    const seen: string[] = [];
    for await (const { data } of client.iterate<{ changes: Change }>({ query: subscription, variables: { after } })) {
      seen.push(data?.changes.region);
      if (seen.length === 2) regions.push(await add());
      if (seen.length === 3) break;
    }
    expect(seen).toEqual(regions);
    const answer = client.iterate({ query: '{ accounts { totalCount } }' });
    expect((await answer.next()).value).toEqual({ data: { accounts: { totalCount: count } } });
    expect((await answer.next()).done).toBe(true);
    const refused = client.iterate({ query: subscription, variables: { after: 'nonsense' } });
    expect((await refused.next()).value.errors[0].extensions.code).toBe('BAD_USER_INPUT');
    client.dispose();
  });

  test('come to Apollo Client', async () => {
    const after = await end();
    const sse = createClient({ url: `${all.url}/graphql`, headers: own, retryAttempts: 0 });
    const link = new ApolloLink(
      ({ query, variables }) =>
        new Observable((observer) => sse.subscribe({ query: print(query), variables }, observer as never)),
    );
    const client = new ApolloClient({ link, cache: new InMemoryCache() });
    const region = await add();
    const seen = await new Promise<Change>((resolve, reject) => {
      const following = client
        .subscribe<{ changes: Change }>({ query: gql(subscription), variables: { after } })
        .subscribe({
          next: ({ data }) => {
            resolve(data?.changes.region);
            following.unsubscribe();
          },
          error: reject,
        });
    });
    expect(seen).toBe(region);
    client.stop();
    sse.dispose();
  });

  test('come to urql', async () => {
    const after = await end();
    const sse = createClient({ url: `${all.url}/graphql`, headers: own, retryAttempts: 0 });
    const client = new Client({
      url: `${all.url}/graphql`,
      preferGetMethod: false,
      exchanges: [
        fetchExchange,
        subscriptionExchange({
          forwardSubscription: ({ query, variables }) => ({
            subscribe: (sink) => ({
              unsubscribe: sse.subscribe(
                { query: query as string, variables: variables as Record<string, unknown> },
                sink as never,
              ),
            }),
          }),
        }),
      ],
    });
    const region = await add();
    const seen = await new Promise((resolve, reject) => {
      const following = client.subscription(subscription, { after }).subscribe(({ data, error }) => {
        if (error) reject(error);
        resolve(data?.changes.region);
        queueMicrotask(() => following.unsubscribe());
      });
    });
    expect(seen).toBe(region);
    sse.dispose();
  });

  test('come to urql by itself, which asks for events by fetch', async () => {
    const after = await end();
    const client = new Client({
      url: `${all.url}/graphql`,
      preferGetMethod: false,
      exchanges: [fetchExchange],
      fetchSubscriptions: true,
      fetchOptions: { headers: own },
    });
    const region = await add();
    const seen = await new Promise((resolve, reject) => {
      const following = client.subscription(subscription, { after }).subscribe(({ data, error }) => {
        if (error) reject(error);
        resolve(data?.changes.region);
        queueMicrotask(() => following.unsubscribe());
      });
    });
    expect(seen).toBe(region);
  });

  test("come through Relay's network layer", async () => {
    const after = await end();
    const { Network, Observable: RelayObservable } = (await import('relay-runtime' as string)).default as Relay;
    const sse = createClient({ url: `${all.url}/graphql`, headers: own, retryAttempts: 0 });
    const network = Network.create(
      () => Promise.reject(new Error('nothing is fetched')),
      ({ text }, variables) =>
        RelayObservable.create((sink) => sse.subscribe({ query: text, variables }, sink as never)),
    );
    const region = await add();
    const asked = {
      id: null,
      cacheID: 'changes',
      name: 'Changes',
      operationKind: 'subscription',
      metadata: {},
      text: subscription,
    };
    const seen = await new Promise((resolve, reject) => {
      const following = network.execute(asked, { after }, {}).subscribe({
        next: ({ data }) => {
          resolve(data?.changes.region);
          queueMicrotask(() => following.unsubscribe());
        },
        error: reject,
      });
    });
    expect(seen).toBe(region);
    sse.dispose();
  });

  test('come to curl', async () => {
    const after = await end();
    const region = await add();
    const headers = { ...own, 'content-type': 'application/json', accept: 'text/event-stream' };
    const curl = spawn('curl', [
      ...['-s', '-N', `${all.url}/graphql`, '-d', JSON.stringify({ query: subscription, variables: { after } })],
      ...Object.entries(headers).flatMap(([name, value]) => ['-H', `${name}: ${value}`]),
    ]);
    let text = '';
    curl.stdout.on('data', (chunk) => {
      text += chunk;
    });
    for (let tries = 0; tries < 1_000 && !text.includes(region); tries += 1) await sleep(10);
    curl.kill();
    expect(text).toMatch(new RegExp(`^:\n\nevent: next\nid: \\w+\ndata: \\{.*"${region}".*\\}\n\n`));
  });

  test('are read from the database once for all who follow', async () => {
    const streams = await Promise.all(Array.from({ length: 100 }, () => open(all, {}, own)));
    const reads = async () => {
      const text = await (
        await fetch(`${all.url}/metrics`, { headers: { 'x-api-key': await makeKey(keyed.env, ['admin']) } })
      ).text();
      return Number(/^gateway_database_duration_seconds_count\{[^}]*read[^}]*\} (\d+)$/m.exec(text)?.[1]);
    };
    const before = await reads();
    await sleep(2_000);
    const region = await add();
    await Promise.all(streams.map((stream) => stream.until(1)));
    const asked = (await reads()) - before;
    expect(new Set(streams.flatMap(regionsOf))).toEqual(new Set([region]));
    for (const stream of streams) stream.close();
    // Seven looks in a second, and some that have to do with keys: not a hundred times that.
    expect(asked).toBeLessThan(120);
  }, 40_000);
});

test('a stream ends without a word where the gateway stops, and is gone on with at another', async () => {
  const kind = databaseKinds.at(-1) as (typeof databaseKinds)[number];
  const database = await kind.create();
  const first = await startGateway(database.env);
  const stream = await open(first, {});
  await addAccount(first, accountKey({ region: 'one' }));
  await stream.until(1);
  await first.close();
  await stream.ended;
  expect(stream.events.map(({ event }) => event)).toEqual(['next']);
  const second = await startGateway(database.env);
  await addAccount(second, accountKey({ region: 'two' }));
  const resumed = await open(second, { after: stream.events[0]?.id });
  await resumed.until(1);
  expect(regionsOf(resumed)).toEqual(['two']);
  resumed.close();
  await second.close();
  await database.drop();
}, 60_000);

test('a stream ends without a word at SIGTERM, and the process with it', async () => {
  const database = await sqliteKind.create();
  const gateway = await startGatewayProcess(database.env);
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', accept: 'text/event-stream' },
    body: JSON.stringify({ query: subscription }),
  });
  const text = response.text();
  const { code } = await gateway.kill('SIGTERM');
  expect(await text).toBe(':\n\n');
  expect(code).toBe(0);
  await database.drop();
}, 40_000);

/** Opens a stream over a connection of its own, of which nothing is read before it is told to flow. */
async function openRaw(gateway: TestGateway, query: string): Promise<Socket> {
  const { hostname, port, host } = new URL(gateway.url);
  const body = JSON.stringify({ query });
  const socket = connect(Number(port), hostname);
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(
    `POST /graphql HTTP/1.1\r\nhost: ${host}\r\ncontent-type: application/json\r\naccept: text/event-stream\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
  );
  await new Promise((resolve) => socket.once('connect', resolve));
  return socket;
}

test('a client that does not read is dropped, and keeps nobody else waiting', async () => {
  const gateway = await startGateway({ DB_TIMEOUT_MS: '1000' });
  try {
    await addAccount(gateway);
    await addDatasource(gateway, datasourceInput('orders'));
    const aliases = Array.from({ length: 15 }, (_, number) => `a${number}: fields { from to }`).join(' ');
    const query = `subscription { changes(after: "WzAsIiJd") { version ${aliases} } }`;
    const openStreams = async () => (await scrape(gateway.url)).value('gateway_event_streams', {});
    const still = await openRaw(gateway, query);
    const reading = await open(gateway, { after: 'WzAsIiJd' });
    while ((await openStreams()) !== 2) await sleep(20);
    const update = 'mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { code } }';
    const { instanceId, accountProviderId, accountId, region } = datasourceInput('orders');
    const key = { instanceId, accountProviderId, accountId, region };
    const changed = 150;
    for (let turn = 0; turn < changed; turn += 1) {
      const other = String(turn).padEnd(1_000, 'y');
      const input = { ...key, description: `${other}${other}`, jdbcConnectionSchema: other };
      expect((await gateway.graphql(update, { input })).errors).toBeUndefined();
    }
    // What the systems of both ends hold for it is some megabytes; each event has a tenth of one.
    await reading.until(2 + changed);
    for (const started = Date.now(); (await openStreams()) !== 1 && Date.now() - started < 40_000; ) await sleep(200);
    expect(await openStreams()).toBe(1);
    await addAccount(gateway, accountKey({ region: 'later' }));
    await reading.until(3 + changed);
    reading.close();
    still.destroy();
  } finally {
    await gateway.close();
  }
}, 90_000);

test('a stream beyond those that a gateway carries is told to come again', async () => {
  const gateway = await startGateway({ CONNECTION_LIMIT: '5000' });
  const sockets: Socket[] = [];
  try {
    const openStreams = async () => (await scrape(gateway.url)).value('gateway_event_streams', {});
    for (let opened = 0; opened < 2_000; opened += 100) {
      const some = await Promise.all(
        Array.from({ length: 100 }, () => openRaw(gateway, 'subscription { changes { cursor } }')),
      );
      sockets.push(...some);
      while ((await openStreams()) !== sockets.length) await sleep(20);
    }
    const beyond = await open(gateway, {});
    await beyond.ended;
    expect(beyond.events).toMatchObject([
      { event: 'next', data: { errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE' } }] } },
      { event: 'complete' },
    ]);
    sockets.pop()?.destroy();
    while ((await openStreams()) !== 1_999) await sleep(20);
    const next = await open(gateway, {});
    await addAccount(gateway);
    await next.until(1);
    next.close();
  } finally {
    for (const socket of sockets) socket.destroy();
    await gateway.close();
  }
}, 90_000);
