import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FastifyInstance } from 'fastify';

// The same place seen from src/http/ and from dist/chunks/, so that tests serve what the build made.
const builtPages = fileURLToPath(new URL('../../dist', import.meta.url));

const contentTypes: Record<string, string> = {
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
};

const contentSecurityPolicy = [
  "default-src 'none'",
  "script-src 'self'",
  // The pages place what they draw by style attributes and style elements of their own, which take no nonce.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  'font-src data:',
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** A page and the headers that it must be sent with. */
export interface BundledPage {
  readonly html: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Which page. */
export interface BundledPageOptions {
  /** What its folder in the build and its file there are called, and the path that its assets are served under. */
  readonly name: string;
  /** What people call it, as the title of the page that stands for it where it was not built. */
  readonly title: string;
  /** The folder that it was built into; the one in the build unless told. */
  readonly directory?: string | undefined;
}

/**
 * Serves the assets of a page that the build made, and returns the page. Where it was not built, that says how to build
 * it.
 */
export function registerBundledPage(app: FastifyInstance, options: BundledPageOptions): BundledPage {
  const { name, title, directory = join(builtPages, name) } = options;
  const file = join(directory, `${name}.html`);
  const isBuilt = existsSync(file);
  if (isBuilt) serveAssets(app, name, join(directory, 'assets'));
  return {
    html: isBuilt ? readFileSync(file, 'utf8') : notBuiltPage(title),
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

// One route for each file that is there at start-up: no path from a request ever reaches the file system.
function serveAssets(app: FastifyInstance, page: string, directory: string): void {
  for (const name of readdirSync(directory)) {
    const contentType = contentTypes[extname(name)];
    if (!contentType) continue;
    const content = readFileSync(join(directory, name));
    app.get(`/${page}/${name}`, (_request, reply) =>
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

function notBuiltPage(title: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>${title}</title>
    <link rel="icon" href="data:,">
  </head>
  <body>
    <h1>This page is not built</h1>
    <p>Run <code>npm run build</code> and start the gateway again. The API itself answers all the same.</p>
  </body>
</html>
`;
}
