import { createServer, type Socket } from 'node:net';

/** A server that does what no database does. */
export interface HostileServer {
  readonly port: number;
  /** All that was sent to it so far. */
  readonly received: Buffer;
  /** Connections that were made to it so far. */
  readonly connections: number;
  /** Connections that are open. */
  readonly open: number;
  close(): Promise<void>;
}

/** @param talk what it does with each connection; told each piece that comes in, besides */
export async function startHostileServer(
  talk: (socket: Socket, onData: (listener: (data: Buffer) => void) => void) => void,
): Promise<HostileServer> {
  const sockets = new Set<Socket>();
  const parts: Buffer[] = [];
  const state = { connections: 0 };
  const server = createServer((socket) => {
    state.connections += 1;
    sockets.add(socket);
    const listeners: ((data: Buffer) => void)[] = [];
    socket.on('data', (data) => {
      parts.push(data);
      for (const listener of listeners) listener(data);
    });
    socket.on('error', () => undefined);
    socket.on('close', () => sockets.delete(socket));
    talk(socket, (listener) => void listeners.push(listener));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    get received() {
      return Buffer.concat(parts);
    },
    get connections() {
      return state.connections;
    },
    get open() {
      return sockets.size;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A packet of MySQL's protocol. */
export function mysqlPacket(sequence: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(4);
  header.writeUIntLE(payload.length, 0, 3);
  header[3] = sequence;
  return Buffer.concat([header, payload]);
}

/** What a MySQL server says first. */
export function mysqlGreeting({ version = '8.4.0', plugin = 'caching_sha2_password', offersTls = false } = {}): Buffer {
  const capabilities = 0x00_08_82_00 | 0x1 | 0x8 | 0x80 | (offersTls ? 0x0800 : 0);
  const fixed = Buffer.alloc(20);
  fixed.fill(7, 4, 12);
  fixed.writeUInt16LE(capabilities & 0xffff, 13);
  fixed[15] = 45;
  fixed.writeUInt16LE(2, 16);
  fixed.writeUInt16LE((capabilities >>> 16) | 0x0008, 18);
  return mysqlPacket(
    0,
    Buffer.concat([
      Buffer.from([10]),
      Buffer.from(`${version}\0`, 'latin1'),
      fixed,
      Buffer.from([21]),
      Buffer.alloc(10),
      Buffer.alloc(12, 7),
      Buffer.from(`\0${plugin}\0`),
    ]),
  );
}

/** That everything is well. */
export const mysqlOk = Buffer.from([0, 0, 0, 2, 0, 0, 0]);

/** A message of PostgreSQL's protocol. */
export function postgresqlMessage(type: string, payload: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header.write(type, 0, 'latin1');
  header.writeInt32BE(payload.length + 4, 1);
  return Buffer.concat([header, payload]);
}

/** How a PostgreSQL server asks for the password: 0 not at all, 3 itself, 5 by MD5. */
export function postgresqlAuthentication(kind: number, more = Buffer.alloc(0)): Buffer {
  const code = Buffer.alloc(4);
  code.writeInt32BE(kind);
  return postgresqlMessage('R', Buffer.concat([code, more]));
}
