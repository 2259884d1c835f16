import { connect, createServer, type Socket } from 'node:net';

/** A proxy before a database server that sees each statement that a client sends, on any of its connections. */
export interface StatementProxy {
  readonly port: number;
  /**
   * Called with a statement that a client sends, and when it is prepared. Where it gives an error's number, the client gets
   * that error, whether or not the server has got the statement.
   */
  refuse: (statement: string) => { readonly number: number; readonly reachesServer: boolean } | undefined;
  /** Called with a statement once the server has done it, before its client learns of that. */
  onDone: (statement: string) => void;
  close(): Promise<void>;
}

const command = { query: 3, prepare: 22, execute: 23 };
const headerLength = 4;

/** Starts a proxy on a free port. */
export async function startStatementProxy(target: { host: string; port: number }): Promise<StatementProxy> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    const state = { underWay: undefined as string | undefined, prepared: '', error: undefined as Buffer | undefined };
    client.on('data', (data) => {
      // A driver sends a command when the one before it is answered.
      const text = data.subarray(headerLength + 1).toString('latin1');
      const kind = data[headerLength];
      if (kind === command.prepare) state.prepared = text;
      if (kind === command.query) state.underWay = text;
      if (kind === command.execute) state.underWay = state.prepared;
      const refusal = kind === command.query || kind === command.prepare ? proxy.refuse(text) : undefined;
      if (refusal !== undefined) state.error = errorPacket(refusal.number);
      if (refusal === undefined || refusal.reachesServer) upstream.write(data);
      else client.write(state.error as Buffer);
    });
    upstream.on('data', (data) => {
      const { underWay } = state;
      state.underWay = undefined;
      if (underWay !== undefined) proxy.onDone(underWay);
      client.write(state.error ?? data);
      state.error = undefined;
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: StatementProxy = {
    port: (server.address() as { port: number }).port,
    refuse: () => undefined,
    onDone: () => undefined,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}

/** The answer to a command that says that it failed. */
function errorPacket(number: number): Buffer {
  const body = Buffer.from('\xff..#HY000refused by a test', 'latin1');
  body.writeUInt16LE(number, 1);
  const header = Buffer.alloc(headerLength);
  header.writeUIntLE(body.length, 0, 3);
  header[3] = 1;
  return Buffer.concat([header, body]);
}
