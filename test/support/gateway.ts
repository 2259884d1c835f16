import { type App, createApp } from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { sqliteKind } from './databases.js';
import { portalEnv } from './portal-samples.js';

/** What a GraphQL request answers. */
export interface GraphQLAnswer {
  readonly httpStatus: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as a client does
  readonly data: any;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as a client does
  readonly errors: any[] | undefined;
}

/** What a legacy route answers. */
export interface LegacyAnswer {
  readonly httpStatus: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: a test looks into it as a client does
  readonly body: any;
}

/** A gateway that listens on a free port, in the process of the test. */
export interface TestGateway {
  readonly url: string;
  readonly app: App;
  /** The lines that it has logged. */
  readonly log: string[];
  /** Sends a GraphQL request. */
  graphql(query: string, variables?: object, headers?: Record<string, string>): Promise<GraphQLAnswer>;
  /** Posts to a legacy route: an object is sent as JSON, a string as it is. */
  legacy(route: string, body: unknown, headers?: Record<string, string>): Promise<LegacyAnswer>;
  /** Stops it; a database that was made for it is removed. */
  close(): Promise<void>;
}

/**
 * Starts a gateway over a real socket.
 *
 * @param env settings besides HOST and PORT; without DATABASE_URL it gets an SQLite file of its own. With
 *   GATEWAY_TEST_PORTAL in the environment of the tests, it has the profile of the web portal
 */
export async function startGateway(env: Record<string, string> = {}): Promise<TestGateway> {
  const own = env.DATABASE_URL === undefined ? await sqliteKind.create() : undefined;
  const log: string[] = [];
  const portal = process.env.GATEWAY_TEST_PORTAL ? portalEnv() : {};
  const config = loadConfig({ LOG_LEVEL: 'info', ...own?.env, ...portal, ...env, HOST: '127.0.0.1', PORT: '0' });
  const app = await createApp(config, { write: (line) => void log.push(line) });
  await app.http.listen({ host: '127.0.0.1', port: 0 });
  await app.prepare();
  const { port } = app.http.server.address() as { port: number };
  const url = `http://127.0.0.1:${port}`;
  return {
    url,
    app,
    log,
    async graphql(query, variables, headers) {
      const response = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify({ query, variables }),
      });
      const answer = (await response.json()) as { data?: unknown; errors?: unknown[] };
      return { httpStatus: response.status, headers: response.headers, data: answer.data, errors: answer.errors };
    },
    async legacy(route, body, headers) {
      const response = await fetch(`${url}/data-source/${route}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      });
      return { httpStatus: response.status, headers: response.headers, body: await response.json() };
    },
    async close() {
      await app.http.close();
      await own?.drop();
    },
  };
}
