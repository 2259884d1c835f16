import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { Browser, BrowserContext, Locator, Page, Response } from 'playwright-core';
import { launchChromium } from '../support/chromium.js';
import { startGateway } from '../support/gateway.js';
import { accountKey, addAccount } from '../support/samples.js';
import { inChromium } from '../support/suites.js';
import { type WatchedContext, watchedContext } from '../support/watched-context.js';

jest.setTimeout(120_000);

inChromium.run(`the playground in ${inChromium.name}`, () => {
  let gateway: Awaited<ReturnType<typeof startGateway>>;
  let browser: Browser;
  let context: BrowserContext;
  let page: Page;
  let opened: Response | null;
  let watched: WatchedContext;

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
    context = watched.context;
    page = await context.newPage();
    await open();
  });

  afterEach(async () => {
    await context.close();
    const { origin } = new URL(gateway.url);
    expect(watched.foreignRequests(origin)).toEqual([]);
    expect(watched.complaints).toEqual([]);
  });

  test('runs every tab in order and shows its result', async () => {
    expect(await page.getByRole('tab').allInnerTexts()).toEqual([
      'AddAccount',
      'AddDatasource',
      'TestDatasource',
      'EditDatasource',
      'RehearseUpdate',
      'History',
      'Accounts',
      'Datasources',
      'Changes',
      'LiveChanges',
      'DeleteDatasources',
      'DeleteAccount',
    ]);
    const success = { status: 'success', code: 1001, message: 'Operation succeeded' };

    expect(await runTab('AddAccount')).toMatchObject({
      data: { addAccount: { ...success, account: { accountProvider: 1, accountId: '123456789012' } } },
    });
    expect(await runTab('AddDatasource')).toMatchObject({
      data: { addDatasource: { ...success, datasource: { instanceId: 'orders-db', hasPassword: true, version: 1 } } },
    });
    expect(await runTab('TestDatasource')).toMatchObject({
      errors: [{ extensions: { code: 'CONNECTION_TESTS_OFF' } }],
    });
    expect(await runTab('EditDatasource')).toMatchObject({
      data: { editDatasource: { ...success, datasource: { description: 'Orders, replica', version: 2 } } },
    });
    expect(await runTab('RehearseUpdate')).toMatchObject({
      data: { updateDatasource: { rehearsed: true, code: 1905, rehearsal: { changes: [{ version: 3 }] } } },
    });
    expect(await runTab('History')).toMatchObject({
      data: { datasourceHistory: { firstVersion: 1, edges: [{ node: { version: 2 } }, { node: { version: 1 } }] } },
    });
    expect(await runTab('Accounts')).toMatchObject({
      data: {
        accounts: {
          totalCount: 1,
          edges: [{ node: { region: 'eu-west-1', datasources: { edges: [{ node: { instanceId: 'orders-db' } }] } } }],
        },
      },
    });
    expect(await runTab('Datasources')).toMatchObject({
      data: { datasources: { totalCount: 1, edges: [{ node: { description: 'Orders, replica' } }] } },
    });
    await eventually(async () => {
      const { data } = await gateway.graphql('{ changes { changes { operation } } }');
      expect(data.changes.changes.length).toBe(3);
    });
    expect(await runTab('Changes')).toMatchObject({
      data: {
        changes: { changes: [{ operation: 'addAccount' }, {}, { operation: 'editDatasource' }], hasMore: false },
      },
    });
    await page.getByRole('button', { name: 'LiveChanges', exact: true }).click();
    await page
      .locator('.graphiql-query-editor')
      .getByText(/subscription.LiveChanges\b/)
      .waitFor();
    await page.waitForTimeout(500);
    const begun = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.getByRole('button', { name: 'Execute query (Ctrl-Enter)' }).click();
    expect((await begun).headers()['content-type']).toContain('text/event-stream');
    await addAccount(gateway, accountKey({ region: 'live-1' }));
    const pane = page.getByRole('region', { name: 'Result Window' });
    await eventually(async () => expect(await editorText(pane)).toContain('live-1'));
    await page.getByRole('button', { name: 'Stop query' }).click();
    await gateway.graphql('mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { code } }', {
      input: accountKey({ region: 'live-1' }),
    });

    expect(await runTab('DeleteDatasources')).toMatchObject({
      data: { deleteDatasources: { ...success, deletedInstanceIds: ['orders-db'] } },
    });
    expect(await runTab('DeleteAccount')).toMatchObject({
      data: { deleteAccount: { ...success, deletedDatasourceCount: 0 } },
    });
  });

  test('shows the schema in its documentation', async () => {
    await page.getByRole('button', { name: 'Show Documentation Explorer' }).click();
    await page.getByRole('link', { name: 'Mutation', exact: true }).first().click();
    for (const mutation of ['addAccount', 'addDatasource', 'editDatasource', 'deleteDatasources', 'deleteAccount']) {
      await page.getByRole('link', { name: mutation, exact: true }).waitFor();
    }
  });

  test('completes and formats what is typed', async () => {
    const operation = page.getByRole('region', { name: 'Operation Editor' });
    await type(operation, 'query Typed { accounts { tot');
    await page.keyboard.press('Control+Space');
    await page.getByRole('option', { name: 'totalCount' }).click();
    await page.getByRole('button', { name: /^Prettify/ }).click();
    await eventually(async () => {
      expect(await editorText(operation)).toMatch(/^query Typed { {2}accounts { {4}totalCount {2}}}/);
    });
  });

  test('sends the headers typed into it, and keeps nothing of what was typed in the browser', async () => {
    await page.getByRole('button', { name: 'Headers' }).click();
    await type(page.getByRole('region', { name: 'Headers' }), '{ "x-request-id": "typed-api-key"');
    await page.getByRole('button', { name: 'Accounts', exact: true }).click();
    await page.getByRole('button', { name: 'AddAccount', exact: true }).click();
    await page.getByRole('button', { name: 'Variables' }).click();
    await type(page.getByRole('region', { name: 'Variables' }), '{ "input": { "password": "typed-password" }');
    const sent = page.waitForRequest((request) => request.method() === 'POST');
    await page.getByRole('button', { name: 'Execute query (Ctrl-Enter)' }).click();
    expect(await (await sent).headerValue('x-request-id')).toBe('typed-api-key');
    expect((await sent).postData()).toContain('typed-password');
    await page.getByRole('button', { name: 'Open settings dialog' }).click();
    await page.getByRole('button', { name: 'Dark' }).click();
    // GraphiQL writes to its storage half a second after the last change.
    await page.waitForTimeout(1000);

    const kept = await page.evaluate('({ ...localStorage, ...sessionStorage })');
    expect(kept).toEqual({ 'graphiql:theme': 'dark' });
    expect(await page.evaluate('indexedDB.databases()')).toEqual([]);
    expect(await context.cookies()).toEqual([]);

    await open();
    expect(await editorText(page.getByRole('region', { name: 'Variables' }))).not.toContain('typed-password');
    expect(await page.getByRole('tab').count()).toBe(12);
    expect(await page.locator('body').getAttribute('class')).toContain('graphiql-dark');
  });

  test('is a page that no other may frame, script or keep', async () => {
    expect(opened?.headers()).toMatchObject({
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'x-frame-options': 'DENY',
      'x-content-type-options': 'nosniff',
      'referrer-policy': 'no-referrer',
    });
    const policy = opened?.headers()['content-security-policy'] ?? '';
    expect(policy).toContain("default-src 'none'");
    expect(policy).toContain("script-src 'self';");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toContain('unsafe-eval');
    expect(await page.locator('html').getAttribute('lang')).toBe('en');
    expect(await page.title()).toBe('Datasource gateway: GraphQL playground');
  });

  async function open(): Promise<void> {
    const introspected = page.waitForResponse((response) => response.request().method() === 'POST');
    opened = await page.goto(`${gateway.url}/graphql`);
    await page.locator('.graphiql-query-editor .view-line').first().waitFor();
    expect(await (await introspected).json()).toHaveProperty('data.__schema');
  }

  async function runTab(name: string): Promise<unknown> {
    await page.getByRole('button', { name, exact: true }).click();
    await page
      .locator('.graphiql-query-editor')
      .getByText(new RegExp(`(mutation|query).${name}\\b`))
      .waitFor();
    // GraphiQL takes the operation's name from the editor a tenth of a second after a change.
    await page.waitForTimeout(500);
    const answered = page.waitForResponse((response) => response.request().method() === 'POST');
    await page.getByRole('button', { name: 'Execute query (Ctrl-Enter)' }).click();
    const answer = (await (await answered).json()) as { data?: object; errors?: { extensions: { code: string } }[] };
    const [field] = Object.keys(answer.data ?? {});
    const pane = page.getByRole('region', { name: 'Result Window' });
    // Of a long answer the editor draws only what is seen of it.
    await eventually(async () =>
      expect(await editorText(pane)).toContain(field ?? answer.errors?.[0]?.extensions.code ?? 'nothing'),
    );
    return answer;
  }

  // The editor draws in its own time.
  async function eventually<T>(read: () => Promise<T>): Promise<T> {
    const deadline = Date.now() + 10_000;
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (Date.now() > deadline) throw error;
        await page.waitForTimeout(100);
      }
    }
  }

  async function type(editor: Locator, text: string): Promise<void> {
    await editor.locator('.view-lines:visible').click();
    await page.keyboard.press('Control+A');
    await page.keyboard.press('Delete');
    await page.keyboard.type(text);
    await page.waitForTimeout(500);
  }

  // The editor draws its lines in any order, each at its place, folds long ones, and draws spaces that do not break.
  async function editorText(editor: Locator): Promise<string> {
    const lines = await editor.locator('.view-line:visible').evaluateAll((elements) =>
      elements
        .map((element) => ({ top: element.getBoundingClientRect().top, text: element.textContent ?? '' }))
        .sort((a, b) => a.top - b.top)
        .map(({ text }) => text),
    );
    return lines.join('').replaceAll('\u00a0', ' ');
  }
});
