import type { Socket } from 'node:net';
import { type AuthPlugin, authPlugins, type Connection, createConnection, type QueryError } from 'mysql2';
import { selectMysqlDatabases } from './database-names.statements.js';
import { maxBytesOf, type ServerSession, type SessionEnd } from './server-session.js';
import { limitBytes, readFirst } from './server-socket.js';
import { TestFailure } from './test-outcome.js';
import { beginTls } from './tls-handshake.js';

const offersTls = 0x0800;
const done = 0x00;
const oneColumn = 0x01;
const failure = 0xff;
// PROTOCOL_41, SSL and SECURE_CONNECTION.
const tlsRequest = Buffer.from([32, 0, 0, 1, 0x00, 0x8a, 0, 0, 0, 0, 4, 0, 45, ...new Array<number>(23).fill(0)]);

/**
 * What of the driver's own is used here and not declared: how it begins TLS and how it takes what a server sends. The first is
 * replaced, for the driver's own takes an address for the name that the certificate must have.
 */
interface DriverConnection {
  stream: Socket;
  startTLS: (onSecure: (error?: Error) => void) => void;
  readonly packetParser: { execute(data: Buffer): void };
  handlePacket: (packet: { peekByte(): number } | undefined) => void;
}

/** Speaks to a MySQL or MariaDB server: as far as its greeting and TLS, and on to its databases where there is a credential. */
export async function mysqlSession(session: ServerSession): Promise<SessionEnd> {
  const { socket, target } = session;
  const bytes = await readFirst(socket, (read) => read.length >= 4 && read.length >= 4 + read.readUIntLE(0, 3));
  const greeting = readGreeting(bytes);
  const { product, version } = productOf(greeting.version);
  session.says(product, version);
  const isEncrypted = usesTls(target.tls.use, greeting.offersTls);
  if (target.credential === undefined) {
    if (isEncrypted) {
      socket.write(tlsRequest);
      await beginTls(socket, target, session.secureContext());
      session.took('TLS');
    }
    return { isLoggedIn: false, isEncrypted };
  }
  socket.unshift(bytes);
  return logIn(session, target.credential, isEncrypted);
}

function usesTls(use: ServerSession['target']['tls']['use'], isOffered: boolean): boolean {
  if (use === 'always' && !isOffered) {
    throw new TestFailure('TLS_FAILED', 'The connection must use TLS, and the server does not offer it.');
  }
  return use !== 'never' && isOffered;
}

function readGreeting(bytes: Buffer): { version: string; offersTls: boolean } {
  const packet = bytes.subarray(4, 4 + bytes.readUIntLE(0, 3));
  if (packet[0] === failure && packet.length >= 3) throw failureOf({ errno: packet.readUInt16LE(1) });
  const end = packet.indexOf(0, 1);
  // Behind the version: the connection's id, eight bytes of a challenge and a zero.
  const capabilities = end + 1 + 4 + 8 + 1;
  if (packet[0] !== 10 || end === -1 || packet.length < capabilities + 2) throw notMysql();
  return {
    version: packet.toString('latin1', 1, end),
    offersTls: (packet.readUInt16LE(capabilities) & offersTls) !== 0,
  };
}

/** MariaDB puts a version before its own that old replicas understand. */
function productOf(version: string): { product: string; version: string } {
  return version.includes('MariaDB')
    ? { product: 'MariaDB', version: version.replace(/^5\.5\.5-/, '') }
    : { product: 'MySQL', version };
}

async function logIn(
  session: ServerSession,
  credential: { readonly user: string; readonly password: string },
  isEncrypted: boolean,
): Promise<SessionEnd> {
  const { socket, target } = session;
  const connection = createConnection({
    stream: () => socket,
    user: credential.user,
    password: credential.password,
    charset: 'utf8mb4',
    multipleStatements: false,
    flags: ['-LOCAL_FILES', '-MULTI_STATEMENTS', '-MULTI_RESULTS', '-COMPRESS'],
    connectTimeout: 0,
    // No code is made of what the server calls its columns.
    disableEval: true,
    authPlugins: pluginsFor(isEncrypted),
    ...(isEncrypted ? { ssl: {} } : {}),
  });
  const driver = connection as unknown as DriverConnection;
  // With what the next answer may begin: one that wants a file, or that nobody asked for, the driver does not get to see.
  const answers: (readonly number[])[] = [];
  let fail: (error: unknown) => void = () => undefined;
  const failed = new Promise<never>((_, reject) => {
    fail = (error) => {
      // The rest of what came with it is not looked at.
      driver.handlePacket = () => undefined;
      reject(error);
    };
    const handle = driver.handlePacket.bind(connection);
    driver.handlePacket = (packet) => {
      try {
        const expected = packet === undefined ? undefined : answers.pop();
        if (expected?.includes(packet?.peekByte() ?? -1) === false) throw notMysql();
        handle(packet);
      } catch (error) {
        fail(error);
      }
    };
    connection.on('error', fail);
    // Packets out of order: thrown, for the driver would go on, and write a line to the standard error.
    connection.on('warn' as 'error', () => {
      throw notMysql();
    });
    socket.once('close', () => fail(socket.errored ?? ended()));
  });
  failed.catch(() => undefined);
  const within = <T>(work: Promise<T>) => Promise.race([work, failed]);
  try {
    if (isEncrypted) {
      driver.startTLS = (onSecure) => {
        socket.removeAllListeners('data');
        beginTls(socket, target, session.secureContext()).then((secure) => {
          session.took('TLS');
          limitBytes(secure, maxBytesOf(session));
          secure.once('close', () => fail(secure.errored ?? ended()));
          secure.on('data', (data: Buffer) => driver.packetParser.execute(data));
          driver.stream = secure;
          onSecure();
        }, onSecure);
      };
    }
    limitBytes(socket, maxBytesOf(session));
    await within(new Promise<void>((resolve) => connection.once('connect', () => resolve())));
    session.took('AUTHENTICATED');
    if (session.listsDatabases) {
      answers.push([oneColumn, failure]);
      const rows = await within(query<{ name: unknown }>(connection, selectMysqlDatabases));
      return { isLoggedIn: true, isEncrypted, databases: rows.map(({ name }) => name) };
    }
    if (target.database !== undefined) {
      answers.push([done, failure]);
      await within(query(connection, 'USE ??', [target.database]));
      session.took('DATABASE');
    }
    return { isLoggedIn: true, isEncrypted };
  } catch (error) {
    throw failureOf(error);
  } finally {
    connection.destroy();
  }
}

function query<Row>(connection: Connection, sql: string, values: string[] = []): Promise<Row[]> {
  return new Promise((resolve, reject) => {
    connection.query(sql, values, (error: QueryError | null, rows: unknown) => {
      if (error) reject(error);
      else resolve(rows as Row[]);
    });
  });
}

/**
 * The plugins by which a server may ask for the password. Those that send it as it is do so by TLS alone: without, the driver
 * would encrypt it with a key that the server has just sent, which may be anybody's.
 */
function pluginsFor(isEncrypted: boolean): Record<string, AuthPlugin> {
  if (isEncrypted) return { mysql_clear_password: authPlugins.mysql_clear_password({}) };
  const fullAuthentication = 4;
  return {
    caching_sha2_password: (metadata) => {
      const answer = authPlugins.caching_sha2_password({})(metadata);
      return (data) => (data.length === 1 && data[0] === fullAuthentication ? refuseClearPassword() : answer(data));
    },
    sha256_password: () => refuseClearPassword,
    mysql_clear_password: () => refuseClearPassword,
  };
}

function refuseClearPassword(): never {
  throw new TestFailure(
    'PASSWORD_NOT_SENT',
    'The server asks for the password itself and not for a proof of it, and the connection is not encrypted: it was not sent. Use TLS.',
  );
}

const accessDenied = new Set([1045, 1698, 1820, 1862, 3118, 3878, 4151]);
const databaseNotThere = new Set([1044, 1049, 1102]);
const needsTls = new Set([3159, 4152]);
const connectionLost = new Set(['PROTOCOL_CONNECTION_LOST', 'ECONNRESET', 'EPIPE']);

function failureOf(error: unknown): TestFailure {
  if (error instanceof TestFailure) return error;
  const { errno = 0, code = '' } = error as { errno?: number; code?: string };
  if (connectionLost.has(code)) return ended();
  if (code === 'AUTH_SWITCH_PLUGIN_ERROR') {
    return new TestFailure(
      'REFUSED_BY_SERVER',
      'The server asks for the password in a way that a connection test does not know, so it was not sent.',
    );
  }
  // Those of Node.js are negative.
  if (!(errno > 0)) return notMysql();
  if (accessDenied.has(errno)) {
    return new TestFailure(
      'AUTHENTICATION_FAILED',
      `The server did not let the user in: the name or the password is wrong, or the account is locked or expired (error ${errno}).`,
    );
  }
  if (databaseNotThere.has(errno)) {
    return new TestFailure('DATABASE_NOT_FOUND', 'The server has no such database, or the user may not use it.');
  }
  if (needsTls.has(errno)) return new TestFailure('TLS_FAILED', 'The server lets in nobody without TLS.');
  return new TestFailure('REFUSED_BY_SERVER', `The server refused, with its error ${errno}.`);
}

function notMysql(): TestFailure {
  return new TestFailure('PROTOCOL_ERROR', 'The server does not keep to the protocol of MySQL.');
}

function ended(): TestFailure {
  return new TestFailure('PROTOCOL_ERROR', 'The server ended the connection.');
}
