import cluster, { type Worker } from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from 'pino';

const pauseBeforeRestart = 1_000;
const longestStop = 9_700;

/** What a worker tells the process that started it. */
export type WorkerMessage = { readonly ready: true } | { readonly cannotStart: string };

/** What a worker is told when it is to stop. */
export const stopMessage = 'stop';

/**
 * Runs the gateway in so many processes that share its port, and starts one again that ends by itself. On SIGTERM or SIGINT
 * it stops them all, within ten seconds.
 *
 * @returns once all have ended, the exit code: 0 after a stop; 1 where none could start, of which the reason was written to
 *   the standard error
 */
export function superviseWorkers(count: number, log: Logger): Promise<number> {
  return new Promise((resolve) => {
    const state = { stopping: false, hasServed: false, exitCode: 0 };

    function stop(): void {
      if (state.stopping) return;
      state.stopping = true;
      for (const worker of workers()) worker.send(stopMessage, () => undefined);
      setTimeout(() => {
        for (const worker of workers()) worker.process.kill('SIGKILL');
      }, longestStop).unref();
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
    cluster.on('exit', async ({ process: { pid } }, code, signal) => {
      if (!state.stopping) {
        log.error({ worker: pid, code, signal }, 'a worker has ended, and another is started');
        await sleep(pauseBeforeRestart);
      }
      if (!state.stopping) cluster.fork();
      else if (workers().length === 0) resolve(state.exitCode);
    });
    for (let started = 0; started < count; started += 1) cluster.fork();
  });
}

function workers(): Worker[] {
  return Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined);
}
