import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { parse } from 'yaml';
import { Metrics } from '../../src/operations/metrics.js';
import { startCuttingProxy } from '../support/cutting-proxy.js';
import { databaseKinds, mysqlKind, sqliteKind, type TestDatabase, testServer } from '../support/databases.js';
import { useKeyedGateway } from '../support/fixture.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { as, makeKey, readCredentials } from '../support/keyed-gateway.js';
import { scrape } from '../support/metrics.js';
import { onDatabase } from '../support/raw-database.js';
import { sendRaw } from '../support/raw-request.js';
import { accountKey, addAccount, addDatasource, datasourceInput, legacyBody } from '../support/samples.js';
import { onMysql } from '../support/suites.js';

const requests = 'gateway_requests_total';
const legacyRequests = 'gateway_legacy_requests_total';

function readText(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), 'utf8');
}

/** The metrics that an expression of PromQL asks for. */
function metricsIn(expression: string): string[] {
  const withoutLabels = expression.replace(/\{[^}]*\}/g, '').replace(/\b(by|on)\s*\([^)]*\)/g, '');
  return withoutLabels.match(/\b(gateway|nodejs|process)_\w+/g) ?? [];
}

describe('GET /metrics', () => {
  const keyed = useKeyedGateway(sqliteKind);
  let admin: Record<string, string>;
  const keys = new Map<string, string>();

  beforeAll(async () => {
    keys.set('admin', await makeKey(keyed.env, ['admin']));
    keys.set('others', await makeKey(keyed.env, ['read', 'write', 'credentials']));
    admin = { 'x-api-key': keys.get('admin') as string };
  });

  test.each([
    ['without a key', undefined, 401],
    ['with a key that is not one', 'nonsense', 401],
    ['with every other permission', 'others', 403],
    ['with admin', 'admin', 200],
  ])('%s answers %s with %i', async (_, name, httpStatus) => {
    const key = name === undefined ? undefined : (keys.get(name) ?? name);
    const headers = key === undefined ? {} : { 'x-api-key': key };
    const answer = await sendRaw(`${keyed.gateway.url}/metrics`, { method: 'GET', headers });
    expect(answer.httpStatus).toBe(httpStatus);
    if (httpStatus === 200) expect(answer.headers['content-type']).toBe('text/plain; version=0.0.4; charset=utf-8');
    else expect(answer.text).not.toContain('gateway_');
  });

  test('is open where the gateway is, though not to pages of other sites', async () => {
    const open = await startGateway();
    try {
      expect((await scrape(open.url)).types.get(requests)).toBe('counter');
      const headers = { origin: 'https://elsewhere.example.com' };
      expect((await sendRaw(`${open.url}/metrics`, { method: 'GET', headers })).httpStatus).toBe(403);
      const refused = await scrape(open.url);
      expect(refused.value('gateway_refused_callers_total', { reason: 'FORBIDDEN' })).toBe(1);
    } finally {
      await open.close();
    }
  });

  test('says what runs, how it is, and how the database is used', async () => {
    const { types, value } = await scrape(keyed.gateway.url, admin);
    const { version } = JSON.parse(readText('package.json'));
    expect(value('gateway_build_info', { version, node: process.version })).toBe(1);
    expect(value('gateway_database_connections_limit')).toBe(1);
    expect(value('gateway_database_waiting')).toBe(0);
    for (const reason of ['conflict', 'server_away', 'lost_commit']) {
      expect(value('gateway_database_retries_total', { reason })).toBe(0);
    }
    for (const name of [
      'nodejs_eventloop_lag_p99_seconds',
      'process_cpu_seconds_total',
      'nodejs_gc_duration_seconds',
    ]) {
      expect([name, types.has(name)]).toEqual([name, true]);
    }
  });

  test('says how much is under way, where that is bounded', async () => {
    const metrics = new Metrics('0');
    metrics.watch({
      databaseUse: () => ({ limit: 1, inUse: 0, waiting: 0, retries: { conflict: 0, server_away: 0, lost_commit: 0 } }),
      registerSize: async () => undefined,
      load: () => ({ inWork: 3, waiting: 2, refusals: 7 }),
    });
    for (let asked = 0; asked < 2; asked += 1) {
      const text = await metrics.text();
      expect(text).toContain('\ngateway_requests_in_work 3\n');
      expect(text).toContain('\ngateway_requests_waiting 2\n');
      expect(text).toContain('\ngateway_shed_requests_total 7\n');
    }
  });

  test('is documented, metric by metric', async () => {
    const { types } = await scrape(keyed.gateway.url, admin);
    const own = [...types].filter(([name]) => name.startsWith('gateway_'));
    const documented = readText('docs/observability.md').matchAll(/^\| `(gateway_\w+)[^`]*` \| (\w+) \|/gm);
    expect([...documented].map(([, name, type]) => [name, type]).sort()).toEqual(own.sort());
  });

  test('has every metric that the dashboard shows and that an alert looks at', async () => {
    const { types } = await scrape(keyed.gateway.url, admin);
    const isThere = (name: string) =>
      types.has(name) || types.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram';
    const dashboard = JSON.parse(readText('observability/grafana-dashboard.json'));
    const shown: string[] = dashboard.panels.flatMap((panel: { targets?: { expr: string }[] }) =>
      (panel.targets ?? []).map(({ expr }) => expr),
    );
    const { groups } = parse(readText('observability/alerts.yml'));
    const rules: { alert: string; expr: string; annotations: Record<string, string> }[] = groups[0].rules;
    expect(shown.length).toBeGreaterThan(15);
    expect(rules.length).toBeGreaterThan(8);
    const used = [...shown, ...rules.map(({ expr }) => expr)].map((expression) => metricsIn(expression));
    // An alert may also look at what Prometheus itself knows.
    expect(used.filter((names) => names.length === 0).length).toBe(1);
    expect(used.flat().filter((name) => !isThere(name))).toEqual([]);
    for (const { annotations } of rules) {
      expect(annotations).toEqual({
        summary: expect.any(String),
        description: expect.stringContaining('What to do: '),
      });
    }
  });
});

describe.each(databaseKinds)('what is counted, on $name', (kind) => {
  const keyed = useKeyedGateway(kind, { RATE_LIMIT: '1000' });
  let url: string;
  let all: TestGateway;
  let admin: Record<string, string>;

  beforeAll(async () => {
    ({ url } = keyed.gateway);
    ({ all } = keyed);
    admin = { 'x-api-key': await makeKey(keyed.env, ['admin']) };
  });

  const orders = datasourceInput('orders');
  const countOf = async (name: string, labels: Record<string, string>) =>
    (await scrape(url, admin)).value(name, labels) ?? 0;

  test('requests, by surface, operation and the code that the client got', async () => {
    await addAccount(all);
    await addDatasource(all, orders);
    await all.graphql('mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { code } }', {
      input: orders,
    });
    await all.legacy('add-jdbc-conn', legacyBody(orders));
    await all.legacy('add-jdbc-conn', '{');
    await all.graphql('{ accounts { totalCount } datasources { totalCount } }');
    await all.graphql('{ nonsense }');
    await keyed.gateway.graphql('{ accounts { totalCount } }');
    const { value } = await scrape(url, admin);
    const expected: [string, string, string, number][] = [
      ['graphql', 'addAccount', '1001', 1],
      ['graphql', 'addDatasource', '1001', 1],
      ['graphql', 'addDatasource', 'DATASOURCE_ALREADY_EXISTS', 1],
      ['graphql', 'several', '1001', 1],
      ['graphql', 'none', 'GRAPHQL_VALIDATION_FAILED', 1],
      ['graphql', 'none', 'UNAUTHENTICATED', 1],
      ['rest', '/data-source/add-jdbc-conn', '1234', 1],
      ['rest', '/data-source/add-jdbc-conn', '400', 1],
    ];
    expect(expected.map(([surface, operation, code]) => value(requests, { surface, operation, code }))).toEqual(
      expected.map(([, , , count]) => count),
    );
    const durations = { surface: 'graphql', operation: 'addDatasource' };
    expect(value('gateway_request_duration_seconds_count', durations)).toBe(2);
    expect(value('gateway_database_duration_seconds_count', { kind: 'change' })).toBeGreaterThanOrEqual(4);
  });

  test('credentials that were given, and not those that were asked for in vain', async () => {
    await readCredentials(all, orders);
    await expect(readCredentials(all, datasourceInput('missing'))).rejects.toThrow('DATASOURCE_NOT_FOUND');
    expect(await countOf('gateway_credential_reads_total', {})).toBe(1);
  });

  test('callers that were refused, on both surfaces and within a document', async () => {
    const reader = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['read']) });
    const before = await countOf('gateway_refused_callers_total', { reason: 'FORBIDDEN' });
    await reader.legacy('add_account', {});
    await reader.graphql('{ auditEvents { totalCount } }');
    await keyed.gateway.legacy('add_account', {});
    const { value } = await scrape(url, admin);
    expect(value('gateway_refused_callers_total', { reason: 'FORBIDDEN' })).toBe(before + 2);
    expect(value('gateway_refused_callers_total', { reason: 'UNAUTHENTICATED' })).toBe(2);
  });

  test('accounts and datasources, once a minute at most', async () => {
    const { value } = await scrape(url, admin);
    const counted = [value('gateway_accounts'), value('gateway_datasources')];
    expect(counted).toEqual([expect.any(Number), expect.any(Number)]);
    await addAccount(all, accountKey({ region: 'eu-west-2' }));
    const again = await scrape(url, admin);
    expect([again.value('gateway_accounts'), again.value('gateway_datasources')]).toEqual(counted);
    const { now } = performance;
    const later = jest.spyOn(performance, 'now').mockImplementation(() => now.call(performance) + 61_000);
    try {
      const later = await scrape(url, admin);
      expect([later.value('gateway_accounts'), later.value('gateway_datasources')]).toEqual([2, 1]);
    } finally {
      later.mockRestore();
    }
  });

  test('the use of the legacy routes, by caller and user agent', async () => {
    const crawler = as(keyed.gateway, { 'x-api-key': await makeKey(keyed.env, ['write']) });
    const agent = { 'user-agent': 'crawler/2.1 "nightly"' };
    await crawler.legacy('delete-jdbc', { account_provider: 1 }, agent);
    await crawler.legacy('delete-jdbc', { account_provider: 1 }, agent);
    // Whoever is refused has not used them.
    await keyed.gateway.legacy('delete-jdbc', {}, { 'user-agent': 'guesser/1' });
    const { labelsOf, value } = await scrape(url, admin);
    const used = labelsOf(legacyRequests).filter(({ route }) => route === '/data-source/delete-jdbc');
    expect(used).toEqual([
      {
        route: '/data-source/delete-jdbc',
        caller: expect.stringMatching(/^write \(dgk_[0-9a-f]{12}\)$/),
        user_agent: 'crawler/2.1 \\"nightly\\"',
      },
    ]);
    expect(value(legacyRequests, used[0])).toBe(2);
  });

  test('under names of which there are few, whatever clients send', async () => {
    const before = (await scrape(url, admin)).text.split('\n').length;
    for (let number = 0; number < 40; number += 1) {
      const word = `w${number}x`;
      await all.legacy('add_account', {}, { 'user-agent': `${word}${'y'.repeat(200)}` });
      await all.graphql(`query ${word} { ${word}: __typename ${word} }`, {}, { 'user-agent': word });
      await all.graphql(`query ${word} { ${word}: accounts { totalCount } more: datasources { totalCount } }`);
      await sendRaw(`${url}/${word}`, { method: number % 2 === 0 ? 'GET' : 'BREW' }).catch(() => undefined);
      await sendRaw(`${url}/playground/${word}`, { method: 'GET' });
    }
    const { text } = await scrape(url, admin);
    // Ten user agents of one caller, and a handful of codes with their durations.
    expect(text.split('\n').length - before).toBeLessThan(60);
    const words = new Set(text.match(/w\d+x/g));
    expect(words.size).toBeLessThanOrEqual(10);
    expect(text).not.toMatch(/y{101}/);
    expect(text).toMatch(/user_agent="other"\} 3\d/);
  });
});

onMysql.run(`while the database is away, on ${onMysql.name}`, () => {
  afterEach(() => void jest.restoreAllMocks());

  test('metrics are given to who was known, and to nobody else', async () => {
    const database = await mysqlKind?.create();
    const server = new URL(testServer());
    const proxy = await startCuttingProxy({ host: server.hostname, port: Number(server.port) });
    const address = new URL(database?.url as string);
    address.port = String(proxy.port);
    const env = { ...database?.env, DATABASE_URL: address.href, AUTH: 'keys', DB_TIMEOUT_MS: '3000' };
    const gateway = await startGateway(env);
    try {
      const direct = { ...env, DATABASE_URL: database?.url as string };
      const known = { 'x-api-key': await makeKey(direct, ['admin', 'write']) };
      const unknown = { 'x-api-key': await makeKey(direct, ['admin']) };
      const revoked = { 'x-api-key': await makeKey(direct, ['admin']) };
      for (const key of [known, revoked]) {
        expect((await scrape(gateway.url, key)).value('gateway_accounts')).toBe(0);
      }
      await onDatabase(
        database as TestDatabase,
        `UPDATE api_keys SET revoked_at = 1 WHERE prefix = '${revoked['x-api-key'].slice(0, 16)}'`,
      );
      // A revoked key stops within ten seconds, and then has stopped whatever happens to the database.
      await sleep(10_000);
      proxy.dieWithNextCut();
      proxy.cutNext('beforeCommit');
      expect((await gateway.legacy('add_account', legacyBody(accountKey()), known)).httpStatus).toBe(503);
      // So that what is known of the key is no longer fresh.
      const { now } = Date;
      jest.spyOn(Date, 'now').mockImplementation(() => now() + 60_000);
      const { value } = await scrape(gateway.url, known);
      expect(value('gateway_accounts')).toBe(0);
      expect(value('gateway_database_retries_total', { reason: 'lost_commit' })).toBe(1);
      expect((await gateway.legacy('add_account', legacyBody(accountKey()), known)).httpStatus).toBe(503);
      for (const key of [unknown, revoked]) await expect(scrape(gateway.url, key)).rejects.toThrow('503');
    } finally {
      await gateway.close();
      await proxy.close();
      await database?.drop();
    }
  });
});
