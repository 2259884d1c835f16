import { readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { connect as connectTls, createServer as createTlsServer, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import type { ConnectionTest } from '../../src/connection-test/test-outcome.js';
import { makeAuthority, type TestAuthority } from '../support/certificates.js';
import { type ConnectionTester, callOf, startTester } from '../support/connection-tester.js';
import { type DatabaseServer, findMysqlServer, startServer } from '../support/database-server.js';
import { type PostgresqlServer, startPostgresql } from '../support/postgresql-server.js';
import { onMysqlServer, onPostgresql, onPrivateServer } from '../support/suites.js';

const password = 'pw-5ecret-pw';
const reader = { masterUsername: 'reader', password };

/** What is compared of a test: the outcome, the steps and what the server says it is. */
function gist({ outcome, servers }: ConnectionTest) {
  return [outcome, servers.map(({ steps }) => steps.map(({ name }) => name).join(' ')).join(', ')];
}

const all = 'RESOLVED REACHED TLS AUTHENTICATED DATABASE';
const untilTls = 'RESOLVED REACHED';

let authority: TestAuthority;
let stranger: TestAuthority;

beforeAll(() => {
  authority = makeAuthority();
  stranger = makeAuthority();
});
afterAll(() => {
  authority.remove();
  stranger.remove();
});

const tls = ({ certificate, key }: { certificate: string; key: string }) => [
  `--ssl-cert=${certificate}`,
  `--ssl-key=${key}`,
];

/** Takes a PostgreSQL server's place with a certificate of its own, and passes on what comes through. */
async function startBetween(port: number, options: { cert: Buffer; key: Buffer }) {
  const context = createTlsServer(options);
  const sockets: Socket[] = [];
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    sockets.push(client, upstream);
    for (const socket of sockets) socket.on('error', () => undefined);
    upstream.once('connect', () => {
      client.once('data', (request) => {
        upstream.write(request);
        upstream.once('data', () => {
          client.write('S');
          const outer = new TLSSocket(client, { isServer: true, server: context, ...options });
          const inner = connectTls({ socket: upstream, rejectUnauthorized: false });
          for (const socket of [outer, inner]) socket.on('error', () => undefined);
          outer.pipe(inner).pipe(outer);
        });
      });
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

onPostgresql.run(onPostgresql.name, () => {
  const servers = new Map<string, PostgresqlServer>();
  let tester: ConnectionTester;

  beforeAll(async () => {
    const anyTransport = ['host all md5 127.0.0.1/32 md5', 'host all all 127.0.0.1/32 scram-sha-256'];
    const names = ['DNS:db.example.com', 'IP:127.0.0.1'];
    servers.set('none', await startPostgresql(['host all clear 127.0.0.1/32 password', ...anyTransport]));
    servers.set(
      'optional',
      await startPostgresql(['host all clear 127.0.0.1/32 password', ...anyTransport], authority.issue(names)),
    );
    servers.set(
      'required',
      await startPostgresql(['hostssl all all 127.0.0.1/32 scram-sha-256'], authority.issue(names)),
    );
    servers.set('expired', await startPostgresql(anyTransport, authority.issue(names, -1)));
    servers.set('foreign', await startPostgresql(anyTransport, stranger.issue(names)));
    for (const server of servers.values()) {
      await server.run(`CREATE USER reader PASSWORD '${password}'`);
      await server.run(`CREATE USER clear PASSWORD '${password}'`);
      await server.run(`SET password_encryption = 'md5'; CREATE USER md5 PASSWORD '${password}'`);
      await server.run(`CREATE USER overdue PASSWORD '${password}' VALID UNTIL '2020-01-01'`);
      await server.run(`CREATE USER locked NOLOGIN PASSWORD '${password}'`);
      await server.run('CREATE DATABASE orders');
      await server.run('CREATE DATABASE hidden');
      await server.run('REVOKE CONNECT ON DATABASE hidden FROM PUBLIC');
    }
    tester = await startTester({ certificateAuthority: authority.pem });
  }, 120_000);
  afterAll(async () => {
    for (const server of servers.values()) await server.remove();
    await tester?.close();
  });

  function url(server: string, query = '', database = 'orders', host = 'db.example.com') {
    return `jdbc:postgresql://${host}:${servers.get(server)?.port}/${database}${query}`;
  }

  test('says which product and version, and how far it came', async () => {
    const result = await tester.test(url('required', '?sslmode=verify-full'), reader);
    expect(gist(result)).toEqual(['CONNECTED', all]);
    const [server] = result.servers;
    expect(server).toMatchObject({ product: 'PostgreSQL', version: expect.stringMatching(/^\d+(\.\d+)*$/) });
    for (const { milliseconds } of server?.steps ?? []) expect(milliseconds).toBeGreaterThanOrEqual(0);
    expect(result.message).toContain("the server's certificate was verified");
  });

  test.each<[server: string, query: string, values: Record<string, unknown>, outcome: string, steps: string]>([
    ['none', '', reader, 'CONNECTED', 'RESOLVED REACHED AUTHENTICATED DATABASE'],
    ['none', '?sslmode=require', reader, 'TLS_FAILED', untilTls],
    ['none', '', { ...reader, jdbcEnforceSsl: true }, 'TLS_FAILED', untilTls],
    ['optional', '', reader, 'CONNECTED', all],
    ['optional', '?sslmode=disable', reader, 'CONNECTED', 'RESOLVED REACHED AUTHENTICATED DATABASE'],
    ['required', '?sslmode=disable', reader, 'AUTHENTICATION_FAILED', untilTls],
    ['required', '?sslmode=require', reader, 'CONNECTED', all],
    ['required', '', { ...reader, jdbcEnforceSsl: true }, 'CONNECTED', all],
    ['required', '?ssl=true', { masterUsername: null, password: null, secret: 'name' }, 'REACHED', `${untilTls} TLS`],
    ['expired', '?sslmode=verify-ca', reader, 'TLS_FAILED', untilTls],
    ['expired', '', { ...reader, jdbcEnforceSsl: true }, 'TLS_FAILED', untilTls],
    ['expired', '?sslmode=require', reader, 'CONNECTED', all],
    ['foreign', '?sslmode=verify-ca', reader, 'TLS_FAILED', untilTls],
    ['foreign', '', { ...reader, jdbcEnforceSsl: true }, 'TLS_FAILED', untilTls],
    ['foreign', '', { ...reader, jdbcEnforceSsl: true, skipCustomJdbcCertValidation: true }, 'CONNECTED', all],
    ['optional', '', { ...reader, password: 'wrong' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
    ['optional', '', { ...reader, masterUsername: 'nobody' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
    ['optional', '', { ...reader, masterUsername: 'locked' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS AUTHENTICATED`],
    ['optional', '', { ...reader, masterUsername: 'overdue' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
    ['optional', '', { ...reader, masterUsername: 'md5' }, 'CONNECTED', all],
    ['none', '', { ...reader, masterUsername: 'md5' }, 'CONNECTED', 'RESOLVED REACHED AUTHENTICATED DATABASE'],
    ['optional', '', { masterUsername: 'md5', password: 'wrong' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
    ['optional', '', { masterUsername: 'clear', password }, 'CONNECTED', all],
    ['none', '', { masterUsername: 'clear', password }, 'PASSWORD_NOT_SENT', untilTls],
    ['optional', '?sslmode=disable', { masterUsername: 'clear', password }, 'PASSWORD_NOT_SENT', untilTls],
    ['required', '?sslmode=verify-full', { ...reader, customJdbcCertString: 'CN=database, O=Test' }, 'CONNECTED', all],
    [
      'required',
      '?sslmode=verify-full',
      { ...reader, customJdbcCertString: 'CN=other,O=Test' },
      'TLS_FAILED',
      untilTls,
    ],
    ['required', '?sslmode=require', { ...reader, customJdbcCertString: 'CN=other,O=Test' }, 'TLS_FAILED', untilTls],
    [
      'required',
      '?sslmode=verify-full',
      { ...reader, customJdbcCertString: 'other.example.com' },
      'TLS_FAILED',
      untilTls,
    ],
  ])('on a server with TLS %s, %s %j: %s', async (server, query, values, outcome, steps) => {
    expect(gist(await tester.test(url(server, query), values))).toEqual([outcome, steps]);
  });

  test('verifies the name of the URL, and not of the address', async () => {
    const other = await tester.test(url('required', '?sslmode=verify-full', 'orders', 'other.example.com'), reader);
    expect([other.outcome, other.message]).toEqual(['TLS_FAILED', expect.stringContaining('another name')]);
    const address = await tester.test(url('required', '?sslmode=verify-full', 'orders', '127.0.0.1'), reader);
    expect(address.outcome).toBe('CONNECTED');
  });

  test('has no proof of the password passed on by who stands between', async () => {
    const { certificate, key } = stranger.issue(['DNS:db.example.com']);
    const between = await startBetween(servers.get('required')?.port as number, {
      cert: readFileSync(certificate),
      key: readFileSync(key),
    });
    const url = `jdbc:postgresql://db.example.com:${between.port}/orders?sslmode=require`;
    expect(gist(await tester.test(url, reader))).toEqual(['AUTHENTICATION_FAILED', `${untilTls} TLS`]);
    await between.close();
  });

  test('says that a certificate of its own was not read', async () => {
    const values = { ...reader, jdbcEnforceSsl: true, customJdbcCert: 's3://bucket/ca.pem' };
    const { message } = await tester.test(url('foreign'), values);
    expect(message).toContain('was not read');
  });

  test.each(['missing', 'hidden'])('finds no database %s', async (database) => {
    expect(gist(await tester.test(url('optional', '', database), reader))).toEqual([
      'DATABASE_NOT_FOUND',
      `${untilTls} TLS AUTHENTICATED`,
    ]);
  });

  test('lists the databases that the user may use', async () => {
    const connection = {
      jdbcConnectionUrl: `jdbc:postgresql://db.example.com:${servers.get('optional')?.port}/`,
      ...reader,
    };
    expect(await tester.service.databases(connection, callOf(), new AbortController().signal)).toMatchObject({
      outcome: 'CONNECTED',
      names: ['orders', 'postgres'],
      hasMore: false,
    });
  });
});

onPrivateServer.run(`MySQL or MariaDB, on ${onPrivateServer.name}`, () => {
  const servers = new Map<string, DatabaseServer>();
  let tester: ConnectionTester;

  beforeAll(async () => {
    const names = ['DNS:db.example.com', 'IP:127.0.0.1'];
    servers.set('none', await startServer(['--skip-ssl']));
    servers.set('optional', await startServer(tls(authority.issue(names))));
    servers.set('expired', await startServer(tls(authority.issue(names, -1))));
    servers.set('foreign', await startServer(tls(stranger.issue(names))));
    for (const [name, { url }] of servers) {
      const connection = await createConnection({ uri: url });
      await connection.query(`CREATE USER reader@'%' IDENTIFIED BY '${password}'`);
      await connection.query(`CREATE USER locked@'%' IDENTIFIED BY '${password}' ACCOUNT LOCK`);
      await connection.query(`CREATE USER overdue@'%' IDENTIFIED BY '${password}' PASSWORD EXPIRE`);
      await connection.query('CREATE DATABASE orders');
      await connection.query('CREATE DATABASE hidden');
      await connection.query("GRANT ALL ON orders.* TO reader@'%'");
      if (name === 'optional')
        await connection.query(`CREATE USER encrypted@'%' IDENTIFIED BY '${password}' REQUIRE SSL`);
      if (name === 'optional') await connection.query("GRANT ALL ON orders.* TO encrypted@'%'");
      await connection.end();
    }
    tester = await startTester({ certificateAuthority: authority.pem });
  }, 180_000);
  afterAll(async () => {
    for (const server of servers.values()) await server.remove();
    await tester?.close();
  });

  function url(server: string, query = '', database = '/orders', host = 'db.example.com') {
    return `jdbc:mysql://${host}:${servers.get(server)?.port}${database}${query}`;
  }

  test('says which product and version, and how far it came', async () => {
    const result = await tester.test(url('optional', '?sslMode=VERIFY_IDENTITY'), reader);
    expect(gist(result)).toEqual(['CONNECTED', all]);
    expect(result.servers[0]).toMatchObject({
      product: expect.stringMatching(/^(MariaDB|MySQL)$/),
      version: expect.stringMatching(/^\d+\.\d+\.\d+/),
    });
  });

  test.each<[server: string, query: string, values: Record<string, unknown>, outcome: string, steps: string]>([
    ['none', '', reader, 'CONNECTED', 'RESOLVED REACHED AUTHENTICATED DATABASE'],
    ['none', '?sslMode=REQUIRED', reader, 'TLS_FAILED', untilTls],
    ['none', '', { ...reader, jdbcEnforceSsl: true }, 'TLS_FAILED', untilTls],
    ['optional', '', reader, 'CONNECTED', all],
    ['optional', '?useSSL=false', reader, 'CONNECTED', 'RESOLVED REACHED AUTHENTICATED DATABASE'],
    ['optional', '?sslMode=REQUIRED', { masterUsername: 'encrypted', password }, 'CONNECTED', all],
    ['optional', '?sslMode=DISABLED', { masterUsername: 'encrypted', password }, 'AUTHENTICATION_FAILED', untilTls],
    ['optional', '', { ...reader, jdbcEnforceSsl: true }, 'CONNECTED', all],
    ['optional', '', { masterUsername: null, password: null, secret: 'name' }, 'REACHED', `${untilTls} TLS`],
    ['expired', '?sslMode=VERIFY_CA', reader, 'TLS_FAILED', untilTls],
    ['expired', '?sslMode=REQUIRED', reader, 'CONNECTED', all],
    ['foreign', '?sslMode=VERIFY_CA', reader, 'TLS_FAILED', untilTls],
    ['foreign', '', { ...reader, jdbcEnforceSsl: true }, 'TLS_FAILED', untilTls],
    ['foreign', '', { ...reader, jdbcEnforceSsl: true, skipCustomJdbcCertValidation: true }, 'CONNECTED', all],
    ['optional', '', { ...reader, password: 'wrong' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
    ['optional', '', { ...reader, masterUsername: 'nobody' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
    ['optional', '', { ...reader, masterUsername: 'locked' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
  ])('on a server with TLS %s, %s %j: %s', async (server, query, values, outcome, steps) => {
    expect(gist(await tester.test(url(server, query), values))).toEqual([outcome, steps]);
  });

  test('says of a password that is overdue that it does not let in', async () => {
    // MariaDB lets its user in, and to nothing but to change it.
    const { outcome } = await tester.test(url('optional'), { ...reader, masterUsername: 'overdue' });
    expect(outcome).toBe('AUTHENTICATION_FAILED');
  });

  test('verifies the name of the URL, and not of the address', async () => {
    const other = await tester.test(url('optional', '?sslMode=VERIFY_IDENTITY', '', 'other.example.com'), reader);
    expect([other.outcome, other.message]).toEqual(['TLS_FAILED', expect.stringContaining('another name')]);
    const address = await tester.test(url('optional', '?sslMode=VERIFY_IDENTITY', '', '127.0.0.1'), reader);
    expect(gist(address)).toEqual(['CONNECTED', 'RESOLVED REACHED TLS AUTHENTICATED']);
  });

  test.each(['/missing', '/hidden'])('finds no database %s', async (database) => {
    expect(gist(await tester.test(url('optional', '', database), reader))).toEqual([
      'DATABASE_NOT_FOUND',
      `${untilTls} TLS AUTHENTICATED`,
    ]);
  });

  test('lists the databases that the user sees', async () => {
    const connection = { jdbcConnectionUrl: url('optional', '', ''), ...reader };
    const found = await tester.service.databases(connection, callOf(), new AbortController().signal);
    expect(found).toMatchObject({ outcome: 'CONNECTED', hasMore: false });
    expect(found.names).toContain('orders');
    expect(found.names).not.toContain('hidden');
  });
});

onMysqlServer.run(onMysqlServer.name, () => {
  const servers = new Map<string, DatabaseServer>();
  let tester: ConnectionTester;

  beforeAll(async () => {
    const names = ['DNS:db.example.com', 'IP:127.0.0.1'];
    const start = (words: string[]) => startServer(words, findMysqlServer());
    servers.set('none', await start(['--tls-version=']));
    servers.set('optional', await start(tls(authority.issue(names))));
    servers.set('expired', await start(tls(authority.issue(names, -1))));
    servers.set('foreign', await start(tls(stranger.issue(names))));
    for (const { url } of servers.values()) {
      const connection = await createConnection({ uri: url });
      for (const name of ['reader', 'second', 'locked', 'overdue'])
        await connection.query(
          `CREATE USER ${name}@'%' IDENTIFIED WITH caching_sha2_password BY '${password}' ${{ locked: 'ACCOUNT LOCK', overdue: 'PASSWORD EXPIRE' }[name] ?? ''}`,
        );
      await connection.query('CREATE DATABASE orders');
      for (const name of ['reader', 'second']) await connection.query(`GRANT ALL ON orders.* TO ${name}@'%'`);
      await connection.end();
    }
    tester = await startTester({ certificateAuthority: authority.pem });
  }, 300_000);
  afterAll(async () => {
    for (const server of servers.values()) await server.remove();
    await tester?.close();
  });

  const url = (server: string, query = '', database = 'orders') =>
    `jdbc:mysql://db.example.com:${servers.get(server)?.port}/${database}${query}`;

  test.each<[server: string, query: string, values: Record<string, unknown>, outcome: string, steps: string]>([
    ['optional', '?sslMode=VERIFY_IDENTITY', reader, 'CONNECTED', all],
    ['none', '', reader, 'PASSWORD_NOT_SENT', untilTls],
    ['none', '?sslMode=REQUIRED', reader, 'TLS_FAILED', untilTls],
    ['expired', '?sslMode=VERIFY_CA', reader, 'TLS_FAILED', untilTls],
    ['foreign', '?sslMode=VERIFY_CA', reader, 'TLS_FAILED', untilTls],
    ['optional', '', { ...reader, password: 'wrong' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
    ['optional', '', { ...reader, masterUsername: 'locked' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
    ['optional', '', { ...reader, masterUsername: 'overdue' }, 'AUTHENTICATION_FAILED', `${untilTls} TLS`],
  ])('on a server with TLS %s, %s %j: %s', async (server, query, values, outcome, steps) => {
    expect(gist(await tester.test(url(server, query), values))).toEqual([outcome, steps]);
  });

  test('finds no database that is missing', async () => {
    expect((await tester.test(url('optional', '', 'missing'), reader)).outcome).toBe('DATABASE_NOT_FOUND');
  });

  test('gets no password by its own key, and lets in without TLS whom it knows by then', async () => {
    const second = { masterUsername: 'second', password };
    const withoutTls = url('optional', '?sslMode=DISABLED');
    expect((await tester.test(withoutTls, second)).outcome).toBe('PASSWORD_NOT_SENT');
    expect((await tester.test(url('optional'), second)).outcome).toBe('CONNECTED');
    expect((await tester.test(withoutTls, second)).outcome).toBe('CONNECTED');
  });
});
