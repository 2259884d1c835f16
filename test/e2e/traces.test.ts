import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { makeKey } from '../support/keyed-gateway.js';
import { scrape } from '../support/metrics.js';
import { type GatewayProcess, startGatewayProcess, temporaryDirectory } from '../support/process.js';
import { sendRaw } from '../support/raw-request.js';
import { accountKey, datasourceInput, legacyBody } from '../support/samples.js';
import { TokenIssuer } from '../support/token-issuer.js';
import { type ReceivedSpan, startTraceReceiver, type TraceReceiver } from '../support/trace-receiver.js';

const parentSpanId = 'b7ad6b7169203331';
const server = 2;
const client = 3;

/** The lines of a process's log that tell of a request. */
function requestLines(gateway: GatewayProcess): Record<string, unknown>[] {
  const lines = gateway.stdout.split('\n').filter((line) => line.includes('"msg":"request"'));
  return lines.map((line) => JSON.parse(line));
}

describe.each(databaseKinds)('traces of a gateway on $name', (kind) => {
  let database: TestDatabase;
  let receiver: TraceReceiver;
  let gateway: GatewayProcess;
  let key: string;

  beforeAll(async () => {
    database = await kind.create();
    receiver = await startTraceReceiver();
    const env = { ...database.env, AUTH: 'keys' };
    gateway = await startGatewayProcess({
      ...env,
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_EXPORTER_OTLP_HEADERS: 'x-tenant=gateways',
      OTEL_SERVICE_NAME: 'gateway-under-test',
      OTEL_BSP_SCHEDULE_DELAY: '50',
    });
    key = await makeKey(env, ['read', 'write']);
    await ask('/data-source/add_account', legacyBody(accountKey()));
  });
  afterAll(async () => {
    await gateway?.kill('SIGTERM');
    await receiver?.close();
    await database?.drop();
  });

  /** Sends a request that belongs to a trace of its own, and gives the spans of it. */
  async function ask(path: string, body: object, headers: Record<string, string> = {}): Promise<ReceivedSpan[]> {
    const traceId = randomBytes(16).toString('hex');
    const traceparent = `00-${traceId}-${parentSpanId}-01`;
    await sendRaw(`${gateway.url}${path}`, {
      headers: { 'content-type': 'application/json', 'x-api-key': key, traceparent, ...headers },
      body: JSON.stringify(body),
    });
    // That of the request ends last.
    await receiver.span((span) => span.traceId === traceId && span.kind === server);
    return receiver.spans.filter((span) => span.traceId === traceId);
  }

  const named = (spans: ReceivedSpan[], name: string) => spans.find((span) => span.name === name);
  const namesBelow = (spans: ReceivedSpan[], parent: ReceivedSpan | undefined) =>
    spans.filter((span) => span.parentSpanId === parent?.spanId).map(({ name }) => name);

  test('of a legacy call: the request in the client’s trace, in it the operation, in that each statement', async () => {
    const spans = await ask('/data-source/add-jdbc-conn', legacyBody(datasourceInput('orders', { description: 'd1' })));
    const request = named(spans, 'POST /data-source/add-jdbc-conn');
    expect(request).toMatchObject({
      kind: server,
      parentSpanId,
      status: 0,
      resource: { 'service.name': 'gateway-under-test', 'service.version': expect.any(String) },
      attributes: {
        'http.request.method': 'POST',
        'http.route': '/data-source/add-jdbc-conn',
        'http.response.status_code': 200,
        'url.path': '/data-source/add-jdbc-conn',
        'url.scheme': 'http',
        'client.address': '127.0.0.1',
        'gateway.code': '1001',
        'gateway.caller': expect.stringMatching(/^read and write \(dgk_/),
      },
    });
    const operation = named(spans, 'rest /data-source/add-jdbc-conn');
    expect(operation).toMatchObject({ parentSpanId: request?.spanId, attributes: { 'gateway.code': '1001' } });
    const begin = kind.name === 'SQLite' ? 'BEGIN' : 'START';
    expect(namesBelow(spans, operation)).toEqual([begin, 'INSERT datasources', 'INSERT audit_events', 'COMMIT']);
    const insert = named(spans, 'INSERT datasources');
    expect(insert).toMatchObject({
      kind: client,
      attributes: {
        'db.system.name': kind.name.toLowerCase(),
        'db.operation.name': 'INSERT',
        'db.collection.name': 'datasources',
        'db.query.text': expect.stringMatching(/^INSERT INTO datasources \([\w, ]+\) VALUES \([?, ]+\)$/),
      },
    });
    expect(JSON.stringify(spans)).not.toMatch(/5ecret|"d1"|db\.example\.com|dgk_[0-9a-f]{12}_/);
    expect(receiver.headers.every((headers) => headers['x-tenant'] === 'gateways')).toBe(true);
  });

  test('of GraphQL: named by its root fields, without the document', async () => {
    const { accountProvider, accountId, region } = accountKey();
    const filter = `{ accountProviderId: ${accountProvider}, accountId: "${accountId}", region: "${region}", instanceId: "orders" }`;
    const query = `query Mine { datasources(filter: ${filter}) { edges { node { account { id } } } } }`;
    const spans = await ask('/graphql', { query });
    const operation = named(spans, 'query datasources');
    expect(operation?.parentSpanId).toBe(named(spans, 'POST /graphql')?.spanId);
    expect(namesBelow(spans, operation)).toEqual(['SELECT datasources']);
    expect(JSON.stringify(spans)).not.toMatch(/Mine|"orders"|edges/);
    const input = legacyBody(datasourceInput('orders'));
    const failed = await ask('/data-source/add-jdbc-conn', input);
    expect(named(failed, 'rest /data-source/add-jdbc-conn')).toMatchObject({
      status: 0,
      attributes: { 'error.type': '1234' },
    });
    expect(named(failed, 'INSERT datasources')).toMatchObject({
      status: 2,
      attributes: { 'error.type': expect.stringMatching(/^(ER_DUP_ENTRY 1062 23000|SQLITE \d+)$/) },
    });
    expect(namesBelow(failed, named(failed, 'rest /data-source/add-jdbc-conn'))).toContain('ROLLBACK');
  });

  test('of a path that is no route’s: without the path', async () => {
    const spans = await ask('/data-source/a-cr3dential', {});
    expect(spans.map(({ name }) => name)).toEqual(['POST']);
    expect(JSON.stringify(spans)).not.toContain('a-cr3dential');
  });

  test('of look-ups at once: each has its own statement', async () => {
    const { accountProvider, accountId, region } = accountKey();
    const key = `{ accountProviderId: ${accountProvider}, accountId: "${accountId}", region: "${region}", instanceId: "none" }`;
    const query = `query { datasource(key: ${key}) { id } }`;
    const all = await Promise.all(Array.from({ length: 20 }, () => ask('/graphql', { query })));
    const statements = all.map((spans) => namesBelow(spans, named(spans, 'query datasource')));
    expect(statements).toEqual(Array.from({ length: 20 }, () => ['SELECT datasources']));
  });

  test('of many requests at once keep apart', async () => {
    const many = Array.from({ length: 40 }, (_, number) =>
      ask('/data-source/add_account', legacyBody(accountKey({ region: `many-${number}` }))),
    );
    const begin = kind.name === 'SQLite' ? 'BEGIN' : 'START';
    for (const spans of await Promise.all(many)) {
      const operation = named(spans, 'rest /data-source/add_account');
      expect(namesBelow(spans, operation)).toEqual([begin, 'INSERT accounts', 'INSERT audit_events', 'COMMIT']);
    }
  });

  test('are named in the lines of the log', async () => {
    const [span] = await ask('/data-source/add_account', {});
    await gateway.says(String(span?.traceId));
    expect(requestLines(gateway).map((line) => line.trace_id)).toContain(span?.traceId);
  });

  test('are left out where the client says so, and of what machines ask every few seconds', async () => {
    const traceId = randomBytes(16).toString('hex');
    const headers = { 'x-api-key': key, traceparent: `00-${traceId}-${parentSpanId}-00` };
    await sendRaw(`${gateway.url}/graphql`, {
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"query":"{ accounts { totalCount } }"}',
    });
    await fetch(`${gateway.url}/readyz`, { headers: { traceparent: headers.traceparent.replace(/00$/, '01') } });
    await ask('/data-source/add_account', {});
    expect(receiver.spans.filter((span) => span.traceId === traceId)).toEqual([]);
    expect(receiver.spans.filter(({ name }) => name.includes('readyz'))).toEqual([]);
    await gateway.says(traceId);
    expect(requestLines(gateway).map((line) => line.trace_id)).toContain(traceId);
  });
});

/** The packages and modules that make traces, of those that a process has loaded which was told to list its files in a folder. */
function tracingModulesIn(folder: string): string[] {
  const lists = readdirSync(folder).map((name) => readFileSync(join(folder, name), 'utf8'));
  const urls: string[] = lists.flatMap((list) => JSON.parse(list).result.map(({ url }: { url: string }) => url));
  // Each module in a bundle stands under a line with its path.
  const modules = [...new Set(urls)]
    .filter((url) => url.startsWith('file:'))
    .flatMap((url) => readFileSync(fileURLToPath(url), 'utf8').match(/(?<=^\/\/ )(src|node_modules)\/\S+$/gm) ?? []);
  expect(modules.filter((module) => module.includes('prom-client')).length).toBeGreaterThan(5);
  const ofTraces = /@opentelemetry\/(?!api\/)|operations\/(tracing|traced-fetch|[a-z]+-tracing)\.ts/;
  return modules.filter((module) => ofTraces.test(module));
}

test('a trace goes on to the issuer of tokens, and what was not sent yet is sent at the end', async () => {
  const [receiver, issuer] = await Promise.all([startTraceReceiver(), TokenIssuer.start()]);
  const directory = temporaryDirectory();
  try {
    // Sent every five seconds, where it is not the end.
    const loaded = join(directory, 'loaded');
    const env = { ...issuer.env, OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, NODE_V8_COVERAGE: loaded };
    const gateway = await startGatewayProcess(env, directory);
    const traceId = randomBytes(16).toString('hex');
    const token = await issuer.token({ permissions: ['read', 'write'] });
    const answer = await sendRaw(`${gateway.url}/data-source/add_account`, {
      headers: {
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
        traceparent: `00-${traceId}-${parentSpanId}-01`,
      },
      body: JSON.stringify(legacyBody(accountKey())),
    });
    expect(answer.text).toContain('1001');
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    const [request] = receiver.spans.filter(({ kind }) => kind === server);
    expect(request).toMatchObject({ traceId, resource: { 'service.name': 'datasource-gateway' } });
    const calls = receiver.spans.filter(({ name }) => name === 'GET');
    expect(calls.map((span) => [span.traceId, span.parentSpanId, span.kind])).toEqual(
      Array(2).fill([traceId, request?.spanId, client]),
    );
    expect(calls.map(({ attributes }) => attributes['url.full'])).toEqual([
      `${issuer.url}/.well-known/openid-configuration`,
      `${issuer.url}/keys`,
    ]);
    expect(issuer.requestHeaders.map(({ traceparent }) => traceparent)).toEqual(
      calls.map(({ spanId }) => `00-${traceId}-${spanId}-01`),
    );
    expect(receiver.received.toString()).not.toContain(token.split('.')[2]);
    expect(tracingModulesIn(loaded).length).toBeGreaterThan(20);
  } finally {
    await Promise.all([receiver.close(), issuer.stop()]);
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a request whose client goes away before the answer is logged, counted and traced as such', async () => {
  const receiver = await startTraceReceiver();
  const directory = temporaryDirectory();
  try {
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_BSP_SCHEDULE_DELAY: '50' };
    const gateway = await startGatewayProcess(env, directory);
    // Nobody else can write meanwhile.
    const other = new DatabaseSync(join(directory, 'data/gateway.sqlite'), { timeout: 5000 });
    other.exec('BEGIN IMMEDIATE');
    const answer = fetch(`${gateway.url}/data-source/add_account`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(legacyBody(accountKey())),
      signal: AbortSignal.timeout(300),
    });
    await expect(answer).rejects.toThrow('timeout');
    expect(await receiver.span(({ kind }) => kind === server)).toMatchObject({
      attributes: { 'error.type': 'client_gone' },
    });
    await gateway.says('"isAbandoned":true');
    expect(requestLines(gateway)).toContainEqual(
      expect.objectContaining({ route: '/data-source/add_account', isAbandoned: true }),
    );
    const { value } = await scrape(gateway.url);
    const labels = { surface: 'rest', operation: '/data-source/add_account', code: 'CLIENT_GONE' };
    expect(value('gateway_requests_total', labels)).toBe(1);
    // The operation goes on, and ends on its own.
    other.exec('ROLLBACK');
    other.close();
    expect(await receiver.span(({ name }) => name.startsWith('rest'))).toMatchObject({
      attributes: { 'gateway.code': '1001' },
    });
    await gateway.kill('SIGTERM');
    expect(receiver.spans.filter(({ kind }) => kind === server)).toHaveLength(1);
  } finally {
    await receiver.close();
    rmSync(directory, { recursive: true, force: true });
  }
});

test('a collector that is away disturbs no request and no stop, and the log says so once', async () => {
  const receiver = await startTraceReceiver();
  receiver.answerWith(400);
  const directory = temporaryDirectory();
  try {
    const gateway = await startGatewayProcess(
      {
        OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
        OTEL_EXPORTER_OTLP_TIMEOUT: '300',
        OTEL_BSP_SCHEDULE_DELAY: '20',
      },
      directory,
    );
    for (let number = 0; number < 20 || receiver.headers.length < 2; number += 1) {
      const answer = await gateway.legacy('add_account', legacyBody(accountKey({ region: `eu-west-${number}` })));
      expect(answer.body).toMatchObject({ code: 1001 });
    }
    await receiver.close();
    await gateway.legacy('add_account', legacyBody(accountKey({ region: 'eu-north-1' })));
    const started = performance.now();
    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(gateway.stdout.match(/failed to export traces/g)).toHaveLength(1);
    expect(gateway.stderr).toBe('');
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('without the setting nothing of OpenTelemetry’s SDK is loaded', async () => {
  const directory = temporaryDirectory();
  try {
    const loaded = join(directory, 'loaded');
    const gateway = await startGatewayProcess({ NODE_V8_COVERAGE: loaded }, directory);
    await gateway.legacy('add_account', legacyBody(accountKey()));
    await gateway.kill('SIGTERM');
    expect(tracingModulesIn(loaded)).toEqual([]);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
