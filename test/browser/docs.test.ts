import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Browser, Locator, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.js';
import { sqliteKind } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { makeKey, startKeyedGateway } from '../support/keyed-gateway.js';
import { accountKey, findAccount } from '../support/samples.js';
import { inChromium } from '../support/suites.js';
import { type WatchedContext, watchedContext } from '../support/watched-context.js';

jest.setTimeout(120_000);

inChromium.run(`the description of the legacy API in ${inChromium.name}`, () => {
  let gateway: TestGateway;
  let browser: Browser;
  let watched: WatchedContext;
  let page: Page;
  let origin: string;

  beforeAll(async () => {
    gateway = await startGateway();
    browser = await launchChromium();
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
  });
  beforeEach(async () => {
    watched = await watchedContext(browser);
    page = await watched.context.newPage();
    origin = gateway.url;
  });
  afterEach(async () => {
    await watched.context.close();
    expect(watched.complaints).toEqual([]);
    expect(watched.foreignRequests(origin)).toEqual([]);
  });

  test('shows every operation, sends an example and shows what came, and keeps nothing', async () => {
    const headers = await open(gateway);
    expect(headers).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'referrer-policy': 'no-referrer',
      'content-security-policy': expect.stringMatching(/^default-src 'none'; script-src 'self'; /),
    });
    expect(await page.title()).toBe('Datasource gateway: the legacy REST API');
    expect(await page.locator('.opblock-summary-path').allInnerTexts()).toEqual(
      ['add_account', 'delete_account', 'add-jdbc-conn', 'update-jdbc-conn', 'delete-jdbc'].map((path) =>
        expect.stringContaining(path),
      ),
    );
    const shared = await opened('/data-source/delete_account');
    const names = await shared.locator('.examples-select option').allInnerTexts();
    expect(names).toEqual(expect.arrayContaining([expect.stringMatching(/^Delete Account: /)]));
    expect(names).toEqual(expect.arrayContaining([expect.stringMatching(/^Edit Datasource: /)]));

    const added = accountKey({ region: 'us-east-1' });
    expect(await findAccount(gateway, added)).toBeNull();
    const operation = await opened('/data-source/add_account');
    expect(await tried(operation)).toEqual({ status: 'success', code: 1001, message: 'Operation succeeded' });
    expect(await findAccount(gateway, added)).not.toBeNull();
    expect(await page.evaluate('({ ...localStorage, ...sessionStorage })')).toEqual({});
    expect(await watched.context.cookies()).toEqual([]);
  });

  test('sends the key that is typed into it, and keeps it nowhere', async () => {
    const keyed = await startKeyedGateway(sqliteKind, { OPENAPI: 'true' });
    try {
      await open(keyed.gateway);
      const operation = await opened('/data-source/add_account');
      expect(await tried(operation)).toMatchObject({ status: 'fail', code: 1003 });
      await page.getByRole('button', { name: 'Authorize' }).click();
      const form = page.locator('.auth-container', { hasText: 'x-api-key' });
      await form.locator('input').fill(await makeKey(keyed.env, ['write']));
      await form.getByRole('button', { name: 'Apply credentials' }).click();
      await form.getByRole('button', { name: 'Close' }).click();
      expect(await tried(operation)).toMatchObject({ status: 'success', code: 1001 });
      expect(await page.evaluate('({ ...localStorage, ...sessionStorage })')).toEqual({});
    } finally {
      await keyed.close();
    }
  });

  async function open({ url }: TestGateway): Promise<Record<string, string> | undefined> {
    origin = url;
    const answer = await page.goto(`${url}/docs`);
    await page.locator('.opblock').first().waitFor();
    return answer?.headers();
  }

  /** The operation of a path, unfolded. */
  async function opened(path: string): Promise<Locator> {
    const operation = page.locator('.opblock', { has: page.locator(`[data-path="${path}"]`) });
    await operation.locator('.opblock-summary-control').click();
    await operation.locator('.opblock-body').waitFor();
    return operation;
  }

  /** What is shown after the first example was sent. */
  async function tried(operation: Locator): Promise<unknown> {
    const tryOut = operation.getByRole('button', { name: 'Try it out' });
    const execute = operation.getByRole('button', { name: 'Execute' });
    await tryOut.or(execute).first().waitFor();
    if (await tryOut.isVisible()) await tryOut.click();
    const answered = page.waitForResponse((response) => response.request().method() === 'POST');
    await execute.click();
    const code = ((await (await answered).json()) as { code: number }).code;
    const shown = operation.locator('.live-responses-table pre code', { hasText: String(code) }).first();
    return JSON.parse(await shown.innerText());
  }
});
