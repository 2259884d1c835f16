import { connect, createServer, type Server, type Socket } from 'node:net';

/**
 * Where a connection is cut:
 * - `beforeCommit`: the server never sees the COMMIT;
 * - `withCommit`: the server gets the COMMIT, and nobody waits for what it makes of it;
 * - `afterCommit`: the server has answered the COMMIT, and its answer is thrown away.
 */
export type Cut = 'beforeCommit' | 'withCommit' | 'afterCommit';

/** A proxy before a database server that can cut a connection at its COMMIT. */
export interface CuttingProxy {
  readonly port: number;
  /** How many connections were cut. */
  readonly cuts: number;
  /** Cuts the connection on which the next COMMIT comes; those after it are passed on. */
  cutNext(cut: Cut): void;
  /** Refuses every connection from the next cut on. */
  dieWithNextCut(): void;
  close(): Promise<void>;
}

/** Starts a proxy on a free port. */
export async function startCuttingProxy(target: { host: string; port: number }): Promise<CuttingProxy> {
  const state = { cut: undefined as Cut | undefined, cuts: 0, diesWithCut: false, isDead: false };
  const sockets = new Set<Socket>();

  const server: Server = createServer((client) => {
    if (state.isDead) {
      client.resetAndDestroy();
      return;
    }
    const upstream = connect(target.port, target.host);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        sockets.delete(socket);
        client.destroy();
        // What was written before is still sent.
        upstream.end();
      });
    }
    let cutWithAnswer = false;
    let isCut = false;

    function cutClient(): void {
      isCut = true;
      state.cuts += 1;
      state.isDead ||= state.diesWithCut;
      client.resetAndDestroy();
      if (state.isDead) for (const socket of sockets) if (socket !== upstream) socket.destroy();
    }

    upstream.on('data', (data) => {
      // MySQL still says that it closes the connection.
      if (isCut) return;
      if (cutWithAnswer) cutClient();
      else client.write(data);
    });
    client.on('data', (data) => {
      const cut = state.cut;
      if (cut === undefined || !data.includes('COMMIT')) {
        upstream.write(data);
        return;
      }
      state.cut = undefined;
      if (cut !== 'beforeCommit') upstream.write(data);
      if (cut === 'afterCommit') cutWithAnswer = true;
      else cutClient();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as { port: number }).port,
    get cuts() {
      return state.cuts;
    },
    cutNext(cut) {
      state.cut = cut;
    },
    dieWithNextCut() {
      state.diesWithCut = true;
    },
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
