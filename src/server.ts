import cluster from 'node:cluster';
import { setTimeout as sleep } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import type { App } from './app.js';
import { type Config, ConfigError, loadConfig } from './config.js';
import { createLog, type LogOutput, standardOutput } from './log.js';
import { mayListenAtOnce, stopMessage, superviseWorkers, type WorkerMessage } from './workers.js';

const maxStopTime = 9_000;
// Long enough for clients that send on their connections all the time to be told, on each of them, that it is closed.
const refusingTime = 500;
const signals = ['SIGTERM', 'SIGINT'] as const;

/** Starts the gateway as the environment says, and stops it on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  // Left alone, V8 lets garbage grow to several times what is in use before it looks for it: under a load that lasts, 300 MiB.
  setFlagsFromString('--heap-growing-percent=50');
  if (config.workers > 1 && cluster.isPrimary) await supervise(config);
  else await serve(config);
}

async function supervise(config: Config): Promise<void> {
  const output = standardOutput('shared');
  const code = await superviseWorkers(config.workers, createLog(config.logLevel, output));
  await output.drained();
  process.exit(code);
}

async function serve(config: Config): Promise<void> {
  // The supervisor passes them on: a terminal sends them to every process.
  if (cluster.isWorker) for (const signal of signals) process.on(signal, () => undefined);
  // Until there is something to close, there is nothing to wait for.
  const forgetExit = onStopRequest(() => process.exit(0));
  // The supervisor needs none of this.
  const { createApp } = await import('./app.js');
  const output = standardOutput(cluster.isWorker ? 'shared' : 'own');
  const app = await createApp(config, output);
  forgetExit();
  onStopRequest((reason) => void stop(app, output, reason));
  const listen = () => app.http.listen({ host: config.host, port: config.port });
  if (mayListenAtOnce()) {
    await listen();
    await app.prepare();
  } else {
    // Others serve the port meanwhile, and would have answered what this one refuses.
    await app.prepare();
    await listen();
  }
  app.http.log.info('ready');
  tellSupervisor({ ready: true });
}

/**
 * Waits to be told to stop: by a signal, or a worker by its supervisor.
 *
 * @param listener told by whom
 * @returns waits no more
 */
function onStopRequest(listener: (reason: string) => void): () => void {
  if (cluster.isWorker) {
    const onMessage = (message: unknown) => {
      if (message === stopMessage) listener('the supervisor');
    };
    process.on('message', onMessage);
    return () => process.off('message', onMessage);
  }
  for (const signal of signals) process.once(signal, listener);
  return () => {
    for (const signal of signals) process.off(signal, listener);
  };
}

async function stop({ http, refuseRequests }: App, output: LogOutput, reason: string): Promise<void> {
  refuseRequests();
  http.log.info({ signal: reason }, 'stopping');
  setTimeout(() => http.server.closeAllConnections(), maxStopTime).unref();
  // What waits in the database still may do so for longer.
  setTimeout(() => process.exit(0), maxStopTime + 300).unref();
  // Were idle connections closed at once, a request that is on its way on one would be lost without an answer.
  await sleep(refusingTime);
  // A connection whose last request has ended would be kept open for its client's next one.
  setInterval(() => http.server.closeIdleConnections(), 100).unref();
  await http.close();
  await output.drained();
  process.exit(0);
}

function tellSupervisor(message: WorkerMessage, then: () => void = () => undefined): void {
  if (cluster.isWorker && process.connected) process.send?.(message, undefined, undefined, then);
  else then();
}

main().catch((error: unknown) => {
  // These messages are written for the operator; anything else is a defect, of which the stack tells more.
  const isForOperator =
    error instanceof ConfigError || /^(SqliteFileInUse|SealingKey)Error$/.test((error as Error).name);
  const message = isForOperator ? (error as Error).message : ((error as Error).stack ?? String(error));
  if (!cluster.isWorker) process.stderr.write(`${message}\n`);
  tellSupervisor({ cannotStart: message }, () => process.exit(1));
});
