import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { portalAddition, portalEdit, portalEnv } from '../support/portal-samples.js';
import { inChromium } from '../support/suites.js';
import { TokenIssuer } from '../support/token-issuer.js';

jest.setTimeout(120_000);

/** A small page that asks as the portal does, and shows what the portal would: the data, a message, or its page for signing in. */
const html = `<!doctype html><title>portal</title><ul id="accounts"></ul><ul id="datasources"></ul><p id="shown"></p><script>
  const gateway = new URLSearchParams(location.search).get('gateway');
  async function api(method, path, body) {
    const response = await fetch(gateway + '/' + path, {
      method,
      headers: { 'content-type': 'application/json', authorization: 'Bearer ' + localStorage.getItem('id_token') },
      body: method === 'GET' ? undefined : JSON.stringify(body),
    });
    const result = await response.json();
    if (result.code === 1003) shown.textContent = 'Your login has expired';
    else if (result.status !== 'success') shown.textContent = result.message;
    else return result.data;
    throw new Error(result.message);
  }
  const fill = (list, names) => list.replaceChildren(...names.map((name) => Object.assign(document.createElement('li'), { textContent: name })));
  async function load() {
    const condition = { column: 'account_provider_id', values: [2], operation: 'in', condition: 'and' };
    const { items } = await api('POST', 'data-source/list-account', { page: 1, size: 20, conditions: [condition] });
    fill(accounts, items.map((item) => item.account_id + ' ' + item.total_jdbc_instance));
  }
  async function open(account) {
    const conditions = [{ column: 'account_id', values: [account], condition: 'and' }];
    const body = { page: 1, size: 20, sort_column: 'create_time', asc: false, conditions };
    const { items } = await api('POST', 'data-source/list-jdbc?provider_id=2', body);
    fill(datasources, items.map((item) => item.instance_id + ' ' + item.description));
  }
</script>`;

inChromium.run(`a page that asks as the web portal does, from another origin, in ${inChromium.name}`, () => {
  let browser: Browser;
  let page: Page;
  let pages: Server;
  let gateway: TestGateway;
  let issuer: TokenIssuer;
  let origin: string;

  beforeAll(async () => {
    pages = createServer((_, response) => response.setHeader('content-type', 'text/html').end(html));
    await new Promise<void>((resolve) => pages.listen(0, '127.0.0.1', resolve));
    origin = `http://localhost:${(pages.address() as { port: number }).port}`;
    issuer = await TokenIssuer.start();
    gateway = await startGateway({
      ...issuer.env,
      ...portalEnv(),
      CORS_ORIGINS: origin,
      OIDC_AUDIENCE: 'the-portal',
      OIDC_PERMISSIONS_CLAIM: 'cognito:groups',
    });
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(`${origin}/?gateway=${gateway.url}`);
  });
  afterAll(async () => {
    await browser?.close();
    await gateway?.close();
    await issuer?.stop();
    pages?.close();
  });

  async function signIn(groups: readonly string[], claims: object = {}) {
    const token = await issuer.token({ aud: 'the-portal', 'cognito:groups': groups, ...claims });
    await page.evaluate(`localStorage.setItem('id_token', ${JSON.stringify(token)}); shown.textContent = ''`);
  }

  /** What the page has after it has done something, whether that was refused or not. */
  async function after(script: string) {
    await page.evaluate(`(async () => { ${script} })().catch(() => undefined)`);
    return page.evaluate(
      `({ accounts: accounts.innerText, datasources: datasources.innerText, shown: shown.textContent })`,
    );
  }

  const post = (path: string, body: object) => `await api('POST', 'data-source/${path}', ${JSON.stringify(body)});`;
  const account = { account_provider: 2, account_id: '200000001', region: 'ap-shanghai-1' };

  test('adds, edits and deletes', async () => {
    await signIn(['read', 'write', 'people']);
    const added = await after(
      `${post('add_account', account)} ${post('add-jdbc-conn', portalAddition())} await load(); await open('200000001');`,
    );
    expect(added).toEqual({ accounts: '200000001 1', datasources: 'orders-mysql made in the portal', shown: '' });
    const edited = await after(`${post('update-jdbc-conn', portalEdit())} await open('200000001');`);
    expect(edited).toMatchObject({ datasources: 'orders-mysql changed in the portal', shown: '' });
    const again = await after(post('add_account', { ...account, region: 'elsewhere' }));
    expect(again).toMatchObject({ shown: expect.stringContaining('already exists') });
    const removal = {
      account_provider: 2,
      account_id: '200000001',
      region: 'ap-shanghai-1',
      instances: ['orders-mysql'],
    };
    await signIn(['read', 'write']);
    const removed = await after(
      `const removed = await api('POST', 'data-source/delete-jdbc', ${JSON.stringify(removal)});
       shown.textContent = removed.every(([, error]) => error === '') ? 'Delete success' : 'failed';
       ${post('delete_account', account)} await load(); datasources.replaceChildren();`,
    );
    expect(removed).toEqual({ accounts: '', datasources: '', shown: 'Delete success' });
  });

  test('that may only read is told so', async () => {
    await signIn(['read']);
    expect(await after('await load();')).toMatchObject({ shown: '' });
    expect(await after(post('add_account', account))).toMatchObject({
      shown: expect.stringContaining('needs the permission write'),
    });
  });

  test('whose sign-in has expired leads to signing in', async () => {
    await signIn(['read', 'write'], { exp: Math.floor(Date.now() / 1000) - 600 });
    expect(await after('await load();')).toMatchObject({ shown: 'Your login has expired' });
  });
});
