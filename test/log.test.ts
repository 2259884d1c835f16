import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { DatabaseError } from '../src/database/database.js';
import { DomainError, UnavailableError } from '../src/errors.js';
import { createLog, loggedError } from '../src/log.js';
import { startGateway, type TestGateway } from './support/gateway.js';
import { temporaryDirectory } from './support/process.js';
import {
  addAccount,
  addDatasource,
  legacyAccount,
  legacyDatasource,
  newAccountKey,
  newDatasource,
} from './support/register-samples.js';

const planted = 'hunter2';

/** An error as a driver makes it: with the statement and its values in its message and its properties. */
function driverError(): Error {
  return Object.assign(new Error(`Duplicate entry '${planted}' for key 'x'`), {
    code: 'ER_DUP_ENTRY',
    errno: 1062,
    sqlState: '23000',
    sql: `INSERT INTO datasources VALUES ('${planted}')`,
    sqlMessage: `Duplicate entry '${planted}'`,
    parameters: [planted],
  });
}

describe('of an error is logged', () => {
  test('the type, the codes and the place of one that a driver made, and none of its words', () => {
    const logged = loggedError(driverError());
    expect(logged).toEqual({
      type: 'Error',
      code: 'ER_DUP_ENTRY 1062 23000',
      stack: expect.stringMatching(/^\s+at .*log\.test\.ts/),
    });
    expect(JSON.stringify(logged)).not.toContain(planted);
  });

  test('the message of one of ours, of the database and of Node.js', () => {
    expect(loggedError(new DomainError('FORBIDDEN', 'Not for you.'))).toMatchObject({ message: 'Not for you.' });
    expect(loggedError(new DatabaseError('other', 'ER_X 1', 'SELECT ?'))).toMatchObject({
      type: 'DatabaseError',
      message: 'ER_X 1 in: SELECT ?',
    });
    expect(loggedError(new TypeError('x is not a function'))).toMatchObject({ message: 'x is not a function' });
    expect(loggedError(new RangeError('too much'))).toMatchObject({ message: 'too much' });
  });

  test.each([
    ['an Error', new Error(planted)],
    ['a SyntaxError of JSON', syntaxError()],
    ['an error of another class', new (class PlantedError extends TypeError {})(planted)],
    ['an AggregateError', new AggregateError([new Error(planted)], planted)],
    ['an error with values', Object.assign(new Error('x'), { target: { password: planted }, value: planted })],
    ['a message of several lines that look like a stack', new Error(`x\n    at ${planted} (file.js:1:1)\n    at b`)],
    ['a text that was thrown', planted],
    ['an object that was thrown', { message: planted, stack: planted, password: planted }],
  ])('no word of %s', (_, error) => {
    expect(JSON.stringify(loggedError(error))).not.toContain(planted);
  });

  function syntaxError(): unknown {
    try {
      return JSON.parse(`{"password":"${planted}`);
    } catch (error) {
      return error;
    }
  }

  test('each of its causes, by the same rule', () => {
    const cause = new UnavailableError(new Error('outer', { cause: driverError() }));
    const logged = loggedError(new DomainError('INTERNAL_SERVER_ERROR', 'It failed.', cause));
    expect(logged).toMatchObject({
      message: 'It failed.',
      cause: {
        type: 'UnavailableError',
        cause: { type: 'Error', cause: { type: 'Error', code: 'ER_DUP_ENTRY 1062 23000' } },
      },
    });
    expect(JSON.stringify(logged)).not.toContain(planted);
    expect(JSON.stringify(loggedError(new Error('x', { cause: planted })))).not.toContain(planted);
  });

  test('an end of its causes, even where they go round', () => {
    const first = new Error('first');
    first.cause = new Error('second', { cause: first });
    expect(JSON.stringify(loggedError(first)).match(/"type"/g)?.length).toBeLessThan(10);
  });
});

describe('the log', () => {
  function lines(level: Parameters<typeof createLog>[0], write: (log: ReturnType<typeof createLog>) => void): string[] {
    const written: string[] = [];
    write(createLog(level, { write: (line) => void written.push(line) }));
    return written;
  }

  test('is lines of JSON, each with a level in words and a time', () => {
    const [line] = lines('info', (log) => log.info({ a: 1 }, 'said'));
    expect(JSON.parse(line as string)).toEqual({
      level: 'info',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      a: 1,
      msg: 'said',
    });
  });

  test('has no line below its level', () => {
    const all = lines('warn', (log) => {
      log.info('no');
      log.warn('yes');
      log.error('yes');
    });
    expect(all).toHaveLength(2);
    expect(lines('silent', (log) => log.fatal('no'))).toEqual([]);
  });

  test('has no driver error in words, under the name that the gateway logs errors by', () => {
    const [line] = lines('info', (log) => log.error({ err: driverError() }, 'failed'));
    expect(line).toContain('ER_DUP_ENTRY');
    expect(line).not.toContain(planted);
  });

  test('strikes out what bears the name of a credential', () => {
    const [line] = lines('info', (log) =>
      log.info({
        password: planted,
        input: { password: planted, secret: planted },
        headers: { authorization: planted, cookie: planted, 'x-api-key': planted },
      }),
    );
    expect(line).not.toContain(planted);
  });
});

describe('a request', () => {
  const directory = temporaryDirectory();
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway({ DATABASE_URL: `sqlite:${directory}/gateway.sqlite`, LOG_LEVEL: 'trace' });
  });
  afterAll(async () => {
    await gateway?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  function requestLines(id: string): Record<string, unknown>[] {
    return gateway.log
      .map((line) => JSON.parse(line) as Record<string, unknown>)
      .filter((line) => line.requestId === id && line.msg === 'request');
  }

  test('to a legacy route has one line, with what was asked for and what came of it', async () => {
    await gateway.legacy('add_account?trace=1', legacyAccount(newAccountKey()), { 'x-request-id': 'legacy-1' });
    const found = requestLines('legacy-1');
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({
      level: 'info',
      requestId: 'legacy-1',
      method: 'POST',
      route: '/data-source/add_account',
      httpStatus: 200,
      operation: '/data-source/add_account',
      code: 1001,
      address: '127.0.0.1',
      milliseconds: expect.any(Number),
    });
  });

  test('that is refused has the code that its client got', async () => {
    await gateway.legacy('add_account', {}, { 'x-request-id': 'legacy-2' });
    await gateway.legacy('delete_account', legacyAccount(newAccountKey()), { 'x-request-id': 'legacy-3' });
    await gateway.legacy('add_account', '{', { 'x-request-id': 'legacy-4', 'content-type': 'text/plain' });
    await fetch(`${gateway.url}/nothing`, { headers: { 'x-request-id': 'nothing-1' } });
    expect(requestLines('legacy-2')).toMatchObject([{ httpStatus: 200, code: 400 }]);
    expect(requestLines('legacy-3')).toMatchObject([{ httpStatus: 200, code: 1222 }]);
    expect(requestLines('legacy-4')).toMatchObject([{ httpStatus: 415, code: 415 }]);
    expect(requestLines('nothing-1')).toMatchObject([{ httpStatus: 404, code: 404 }]);
  });

  test('by GraphQL has one line, with the operation and the code', async () => {
    await gateway.graphql(addAccount, { input: newAccountKey() }, { 'x-request-id': 'graphql-1' });
    const unknown = newDatasource(newAccountKey(), 'orders');
    await gateway.graphql(addDatasource, { input: unknown }, { 'x-request-id': 'graphql-2' });
    expect(requestLines('graphql-1')).toMatchObject([
      { route: '/graphql', operation: expect.stringContaining('addAccount') },
    ]);
    expect(requestLines('graphql-2')).toMatchObject([
      { operation: expect.stringContaining('addDatasource'), code: 'ACCOUNT_NOT_FOUND' },
    ]);
  });

  test('leaves nothing of its credentials in any line, well formed or not', async () => {
    const account = newAccountKey();
    await gateway.legacy('add_account', legacyAccount(account));
    const secrets = { password: `${planted}-password`, secret: `${planted}-secret`, masterUsername: 'admin' };
    const datasource = newDatasource(account, 'orders', secrets);
    const headers = { authorization: `Bearer ${planted}`, cookie: `a=${planted}`, 'x-api-key': planted };
    const body = legacyDatasource(datasource);
    await gateway.legacy('add-jdbc-conn', body, headers);
    await gateway.legacy('add-jdbc-conn', body, headers);
    await gateway.legacy('add-jdbc-conn', { ...body, password: { planted }, secret: [planted] });
    await gateway.legacy('add-jdbc-conn', `${JSON.stringify(body).slice(0, -1)},`);
    await gateway.legacy(`add-jdbc-conn?password=${planted}`, {
      ...body,
      jdbc_connection_url: `jdbc:mysql://a:${planted}@b/c`,
    });
    await gateway.graphql(addDatasource, { input: datasource }, headers);
    await gateway.graphql(addDatasource, { input: { ...datasource, password: { planted } } });
    await gateway.graphql(`mutation { addDatasource(input: { password: "${planted}", secret: ${planted} }) { code } }`);
    await gateway.graphql(`mutation { addDatasource(input: "${planted}`);
    expect(gateway.log.length).toBeGreaterThan(10);
    expect(gateway.log.filter((line) => line.includes(planted))).toEqual([]);
  });

  test.each([
    ['a path below a route', `POST /data-source/${planted}`],
    ['a path below a page', `GET /playground/${planted}.js`],
    ['a path of no route', `GET /${planted}`],
    ['a query', `GET /healthz?key=${planted}`],
    ['a path that cannot be decoded', `GET /%zz${planted}`],
    ['a path with an encoded slash', `POST /data-source/add_account%2f${planted}`],
    ['a whole URL', `GET http://user:${planted}@127.0.0.1/${planted}`],
    ['a method that the route does not have', `DELETE /graphql/${planted}`],
    ['a method that is none', `${planted} /healthz`],
    ['a path with a space', `GET /healthz ${planted}`],
  ])('leaves nothing of a credential in %s in any line', async (_, start) => {
    const lines = gateway.log.length;
    await exchange(gateway, `${start} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nContent-Length: 0\r\n\r\n`);
    // The line of a request is written when its connection is through with it.
    await gateway.legacy('add_account', {});
    expect(gateway.log.length).toBeGreaterThan(lines);
    expect(gateway.log.filter((line) => line.includes(planted))).toEqual([]);
  });
});

/** Sends bytes as they are, and waits until the connection is closed. */
async function exchange({ url }: TestGateway, bytes: string): Promise<void> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1', () => socket.write(bytes));
  socket.resume().on('error', () => undefined);
  await once(socket, 'close');
}

test('what bears the name of a credential is not logged, at the top of a line or one step inside', () => {
  const lines: string[] = [];
  const log = createLog('info', { write: (line) => void lines.push(line) });
  const headers = { authorization: planted, cookie: planted, 'x-api-key': planted, accept: '*/*' };
  log.info({ password: planted, secret: planted, 'x-api-key': planted, headers, kept: 'this' }, 'a line');
  expect(lines.join('')).not.toContain(planted);
  expect(JSON.parse(lines[0] as string)).toMatchObject({
    password: '[Redacted]',
    headers: { authorization: '[Redacted]', accept: '*/*' },
    kept: 'this',
  });
  expect(headers.authorization).toBe(planted);
});
