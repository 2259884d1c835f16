import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { type RawAnswer, type RawRequest, sendRaw } from '../support/raw-request.js';
import { accountKey, addAccount, findAccount, legacyBody, snapshot } from '../support/samples.js';

const listed = 'https://portal.example.com';
const foreign = 'https://evil.example.com';
const json = { 'content-type': 'application/json' };
const deletion = JSON.stringify({
  query: 'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { code } }',
  variables: { input: accountKey() },
});
const legacyDeletion = JSON.stringify(legacyBody(accountKey()));

interface Route extends RawRequest {
  readonly path: string;
}

/** Every route, and what is not one. */
const routes: readonly Route[] = [
  { method: 'GET', path: '/' },
  { method: 'HEAD', path: '/' },
  { method: 'GET', path: '/healthz' },
  { method: 'GET', path: '/readyz' },
  { method: 'GET', path: '/graphql', headers: { accept: 'text/html' } },
  { method: 'GET', path: '/graphql?query=%7B__typename%7D' },
  { method: 'POST', path: '/graphql', headers: json, body: deletion },
  { method: 'PUT', path: '/graphql', headers: json, body: deletion },
  { method: 'GET', path: '/playground/' },
  { method: 'GET', path: '/openapi.json' },
  { method: 'GET', path: '/docs' },
  { method: 'POST', path: '/data-source/add_account', headers: json, body: '{}' },
  { method: 'POST', path: '/data-source/delete_account', headers: json, body: legacyDeletion },
  { method: 'POST', path: '/data-source/add-jdbc-conn', headers: json, body: '{}' },
  { method: 'POST', path: '/data-source/update-jdbc-conn', headers: json, body: '{}' },
  { method: 'POST', path: '/data-source/delete-jdbc', headers: json, body: '{}' },
  { method: 'GET', path: '/data-source/add_account' },
  { method: 'GET', path: '/nothing-here' },
  { method: 'GET', path: '/%zz' },
  { method: 'POST', path: '/data-source/nothing-here', headers: json, body: '{}' },
];
const named = routes.map((route) => [`${route.method} ${route.path}`, route] as const);

const refusedHeaders: readonly (readonly [string, Record<string, string>])[] = [
  ['Sec-Fetch-Site: cross-site', { 'sec-fetch-site': 'cross-site' }],
  ['Sec-Fetch-Site: same-site', { 'sec-fetch-site': 'same-site' }],
  ['Sec-Fetch-Site: cross-site, and the own origin', { 'sec-fetch-site': 'cross-site', origin: 'own' }],
  ['a foreign Origin', { origin: foreign }],
  ['a foreign Origin that says it is same-origin', { origin: foreign, 'sec-fetch-site': 'same-origin' }],
  ['Origin: null', { origin: 'null' }],
  ['an empty Origin', { origin: '' }],
  ['the own host on another port', { origin: 'http://127.0.0.1:1' }],
  ['a foreign origin that starts like the listed one', { origin: `${listed}.evil.example.com` }],
  ['the listed host by http', { origin: listed.replace('https', 'http') }],
  ['the listed origin in capitals', { origin: listed.toUpperCase() }],
];

const acceptedHeaders: readonly (readonly [string, Record<string, string>])[] = [
  ['nothing of a browser', {}],
  ['Sec-Fetch-Site: same-origin', { 'sec-fetch-site': 'same-origin' }],
  ['Sec-Fetch-Site: none', { 'sec-fetch-site': 'none' }],
  ['the own origin', { origin: 'own' }],
  ['the own origin, same-origin', { origin: 'own', 'sec-fetch-site': 'same-origin' }],
  ['the listed origin', { origin: listed }],
  ['the listed origin, cross-site', { origin: listed, 'sec-fetch-site': 'cross-site' }],
  ['the listed origin, same-site', { origin: listed, 'sec-fetch-site': 'same-site' }],
];

let gateway: TestGateway;

async function send({ path, ...request }: Route, headers: Record<string, string> = {}): Promise<RawAnswer> {
  const asset = path === '/playground/' ? await playgroundAsset() : path;
  const own = headers.origin === 'own' ? { origin: gateway.url } : {};
  return sendRaw(gateway.url + asset, { ...request, headers: { ...request.headers, ...headers, ...own } });
}

async function playgroundAsset(): Promise<string> {
  const { text } = await sendRaw(`${gateway.url}/graphql`, { method: 'GET', headers: { accept: 'text/html' } });
  return /\/playground\/[^"]+\.js/.exec(text)?.[0] ?? '/playground/not-built.js';
}

function expectRefusal(answer: RawAnswer, request: Route): void {
  expect(answer.httpStatus).toBe(403);
  if (request.method === 'HEAD') return;
  expect(JSON.parse(answer.text)).toEqual({ status: 'fail', code: 403, message: expect.any(String), ref: null });
}

describe('a gateway that lists an origin', () => {
  beforeAll(async () => {
    gateway = await startGateway({ CORS_ORIGINS: listed });
  });
  beforeEach(async () => {
    if ((await findAccount(gateway)) === null) await addAccount(gateway);
  });
  afterAll(() => gateway?.close());

  describe.each(named)('%s', (_, route) => {
    test.each(refusedHeaders)('is refused with %s, and changes nothing', async (_, headers) => {
      const before = await snapshot(gateway);
      const answer = await send(route, headers);
      expectRefusal(answer, route);
      expect(answer.headers).not.toHaveProperty('access-control-allow-origin');
      expect(await snapshot(gateway)).toEqual(before);
    });

    test.each(acceptedHeaders)('is served with %s', async (_, headers) => {
      expect((await send(route, headers)).httpStatus).not.toBe(403);
    });

    test('lets pages of the listed origin read its answer, whatever it is, and no others', async () => {
      const answer = await send(route, { origin: listed, 'sec-fetch-site': 'cross-site' });
      expect(answer.headers['access-control-allow-origin']).toBe(listed);
      expect(answer.headers.vary).toMatch(/\borigin\b/i);
      expect(answer.headers).not.toHaveProperty('access-control-allow-credentials');
    });
  });

  test('a refusal is logged with its status, and without the origin', async () => {
    const { headers } = await send({ method: 'GET', path: '/healthz' }, { origin: foreign });
    const line = gateway.log.map((text) => JSON.parse(text)).find((one) => one.requestId === headers['x-request-id']);
    expect(line).toMatchObject({ httpStatus: 403, code: 403 });
  });

  test('answers that are errors can be read by the listed origin', async () => {
    const from = { ...json, origin: listed };
    for (const [path, request, httpStatus] of [
      ['/graphql', { body: '{' }, 400],
      ['/graphql', { headers: { 'content-type': 'text/plain' }, body: 'x' }, 415],
      ['/graphql', { body: Buffer.alloc(2 * 1024 * 1024 + 1, ' ') }, 413],
      ['/graphql', { method: 'DELETE' }, 405],
      ['/data-source/add_account', { body: Buffer.alloc(2 * 1024 * 1024 + 1, ' ') }, 413],
      ['/data-source/add_account', { headers: { 'content-type': 'text/plain' }, body: 'x' }, 415],
      ['/data-source/add_account', { method: 'GET' }, 405],
      ['/nothing-here', { method: 'GET' }, 404],
    ] as const) {
      const { headers = {}, ...rest } = request as RawRequest;
      const answer = await sendRaw(gateway.url + path, { ...rest, headers: { ...from, ...headers } });
      expect([path, answer.httpStatus, answer.headers['access-control-allow-origin']]).toEqual([
        path,
        httpStatus,
        listed,
      ]);
    }
  });

  describe.each(['/graphql', '/data-source/add_account'])('a preflight to %s', (path) => {
    const preflight = (origin: string) =>
      sendRaw(gateway.url + path, {
        method: 'OPTIONS',
        headers: {
          origin,
          'sec-fetch-site': 'cross-site',
          'access-control-request-method': 'POST',
          'access-control-request-headers': 'content-type,x-api-key',
        },
      });

    test('of the listed origin is granted', async () => {
      const { httpStatus, headers } = await preflight(listed);
      expect(httpStatus).toBe(204);
      expect(headers['access-control-allow-origin']).toBe(listed);
      expect(String(headers['access-control-allow-methods']).split(/, */)).toEqual(['GET', 'POST']);
      expect(String(headers['access-control-allow-headers']).split(/, */)).toEqual(['content-type', 'x-api-key']);
    });

    test('of another origin is refused', async () => {
      const { httpStatus, headers } = await preflight(foreign);
      expect(httpStatus).toBe(403);
      expect(Object.keys(headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    });
  });
});

describe('a gateway that lists none', () => {
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway?.close());

  test.each(named)('refuses every other origin at %s', async (_, route) => {
    for (const origin of [listed, foreign, 'null']) {
      const answer = await send(route, { origin });
      expectRefusal(answer, route);
      expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
    }
  });

  test.each(named)('sends no CORS headers to its own pages at %s', async (_, route) => {
    const answer = await send(route, { origin: 'own', 'sec-fetch-site': 'same-origin' });
    expect(answer.httpStatus).not.toBe(403);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });

  test('grants no preflight', async () => {
    const answer = await sendRaw(`${gateway.url}/graphql`, {
      method: 'OPTIONS',
      headers: { origin: gateway.url, 'access-control-request-method': 'POST' },
    });
    expect(answer.httpStatus).toBe(405);
    expect(Object.keys(answer.headers).filter((name) => name.startsWith('access-control-'))).toEqual([]);
  });
});

describe('an open gateway on a loopback address', () => {
  beforeAll(async () => {
    gateway = await startGateway();
    await addAccount(gateway);
  });
  afterAll(() => gateway?.close());

  const foreignHosts = [
    'evil.example.com',
    'evil.example.com:80',
    '192.0.2.1',
    '127.0.0.1.evil.example.com',
    'localhost.evil.example.com',
    'evil-localhost',
    '[2001:db8::1]:4000',
    '0.0.0.0',
    '127.1',
  ];
  const loopbackHosts = [
    '127.0.0.1',
    '127.0.0.1:1',
    '127.8.9.10:4000',
    'localhost',
    'LOCALHOST:4000',
    'app.localhost',
    '[::1]',
    '[::1]:80',
  ];

  describe.each(named)('%s', (_, route) => {
    test.each(foreignHosts)('is refused for the host "%s", and changes nothing', async (host) => {
      const before = await snapshot(gateway);
      // A page at that name, which a DNS answer led here, is of the same origin for its browser.
      const answer = await send(route, { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' });
      expectRefusal(answer, route);
      expectRefusal(await send(route, { host }), route);
      expect(await snapshot(gateway)).toEqual(before);
    });
  });

  test.each(loopbackHosts)('is served at the host "%s"', async (host) => {
    for (const route of routes.filter(({ method }) => method === 'GET')) {
      expect((await send(route, { host })).httpStatus).not.toBe(403);
    }
  });
});

describe('a gateway that knows its callers', () => {
  beforeAll(async () => {
    gateway = await startGateway({ AUTH: 'keys' });
  });
  afterAll(() => gateway?.close());

  test('is served under any name, since a page cannot send a key it does not have', async () => {
    for (const route of routes) {
      expect((await send(route, { host: 'gateway.example.com' })).httpStatus).not.toBe(403);
    }
  });

  test.each(named)('refuses a foreign page before it asks for a key at %s', async (_, route) => {
    expectRefusal(await send(route, { origin: foreign }), route);
    expectRefusal(await send(route, { 'sec-fetch-site': 'cross-site' }), route);
  });

  test('takes its own origin by https too, as behind a proxy that ends TLS', async () => {
    const headers = { host: 'gateway.example.com', origin: 'https://gateway.example.com' };
    expect((await send({ method: 'GET', path: '/healthz' }, headers)).httpStatus).toBe(200);
  });
});
