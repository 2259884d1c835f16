import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';
import Negotiator from 'negotiator';

// The same place seen from src/ and from dist/, so that tests serve what the build made.
const builtPlayground = fileURLToPath(new URL('../../dist/playground', import.meta.url));

const contentTypes: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  // The editor places every line and token by style attributes and style elements of its own, which take no nonce.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  'font-src data:',
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** The playground's page and the headers that it must be sent with. */
export interface PlaygroundPage {
  html: string;
  headers: Record<string, string>;
}

/**
 * Serves the playground's assets under `/playground/` and returns the page, for `GET /graphql` to answer with. Where the
 * playground was not built, the page says how to build it.
 */
export function registerPlayground(app: FastifyInstance, options: { directory?: string } = {}): PlaygroundPage {
  const directory = options.directory ?? builtPlayground;
  const file = join(directory, 'playground.html');
  const isBuilt = existsSync(file);
  if (isBuilt) serveAssets(app, join(directory, 'assets'));
  return {
    html: isBuilt ? readFileSync(file, 'utf8') : notBuiltPage,
    headers: {
      'content-type': 'text/html; charset=utf-8',
      'cache-control': 'no-store',
      'content-security-policy': contentSecurityPolicy,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      'x-frame-options': 'DENY',
    },
  };
}

/** Whether a `GET /graphql` is answered with the playground: no operation in it, and HTML preferred over JSON. */
export function prefersPlayground(accept: string | undefined, hasQuery: boolean): boolean {
  if (hasQuery) return false;
  const negotiator = new Negotiator({ headers: { accept } });
  const offered = ['application/graphql-response+json', 'application/json', 'text/html'];
  return negotiator.mediaType(offered) === 'text/html';
}

// One route for each file that is there at start-up: no path from a request ever reaches the file system.
function serveAssets(app: FastifyInstance, directory: string): void {
  for (const name of readdirSync(directory)) {
    const contentType = contentTypes[extname(name)];
    if (!contentType) continue;
    const content = readFileSync(join(directory, name));
    app.get(`/playground/${name}`, (_request, reply) =>
      reply
        .headers({
          'content-type': contentType,
          'cache-control': 'public, max-age=31536000, immutable',
          // A worker takes its policy from its own answer, not from the page.
          'content-security-policy': contentSecurityPolicy,
          'cross-origin-resource-policy': 'same-origin',
          'x-content-type-options': 'nosniff',
        })
        .send(content),
    );
  }
}

const notBuiltPage = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Datasource gateway: GraphQL playground</title>
    <link rel="icon" href="data:,">
  </head>
  <body>
    <h1>The playground is not built</h1>
    <p>Run <code>npm run build</code> and start the gateway again. The API itself answers at this address.</p>
  </body>
</html>
`;
