import { beforeAll, describe, expect, test } from '@jest/globals';
import { Validator } from '@seriousme/openapi-schema-validator';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { createApp } from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { errorCodes } from '../../src/errors.js';
import { succeeded } from '../../src/operation-outcome.js';
import { routeAccess } from '../../src/security/access.js';
import { databaseKinds, sqliteKind } from '../support/databases.js';
import { useKeyedGateway } from '../support/fixture.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { makeKey } from '../support/keyed-gateway.js';
import {
  accepted,
  missing,
  type OperationRow,
  operations,
  type ParameterRow,
  refused,
} from '../support/parameter-table.js';
import { askPortal, portalAddition, portalEdit, portalEnv } from '../support/portal-samples.js';
import { refuseAudit } from '../support/raw-database.js';
import { type RawRequest, sendRaw } from '../support/raw-request.js';
import { accountKey, addAccount, addDatasource, datasourceInput, legacyBody } from '../support/samples.js';

interface Example {
  readonly value: unknown;
}
interface Operation {
  readonly tags: readonly string[];
  readonly responses: {
    readonly 200: { readonly content: { readonly 'application/json': { readonly schema: object } } };
  };
}
type Examples = Readonly<Record<string, Example>>;

const paths = ['add_account', 'delete_account', 'add-jdbc-conn', 'update-jdbc-conn', 'delete-jdbc'] as const;
/** Save those with which only queries and mutations end. */
const legacyCodes = Object.entries(errorCodes).flatMap(([name, code]) =>
  ['VERSION_NOT_KNOWN', 'CURSOR_TOO_OLD', 'CONNECTION_TESTS_OFF', 'SEARCH_TOO_BROAD'].includes(name) ? [] : [code],
);
const json = { 'content-type': 'application/json' };

// biome-ignore lint/suspicious/noExplicitAny: a test looks into it as a client does
let document: any;
let ajv: Ajv2020;
// biome-ignore lint/suspicious/noExplicitAny: a test looks into it as a client does
let withPortal: any;

beforeAll(async () => {
  const gateway = await startGateway();
  document = await (await fetch(`${gateway.url}/openapi.json`)).json();
  await gateway.close();
  const portal = await startGateway(portalEnv());
  withPortal = await (await fetch(`${portal.url}/openapi.json`)).json();
  await portal.close();
  ajv = new Ajv2020({ strict: false, logger: false });
  ajv.addSchema(document, 'document');
});

/** What the document has at a path of names. */
function at(...names: string[]) {
  return names.reduce((inner, name) => inner[name], document);
}

function requestExamples(path: string): Examples {
  return at('paths', `/data-source/${path}`, 'post', 'requestBody', 'content', 'application/json', 'examples');
}

/** The examples of an answer, those that several operations share included. */
function answerExamples(path: string): Examples {
  const examples: Record<string, Example & { $ref?: string }> = at(
    ...['paths', `/data-source/${path}`, 'post', 'responses', '200', 'content', 'application/json', 'examples'],
  );
  return Object.fromEntries(
    Object.entries(examples).map(([name, example]) => [
      name,
      example.$ref === undefined ? example : at(...example.$ref.split('/').slice(1)),
    ]),
  );
}

/** Tells whether a value fits a schema of the document. */
function fitter(schema: object): (value: unknown) => boolean {
  const fits = ajv.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')));
  return (value) => fits(value);
}

describe('the description of the legacy API', () => {
  test('is OpenAPI 3.1', async () => {
    const validator = new Validator();
    expect(await validator.validate(structuredClone(document))).toEqual({ valid: true });
    expect(validator.version).toBe('3.1');
  });

  test('has every route, and none that is not there', () => {
    const routes = Object.entries(routeAccess).filter(([route]) => / \/(data-source|catalog|query)\//.test(route));
    const routesIn = (described: object) =>
      Object.entries<object>((described as { paths: object }).paths as Record<string, object>).flatMap(([path, item]) =>
        Object.keys(item).map((method) => `${method.toUpperCase()} ${path}`),
      );
    expect(routesIn(withPortal).sort()).toEqual(routes.map(([route]) => route).sort());
    expect(routesIn(document)).toEqual(routes.filter(([, access]) => access === 'write').map(([route]) => route));
    expect(Object.keys(document.paths)).toEqual(paths.map((path) => `/data-source/${path}`));
    for (const item of Object.values(document.paths)) expect(Object.keys(item as object)).toEqual(['post']);
  });

  test('with a profile for the web portal, is OpenAPI 3.1, and what the portal sends and gets fits it', async () => {
    expect(await new Validator().validate(structuredClone(withPortal))).toEqual({ valid: true });
    const portal = new Ajv2020({ strict: false, logger: false });
    portal.addSchema(withPortal, 'document');
    const fits = (schema: object, value: unknown) =>
      portal.compile(JSON.parse(JSON.stringify(schema).replaceAll('"#/', '"document#/')))(value);
    const body = (path: string) => withPortal.paths[path].post.requestBody.content['application/json'].schema;
    expect(fits(body('/data-source/add-jdbc-conn'), portalAddition())).toBe(true);
    expect(fits(body('/data-source/update-jdbc-conn'), portalEdit())).toBe(true);
    expect(fits(body('/data-source/delete_account'), portalEdit())).toBe(false);
    const gateway = await startGateway(portalEnv());
    await addAccount(gateway, { accountProvider: 2, accountId: '200000001', region: 'ap-shanghai-1' });
    await gateway.legacy('add-jdbc-conn', portalAddition());
    const account = { account_provider_id: 2, account_id: '200000001', region: 'ap-shanghai-1' };
    const bodies: Record<string, object> = {
      'query-account-network': account,
      'query-connection-detail': { ...account, instance_id: 'orders-mysql' },
      'jdbc-databases': { connection_url: 'jdbc:mysql://db.example.com/orders' },
    };
    const queries =
      'provider_id=2&provider=2&account=200000001&region=ap-shanghai-1&table=source_account&column=region';
    for (const [path, item] of Object.entries<Record<string, Operation>>(withPortal.paths)) {
      const [[method, { tags, responses }]] = Object.entries(item) as [[string, Operation]];
      if (!tags.includes('Web portal')) continue;
      const body = bodies[path.split('/').at(-1) as string] ?? {};
      const asked = await askPortal(gateway, `${path.slice(1)}?${queries}`, method === 'get' ? undefined : body);
      const { schema } = responses['200'].content['application/json'];
      expect([path, asked.body.code, fits(schema, asked.body)]).toEqual([path, 1001, true]);
    }
    await gateway.close();
  });

  test.each(paths)('has every operation of %s with every parameter', (path) => {
    const meant: OperationRow[] = Object.values(operations).filter(({ routes }) =>
      (routes as readonly string[]).includes(path),
    );
    const { schema } = at(...['paths', `/data-source/${path}`, 'post', 'requestBody', 'content', 'application/json']);
    const names = ({ inputType }: OperationRow) => `#/components/schemas/${inputType.replace(/Input$/, '')}`;
    expect(JSON.stringify(schema).match(/#\/components\/schemas\/\w+/g)).toEqual(meant.map(names));
    for (const operation of meant) {
      const { properties, required } = at('components', 'schemas', operation.inputType.replace(/Input$/, ''));
      expect(Object.keys(properties)).toEqual(operation.parameters.map(({ rest }) => rest));
      const needed = operation.parameters.filter((parameter) => parameter.required);
      expect(required).toEqual(needed.map(({ rest }) => rest));
      for (const { description } of Object.values<{ description: string }>(properties)) {
        expect(description).toMatch(/^[A-Z].* It must be .*\.$/);
      }
    }
  });

  test('takes a body for right where the gateway does, so far as a schema can tell', () => {
    const wronglyTaken: string[] = [];
    for (const { inputType, parameters, routes } of Object.values(operations) as OperationRow[]) {
      const fits = fitter({ $ref: `#/components/schemas/${inputType.replace(/Input$/, '')}` });
      const whole = Object.values(requestExamples(routes[0] as string))[0]?.value as object;
      for (const parameter of parameters) {
        for (const { sent } of accepted(parameter, 'REST', '1')) {
          expect([inputType, parameter.rest, sent, fits(withValue(whole, parameter, sent))]).toContain(true);
        }
        for (const { sent } of refused(parameter, 'REST')) {
          if (!fits(withValue(whole, parameter, sent)) || isBeyondSchemas(parameter, sent)) continue;
          wronglyTaken.push(`${inputType}.${parameter.rest}: ${JSON.stringify(sent)}`);
        }
      }
    }
    expect(wronglyTaken).toEqual([]);
  });

  test.each(paths)('has bodies for %s that fit, save those that are refused for it, and answers that fit', (path) => {
    const { requestBody, responses } = at('paths', `/data-source/${path}`, 'post');
    const fits = fitter(requestBody.content['application/json'].schema);
    const isAnswer = fitter(responses[200].content['application/json'].schema);
    const answers = answerExamples(path);
    for (const [name, { value }] of Object.entries(requestExamples(path))) {
      expect([name, fits(value)]).toEqual([name, (answers[name]?.value as { code?: number })?.code !== 400]);
    }
    for (const [name, { value }] of Object.entries(answers)) expect([name, isAnswer(value)]).toEqual([name, true]);
  });

  test('shows every code that an operation can end with', () => {
    const responses = Object.values<{ content: object }>(document.components.responses);
    const shown = [...paths.map((path) => answerExamples(path)), ...responses.map(({ content }) => content)];
    const codes = JSON.stringify(shown).match(/(?<="code":)\d+/g);
    expect(new Set(codes?.map(Number))).toEqual(new Set([succeeded.code, ...legacyCodes, 403, 404, 405, 413, 415]));
  });

  test('is not served, nor its page, where the gateway is not open and it was not asked for', async () => {
    const gateway = await startGateway({ AUTH: 'keys' });
    for (const path of ['openapi.json', 'docs']) expect((await fetch(`${gateway.url}/${path}`)).status).toBe(404);
    await gateway.close();
  });
});

function withValue(whole: object, { rest }: ParameterRow, sent: unknown): object {
  const { [rest]: _, ...others } = whole as Record<string, unknown>;
  return sent === missing ? others : { ...others, [rest]: sent };
}

/** What a JSON Schema cannot tell: the value of digits in a string, lone surrogates, the calendar, JDBC URLs. */
function isBeyondSchemas({ kind }: ParameterRow, sent: unknown): boolean {
  if (kind === 'integer') return typeof sent === 'string' && /^\d+$/.test(sent);
  if (kind === 'dateTime') return typeof sent === 'string' && /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d/.test(sent);
  return [sent].flat().some((entry) => typeof entry === 'string' && !entry.isWellFormed());
}

describe.each(databaseKinds)('an example on $name', (kind) => {
  const keyed = useKeyedGateway(kind, { OPENAPI: 'true' });
  let ways: Record<string, { body: string; headers: Record<string, string> }>;

  beforeAll(async () => {
    const body = '{}';
    const key = await makeKey(keyed.env, ['write']);
    ways = {
      notJson: { body: '{"region": ', headers: { 'x-api-key': key } },
      notAnObject: { body: '[]', headers: { 'x-api-key': key } },
      notKnown: { body, headers: {} },
      keyNotValid: { body, headers: { 'x-api-key': key.slice(0, -1) } },
      keyExpired: { body, headers: { 'x-api-key': await makeKey(keyed.env, ['write'], new Date(Date.now() - 1)) } },
      notAllowed: { body, headers: { 'x-api-key': await makeKey(keyed.env, ['read', 'credentials', 'admin']) } },
    };
  });

  test.each(paths)('of %s gets the answer that is shown', async (path) => {
    const bodies = requestExamples(path);
    const answers = answerExamples(path);
    expect(Object.keys(answers).sort()).toEqual([...Object.keys(bodies), ...Object.keys(ways)].sort());
    for (const [name, { value }] of Object.entries(answers)) {
      await restore(keyed.all);
      const way = ways[name];
      const { httpStatus, body } =
        way === undefined
          ? await keyed.all.legacy(path, bodies[name]?.value)
          : await keyed.gateway.legacy(path, way.body, way.headers);
      expect([name, httpStatus, body]).toEqual([name, 200, value]);
    }
  });
});

/** What the description says that the register holds. */
async function restore(gateway: TestGateway): Promise<void> {
  for (const region of ['eu-west-1', 'us-east-1'])
    await gateway.legacy('delete_account', legacyBody(accountKey({ region })));
  await addAccount(gateway);
  await addDatasource(gateway, datasourceInput('orders-db'));
}

describe('an example of a failure of the transport', () => {
  const requestId = '4f2c1d8e-9a3b-4c5d-8e7f-0123456789ab';
  const deletion: RawRequest = { headers: json, body: JSON.stringify(legacyBody(accountKey())) };
  const ways: Record<string, (url: string) => Promise<{ httpStatus: number; text: string }>> = {
    foreignPage: (url) => sendRaw(url, { ...deletion, headers: { ...json, origin: 'https://other.example.com' } }),
    foreignHost: (url) => sendRaw(url, { ...deletion, headers: { ...json, host: 'gateway.example.com' } }),
    notFound: (url) => sendRaw(`${url}s`, deletion),
    methodNotAllowed: (url) => sendRaw(url, { ...deletion, method: 'PUT' }),
    bodyTooLarge: (url) => sendRaw(url, { headers: json, body: ' '.repeat(2_097_153) }),
    notJsonType: (url) => sendRaw(url, { ...deletion, headers: { 'content-type': 'text/plain' } }),
    compressed: (url) => sendRaw(url, { ...deletion, headers: { 'content-encoding': 'gzip' } }),
    async rateLimited() {
      const gateway = await startGateway({ RATE_LIMIT: '100' });
      for (let sent = 0; sent < 100; sent += 1) await gateway.legacy('delete_account', {});
      const answer = await sendRaw(`${gateway.url}/data-source/delete_account`, deletion);
      await gateway.close();
      // It depends on when in the minute it is asked.
      return { ...answer, text: answer.text.replace(/Wait \d+ s/, 'Wait 60 s') };
    },
    async serviceFailed() {
      const database = await sqliteKind.create();
      const gateway = await startGateway(database.env);
      await addAccount(gateway);
      await refuseAudit(database);
      const headers = { ...json, 'x-request-id': requestId };
      const answer = await sendRaw(`${gateway.url}/data-source/delete_account`, { ...deletion, headers });
      await gateway.close();
      await database.drop();
      return answer;
    },
    async serviceUnavailable() {
      const env = { DATABASE_URL: 'mysql://gateway@127.0.0.1:1/gateway', SECRETS_KEY: `${'A'.repeat(43)}=` };
      const { http } = await createApp(loadConfig(env), { write: () => undefined });
      const url = await http.listen({ host: '127.0.0.1', port: 0 });
      const answer = await sendRaw(`${url}/data-source/delete_account`, deletion);
      await http.close();
      return answer;
    },
  };

  test('is what comes', async () => {
    const gateway = await startGateway();
    const shown: Record<string, unknown> = {};
    const came: Record<string, unknown> = {};
    for (const [status, { $ref }] of Object.entries<{ $ref?: string }>(
      at('paths', '/data-source/delete_account', 'post', 'responses'),
    )) {
      if ($ref === undefined) continue;
      const { content, headers } = at(...$ref.split('/').slice(1));
      for (const [name, { value }] of Object.entries<Example>(content['application/json'].examples)) {
        shown[name] = { status: Number(status), headers: Object.keys(headers), body: value };
        const answer = await ways[name]?.(`${gateway.url}/data-source/delete_account`);
        const sentHeaders = (answer as { headers?: object } | undefined)?.headers ?? {};
        const documented = ['x-request-id', 'retry-after'].filter((header) => header in sentHeaders);
        came[name] = { status: answer?.httpStatus, headers: documented, body: JSON.parse(answer?.text ?? 'null') };
      }
    }
    await gateway.close();
    expect(came).toEqual(shown);
    expect(Object.keys(shown).sort()).toEqual(Object.keys(ways).sort());
  });

  test.each(paths)('is shown for %s too', (path) => {
    const { 200: _, ...others } = at('paths', `/data-source/${path}`, 'post', 'responses');
    const { 200: __, ...expected } = at('paths', '/data-source/delete_account', 'post', 'responses');
    expect(others).toEqual(expected);
  });
});
