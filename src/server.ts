import { setTimeout as sleep } from 'node:timers/promises';
import { createApp } from './app.js';
import { ConfigError, loadConfig } from './config.js';

const longestStop = 9_000;
// Long enough for clients that send on their connections all the time to be told, on each of them, that it is closed.
const refusingTime = 500;

/** Starts the gateway as the environment says, and stops it on SIGTERM or SIGINT. */
async function main(): Promise<void> {
  const config = loadConfig(process.env);
  const { http, prepare, refuseRequests } = await createApp(config);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void stop(signal));
  await http.listen({ host: config.host, port: config.port });
  await prepare();
  http.log.info('ready');

  async function stop(signal: string): Promise<void> {
    refuseRequests();
    http.log.info({ signal }, 'stopping');
    setTimeout(() => http.server.closeAllConnections(), longestStop).unref();
    // What waits in the database still may do so for longer.
    setTimeout(() => process.exit(0), longestStop + 300).unref();
    // Were idle connections closed at once, a request that is on its way on one would be lost without an answer.
    await sleep(refusingTime);
    // A connection whose last request has ended would be kept open for its client's next one.
    setInterval(() => http.server.closeIdleConnections(), 100).unref();
    await http.close();
    process.exit(0);
  }
}

main().catch((error: unknown) => {
  // These messages are written for the operator; anything else is a defect, of which the stack tells more.
  const isForOperator =
    error instanceof ConfigError || /^(SqliteFileInUse|SealingKey)Error$/.test((error as Error).name);
  process.stderr.write(`${isForOperator ? (error as Error).message : (error as Error).stack}\n`);
  process.exit(1);
});
