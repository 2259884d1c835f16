import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { createApp } from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { routeAccess } from '../../src/security/access.js';
import { permissions } from '../../src/security/caller.js';
import { sqliteKind, type TestDatabase } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { makeKey } from '../support/keyed-gateway.js';
import { portalEnv } from '../support/portal-samples.js';
import { sendRaw } from '../support/raw-request.js';

const levels = ['open', 'known', ...permissions];

describe('the table of routes', () => {
  let database: TestDatabase;
  let gateway: TestGateway;
  let routes: string[];

  beforeAll(async () => {
    database = await sqliteKind.create();
    gateway = await startGateway({
      ...database.env,
      AUTH: 'keys',
      PLAYGROUND: 'true',
      OPENAPI: 'true',
      RATE_LIMIT: '100000',
      ...portalEnv(),
    });
    routes = routesOf(gateway);
  });
  afterAll(async () => {
    await gateway?.close();
    await database?.drop();
  });

  test('names every route that does something, and none that is not there', async () => {
    const named = new Set(Object.keys(routeAccess));
    const unnamed = new Set<string>();
    const met = new Set<string>();
    for (const route of routes) {
      const entry = entryOf(route);
      if (named.has(entry)) met.add(entry);
      else if ((await statusOf(gateway, route)) !== 405) unnamed.add(entry);
    }
    expect([...unnamed]).toEqual([]);
    expect([...named].filter((entry) => !met.has(entry))).toEqual([]);
    expect(Object.values(routeAccess).filter((access) => !levels.includes(access))).toEqual([]);
  });

  test('is what is asked for: without a key only the open ones answer', async () => {
    for (const route of routes) {
      const access = routeAccess[entryOf(route)];
      if (access === undefined || route.startsWith('HEAD ')) continue;
      const { text } = await send(gateway, route);
      // The description of the legacy API shows the same message, as one of many.
      const isRefused = /^(\{"(status":"fail|errors)".*")?Authentication is required/.test(text);
      expect([route, isRefused]).toEqual([route, access !== 'open']);
    }
  });

  test('leaves a route that it does not name to those who administer', async () => {
    const config = loadConfig({ ...database.env, DATABASE_URL: `${database.url}-2`, AUTH: 'keys' });
    const app = await createApp(config, { write: () => undefined });
    app.http.get('/forgotten', async () => ({ shown: true }));
    await app.prepare();
    const answerTo = async (key: string) =>
      (await app.http.inject({ url: '/forgotten', headers: { 'x-api-key': key } })).json();
    const env = { DATABASE_URL: `${database.url}-2` };
    try {
      expect(await answerTo(await makeKey(env, ['read', 'write', 'credentials']))).toMatchObject({ code: 1003 });
      expect(await answerTo(await makeKey(env, ['admin']))).toEqual({ shown: true });
    } finally {
      await app.http.close();
    }
  });

  test('with CORS_ORIGINS, only the route of preflights is added', async () => {
    const other = await startGateway({
      AUTH: 'keys',
      PLAYGROUND: 'true',
      OPENAPI: 'true',
      CORS_ORIGINS: 'https://portal.example.com',
      ...portalEnv(),
    });
    try {
      expect(routesOf(other).filter((route) => !routes.includes(route))).toEqual(['OPTIONS *']);
      const headers = { origin: 'https://portal.example.com', 'access-control-request-method': 'POST' };
      const answer = await sendRaw(`${other.url}/forgotten`, { method: 'OPTIONS', headers });
      expect([answer.httpStatus, answer.text]).toEqual([204, '']);
    } finally {
      await other.close();
    }
  });
});

/** The routes as the server lists them, each as "METHOD path". */
function routesOf({ app }: TestGateway): string[] {
  const found: string[] = [];
  const prefixes: string[] = [];
  for (const line of app.http.printRoutes({ commonPrefix: false }).split('\n')) {
    const [, indent = '', part = '', methods = ''] = /^([\s│]*)[├└]── (\S*) \(([A-Z, ]+)\)$/.exec(line) ?? [];
    if (methods === '') continue;
    const depth = indent.length / 4;
    prefixes.splice(depth, Number.POSITIVE_INFINITY, part);
    const path = prefixes.slice(0, depth + 1).join('');
    found.push(...methods.split(', ').map((method) => `${method} ${path}`));
  }
  return found;
}

/** The entry of the table for a route: HEAD counts as GET, and the files of a page as one. */
function entryOf(route: string): string {
  return route.replace(/^HEAD /, 'GET ').replace(/^GET \/(playground|docs)\/.+$/, 'GET /$1/*');
}

function send(gateway: TestGateway, route: string) {
  const [method, path] = route.split(' ');
  const body = method === 'POST' ? { body: '{}' } : {};
  return sendRaw(`${gateway.url}${path}`, { method, headers: { 'content-type': 'application/json' }, ...body });
}

async function statusOf(gateway: TestGateway, route: string): Promise<number> {
  return (await send(gateway, route)).httpStatus;
}
