import type { Socket } from 'node:net';
import pg from 'pg';
import { Parser } from 'pg-protocol/dist/parser.js';
import { selectPostgresqlDatabases, selectPostgresqlVersion } from './database-names.statements.js';
import { maxBytesOf, type ServerSession, type SessionEnd } from './server-session.js';
import { limitBytes, readFirst } from './server-socket.js';
import { TestFailure } from './test-outcome.js';
import { beginTls } from './tls-handshake.js';

const tlsRequest = Buffer.from([0, 0, 0, 8, 4, 210, 22, 47]);
const accepted = 'S';
const lengthBytes = 4;

/** The driver's own, as far as it is used here; only a part of it is declared. */
interface DriverConnection {
  readonly stream: Socket;
  attachListeners(stream: object): void;
  on(event: string, listener: (message: never) => void): void;
  emit(event: string, ...values: unknown[]): void;
}

/** What the driver's parser reads a message with. */
interface DriverReader {
  readonly buffer: Buffer;
  readonly offset: number;
  setBuffer(offset: number, bytes: Buffer): void;
  string(length: number): string;
}

const { Client, Connection } = pg as unknown as {
  Client: typeof pg.Client;
  Connection: new (options: { stream: Socket }) => DriverConnection;
};

/** Speaks to a PostgreSQL or Redshift server: as far as TLS, and on to its database where there is a credential. */
export async function postgresqlSession(session: ServerSession): Promise<SessionEnd> {
  const { target, socket } = session;
  const stream = target.tls.use === 'never' ? socket : await encrypted(session);
  const isEncrypted = stream !== socket;
  if (target.credential === undefined) return { isLoggedIn: false, isEncrypted };
  return logIn(session, target.credential, stream, isEncrypted);
}

/** Encrypts the connection, unless the server does not offer it and it is not asked for. */
async function encrypted(session: ServerSession): Promise<Socket> {
  const { target, socket } = session;
  socket.write(tlsRequest);
  // More than one byte would be taken for what was said by TLS, and may be anybody's.
  const answer = (await readFirst(socket, (bytes) => bytes.length > 0)).toString('latin1');
  if (answer === accepted) {
    const secure = await beginTls(socket, target, session.secureContext());
    session.took('TLS');
    return secure;
  }
  if (answer !== 'N') throw notPostgresql();
  if (target.tls.use === 'always') {
    throw new TestFailure('TLS_FAILED', 'The connection must use TLS, and the server does not offer it.');
  }
  return socket;
}

async function logIn(
  session: ServerSession,
  { user, password }: { readonly user: string; readonly password: string },
  stream: Socket,
  isEncrypted: boolean,
): Promise<SessionEnd> {
  const { target } = session;
  const connection = new ConnectedConnection(stream, isEncrypted);
  connection.on('authenticationOk', () => session.took('AUTHENTICATED'));
  const client = new Client({
    connection: connection as unknown as pg.Connection,
    user,
    // A function, since the driver looks for another in the environment and in files where it is given none.
    password: async () => password,
    database: target.database ?? defaultDatabase(session, user),
    host: target.host,
    port: target.port,
    ssl: false,
    // Whoever stands between, with another certificate, cannot pass the proof of the password on.
    enableChannelBinding: isEncrypted,
    application_name: 'connection test',
  } as pg.ClientConfig);
  const failed = new Promise<never>((_, reject) => {
    client.on('error', reject);
    stream.once('error', reject);
    stream.once('close', () => reject(stream.errored ?? ended()));
  });
  failed.catch(() => undefined);
  const within = <T>(work: Promise<T>) => Promise.race([work, failed]);
  try {
    limitBytes(stream, maxBytesOf(session));
    await within(client.connect());
    session.took('DATABASE');
    if (session.listsDatabases) {
      const { rows } = await within(client.query(selectPostgresqlDatabases));
      return { isLoggedIn: true, isEncrypted, databases: rows.map(({ name }) => name) };
    }
    const { rows } = await within(client.query(selectPostgresqlVersion));
    const [, product, version] = /^(\S+) (\S+)/u.exec(String(rows[0]?.version)) ?? [];
    const [, redshift] = / Redshift (\S+)/u.exec(String(rows[0]?.version)) ?? [];
    if (redshift !== undefined) session.says('Redshift', redshift);
    else if (product !== undefined && version !== undefined) session.says(product, version);
    return { isLoggedIn: true, isEncrypted };
  } catch (error) {
    throw failureOf(error);
  } finally {
    stream.destroy();
  }
}

/** Where the URL names none: what drivers take, and for the names of all one that is there on every server. */
function defaultDatabase({ listsDatabases, target }: ServerSession, user: string): string {
  if (!listsDatabases) return user;
  return target.family === 'redshift' ? 'dev' : 'postgres';
}

/** A connection of the driver's over one that is there already, on which nothing that a server sends can end the process. */
class ConnectedConnection extends Connection {
  constructor(stream: Socket, isEncrypted: boolean) {
    super({ stream });
    if (isEncrypted) return;
    // Before the driver's own listener; and what is destroyed sends nothing any more.
    this.on('authenticationCleartextPassword', () => {
      stream.destroy(
        new TestFailure(
          'PASSWORD_NOT_SENT',
          'The server asks for the password itself and not for a proof of it, and the connection is not encrypted: it was not sent. Use TLS.',
        ),
      );
    });
  }

  connect(): void {
    this.stream.on('error', (error) => this.emit('error', error));
    this.stream.on('close', () => this.emit('end'));
    this.attachListeners(this.stream);
    process.nextTick(() => this.emit('connect'));
  }

  override attachListeners(stream: Socket): void {
    const parser = boundedParser();
    stream.on('data', (bytes: Buffer) => {
      try {
        if (stream.destroyed) return;
        parser.parse(bytes, (message) => this.emit(message.name === 'error' ? 'errorMessage' : message.name, message));
      } catch {
        stream.destroy(notPostgresql());
      }
    });
  }
}

/**
 * The driver's parser, which reads nothing behind a message's end. By itself it goes on, for ever in an error that has no end,
 * and into memory that nobody has written in a value that says to be longer than its message.
 */
function boundedParser(): Parser {
  const parser = new Parser();
  const { reader } = parser as unknown as { readonly reader: DriverReader };
  const setBuffer = reader.setBuffer.bind(reader);
  const string = reader.string.bind(reader);
  reader.setBuffer = (offset, bytes) => {
    const lengthAt = offset - lengthBytes;
    // Behind each message it is given an empty one.
    setBuffer(offset, bytes.length === 0 ? bytes : bytes.subarray(0, lengthAt + bytes.readUInt32BE(lengthAt)));
  };
  reader.string = (length) => {
    if (length < 0 || reader.offset + length > reader.buffer.length) throw new RangeError('behind the message');
    return string(length);
  };
  return parser;
}

function failureOf(error: unknown): TestFailure {
  if (error instanceof TestFailure) return error;
  const { code = '' } = error as { code?: unknown };
  if (typeof code !== 'string' || !/^[0-9A-Z]{5}$/.test(code)) {
    return code === 'ECONNRESET' || code === 'EPIPE' || /^Connection terminated/.test((error as Error).message)
      ? ended()
      : notPostgresql();
  }
  switch (code) {
    case '28P01':
    case '28000':
      return new TestFailure(
        'AUTHENTICATION_FAILED',
        `The server did not let the user in: the name or the password is wrong, the account is locked, or the server expects TLS or another address (error ${code}).`,
      );
    case '3D000':
    case '42501':
      return new TestFailure('DATABASE_NOT_FOUND', 'The server has no such database, or the user may not use it.');
    default:
      return new TestFailure('REFUSED_BY_SERVER', `The server refused, with its error ${code}.`);
  }
}

function notPostgresql(): TestFailure {
  return new TestFailure('PROTOCOL_ERROR', 'The server does not keep to the protocol of PostgreSQL.');
}

function ended(): TestFailure {
  return new TestFailure('PROTOCOL_ERROR', 'The server ended the connection.');
}
