import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

const pauseBeforeRestart = 1_000;
const maxStopTime = 9_700;

/** What a worker tells the process that started it. */
export type WorkerMessage = { readonly ready: true } | { readonly cannotStart: string };

/** What a worker is told when it is to stop. */
export const stopMessage = 'stop';

const listenVariable = 'GATEWAY_WORKER_LISTENS';

/** Whether this process is to take connections before it can serve, so that somebody can be told that it cannot yet. */
export function mayListenAtOnce(): boolean {
  return process.env[listenVariable] !== 'when-ready';
}

/**
 * Runs the gateway in so many processes that share its port, and starts one again that ends by itself. On SIGTERM or SIGINT
 * it stops them all, within ten seconds. While none can serve, one takes connections and says so; the others follow when it
 * can, and take connections when they can.
 *
 * @returns once all have ended, the exit code: 0 after a stop; 1 where none could start, of which the reason was written to
 *   the standard error
 */
export function superviseWorkers(count: number, log: Logger): Promise<number> {
  return new Promise((resolve) => {
    const state = { stopping: false, hasServed: false, exitCode: 0 };
    const ready = new Set<number>();
    const startWorker = () => cluster.fork({ [listenVariable]: ready.size === 0 ? 'at-once' : 'when-ready' });

    function stop(): void {
      if (state.stopping) return;
      state.stopping = true;
      for (const worker of workers()) worker.send(stopMessage, () => undefined);
      setTimeout(() => {
        for (const worker of workers()) worker.process.kill('SIGKILL');
      }, maxStopTime).unref();
      if (workers().length === 0) resolve(state.exitCode);
    }

    for (const signal of ['SIGTERM', 'SIGINT'] as const) {
      process.on(signal, () => {
        if (!state.stopping) log.info({ signal, workers: workers().length }, 'stopping');
        stop();
      });
    }
    cluster.on('message', (worker, message: WorkerMessage) => {
      if ('ready' in message) {
        ready.add(worker.id);
        if (!state.hasServed && !state.stopping) for (let started = 1; started < count; started += 1) startWorker();
        state.hasServed = true;
        return;
      }
      if (state.hasServed) {
        log.error({ worker: worker.process.pid, reason: message.cannotStart }, 'a worker could not start');
        return;
      }
      // All have the same settings, so what keeps one from starting keeps all, and is told once.
      if (!state.stopping) process.stderr.write(`${message.cannotStart}\n`);
      state.exitCode = 1;
      stop();
    });
    cluster.on('exit', async ({ id, process: { pid } }, code, signal) => {
      ready.delete(id);
      if (!state.stopping) {
        log.error({ worker: pid, code, signal }, 'a worker ended, starting another one');
        await sleep(pauseBeforeRestart);
      }
      if (!state.stopping) startWorker();
      else if (workers().length === 0) resolve(state.exitCode);
    });
    startWorker();
  });
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}
