import { createServer, request, type Server, type ServerResponse } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, jest, test } from '@jest/globals';
import type { Browser, Page } from 'playwright-core';
import { launchChromium } from '../support/chromium.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { accountKey, addAccount } from '../support/samples.js';
import { inChromium } from '../support/suites.js';

jest.setTimeout(120_000);

const bufferedBytes = 64 * 1024;

inChromium.run(`an EventSource in ${inChromium.name}, behind a proxy that buffers`, () => {
  let gateway: TestGateway;
  let proxy: Server;
  let origin: string;
  let browser: Browser;
  let page: Page;
  const carried = new Set<ServerResponse>();

  beforeAll(async () => {
    gateway = await startGateway();
    // As nginx does: what an answer has is kept back until there is much of it, unless the answer says otherwise.
    proxy = createServer((incoming, answer) => {
      const { url, method, headers } = incoming;
      const { host: _, ...others } = headers;
      const asked = request(`${gateway.url}${url}`, { method, headers: others }, (found) => {
        answer.writeHead(found.statusCode ?? 500, found.headers);
        carried.add(answer);
        let kept: Buffer[] = [];
        const isBuffered = found.headers['x-accel-buffering'] !== 'no';
        found.on('data', (chunk: Buffer) => {
          kept.push(chunk);
          if (isBuffered && kept.reduce((sum, { length }) => sum + length, 0) < bufferedBytes) return;
          answer.write(Buffer.concat(kept));
          kept = [];
        });
        found.on('end', () => answer.end(Buffer.concat(kept)));
        answer.on('close', () => {
          carried.delete(answer);
          found.destroy();
        });
      });
      incoming.pipe(asked);
    });
    await new Promise<void>((resolve) => proxy.listen(0, '127.0.0.1', resolve));
    origin = `http://127.0.0.1:${(proxy.address() as { port: number }).port}`;
    browser = await launchChromium();
    page = await browser.newPage();
    await page.goto(`${origin}/healthz`);
  });
  afterAll(async () => {
    await browser?.close();
    proxy?.closeAllConnections();
    proxy?.close();
    await gateway?.close();
  });

  const add = (region: string) => addAccount(gateway, accountKey({ region }));

  async function until(regions: readonly string[]): Promise<void> {
    for (const started = Date.now(); ; await sleep(50)) {
      const seen = await page.evaluate<string[]>('window.seen');
      if (seen.length >= regions.length || Date.now() - started > 30_000) {
        expect(seen).toEqual(regions);
        return;
      }
    }
  }

  test('gets each change once, also when its connection was cut', async () => {
    await add('before');
    const query = 'subscription { changes(after: "WzAsIiJd") { region } }';
    await page.evaluate(`(() => {
      window.seen = [];
      const source = new EventSource('/graphql?query=' + encodeURIComponent(${JSON.stringify(query)}));
      source.addEventListener('next', ({ data }) => window.seen.push(JSON.parse(data).data.changes.region));
      source.addEventListener('complete', () => source.close());
    })()`);
    await until(['before']);
    await add('one');
    await add('two');
    await until(['before', 'one', 'two']);
    for (const answer of carried) answer.destroy();
    await add('three');
    await until(['before', 'one', 'two', 'three']);
    await add('four');
    await until(['before', 'one', 'two', 'three', 'four']);
  });
});
