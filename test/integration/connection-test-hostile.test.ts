import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { createServer as createTlsServer, TLSSocket } from 'node:tls';
import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import { makeAuthority, type TestAuthority } from '../support/certificates.js';
import { type ConnectionTester, callOf, startTester } from '../support/connection-tester.js';
import {
  type HostileServer,
  mysqlGreeting,
  mysqlOk,
  mysqlPacket,
  postgresqlAuthentication,
  postgresqlMessage,
  startHostileServer,
} from '../support/hostile-server.js';

const password = 'pw-5ecret-pw';
const reader = { masterUsername: 'reader', password };
const timeout = 3000;
const maxAnswer = timeout + 1500;

let tester: ConnectionTester;
let authority: TestAuthority;
let server: HostileServer | undefined;
const unhandled: unknown[] = [];
const note = (error: unknown) => void unhandled.push(error);
const written = jest.spyOn(process.stderr, 'write');

beforeAll(async () => {
  process.on('uncaughtExceptionMonitor', note);
  process.on('unhandledRejection', note);
  authority = makeAuthority();
  tester = await startTester({ timeout, certificateAuthority: authority.pem });
});
afterEach(async () => {
  const { received = Buffer.alloc(0) } = server ?? {};
  await server?.close();
  server = undefined;
  expect(received.includes(password)).toBe(false);
  expect(unhandled).toEqual([]);
});
afterAll(async () => {
  process.off('uncaughtExceptionMonitor', note);
  process.off('unhandledRejection', note);
  await tester.close();
  authority.remove();
});

type Talk = Parameters<typeof startHostileServer>[0];

/** Tests a server that talks in a way. It must be closed in the end, and answered in time. */
async function tested(talk: Talk, family = 'mysql', query = '', values: Record<string, unknown> = reader) {
  server = await startHostileServer(talk);
  const started = performance.now();
  const result = await tester.test(`jdbc:${family}://h:${server.port}/orders${query}`, values);
  expect(performance.now() - started).toBeLessThan(maxAnswer);
  for (let waited = 0; server.open > 0 && waited < 100; waited += 1) await sleep(10);
  expect(server.open).toBe(0);
  expect(JSON.stringify(result)).not.toContain(password);
  return { outcome: result.outcome, message: result.message, server: result.servers[0] };
}

const families = ['mysql', 'postgresql'];

/** Sends 100 MB, as fast as they are taken, and counts them. */
function pour(socket: Socket, state: { sent: number }, piece = Buffer.alloc(1024 * 1024, 'x')): void {
  while (!socket.destroyed && state.sent < 100) {
    state.sent += 1;
    if (!socket.write(piece)) {
      socket.once('drain', () => pour(socket, state, piece));
      return;
    }
  }
}

describe.each(families)('a %s server that', (family) => {
  test('never says anything', async () => {
    expect(await tested(() => undefined, family)).toMatchObject({ outcome: 'TIMED_OUT' });
  });

  test('closes at once', async () => {
    expect(await tested((socket) => socket.end(), family)).toMatchObject({ outcome: 'PROTOCOL_ERROR' });
  });

  test('resets the connection', async () => {
    // Before or behind the moment in which the connection is made.
    expect(await tested((socket) => socket.resetAndDestroy(), family)).toMatchObject({
      outcome: expect.stringMatching(/^(PROTOCOL_ERROR|UNREACHABLE)$/),
    });
  });

  test('sends 100 MB', async () => {
    const state = { sent: 0 };
    expect(await tested((socket) => pour(socket, state), family)).toMatchObject({ outcome: 'PROTOCOL_ERROR' });
    expect(state.sent).toBeLessThan(20);
  });

  test('greets a byte a second', async () => {
    const greeting = family === 'mysql' ? mysqlGreeting() : postgresqlAuthentication(5, Buffer.alloc(4));
    const drip = (socket: Socket) => {
      let at = 0;
      const timer = setInterval(() => socket.write(greeting.subarray(at, ++at)), 1000);
      socket.on('close', () => clearInterval(timer));
    };
    expect(await tested(drip, family, '?sslmode=disable')).toMatchObject({ outcome: 'TIMED_OUT' });
  });

  test('speaks another protocol', async () => {
    expect(
      await tested((socket) => socket.write('SSH-2.0-OpenSSH_9.2p1\r\n'), family, '?sslmode=disable'),
    ).toMatchObject({
      outcome: expect.stringMatching(/^(PROTOCOL_ERROR|TIMED_OUT)$/),
      server: { product: null, version: null },
    });
  });

  test('stalls in the middle of TLS', async () => {
    const offer = (socket: Socket, onData: (listener: (data: Buffer) => void) => void) => {
      if (family === 'mysql') socket.write(mysqlGreeting({ offersTls: true }));
      else onData((data) => void (data.length === 8 && socket.write('S')));
    };
    expect(await tested(offer, family, '?sslmode=require')).toMatchObject({ outcome: 'TIMED_OUT' });
  });

  test('closes in the middle of TLS', async () => {
    const offer = (socket: Socket, onData: (listener: (data: Buffer) => void) => void) => {
      if (family === 'mysql') socket.write(mysqlGreeting({ offersTls: true }));
      onData((data) => {
        if (data.length === 8) socket.write('S');
        else socket.end(randomBytes(20));
      });
    };
    expect(await tested(offer, family, '?sslmode=require')).toMatchObject({ outcome: 'TLS_FAILED' });
  });
});

describe('a MySQL server that', () => {
  /** Greets, and answers the pieces that come in one after the other. */
  function answering(greeting: Buffer, ...answers: Buffer[]): Talk {
    return (socket, onData) => {
      socket.write(greeting);
      const left = [...answers];
      onData(() => {
        const answer = left.shift();
        if (answer !== undefined) socket.write(answer);
      });
    };
  }
  const switchTo = (plugin: string) =>
    mysqlPacket(
      2,
      Buffer.concat([Buffer.from([0xfe]), Buffer.from(`${plugin}\0`), Buffer.alloc(20, 7), Buffer.alloc(1)]),
    );
  const sha2 = switchTo('caching_sha2_password');

  test('asks for a file gets none', async () => {
    const file = '/etc/passwd';
    const ask = mysqlPacket(1, Buffer.concat([Buffer.from([0xfb]), Buffer.from(file)]));
    const result = await tested(
      answering(mysqlGreeting({ plugin: 'mysql_native_password' }), mysqlPacket(2, mysqlOk), ask),
    );
    expect(result).toMatchObject({ outcome: expect.stringMatching(/^(PROTOCOL_ERROR|TIMED_OUT)$/) });
    expect(JSON.stringify(result)).not.toContain(file);
    expect(server?.received.includes(readFileSync(file).subarray(0, 20))).toBe(false);
    // The flag by which a client says that it would.
    const [capabilities] = [server?.received.readUInt32LE(4) as number];
    expect(capabilities & 0x80).toBe(0);
    expect(capabilities & 0x10000).toBe(0);
  });

  test.each([
    ['switches to a clear password', answering(mysqlGreeting(), switchTo('mysql_clear_password'))],
    [
      'begins with a clear password',
      answering(mysqlGreeting({ plugin: 'mysql_clear_password' }), switchTo('mysql_clear_password')),
    ],
    ['asks for the password by its own key', answering(mysqlGreeting(), sha2, mysqlPacket(4, Buffer.from([1, 4])))],
    ['asks for the password by its own key, of old', answering(mysqlGreeting(), switchTo('sha256_password'))],
  ])('%s without TLS gets none', async (_, talk) => {
    expect(await tested(talk)).toMatchObject({
      outcome: 'PASSWORD_NOT_SENT',
      message: expect.stringContaining('Use TLS'),
    });
  });

  test.each(['mysql_old_password', 'authentication_kerberos_client', 'dialog', 'toString', '__proto__', ''])(
    'asks for the password by the plugin %j gets none',
    async (plugin) => {
      expect(await tested(answering(mysqlGreeting(), switchTo(plugin)))).toMatchObject({
        outcome: 'REFUSED_BY_SERVER',
      });
    },
  );

  test('says a version with characters that do harm is shown without them', async () => {
    const version = `8.4.0\r\n\u001b[31mred\u0007${'v'.repeat(300)}`;
    const { server: result } = await tested(answering(mysqlGreeting({ version })));
    expect(result?.version).toMatch(/^8\.4\.0 \[31mred v+$/);
    expect(result?.version).toHaveLength(64);
  });

  test.each([
    ['packets out of order', mysqlPacket(9, mysqlOk)],
    ['an error that is cut', mysqlPacket(2, Buffer.from([0xff]))],
    ['an empty packet', mysqlPacket(2, Buffer.alloc(0))],
    ['a switch that is cut', mysqlPacket(2, Buffer.from([0xfe]))],
    ['more data without a plugin', mysqlPacket(2, Buffer.from([1, 4]))],
    ['a packet of 16 MB that does not come', Buffer.from([0xff, 0xff, 0xff, 2, 0])],
  ])('sends %s is answered with an outcome', async (_, answer) => {
    written.mockClear();
    expect(await tested(answering(mysqlGreeting(), answer))).toMatchObject({
      outcome: expect.stringMatching(/^(PROTOCOL_ERROR|REFUSED_BY_SERVER|TIMED_OUT)$/),
    });
    expect(written).not.toHaveBeenCalled();
  });

  test('says an error in its own words has them not repeated', async () => {
    const words = 'the-words-of-the-server';
    const error = Buffer.concat([Buffer.from([0xff, 0x15, 0x04]), Buffer.from(`#28000${words}`)]);
    const result = await tested(answering(mysqlGreeting(), mysqlPacket(2, error)));
    expect(result).toMatchObject({ outcome: 'AUTHENTICATION_FAILED', message: expect.stringContaining('1045') });
    expect(JSON.stringify(result)).not.toContain(words);
  });

  test('has too many connections says so before it greets', async () => {
    const full = mysqlPacket(0, Buffer.concat([Buffer.from([0xff, 0x10, 0x04]), Buffer.from('Too many connections')]));
    expect(await tested((socket) => socket.write(full))).toMatchObject({
      outcome: 'REFUSED_BY_SERVER',
      message: expect.stringContaining('1040'),
    });
  });
});

describe('a PostgreSQL server that', () => {
  const ready = Buffer.concat([postgresqlAuthentication(0), postgresqlMessage('Z', Buffer.from('I'))]);
  const without = '?sslmode=disable';
  const description = Buffer.concat([
    Buffer.from([0, 1]),
    Buffer.from('version\0'),
    Buffer.from([0, 0, 0, 0, 0, 0, 0, 0, 0, 25, 255, 255, 255, 255, 255, 255, 0, 0]),
  ]);

  function answering(...answers: Buffer[]): Talk {
    return (socket, onData) => {
      const left = [...answers];
      onData(() => {
        const answer = left.shift();
        if (answer !== undefined) socket.write(answer);
      });
    };
  }

  test('asks for a clear password without TLS gets none', async () => {
    expect(await tested(answering(postgresqlAuthentication(3)), 'postgresql', without)).toMatchObject({
      outcome: 'PASSWORD_NOT_SENT',
    });
  });

  test('asks for it behind another way gets none', async () => {
    const md5 = postgresqlAuthentication(5, Buffer.alloc(4, 1));
    for (const talk of [
      answering(md5, postgresqlAuthentication(3)),
      answering(Buffer.concat([md5, postgresqlAuthentication(3)])),
    ]) {
      expect(await tested(talk, 'postgresql', without)).toMatchObject({ outcome: 'PASSWORD_NOT_SENT' });
      await server?.close();
    }
  });

  test('does not offer TLS, and asks for a clear password, gets none', async () => {
    const talk = answering(Buffer.from('N'), postgresqlAuthentication(3));
    expect(await tested(talk, 'postgresql')).toMatchObject({ outcome: 'PASSWORD_NOT_SENT' });
  });

  test('says more before TLS than that it offers it is not listened to', async () => {
    const talk = answering(Buffer.concat([Buffer.from('S'), postgresqlAuthentication(3)]));
    expect(await tested(talk, 'postgresql')).toMatchObject({ outcome: 'PROTOCOL_ERROR' });
  });

  test('asks for ways that are not known gets none', async () => {
    const sasl = postgresqlAuthentication(10, Buffer.from('PLAIN\0OAUTHBEARER\0\0'));
    for (const ask of [sasl, postgresqlAuthentication(7), postgresqlAuthentication(9), postgresqlAuthentication(2)]) {
      expect(await tested(answering(ask), 'postgresql', without)).toMatchObject({
        outcome: expect.stringMatching(/^(PROTOCOL_ERROR|TIMED_OUT)$/),
      });
      await server?.close();
    }
  });

  test('wants millions of rounds of hashing is not served', async () => {
    const first = postgresqlAuthentication(10, Buffer.from('SCRAM-SHA-256\0\0'));
    const talk: Talk = (socket, onData) => {
      let step = 0;
      onData((data) => {
        step += 1;
        if (step === 1) socket.write(first);
        else if (step === 2) {
          const nonce = /r=(\S+)$/.exec(data.toString('latin1'))?.[1];
          socket.write(postgresqlAuthentication(11, Buffer.from(`r=${nonce}x,s=c2FsdA==,i=2000000000`)));
        }
      });
    };
    expect(await tested(talk, 'postgresql', without)).toMatchObject({ outcome: 'PROTOCOL_ERROR' });
  });

  test('says a version with characters that do harm is shown without them', async () => {
    const row = (text: string) => {
      const value = Buffer.from(text);
      const lengths = Buffer.alloc(6);
      lengths.writeInt16BE(1, 0);
      lengths.writeInt32BE(value.length, 2);
      return postgresqlMessage('D', Buffer.concat([lengths, value]));
    };
    const answer = Buffer.concat([
      postgresqlMessage('T', description),
      row(`Postgre\u202eSQL\u0007 15${'9'.repeat(300)} on x`),
      postgresqlMessage('C', Buffer.from('SELECT 1\0')),
      postgresqlMessage('Z', Buffer.from('I')),
    ]);
    const { outcome, server: result } = await tested(answering(ready, answer), 'postgresql', without);
    expect([outcome, result?.product]).toEqual(['CONNECTED', 'Postgre SQL']);
    expect(result?.version).toHaveLength(64);
  });

  test.each([
    ['a message with a length below 0', Buffer.from([0x52, 0xff, 0xff, 0xff, 0xff, 0, 0])],
    ['a message that is cut', postgresqlMessage('R', Buffer.alloc(0))],
    ['a row that nobody asked for', Buffer.concat([ready, postgresqlMessage('D', Buffer.alloc(2))])],
    [
      'a row that says to have 30,000 values',
      Buffer.concat([ready, postgresqlMessage('D', Buffer.from([0x75, 0x30]))]),
    ],
    ['a copy that nobody asked for', Buffer.concat([ready, postgresqlMessage('G', Buffer.from([0, 0, 1, 0, 0]))])],
    ['an error that has no end', postgresqlMessage('E', Buffer.from('SFATAL'))],
    ['ways to ask that have no end', postgresqlAuthentication(10, Buffer.from('SCRAM-SHA-256'))],
    ['an error without fields', postgresqlMessage('E', Buffer.from([0]))],
    ['a message of 2 GB that does not come', Buffer.from([0x52, 0x7f, 0xff, 0xff, 0xff, 0])],
  ])('sends %s is answered with an outcome', async (_, answer) => {
    expect(await tested(answering(answer), 'postgresql', without)).toMatchObject({
      outcome: expect.stringMatching(/^(PROTOCOL_ERROR|REFUSED_BY_SERVER|TIMED_OUT)$/),
    });
  });

  test('says that a value is longer than its message is not given the memory behind it', async () => {
    const row = postgresqlMessage('D', Buffer.from([0, 1, 0, 0, 0x10, 0, 0x50]));
    const talk: Talk = (socket, onData) => {
      let piece = 0;
      onData(() => {
        piece += 1;
        if (piece === 1) socket.write(ready);
        else if (piece === 2) {
          socket.write(Buffer.concat([postgresqlMessage('T', description), row.subarray(0, 9)]));
          setTimeout(() => socket.write(row.subarray(9)), 20);
        }
      });
    };
    const { outcome, server: result } = await tested(talk, 'postgresql', without);
    expect([outcome, result?.product, result?.version]).toEqual(['PROTOCOL_ERROR', null, null]);
  });

  test('says an error in its own words has them not repeated', async () => {
    const words = 'the-words-of-the-server';
    const error = postgresqlMessage('E', Buffer.from(`SFATAL\0C53300\0M${words}\0\0`));
    const result = await tested(answering(error), 'postgresql', without);
    expect(result).toMatchObject({ outcome: 'REFUSED_BY_SERVER', message: expect.stringContaining('53300') });
    expect(JSON.stringify(result)).not.toContain(words);
  });
});

describe('over TLS', () => {
  /** Begins TLS with a certificate once the client asks for it, and goes on inside. */
  function tlsTalk(
    greeting: Buffer | undefined,
    inside: (socket: TLSSocket, data: Buffer, piece: number) => void,
  ): Talk {
    const { certificate, key } = authority.issue(['DNS:h']);
    const options = { cert: readFileSync(certificate), key: readFileSync(key) };
    const context = createTlsServer(options);
    return (socket) => {
      if (greeting !== undefined) socket.write(greeting);
      socket.removeAllListeners('data');
      socket.once('data', (data: Buffer) => {
        if (greeting === undefined) socket.write('S');
        // A client of MySQL waits for no answer: its handshake may come together with what asks for it.
        socket.pause();
        const handshake = data.subarray(greeting === undefined ? 8 : 36);
        if (handshake.length > 0) socket.unshift(handshake);
        const secure = new TLSSocket(socket, { isServer: true, server: context, ...options });
        secure.on('error', () => undefined);
        let piece = 0;
        secure.on('data', (data) => {
          piece += 1;
          inside(secure, data, piece);
        });
      });
    };
  }

  test('a clear password is given to a server that asks for it', async () => {
    const got: Buffer[] = [];
    const talk = tlsTalk(undefined, (socket, data, piece) => {
      got.push(data);
      if (piece === 1) socket.write(postgresqlAuthentication(3));
      else socket.end();
    });
    await tested(talk, 'postgresql', '?sslmode=verify-full');
    expect(Buffer.concat(got).includes(password)).toBe(true);
  });

  test.each(families)('100 MB are not read either, of %s', async (family) => {
    const state = { sent: 0 };
    const talk = tlsTalk(family === 'mysql' ? mysqlGreeting({ offersTls: true }) : undefined, (socket) =>
      pour(socket, state),
    );
    expect(await tested(talk, family, '?sslmode=require')).toMatchObject({ outcome: 'PROTOCOL_ERROR' });
    expect(state.sent).toBeGreaterThan(0);
    expect(state.sent).toBeLessThan(20);
  });

  test.each(families)('a handshake of 100 MB is not read to its end, of %s', async (family) => {
    const state = { sent: 0 };
    // Requests for a handshake, which are not looked at while there is one.
    const record = Buffer.concat([Buffer.from([22, 3, 3, 0x40, 0]), Buffer.alloc(0x4000)]);
    const megabyte = Buffer.concat(Array(64).fill(record));
    const talk: Talk = (socket, onData) => {
      if (family === 'mysql') socket.write(mysqlGreeting({ offersTls: true }));
      let isBegun = false;
      onData(() => {
        if (isBegun) return;
        isBegun = true;
        if (family === 'postgresql') socket.write('S');
        pour(socket, state, megabyte);
      });
    };
    expect(await tested(talk, family, '?sslmode=require')).toMatchObject({
      outcome: expect.stringMatching(/^(PROTOCOL_ERROR|TLS_FAILED)$/),
    });
    expect(state.sent).toBeGreaterThan(0);
    expect(state.sent).toBeLessThan(20);
  });

  test('none is given to a server whose certificate is not verified', async () => {
    const got: Buffer[] = [];
    const talk = tlsTalk(undefined, (socket, data) => {
      got.push(data);
      socket.write(postgresqlAuthentication(3));
    });
    server = await startHostileServer(talk);
    const { outcome } = await tester.test(`jdbc:postgresql://other:${server.port}/d?sslmode=verify-full`, reader);
    expect([outcome, got]).toEqual(['TLS_FAILED', []]);
  });
});

test('bytes at random end a test and nothing else', async () => {
  const types = 'RZTDCEGSKNAtnIs12';
  const ready = Buffer.concat([postgresqlAuthentication(0), postgresqlMessage('Z', Buffer.from('I'))]);
  for (let round = 0; round < 2 * types.length; round += 1) {
    const noise = randomBytes(1 + Math.floor(Math.random() * 600));
    const talks: [family: string, talk: Talk][] = [
      ['mysql', (socket) => socket.end(noise)],
      [
        'mysql',
        (socket, onData) => {
          socket.write(mysqlGreeting());
          onData(() => socket.end(mysqlPacket(2, noise)));
        },
      ],
      ['postgresql', (socket) => socket.end(noise)],
      [
        'postgresql',
        (socket, onData) => onData(() => socket.end(postgresqlMessage(types[round % types.length] as string, noise))),
      ],
      [
        'postgresql',
        (socket, onData) => {
          let piece = 0;
          onData(() => {
            piece += 1;
            if (piece === 1) socket.write(ready);
            else socket.end(postgresqlMessage(types[round % types.length] as string, noise));
          });
        },
      ],
      [
        'mysql',
        (socket, onData) => {
          let piece = 0;
          socket.write(mysqlGreeting({ plugin: 'mysql_native_password' }));
          onData(() => {
            piece += 1;
            if (piece === 1) socket.write(mysqlPacket(2, mysqlOk));
            else socket.end(Buffer.concat([mysqlPacket(1, noise), mysqlPacket(2, noise), mysqlPacket(3, noise)]));
          });
        },
      ],
    ];
    for (const [family, talk] of talks) {
      await tested(talk, family, '?sslmode=disable');
      await server?.close();
    }
  }
});

test('what nobody waits for any more is closed at once', async () => {
  server = await startHostileServer(() => undefined);
  const end = new AbortController();
  const result = tester.test(`jdbc:mysql://h:${server.port}/d`, reader, callOf(), end.signal);
  while (server.connections === 0) await sleep(5);
  end.abort();
  await expect(result).rejects.toMatchObject({ errorName: 'SERVICE_UNAVAILABLE' });
  for (let waited = 0; server.open > 0 && waited < 100; waited += 1) await sleep(10);
  expect(server.open).toBe(0);
});
