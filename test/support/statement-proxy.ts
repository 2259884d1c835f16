import { connect, createServer, type Socket } from 'node:net';

/** A proxy before a database server that sees each statement that a client sends, on any of its connections. */
export interface StatementProxy {
  readonly port: number;
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
    const state = { underWay: undefined as string | undefined, prepared: '' };
    client.on('data', (data) => {
      // A driver sends a command when the one before it is answered.
      const text = data.subarray(headerLength + 1).toString('latin1');
      const kind = data[headerLength];
      if (kind === command.prepare) state.prepared = text;
      if (kind === command.query) state.underWay = text;
      if (kind === command.execute) state.underWay = state.prepared;
      upstream.write(data);
    });
    upstream.on('data', (data) => {
      const { underWay } = state;
      state.underWay = undefined;
      if (underWay !== undefined) proxy.onDone(underWay);
      client.write(data);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const proxy: StatementProxy = {
    port: (server.address() as { port: number }).port,
    onDone: () => undefined,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  return proxy;
}
