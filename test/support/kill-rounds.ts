import { setTimeout as sleep } from 'node:timers/promises';
import type { TestDatabase } from './databases.js';
import { startGatewayProcess } from './process.js';
import { RegisterLedger } from './register-ledger.js';

const clients = 16;

/**
 * Kills a gateway amid writes and cascades, again and again, and starts it anew.
 *
 * @returns what its clients were told, and how long each start took until it was ready, in milliseconds
 */
export async function killGatewayAmidWrites(database: TestDatabase, rounds: number) {
  const ledger = new RegisterLedger();
  const starts: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const started = performance.now();
    const gateway = await startGatewayProcess(database.env);
    starts.push(Math.round(performance.now() - started));
    let isOver = false;
    const writing = ledger.write(
      clients,
      () => gateway,
      () => isOver,
    );
    // At another moment of their work each time.
    await sleep(400 + 37 * (round % 7));
    await gateway.kill('SIGKILL');
    isOver = true;
    await writing;
  }
  return { ledger, starts };
}
