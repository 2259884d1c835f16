import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { sqliteKind } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import { sendRaw } from '../support/raw-request.js';
import { accountKey, findAccount, legacyBody } from '../support/samples.js';

const promised = 15_000;
const paths = ['/graphql', '/data-source/add_account'] as const;
const json = 'Host: localhost\r\nContent-Type: application/json\r\n';

const { gateway } = useGateway(sqliteKind);

test('headers, a body and the look at them come to less than what is promised', () => {
  const { headersTimeout, requestTimeout } = gateway.app.http.server;
  const interval = 1_000;
  expect(headersTimeout).toBeGreaterThan(0);
  expect(requestTimeout).toBeGreaterThan(0);
  expect(Math.max(headersTimeout, requestTimeout) + interval).toBeLessThan(promised);
});

describe('with shorter limits, a client', () => {
  const usual = { headersTimeout: 0, requestTimeout: 0 };

  beforeAll(() => {
    const { server } = gateway.app.http;
    Object.assign(usual, { headersTimeout: server.headersTimeout, requestTimeout: server.requestTimeout });
    Object.assign(server, { headersTimeout: 600, requestTimeout: 1_000 });
  });
  afterAll(() => {
    Object.assign(gateway.app.http.server, usual);
  });

  test.each([
    ['says nothing', '', ''],
    ['sends its headers a byte at a time', 'POST /graphql HTTP/1.1\r\n', 'x'],
    ...paths.flatMap((path) => {
      const start = `POST ${path} HTTP/1.1\r\n${json}`;
      const chunked = `${start}Transfer-Encoding: chunked\r\n\r\n`;
      return [
        [`sends a body to ${path} a byte at a time`, `${start}Content-Length: 1000\r\n\r\n`, ' '],
        [`sends a chunk to ${path} a byte at a time`, `${chunked}3e8\r\n`, ' '],
        [`sends ${path} a small chunk after the other`, chunked, '1\r\n \r\n'],
      ];
    }),
  ])('that %s is told so and closed, while others are served', async (_, first, next) => {
    const started = performance.now();
    const slow = open();
    slow.socket.write(first as string);
    const dripping = setInterval(() => next && slow.socket.write(next), 50);
    const served: number[] = [];
    do served.push((await gateway.graphql('{ __typename }')).httpStatus);
    while (!slow.socket.closed);
    clearInterval(dripping);
    // Were connections looked at no more often than Node.js does by itself, it would be half a minute.
    expect(performance.now() - started).toBeLessThan(10_000);
    expect(new Set(served)).toEqual(new Set([200]));
    expect(slow.received).toMatch(/^HTTP\/1\.1 408 /);
    expect(slow.received).toMatch(/\r\nconnection: close\r\n/);
    expect(JSON.parse(slow.received.split('\r\n\r\n')[1] as string)).toEqual({
      status: 'fail',
      code: 408,
      message: expect.any(String),
      ref: null,
    });
  });
});

describe.each(paths)('a body of 50 MB in chunks to %s', (path) => {
  test('is refused with 413, in the form of its surface', async () => {
    const piece = 'x'.repeat(0x10000);
    const headers = { 'content-type': 'application/json' };
    const answer = await sendRaw(gateway.url + path, { headers, body: Array(800).fill(piece) });
    expect([answer.httpStatus, answer.headers.connection]).toEqual([413, 'close']);
    expect(JSON.parse(answer.text)).toMatchObject(
      path === '/graphql'
        ? { errors: [{ extensions: { code: 'PAYLOAD_TOO_LARGE' } }] }
        : { status: 'fail', code: 413, ref: null },
    );
  });

  test('is refused at once and cut off, where its client goes on all the same', async () => {
    const client = open();
    client.socket.write(`POST ${path} HTTP/1.1\r\n${json}Transfer-Encoding: chunked\r\n\r\n`);
    const chunk = Buffer.from(`10000\r\n${'x'.repeat(0x10000)}\r\n`);
    let sent = 0;
    let sentBeforeAnswer = 0;
    const send = () => {
      while (!client.socket.destroyed) {
        sent += chunk.length;
        if (client.received === '') sentBeforeAnswer = sent;
        if (!client.socket.write(chunk)) return void client.socket.once('drain', send);
      }
    };
    const started = performance.now();
    send();
    await client.closed;
    expect(performance.now() - started).toBeLessThan(promised);
    expect(client.received).toMatch(/^HTTP\/1\.1 413 /);
    expect(sentBeforeAnswer).toBeLessThan(40_000_000);
  });
});

test('nothing of it was stored', async () => {
  expect(await findAccount(gateway, accountKey())).toBeNull();
  expect((await gateway.legacy('add_account', legacyBody(accountKey()))).body.code).toBe(1001);
});

function open() {
  const { hostname, port } = new URL(gateway.url);
  const socket: Socket = connect(Number(port), hostname);
  let received = '';
  socket.on('data', (data) => {
    received += data;
  });
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()));
  return {
    socket,
    closed,
    get received() {
      return received;
    },
  };
}
