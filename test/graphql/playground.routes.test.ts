import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import fastify, { type FastifyInstance } from 'fastify';
import { prefersPlayground, registerPlayground } from '../../src/graphql/playground.routes.js';

const chromiumAccept = 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8';

describe('prefersPlayground', () => {
  test.each([
    [chromiumAccept, true],
    ['text/html', true],
    ['text/html;q=0.5, application/json;q=0.4', true],
    ['TEXT/HTML', true],
    ['text/*', true],
    ['application/json;q=0, text/html;q=0.1', true],
    [undefined, false],
    ['', false],
    ['*/*', false],
    ['application/json', false],
    ['application/graphql-response+json, application/json;q=0.9', false],
    ['application/json, text/html;q=0.9', false],
    ['text/html;q=0.4, application/graphql-response+json;q=0.5', false],
    ['text/html;q=0', false],
    ['text/html;q=0, */*', false],
    ['image/png', false],
    ['nonsense', false],
  ])('for Accept: %s is %s', (accept, expected) => {
    expect(prefersPlayground(accept, false)).toBe(expected);
  });

  test('is never so where there is a query', () => {
    expect(prefersPlayground(chromiumAccept, true)).toBe(false);
  });
});

describe('registerPlayground', () => {
  let directory: string;
  let app: FastifyInstance;

  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'playground-'));
    app = fastify();
  });

  afterEach(async () => {
    await app.close();
    await rm(directory, { recursive: true });
  });

  async function build(): Promise<void> {
    await mkdir(join(directory, 'assets'));
    await writeFile(join(directory, 'playground.html'), '<p>built</p>');
    await writeFile(join(directory, 'assets', 'playground-AB12.js'), 'export {};');
    await writeFile(join(directory, 'assets', 'playground-AB12.css'), 'p {}');
    await writeFile(join(directory, 'assets', 'notes.txt'), 'not served');
  }

  test('returns the page and serves its assets for good', async () => {
    await build();
    expect(registerPlayground(app, { directory }).html).toBe('<p>built</p>');
    const url = await app.listen({ port: 0 });

    const script = await fetch(`${url}/playground/playground-AB12.js`);
    expect(await script.text()).toBe('export {};');
    expect(script.headers.get('content-type')).toBe('text/javascript; charset=utf-8');
    expect(script.headers.get('cache-control')).toBe('public, max-age=31536000, immutable');
    expect(script.headers.get('x-content-type-options')).toBe('nosniff');

    const style = await fetch(`${url}/playground/playground-AB12.css`, { method: 'HEAD' });
    expect(style.status).toBe(200);
    expect(style.headers.get('content-type')).toBe('text/css; charset=utf-8');
    expect(style.headers.get('content-length')).toBe('4');
  });

  test('serves nothing else', async () => {
    await build();
    registerPlayground(app, { directory });
    const url = await app.listen({ port: 0 });
    for (const path of [
      '',
      'playground.html',
      'notes.txt',
      '..%2fplayground.html',
      '%2e%2e/playground.html',
      'assets/',
    ]) {
      expect((await fetch(`${url}/playground/${path}`)).status).toBe(404);
    }
    expect((await fetch(`${url}/playground/playground-AB12.js`, { method: 'POST' })).status).toBe(404);
  });

  test('says how to build it where it is not built', () => {
    const { html, headers } = registerPlayground(app, { directory });
    expect(html).toContain('npm run build');
    expect(headers['content-security-policy']).toContain("frame-ancestors 'none'");
    expect(headers['x-frame-options']).toBe('DENY');
    expect(headers['cache-control']).toBe('no-store');
  });
});
