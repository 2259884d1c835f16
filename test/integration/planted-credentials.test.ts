import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DatabaseSync } from '@photostructure/sqlite';
import { permissions } from '../../src/security/caller.js';
import { type DatabaseServer, startServer } from '../support/database-server.js';
import { mysqlKind } from '../support/databases.js';
import { mysqlGreeting, mysqlPacket, postgresqlAuthentication, startHostileServer } from '../support/hostile-server.js';
import { keyOf, makeKey } from '../support/keyed-gateway.js';
import { type Scrape, scrape } from '../support/metrics.js';
import { findings, formsOf } from '../support/planted.js';
import { portalEnv } from '../support/portal-samples.js';
import { type GatewayProcess, startGatewayProcess, temporaryDirectory } from '../support/process.js';
import { onDatabase, refuseAudit } from '../support/raw-database.js';
import { sendRaw } from '../support/raw-request.js';
import { datasourceInput, legacyBody } from '../support/samples.js';
import { startTraceReceiver, type TraceReceiver } from '../support/trace-receiver.js';

type Values = Record<string, unknown>;

/** Stands in every planted credential, between all characters that an encoding or a parser may cut at. */
const word = `p${randomBytes(9).toString('hex').slice(0, 15)}`;
/** A planted credential that is a number. */
const digits = String(1 + Math.floor(Math.random() * 8)) + Array.from(randomBytes(14), (byte) => byte % 10).join('');
/** Stands in a description, which is no secret: it must be found, or what was gathered is not what it seems. */
const control = `c${randomBytes(9).toString('hex').slice(0, 15)}`;

const forms = [...formsOf(word), ...formsOf(digits)];
const controlForms = formsOf(control);

/** A credential of which every part between its odd characters can be recognized. */
const planted = [
  `"`,
  `\\`,
  `'`,
  'é',
  '🐘',
  '+',
  '/',
  '=',
  '&',
  '%',
  '%41',
  ' ',
  '\n',
  '\t',
  '<',
  '`',
  '${',
  '}',
  '\u0001',
  '#',
]
  .map((odd) => `${word}${odd}`)
  .join('')
  .concat(word);
/** One that can stand in a header, in a literal of GraphQL without escapes, and in a name. */
const plain = `${word}x${word}`;

const mutations = {
  addDatasource: 'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { code datasource { id } } }',
  editDatasource: 'mutation ($input: EditDatasourceInput!) { editDatasource(input: $input) { code } }',
  updateDatasource: 'mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { code } }',
  revertDatasource: 'mutation ($input: RevertDatasourceInput!) { revertDatasource(input: $input) { code } }',
  testConnection:
    'mutation ($input: AddDatasourceInput!) { testConnection(input: $input) { test { outcome message servers { message product version } } } }',
};

/** URLs that carry a credential, which is refused, and must not be repeated. */
function urlsWith(credential: string): string[] {
  const encoded = encodeURIComponent(credential);
  return [
    `jdbc:mysql://db.example.com/orders?user=admin&password=${encoded}`,
    `jdbc:mysql://db.example.com/orders?password=${credential}`,
    `jdbc:postgresql://admin:${encoded}@db.example.com/orders`,
    `jdbc:postgresql://admin:${credential}@db.example.com/orders`,
    `jdbc:sqlserver://db.example.com;user=admin;password={${credential}}`,
    `jdbc:oracle:thin:admin/${encoded}@db.example.com:1521:orders`,
    `jdbc:other:${encoded};pwd=${encoded}`,
    `jdbc:mysql:${credential}`,
    `${credential}`,
    ` jdbc:mysql://${plain}@`,
    `jdbc:${plain}`,
  ];
}

interface Place {
  readonly name: string;
  /** Starts what the gateway stores in. */
  open(): Promise<{
    /** What the gateway is given. */
    readonly url: string;
    /** What others come by to the same database. */
    readonly directUrl: string;
    /** Makes the database not answer, until what is returned is called. */
    takeAway(): Promise<() => Promise<void>>;
    /** What the database keeps and says, by what it is. */
    gather(): Promise<Map<string, Buffer>>;
    close(): Promise<void>;
  }>;
}

const sqlite: Place = {
  name: 'SQLite',
  async open() {
    const directory = temporaryDirectory();
    const file = join(directory, 'gateway.sqlite');
    return {
      url: `sqlite:${file}`,
      directUrl: `sqlite:${file}`,
      async takeAway() {
        const connection = new DatabaseSync(file, { timeout: 5000 });
        connection.exec('BEGIN IMMEDIATE');
        return async () => {
          connection.exec('ROLLBACK');
          connection.close();
        };
      },
      gather: async () => filesBelow(directory),
      close: async () => rmSync(directory, { recursive: true, force: true }),
    };
  },
};

const mysql: Place = {
  name: 'MySQL, its logs and the connection to it',
  async open() {
    const logs = temporaryDirectory();
    const server: DatabaseServer = await startServer([
      '--general-log=1',
      `--general-log-file=${join(logs, 'general')}`,
      '--slow-query-log=1',
      '--long-query-time=0',
      `--slow-query-log-file=${join(logs, 'slow')}`,
      '--log-bin=binlog',
      '--server-id=1',
      '--binlog-format=ROW',
      '--performance-schema=1',
      '--performance-schema-consumer-events-statements-history-long=1',
      '--performance-schema-events-statements-history-long-size=20000',
    ]);
    const direct = { url: `${server.url}/mysql` };
    await onDatabase(direct, 'CREATE DATABASE gateway');
    const [folder] = await onDatabase<{ path: string }>(direct, 'SELECT @@datadir AS path');
    const proxy = await startRecordingProxy(server.port);
    return {
      url: `mysql://root@127.0.0.1:${proxy.port}/gateway`,
      directUrl: `${server.url}/gateway`,
      async takeAway() {
        proxy.refuse();
        return async () => proxy.accept();
      },
      async gather() {
        const gathered = filesBelow(folder?.path as string);
        for (const [name, content] of filesBelow(logs)) gathered.set(name, content);
        gathered.set('the connection', proxy.recorded());
        for (const table of ['events_statements_history_long', 'prepared_statements_instances']) {
          const rows = await onDatabase(direct, `SELECT * FROM performance_schema.${table}`).catch(() => []);
          gathered.set(`performance_schema.${table}`, Buffer.from(JSON.stringify(rows)));
        }
        return gathered;
      },
      async close() {
        await proxy.close();
        await server.remove();
        rmSync(logs, { recursive: true, force: true });
      },
    };
  },
};

/** The content of every file in a folder and those below it. */
function filesBelow(folder: string): Map<string, Buffer> {
  const files = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name));
  return new Map(files.filter((file) => statSync(file).isFile()).map((file) => [file, readFileSync(file)]));
}

/** A proxy that keeps all that passes through it, either way. */
async function startRecordingProxy(target: number) {
  const parts: Buffer[] = [];
  const sockets = new Set<Socket>();
  let isRefusing = false;
  const server = createServer((client) => {
    if (isRefusing) {
      client.destroy();
      return;
    }
    const upstream = connect(target, '127.0.0.1');
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('data', (part) => {
        parts.push(part);
        other.write(part);
      });
      socket.on('close', () => {
        sockets.delete(socket);
        other.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    recorded: () => Buffer.concat(parts),
    refuse() {
      isRefusing = true;
      for (const socket of sockets) socket.destroy();
    },
    accept() {
      isRefusing = false;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

describe.each(mysqlKind ? [sqlite, mysql] : [sqlite])('credentials planted through every path, on $name', (place) => {
  let opened: Awaited<ReturnType<Place['open']>>;
  let env: Record<string, string>;
  let gateway: GatewayProcess;
  let receiver: TraceReceiver;
  let metrics: Scrape;
  let key: string;
  let reader: string;
  /** Every answer save those that are meant to give credentials, by what was asked. */
  const answers: { readonly asked: string; readonly text: string }[] = [];
  const gathered = new Map<string, Buffer>();
  /** Datasources that were stored with planted credentials, and what who may read them was given. */
  let given: Values[] = [];
  const read: Values[] = [];

  beforeAll(async () => {
    opened = await place.open();
    receiver = await startTraceReceiver();
    env = {
      DATABASE_URL: opened.url,
      SECRETS_KEY: randomBytes(32).toString('base64'),
      AUTH: 'keys',
      LOG_LEVEL: 'trace',
      BODY_LIMIT: '100000',
      DB_TIMEOUT_MS: '3000',
      INTROSPECTION: 'true',
      CONNECTION_TEST_NETWORKS: '127.0.0.0/8',
      CONNECTION_TEST_TIMEOUT_MS: '5000',
      CONNECTION_TEST_RATE_LIMIT: '10000',
      OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url,
      OTEL_BSP_SCHEDULE_DELAY: '200',
      OTEL_BSP_MAX_QUEUE_SIZE: '100000',
      ...portalEnv(),
    };
    gateway = await startGatewayProcess(env);
    const direct = { ...env, DATABASE_URL: opened.directUrl };
    key = await makeKey(direct, permissions);
    reader = await makeKey(direct, ['read']);
    await plantEverywhere();
    gathered.set('standard output and error', Buffer.from(gateway.stdout + gateway.stderr));
    for (const [name, content] of await opened.gather()) gathered.set(name, content);
    await plantInCommands();
    metrics = await scrape(gateway.url, { 'x-api-key': key });
    gathered.set('metrics', Buffer.from(metrics.text));
    await gateway.kill('SIGTERM');
    gathered.set('traces', receiver.received);
    gathered.set('standard output and error in the end', Buffer.from(gateway.stdout + gateway.stderr));
    for (const [name, content] of await opened.gather()) gathered.set(`${name}, in the end`, content);
  }, 180_000);
  afterAll(async () => {
    await receiver?.close();
    await opened?.close();
  });

  /** Sends a request, and keeps all of its answer. */
  async function send(
    asked: string,
    path: string,
    body: string | Buffer | undefined,
    headers: Record<string, string> = {},
    method = 'POST',
  ) {
    const answer = await sendRaw(`${gateway.url}${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
      ...(body === undefined ? {} : { body }),
    });
    answers.push({ asked, text: `${answer.httpStatus} ${JSON.stringify(answer.headers)} ${answer.text}` });
    return answer;
  }

  /** Sends a body to a legacy route, and makes sure that what came of it is what the plant is for. */
  async function legacy(route: string, body: object, code: number) {
    const { text } = await send(`${route} for ${code}`, `/data-source/${route}`, JSON.stringify(body));
    expect([route, text, JSON.parse(text).code]).toEqual([route, text, code]);
  }

  async function graphql(query: string, variables: object | undefined, code: string | undefined) {
    const body = JSON.stringify({ query, variables });
    const { text } = await send(`${query.slice(0, 60)} for ${code}`, '/graphql', body);
    expect([query, text, JSON.parse(text).errors?.[0].extensions.code]).toEqual([query, text, code]);
  }

  /** Follows the changes as they come, until there is a word; and what is no cursor. */
  async function subscribe(word: string) {
    const query =
      'subscription ($after: String) { changes(after: $after) { operation instanceId fields { field from to } } }';
    const headers = { accept: 'text/event-stream' };
    const refused = await send(
      'no cursor',
      '/graphql',
      JSON.stringify({ query, variables: { after: planted } }),
      headers,
    );
    expect(refused.text).toContain('BAD_USER_INPUT');
    const closing = new AbortController();
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-api-key': key, ...headers },
      body: JSON.stringify({ query, variables: { after: Buffer.from('[0,""]').toString('base64url') } }),
      signal: closing.signal,
    });
    let text = '';
    for await (const chunk of response.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(chunk).toString();
      if (text.includes(word)) break;
    }
    closing.abort();
    expect(findings(controlForms, 'the stream', text)).not.toEqual([]);
    answers.push({ asked: 'subscription', text });
  }

  /** A mutation by variables, and by literals; before that its rehearsal. */
  async function mutate(name: keyof typeof mutations, input: Values, code: string | undefined, literals = true) {
    const type = mutations[name].split(': ')[1]?.split(')')[0];
    const changes = name === 'testConnection' ? '' : 'rehearsal(first: 100) { changes { fields { field from to } } }';
    const rehearsal = `mutation ($input: ${type}) { ${name}(input: $input, dryRun: true) { code message ${changes} } }`;
    await graphql(rehearsal, { input }, code);
    await graphql(mutations[name], { input }, code);
    if (!literals) return;
    await graphql(`mutation { ${name}(input: ${literalOf(input)}) { code } }`, undefined, code);
  }

  function credentials(changes: Values = {}) {
    return { masterUsername: 'admin', password: planted, secret: `${planted} too`, description: control, ...changes };
  }

  /** Of servers that do not let the user in, and that want the password itself; and of values that are wrong. */
  async function testConnections() {
    const wanting = await startHostileServer((socket, onData) => {
      socket.write(mysqlGreeting({ version: `8.4 x` }));
      onData(() => socket.write(mysqlPacket(2, Buffer.from([0xff, 0x15, 0x04]))));
    });
    const clear = await startHostileServer((socket, onData) => {
      onData(() => socket.write(postgresqlAuthentication(3)));
    });
    const urls = [
      `jdbc:mysql://127.0.0.1:${wanting.port}/d`,
      `jdbc:postgresql://127.0.0.1:${clear.port}/d?sslmode=disable`,
      'jdbc:mysql://127.0.0.1:9/d',
    ];
    for (const [place, jdbcConnectionUrl] of urls.entries()) {
      const input = datasourceInput(`tested-${place}`, credentials({ jdbcConnectionUrl }));
      await graphql(mutations.testConnection, { input }, undefined);
      await graphql(mutations.addDatasource, { input }, undefined);
      const stored = 'mutation ($input: DatasourceKey!) { testDatasource(input: $input) { test { outcome message } } }';
      await graphql(stored, { input: keyOf(input) }, undefined);
      const listing = 'query ($input: DatabasesInput!) { databases(input: $input) { outcome message names } }';
      await graphql(listing, { input: { jdbcConnectionUrl, masterUsername: 'admin', password: planted } }, undefined);
    }
    const literal = literalOf(datasourceInput('tested', credentials({ jdbcConnectionUrl: urls[0] })));
    await graphql(`mutation { testConnection(input: ${literal}) { test { outcome } } }`, undefined, undefined);
    for (const jdbcConnectionUrl of urlsWith(planted)) {
      const input = datasourceInput('tested', credentials({ jdbcConnectionUrl }));
      await graphql(mutations.testConnection, { input }, 'INVALID_JDBC_URL');
    }
    const title = readFileSync(`/proc/${gateway.child.pid}/cmdline`);
    gathered.set('the title of the process', title);
    gathered.set('what tested servers were sent', Buffer.concat([wanting.received, clear.received]));
    await wanting.close();
    await clear.close();
  }

  async function plantEverywhere() {
    await legacy('add_account', { account_provider: 1, account_id: '123456789012', region: 'eu-west-1' }, 1001);

    // What is stored.
    const stored = ['rest', 'rest-number', 'graphql', 'literal', 'block', 'edited', 'updated'].map((name) =>
      datasourceInput(name, credentials()),
    );
    const [rest, restNumber, byVariables, literal, block, edited, updated] = stored as Values[];
    await legacy('add-jdbc-conn', legacyBody(rest as Values), 1001);
    await legacy('add-jdbc-conn', { ...legacyBody(restNumber as Values), password: Number(digits) }, 1001);
    await graphql(mutations.addDatasource, { input: byVariables }, undefined);
    await graphql(`mutation { addDatasource(input: ${literalOf(literal as Values)}) { code } }`, undefined, undefined);
    const blockInput = literalOf({ ...block, password: plain, secret: '@@' }).replace('"@@"', `"""${plain}"""`);
    await graphql(`mutation { addDatasource(input: ${blockInput}) { code } }`, undefined, undefined);
    for (const input of [edited, updated] as Values[]) {
      await legacy('add-jdbc-conn', legacyBody({ ...input, password: 'before', secret: 'before' }), 1001);
    }
    await legacy('update-jdbc-conn', legacyBody(edited as Values), 1001);
    await legacy('delete_account', { ...legacyBody(edited as Values), description: `${control}.` }, 1001);
    await mutate('editDatasource', edited as Values, undefined);
    await mutate('updateDatasource', { ...keyOf(updated as Values), ...credentials() }, undefined);
    await mutate(
      'updateDatasource',
      { ...keyOf(updated as Values), ...credentials({ secret: `${planted} 3` }) },
      undefined,
    );
    const reverted = { ...keyOf(updated as Values), toVersion: 1 };
    const again = { password: planted, secret: `${planted} 4` };
    await mutate('revertDatasource', { ...reverted, ...again }, undefined);
    await mutate('revertDatasource', { ...reverted, ...again, expectedVersion: 99 }, 'VERSION_CONFLICT');
    await mutate('revertDatasource', { ...reverted, ...again, toVersion: 99 }, 'VERSION_NOT_KNOWN');
    await mutate('revertDatasource', { ...reverted, password: [planted] }, 'BAD_USER_INPUT');
    await graphql(
      'query ($key: DatasourceKey!) { datasourceHistory(key: $key) { edges { node { operation changes { field from to } } } } }',
      { key: keyOf(updated as Values) },
      undefined,
    );
    await graphql(
      '{ changes(first: 100) { changes { operation instanceId fields { field from to } } } }',
      {},
      undefined,
    );
    await subscribe('revertDatasource');
    given = [rest, byVariables, literal, edited] as Values[];

    // Business rules that are broken.
    const elsewhere = { accountId: '000000000000' };
    for (const changes of [{}, elsewhere]) {
      const [restCode, name] =
        'accountId' in changes ? [1222, 'ACCOUNT_NOT_FOUND'] : [1234, 'DATASOURCE_ALREADY_EXISTS'];
      const input = { ...rest, ...changes };
      await legacy('add-jdbc-conn', legacyBody(input), restCode as number);
      await mutate('addDatasource', input, name as string);
    }
    const missing = datasourceInput('missing', credentials());
    for (const route of ['update-jdbc-conn', 'delete_account']) await legacy(route, legacyBody(missing), 1249);
    await mutate('editDatasource', missing, 'DATASOURCE_NOT_FOUND');
    await mutate('updateDatasource', missing, 'DATASOURCE_NOT_FOUND');
    for (const route of ['update-jdbc-conn', 'delete_account']) {
      await legacy(route, { ...legacyBody(rest as Values), expected_version: 99 }, 1901);
    }
    for (const name of ['editDatasource', 'updateDatasource'] as const) {
      await mutate(name, { ...rest, expectedVersion: 99 }, 'VERSION_CONFLICT');
    }
    for (const changes of [
      { masterUsername: null, secret: null },
      { masterUsername: '', secret: '' },
    ]) {
      await legacy('add-jdbc-conn', legacyBody({ ...missing, ...changes }), 1231);
      await mutate('addDatasource', { ...missing, ...changes }, 'CREDENTIAL_REQUIRED');
      await mutate(
        'updateDatasource',
        { ...keyOf(rest as Values), password: planted, ...changes },
        'CREDENTIAL_REQUIRED',
      );
    }
    const moved = { jdbcConnectionUrl: 'jdbc:mysql://elsewhere.example.com/orders', password: planted };
    await mutate('updateDatasource', { ...keyOf(rest as Values), ...moved }, 'CREDENTIAL_REQUIRED');

    await testConnections();

    // URLs with a credential in them.
    for (const jdbcConnectionUrl of [...urlsWith(planted), ...urlsWith(plain)]) {
      const input = datasourceInput('by-url', credentials({ jdbcConnectionUrl }));
      await legacy('add-jdbc-conn', legacyBody(input), 1253);
      await legacy('update-jdbc-conn', legacyBody({ ...rest, jdbcConnectionUrl }), 1253);
      await mutate('addDatasource', input, 'INVALID_JDBC_URL');
      await mutate('updateDatasource', { ...keyOf(rest as Values), jdbcConnectionUrl }, 'INVALID_JDBC_URL');
    }

    // Values of another type, too long ones, not well-formed ones.
    const wrong: unknown[] = [
      [planted],
      { value: planted },
      { [word]: planted },
      [[digits]],
      planted.repeat(9),
      `${plain}\ud800`,
    ];
    for (const value of wrong) {
      for (const field of ['password', 'secret']) {
        const input = datasourceInput('wrong', credentials({ [field]: value }));
        const body = legacyBody(input);
        for (const route of ['add-jdbc-conn', 'update-jdbc-conn', 'delete_account']) await legacy(route, body, 400);
        for (const name of ['addDatasource', 'editDatasource', 'updateDatasource'] as const) {
          await mutate(name, input, 'BAD_USER_INPUT', typeof value !== 'string' || value.isWellFormed());
        }
      }
    }
    await legacy(
      'add-jdbc-conn',
      { ...legacyBody(missing), password: `@`, create_type: planted, secret: [planted] },
      400,
    );
    for (const number of [`${digits}.5`, `${digits}00000`, `1e${digits}`, `-${digits}e9`]) {
      const body = JSON.stringify(legacyBody({ ...missing, password: '@@' })).replace('"@@"', number);
      const { text } = await send(`a number ${number.length}`, '/data-source/add-jdbc-conn', body);
      expect(JSON.parse(text).code).toBe(400);
    }
    for (const number of [Number(digits), Number(digits) + 0.5]) {
      await mutate('addDatasource', { ...missing, password: number }, 'BAD_USER_INPUT');
    }
    for (const literalValue of [
      plain,
      `{${plain}: 1}`,
      `[${plain}]`,
      `{a: "${plain}"}`,
      digits,
      `${digits}.25`,
      'true',
    ]) {
      const input = literalOf({ ...missing, password: '@@' }).replace('"@@"', literalValue);
      await graphql(`mutation { addDatasource(input: ${input}) { code } }`, undefined, 'BAD_USER_INPUT');
    }
    for (const name of ['passwort', 'passWord']) {
      const input = { ...missing, [name]: planted };
      await mutate('addDatasource', input, 'BAD_USER_INPUT');
      await legacy('delete_account', { ...legacyBody(missing), [name]: planted }, 400);
    }
    await legacy('delete_account', { account_provider: 1, password: planted, secret: planted }, 400);
    const list = { account_provider: 1, account_id: '000000000000', region: 'r', instances: ['a'], password: planted };
    await legacy('delete-jdbc', list, 1222);
    await legacy('add_account', { account_provider: 1, account_id: '', region: 'r', password: planted }, 400);

    // Bodies that are none.
    const whole = JSON.stringify(legacyBody(missing));
    const bodies: (string | Buffer)[] = [
      whole.slice(0, -1),
      `${whole}x`,
      `{"password":"${plain}`,
      `{"password":${plain}}`,
      `{password:"${plain}"}`,
      `{"password":"${plain}"a"}`,
      `{"password":'${plain}'}`,
      `{"password":"${plain}\\q"}`,
      `{"password":"${plain}\n"}`,
      JSON.stringify([legacyBody(missing)]),
      JSON.stringify(planted),
      plain,
      digits,
      Buffer.concat([Buffer.from(`{"password":"${plain}`), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]),
    ];
    for (const [number, body] of bodies.entries()) {
      for (const route of ['add-jdbc-conn', 'update-jdbc-conn', 'delete_account']) {
        const { text } = await send(`body ${number}`, `/data-source/${route}`, body);
        expect(JSON.parse(text).code).toBe(400);
      }
      await send(`body ${number} to GraphQL`, '/graphql', body);
    }

    // GraphQL that is none, and requests that are not what GraphQL over HTTP has them be.
    const broken = [
      `"${plain}`,
      `"${plain}"${plain}"`,
      `"${plain}" "${plain}"`,
      `"${plain}" ${plain}`,
      `${plain} ${plain}`,
      `${plain} "${plain}"`,
      `${plain}: ${plain}`,
      `"${plain}\\q"`,
      `"${plain}\\u${word}"`,
      `"${plain}\\u{${word}}"`,
      `"${plain}\n"`,
      `"""${plain}`,
      `"""${plain}"""${plain}`,
      `'${plain}'`,
      `${digits}${word}`,
      `0${digits}`,
      `${digits} ${digits}`,
      `{${plain}}`,
      `{"${plain}"}`,
      `["${plain}"`,
      `("${plain}")`,
      `@${plain}`,
      `&${plain}`,
      `!"${plain}"`,
      `...${plain}`,
      `$"${plain}"`,
      `%${plain}`,
      `\u0001${plain}`,
    ];
    for (const value of broken) {
      const input = literalOf({ ...missing, password: '@@' }).replace('"@@"', () => value);
      // What stands in braces there is the name of a field.
      const whole = value.startsWith('{') ? [] : [`mutation ${value}`, value];
      for (const query of [`mutation { addDatasource(input: ${input}) { code } }`, ...whole]) {
        const { text } = await send(value, '/graphql', JSON.stringify({ query }));
        expect([query, JSON.parse(text).errors?.length]).toEqual([query, 1]);
      }
    }
    const query = mutations.addDatasource;
    const input = missing;
    const requests: unknown[] = [
      { query, variables: planted },
      { query, variables: [input] },
      { query, variables: { input: planted } },
      { query, variables: { input: [input, input] } },
      { query, variables: { imput: input } },
      { query: [planted], variables: { input } },
      { query: { planted }, variables: { input } },
      { variables: { input } },
      { query, variables: { input }, operationName: [planted] },
      { query, variables: { input }, extensions: planted },
      { query, variables: { input }, extensions: { persistedQuery: { version: 1, sha256Hash: planted } } },
      [{ query, variables: { input } }],
      { query: `${query} ${'{ a } '.repeat(2000)}`, variables: { input } },
      { query: `{ ${'a { '.repeat(20)} node(id: "${plain}") { id } ${'}'.repeat(20)} }`, variables: { input } },
      { query: 'mutation ($input: String) { addDatasource(input: $input) { code } }', variables: { input: planted } },
      { query: 'query ($input: Int) { __typename }', variables: { input: planted } },
    ];
    for (const [number, request] of requests.entries()) {
      for (const accept of ['application/json', 'application/graphql-response+json']) {
        await send(`request ${number}`, '/graphql', JSON.stringify(request), { accept });
      }
    }
    for (const [name, value] of Object.entries({
      mutation: `mutation { addDatasource(input: ${literalOf(missing)}) { code } }`,
      broken: `mutation { addDatasource(input: {password: "${planted}`,
      query: `{ datasource(key: {instanceId: ["${plain}"]}) { id } }`,
    })) {
      await send(`GET of a ${name}`, `/graphql?query=${encodeURIComponent(value)}`, undefined, {}, 'GET');
      const variables = encodeURIComponent(JSON.stringify({ input: missing }));
      const path = `/graphql?query=${encodeURIComponent(query)}&variables=${variables}&password=${encodeURIComponent(planted)}`;
      await send(`GET with variables, ${name}`, path, undefined, {}, 'GET');
    }
    await send(
      'GET for a page',
      `/graphql?password=${encodeURIComponent(planted)}`,
      undefined,
      { accept: 'text/html' },
      'GET',
    );

    // Where and how nothing is taken.
    const types = [
      'text/plain',
      'application/x-www-form-urlencoded',
      'multipart/form-data; boundary=x',
      'application/xml',
      'application/json; charset=none',
      'nonsense',
    ];
    const form = new URLSearchParams({ password: planted, secret: planted }).toString();
    for (const path of [
      '/data-source/add-jdbc-conn',
      '/data-source/delete_account',
      '/graphql',
      '/data-source/none',
      '/none',
      '/',
      '/healthz',
    ]) {
      for (const type of types) {
        for (const body of [whole, form]) await send(`${path} as ${type}`, path, body, { 'content-type': type });
      }
      for (const method of ['PUT', 'PATCH', 'DELETE', 'OPTIONS', 'POST'])
        await send(`${method} ${path}`, path, whole, {}, method);
      await send(`a query at ${path}`, `${path}?password=${encodeURIComponent(planted)}`, whole);
      await send(`from elsewhere to ${path}`, path, whole, { origin: 'https://elsewhere.example.com' });
      await send(`with too much to ${path}`, path, JSON.stringify({ ...missing, password: planted.repeat(400) }));
      await send(`with a broken length to ${path}`, path, whole, { 'content-encoding': 'gzip' });
    }

    // Keys and tokens that are none. Only what a header may hold.
    const headers: Record<string, string>[] = [
      { 'x-api-key': plain },
      { 'x-api-key': `dgk_${randomBytes(6).toString('hex')}_${plain.slice(0, 43).padEnd(43, 'a')}` },
      { 'x-api-key': `${key.slice(0, 17)}${plain.slice(0, 43).padEnd(43, 'a')}` },
      { 'x-api-key': '', authorization: `Bearer ${plain}` },
      { authorization: `Bearer ${plain}` },
      {
        authorization: `Bearer ${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from(planted).toString('base64url')}.`,
      },
      { authorization: `Basic ${Buffer.from(`admin:${planted}`).toString('base64')}` },
      { authorization: plain },
      { cookie: `session=${plain}`, 'proxy-authorization': `Basic ${plain}` },
    ];
    for (const wrongHeaders of headers) {
      for (const path of ['/data-source/add-jdbc-conn', '/graphql']) {
        await send(
          `${Object.keys(wrongHeaders)} to ${path}`,
          path,
          path === '/graphql' ? JSON.stringify({ query, variables: { input } }) : whole,
          wrongHeaders,
        );
      }
    }
    // What the web portal sends.
    const asked = { username: 'admin', password: planted, secret_id: `${planted} too`, ssl_verify_cert: false };
    const places = ['db.example.com:3306', 'db.example.com:3306/orders', 'jdbc:mysql://db.example.com/orders'];
    for (const connection_url of places) {
      await send('databases', '/data-source/jdbc-databases', JSON.stringify({ ...asked, connection_url }));
    }
    // Without a user no server is asked: which one is, the audit says by its name.
    for (const connection_url of [planted, ...urlsWith(planted), ...urlsWith(plain)]) {
      const misplaced = { ...asked, username: '', connection_url };
      await send('databases', '/data-source/jdbc-databases', JSON.stringify(misplaced));
    }
    for (const wrong of [
      { password: [planted] },
      { password: { planted } },
      { secret_id: planted.repeat(9) },
      { username: planted },
    ]) {
      const body = JSON.stringify({ ...asked, connection_url: 'db.example.com:3306/orders', ...wrong });
      await send('databases', '/data-source/jdbc-databases', body);
      await send('databases', '/data-source/jdbc-databases', body, { 'x-api-key': 'none' });
      await send('databases', `/data-source/jdbc-databases?password=${encodeURIComponent(planted)}`, body.slice(0, -1));
    }
    const { create_type: _, ...edit } = legacyBody({
      ...(updated as Values),
      ...credentials({ secret: `${planted} 4` }),
    });
    await legacy('update-jdbc-conn', { ...edit, description: `${control} by the portal` }, 1001);
    await legacy(
      'update-jdbc-conn',
      { ...edit, password: '', secret: '', jdbc_connection_url: 'jdbc:mysql://elsewhere.example.com' },
      1231,
    );
    await legacy('update-jdbc-conn', { ...edit, instance_id: 'none' }, 1249);
    for (const url of urlsWith(plain)) await legacy('update-jdbc-conn', { ...edit, jdbc_connection_url: url }, 1253);
    // A filter is no credential where it is looked for; here it is refused.
    const conditions = [{ column: plain, values: [planted], operation: planted }];
    await send('a filter', '/data-source/list-account', JSON.stringify({ conditions }));
    await send(
      'a filter',
      '/data-source/list-jdbc?provider_id=1',
      JSON.stringify({ conditions, sort_column: planted }),
    );
    // A caller who may not.
    await send('without the permission', '/data-source/add-jdbc-conn', whole, { 'x-api-key': reader });
    await send('without the permission', '/graphql', JSON.stringify({ query, variables: { input } }), {
      'x-api-key': reader,
    });
    const peek = `{ datasourceCredentials(key: ${literalOf(keyOf(rest as Values))}) { password secret } }`;
    await send('credentials without the permission', '/graphql', JSON.stringify({ query: peek }), {
      'x-api-key': reader,
    });

    // The database refuses, or is not there.
    const repair = await refuseAudit({ url: opened.directUrl });
    await plantInto('the audit refused', 1000, 'INTERNAL_SERVER_ERROR');
    await repair();
    await onDatabase({ url: opened.directUrl }, 'ALTER TABLE datasources RENAME TO away');
    await plantInto('the table away', 1000, 'INTERNAL_SERVER_ERROR');
    await onDatabase({ url: opened.directUrl }, 'ALTER TABLE away RENAME TO datasources');
    const bringBack = await opened.takeAway();
    await plantInto('the database away', 1000, 'SERVICE_UNAVAILABLE');
    await bringBack();

    // What is read of it, and by who may in full, which is the one answer that is not kept.
    for (const input of given) {
      const query = `{ datasourceCredentials(key: ${literalOf(keyOf(input))}) { password secret } }`;
      const body = JSON.stringify({ query });
      const headers = { 'content-type': 'application/json', 'x-api-key': key };
      const { text } = await sendRaw(`${gateway.url}/graphql`, { headers, body });
      read.push(JSON.parse(text).data.datasourceCredentials);
    }
    const everything = `{ datasources(first: 100) { edges { node { id instanceId description masterUsername hasPassword hasSecret jdbcConnectionUrl } } } }`;
    expect((await send('the list', '/graphql', JSON.stringify({ query: everything }))).text).toContain(control);
    const audit =
      '{ auditEvents(first: 100) { edges { node { actor operation outcome instanceId changes { field from to } } } } }';
    expect((await send('the audit', '/graphql', JSON.stringify({ query: audit }))).text).toContain(
      '"field":"password"',
    );
  }

  /** Plants where the service itself fails, all at once, since each may wait for the database. */
  async function plantInto(asked: string, code: number, name: string) {
    const input = datasourceInput(asked, credentials());
    const existing = datasourceInput('rest', credentials({ description: asked }));
    const routes = { 'add-jdbc-conn': input, 'update-jdbc-conn': existing, delete_account: existing };
    const overRest = Object.entries(routes).map(async ([route, body]) => {
      const { text } = await send(`${route} with ${asked}`, `/data-source/${route}`, JSON.stringify(legacyBody(body)));
      expect([asked, JSON.parse(text).code]).toEqual([asked, code]);
    });
    const overGraphQL = (['addDatasource', 'editDatasource', 'updateDatasource'] as const).map(async (mutation) => {
      const variables = { input: mutation === 'addDatasource' ? input : existing };
      const body = JSON.stringify({ query: mutations[mutation], variables });
      const { text } = await send(`${mutation} with ${asked}`, '/graphql', body);
      expect([asked, JSON.parse(text).errors[0].extensions.code]).toEqual([asked, name]);
    });
    const peek = `{ datasourceCredentials(key: ${literalOf(keyOf(existing))}) { password secret } }`;
    const reading = send(`credentials with ${asked}`, '/graphql', JSON.stringify({ query: peek }));
    await Promise.all([...overRest, ...overGraphQL, reading]);
  }

  /** The commands see every credential, and say nothing of any; one that is broken included. */
  async function plantInCommands() {
    const direct = { url: opened.directUrl };
    await onDatabase(direct, "UPDATE datasources SET secret_sealed = password_sealed WHERE instance_id = 'updated'");
    const program = join(dirname(gateway.child.spawnargs[1] as string), 'cli.js');
    const next = randomBytes(32).toString('base64');
    const { SECRETS_KEY, ...others } = env;
    const settings = { ...others, SECRETS_KEYS: `${next},${SECRETS_KEY}`, PATH: process.env.PATH };
    for (const action of ['verify', 'rotate']) {
      const run = promisify(execFile)(process.execPath, [program, 'secrets', action], { env: settings });
      // It ends with 2, for what was broken.
      const { stdout, stderr } = await run.catch((error: { stdout: string; stderr: string }) => error);
      expect(stdout).toContain('Cannot be opened: the secret of [1,"123456789012","eu-west-1","updated"]');
      gathered.set(`secrets ${action}`, Buffer.from(stdout + stderr));
    }
    const follow = [program, 'registry', 'follow', '--once'];
    const { stdout, stderr } = await promisify(execFile)(process.execPath, follow, { env: settings, maxBuffer: 1e8 });
    expect(stdout).toContain('"operation":"revertDatasource"');
    gathered.set('registry follow', Buffer.from(stdout + stderr));
  }

  test('are given to who may read them, as they were planted', () => {
    expect(read).toEqual(given.map(({ password, secret }) => ({ password, secret })));
  });

  test('are found in no answer', () => {
    expect(answers.length).toBeGreaterThan(500);
    expect(answers.flatMap(({ asked, text }) => findings(forms, asked, text))).toEqual([]);
  });

  test('are repeated by no message of a parser, not even in part', () => {
    for (const { text } of answers) expect(text).not.toMatch(/escape sequence: /);
  });

  test('are found in no log line, metric, trace, table, file, log of the database, or on the way to it', () => {
    expect([...gathered].flatMap(([name, content]) => findings(forms, name, content))).toEqual([]);
  });

  test('are looked for where they would be: what is no secret is found there', () => {
    const found = (part: string) =>
      [...gathered].some(([name, content]) => name.includes(part) && findings(controlForms, name, content).length > 0);
    const expected = place === sqlite ? ['gateway.sqlite'] : ['/data/', '/general', '/binlog.', 'the connection'];
    expect(expected.filter((part) => !found(part))).toEqual([]);
    const output = gathered.get('standard output and error')?.toString() ?? '';
    expect(output.match(/"msg":"request"/g)?.length).toBeGreaterThan(500);
    expect(output).toContain('could not serve');
    expect(output).toContain('failed to answer');
    expect(metrics.value('gateway_credential_reads_total')).toBe(given.length);
    const count = (name: string) => receiver.spans.filter((span) => span.name === name).length;
    expect(count('POST /graphql')).toBeGreaterThan(300);
    expect(count('INSERT datasources')).toBeGreaterThan(10);
    expect(count('mutation updateDatasource')).toBeGreaterThan(5);
  });
});

describe('what looks for them', () => {
  const value = planted;
  const escaped = (text: string) =>
    text.replace(/[^\x20-\x7e]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`);

  test.each<[string, Buffer | string]>([
    ['in clear', value],
    ['in a longer text', `x${value}y`],
    ['in JSON', JSON.stringify({ a: value })],
    ['in JSON in JSON', JSON.stringify(JSON.stringify({ a: value }))],
    ['in JSON in ASCII', escaped(JSON.stringify(value))],
    ['in a URL', encodeURIComponent(value)],
    ['in a form', new URLSearchParams({ a: value }).toString()],
    ['in base64', Buffer.from(value).toString('base64')],
    ['in base64 behind one byte', Buffer.from(`x${value}`).toString('base64')],
    ['in base64 behind two bytes', Buffer.from(`xy${value}`).toString('base64')],
    ['in base64url', Buffer.from(`xyz${value}`).toString('base64url')],
    ['in hexadecimal', Buffer.from(value).toString('hex')],
    ['in hexadecimal capitals', Buffer.from(value).toString('hex').toUpperCase()],
    ['in UTF-16', Buffer.from(value, 'utf16le')],
    ['in UTF-16, the great byte first', Buffer.from(value, 'utf16le').swap16()],
    ['in its part behind a quote', value.slice(value.indexOf('"') + 1, value.indexOf('\\'))],
    ['in capitals', value.toUpperCase()],
    ['as bytes', JSON.stringify([...Buffer.from(value)])],
    ['as a number', `at ${digits}, or so`],
  ])('finds one %s', (_, text) => {
    expect(findings(forms, 'here', text)).not.toEqual([]);
  });

  test('finds none where there is none', () => {
    expect(findings(forms, 'here', `nothing ${control} ${randomBytes(4000).toString('base64')}`)).toEqual([]);
  });
});

/** Writes a value as a literal of GraphQL. */
function literalOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literalOf).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .map(([name, one]) => `${name}: ${literalOf(one)}`)
    .join(', ')}}`;
}
