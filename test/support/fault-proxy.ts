import { connect, createServer, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/**
 * What a network does to the connections that pass through it:
 * - `pass`: nothing;
 * - `latency`: everything arrives 300 ms later, in each direction;
 * - `reset`: every connection is reset, and each new one too;
 * - `refused`: the same, and nobody listens;
 * - `blackHole`: what is sent is lost, and no connection is ever answered or closed;
 * - `cutInAnswer`: each connection is cut in the middle of the server's next answer;
 * - `trickle`: 400 bytes a second pass, in each direction of each connection.
 */
export type NetworkFault = 'pass' | 'latency' | 'reset' | 'refused' | 'blackHole' | 'cutInAnswer' | 'trickle';

/** A proxy before a database server that behaves as a bad network does. */
export interface FaultProxy {
  readonly port: number;
  /** Connections that are open to it now. */
  readonly connections: number;
  /** The most connections that were open at once since this was asked for the last time. */
  maxConnections(): number;
  /** From now on, for connections that are there and those that come. */
  set(fault: NetworkFault): Promise<void>;
  close(): Promise<void>;
}

const latency = 300;
const bytesPerSecond = 400;
const trickleInterval = 50;

/** Starts a proxy on a free port. */
export async function startFaultProxy(target: { host: string; port: number }): Promise<FaultProxy> {
  const state = { fault: 'pass' as NetworkFault, most: 0 };
  const clients = new Set<Socket>();
  const sockets = new Set<Socket>();

  const server = createServer((client) => {
    clients.add(client);
    // One that was closed just before may be heard of just after.
    setTimeout(() => {
      state.most = Math.max(state.most, clients.size);
    }, 50);
    keep(client);
    client.once('close', () => clients.delete(client));
    if (state.fault === 'reset' || state.fault === 'refused') {
      client.resetAndDestroy();
      return;
    }
    // What comes to a black hole stays there, also when others pass again.
    const isLost = { value: state.fault === 'blackHole' };
    if (isLost.value) {
      client.resume();
      return;
    }
    const upstream = connect(target.port, target.host);
    keep(upstream);
    client.once('close', () => upstream.destroy());
    upstream.once('close', () => client.destroy());
    void passOn(client, upstream, isLost, false);
    void passOn(upstream, client, isLost, true);
  });

  function keep(socket: Socket): void {
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  }

  async function passOn(from: Socket, to: Socket, isLost: { value: boolean }, isAnswer: boolean): Promise<void> {
    // What comes later does not overtake what was held up.
    let before: Promise<unknown> = Promise.resolve();
    try {
      for await (const data of from as AsyncIterable<Buffer>) {
        if (state.fault === 'blackHole') isLost.value = true;
        if (isLost.value) continue;
        const { fault } = state;
        const due = fault === 'latency' ? sleep(latency) : undefined;
        before = before.then(async () => {
          await due;
          if (fault === 'trickle') await trickle(data, to);
          else if (fault === 'cutInAnswer' && isAnswer)
            to.write(data.subarray(0, data.length / 2), () => from.destroy());
          else to.write(data);
        });
      }
    } catch {
      // It was reset.
    }
  }

  async function trickle(data: Buffer, to: Socket): Promise<void> {
    const step = (bytesPerSecond * trickleInterval) / 1000;
    for (let at = 0; at < data.length; at += step) {
      if (state.fault !== 'trickle') {
        to.write(data.subarray(at));
        return;
      }
      to.write(data.subarray(at, at + step));
      await sleep(trickleInterval);
    }
  }

  const listen = (port: number) => new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  await listen(0);
  const { port } = server.address() as { port: number };
  return {
    port,
    get connections() {
      return clients.size;
    },
    maxConnections() {
      const { most } = state;
      state.most = clients.size;
      return most;
    },
    async set(fault) {
      const wasRefused = state.fault === 'refused';
      state.fault = fault;
      if (fault === 'reset' || fault === 'refused') for (const client of clients) client.resetAndDestroy();
      if (fault === 'refused' && !wasRefused) await new Promise((resolve) => server.close(resolve));
      if (fault !== 'refused' && wasRefused) await listen(port);
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      if (server.listening) await new Promise((resolve) => server.close(resolve));
    },
  };
}
