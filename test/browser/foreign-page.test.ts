import { createServer, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import { findChromium, launchChromium } from '../support/chromium.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { accountKey, addAccount, legacyBody, snapshot } from '../support/samples.js';
import { inChromium } from '../support/suites.js';

jest.setTimeout(120_000);

const mutation =
  'mutation { addAccount(input: {accountProvider: 1, accountId: "123456789012", region: "added"}) { code } }';
const graphqlBody = JSON.stringify({ query: mutation });
const legacyAdded = JSON.stringify(legacyBody(accountKey({ region: 'added' })));
const legacyDeletion = JSON.stringify(legacyBody(accountKey()));

/** What a page may try without asking by a preflight, and with it. */
const requests = [
  ['GraphQL', '/graphql', graphqlBody],
  ['the legacy API', '/data-source/add_account', legacyAdded],
  ['the deletion of the legacy API', '/data-source/delete_account', legacyDeletion],
] as const;
const contentTypes = [
  ['without a content type', undefined],
  ['as text/plain', 'text/plain'],
  ['as a form', 'application/x-www-form-urlencoded'],
  ['as JSON', 'application/json'],
] as const;

inChromium.run(`a page of another origin in ${inChromium.name}`, () => {
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let pages: Server;
  let gateway: TestGateway;
  let listing: TestGateway;
  let before: unknown;
  let origin: string;

  beforeAll(async () => {
    pages = createServer((_, response) => {
      response
        .setHeader('content-type', 'text/html')
        .end('<!doctype html><title>page</title><iframe name="f"></iframe>');
    });
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    const { port } = pages.address() as { port: number };
    // Another site than the gateway's, which is at 127.0.0.1; both of this machine, so that nothing of the network has a say.
    origin = `http://localhost:${port}`;
    gateway = await startGateway();
    listing = await startGateway({ CORS_ORIGINS: origin });
    await addAccount(gateway);
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    await listing?.close();
    pages?.close();
  });
  beforeEach(async () => {
    context = await browser.newContext();
    page = await context.newPage();
    await page.goto(origin);
    before = await snapshot(gateway);
  });
  afterEach(async () => {
    await context.close();
    expect(await snapshot(gateway)).toEqual(before);
  });

  /** Sends from the page; the status that it saw, or the error's name. */
  function fetchFromPage(url: string, init: object): Promise<unknown> {
    const given = JSON.stringify({ method: 'POST', ...init });
    return page.evaluate(`(async () => {
      const { bytes, ...init } = ${given};
      // A body of bytes has no content type of its own.
      if (bytes !== undefined) init.body = new TextEncoder().encode(bytes);
      try {
        const response = await fetch(${JSON.stringify(url)}, init);
        return response.type === 'opaque' ? 'opaque' : { status: response.status, body: await response.json() };
      } catch (error) {
        return error.name;
      }
    })()`);
  }

  /** The HTTP statuses of what the gateway has answered since, by method. For its icon the browser asks by itself. */
  async function answers(since: number, wanted: number): Promise<{ method: string; httpStatus: number }[]> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      const lines = gateway.log
        .slice(since)
        .map((line) => JSON.parse(line))
        .filter(({ msg, route }) => msg === 'request' && route !== undefined);
      if (lines.length >= wanted || Date.now() > deadline) {
        return lines.map(({ method, httpStatus }) => ({ method, httpStatus }));
      }
      await page.waitForTimeout(10);
    }
  }

  describe.each(requests)('that calls %s', (_, path, body) => {
    test.each(contentTypes)('by fetch %s cannot, nor read the answer', async (_, contentType) => {
      const headers = contentType === undefined ? {} : { 'content-type': contentType };
      for (const mode of ['no-cors', 'cors']) {
        const since = gateway.log.length;
        const isPreflighted = mode === 'cors' && contentType === 'application/json';
        expect(await fetchFromPage(gateway.url + path, { mode, headers, bytes: body })).toBe(
          mode === 'cors' ? 'TypeError' : 'opaque',
        );
        expect(await answers(since, 1)).toEqual([{ method: isPreflighted ? 'OPTIONS' : 'POST', httpStatus: 403 }]);
      }
    });

    test.each(['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'])(
      'by a form of %s cannot',
      async (enctype) => {
        const since = gateway.log.length;
        // With text/plain a field's name and value make up any JSON.
        const [name, value] = [`${body.slice(0, -1)},"x":"`, '"}'];
        await page.evaluate(`(() => {
          const form = document.createElement('form');
          Object.assign(form, ${JSON.stringify({ action: gateway.url + path, method: 'post', enctype, target: 'f' })});
          const field = document.createElement('input');
          Object.assign(field, ${JSON.stringify({ name, value })});
          form.append(field);
          document.body.append(form);
          form.submit();
        })()`);
        expect(await answers(since, 1)).toEqual([{ method: 'POST', httpStatus: 403 }]);
      },
    );

    test('by a beacon cannot', async () => {
      const since = gateway.log.length;
      expect(
        await page.evaluate(`navigator.sendBeacon(${JSON.stringify(gateway.url + path)}, ${JSON.stringify(body)})`),
      ).toBe(true);
      expect(await answers(since, 1)).toEqual([{ method: 'POST', httpStatus: 403 }]);
    });
  });

  test('that leads to a mutation in the address cannot run it', async () => {
    const since = gateway.log.length;
    const url = `${gateway.url}/graphql?query=${encodeURIComponent(mutation)}`;
    const opened = page.waitForNavigation();
    await page.evaluate(`void (location.href = ${JSON.stringify(url)})`);
    expect((await opened)?.status()).toBe(403);
    expect(await answers(since, 1)).toEqual([{ method: 'GET', httpStatus: 403 }]);
  });

  test('that leaves the mutation to whoever types the address cannot run it either', async () => {
    const response = await page.goto(`${gateway.url}/graphql?query=${encodeURIComponent(mutation)}`);
    expect(response?.status()).toBeGreaterThanOrEqual(400);
  });

  test('that loads a query as an image, a script or a frame gets nothing', async () => {
    const url = `${gateway.url}/graphql?query=${encodeURIComponent('{ accounts { totalCount } }')}`;
    for (const tag of ['img', 'script', 'iframe']) {
      const since = gateway.log.length;
      await page.evaluate(`document.body.append(
        Object.assign(document.createElement('${tag}'), { src: ${JSON.stringify(url)} }))`);
      expect(await answers(since, 1)).toEqual([{ method: 'GET', httpStatus: 403 }]);
    }
  });

  test('at another port of the same host cannot call it', async () => {
    await page.goto(origin.replace('localhost', '127.0.0.1'));
    const since = gateway.log.length;
    expect(await fetchFromPage(`${gateway.url}/graphql`, { mode: 'no-cors', bytes: graphqlBody })).toBe('opaque');
    expect(await answers(since, 1)).toEqual([{ method: 'POST', httpStatus: 403 }]);
  });

  test('without an origin of its own cannot call it', async () => {
    const since = gateway.log.length;
    await page.evaluate(`document.body.append(Object.assign(document.createElement('iframe'), {
      sandbox: 'allow-scripts',
      srcdoc: ${JSON.stringify(`<script>fetch('${gateway.url}/graphql', { method: 'POST', mode: 'no-cors', body: ${JSON.stringify(graphqlBody)} })</script>`)},
    }))`);
    expect(await answers(since, 1)).toEqual([{ method: 'POST', httpStatus: 403 }]);
  });

  test('at a name that leads to the gateway itself cannot call it', async () => {
    const { port } = new URL(gateway.url);
    const rebound = await chromium.launch({
      executablePath: findChromium() as string,
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--host-resolver-rules=MAP rebound.example.com 127.0.0.1'],
    });
    try {
      const other = await rebound.newPage();
      const response = await other.goto(`http://rebound.example.com:${port}/graphql`);
      expect(response?.status()).toBe(403);
      const status = await other.evaluate(
        `fetch('/graphql', { method: 'POST', headers: { 'content-type': 'application/json' }, body: ${JSON.stringify(graphqlBody)} }).then(({ status }) => status)`,
      );
      expect(status).toBe(403);
    } finally {
      await rebound.close();
    }
  });

  describe('whose origin is listed', () => {
    test('calls both surfaces, and reads what they answer', async () => {
      const json = { headers: { 'content-type': 'application/json' } };
      expect(await fetchFromPage(`${listing.url}/graphql`, { ...json, body: graphqlBody })).toEqual({
        status: 200,
        body: { data: { addAccount: { code: 1001 } } },
      });
      expect(await fetchFromPage(`${listing.url}/data-source/delete_account`, { ...json, body: legacyAdded })).toEqual({
        status: 200,
        body: { status: 'success', code: 1001, message: 'Operation succeeded' },
      });
    });

    test('reads errors too', async () => {
      const headers = { 'content-type': 'application/json', 'x-api-key': 'any' };
      expect(await fetchFromPage(`${listing.url}/graphql`, { headers, body: '{' })).toMatchObject({ status: 400 });
      expect(await fetchFromPage(`${listing.url}/nothing-here`, { headers, body: '{}' })).toMatchObject({
        status: 404,
      });
    });

    test('does not open the gateway to another', async () => {
      await page.goto(origin.replace('localhost', '127.0.0.1'));
      expect(await fetchFromPage(`${listing.url}/graphql`, { bytes: graphqlBody })).toBe('TypeError');
      expect((await snapshot(listing)).accounts.totalCount).toBe(0);
    });
  });
});
