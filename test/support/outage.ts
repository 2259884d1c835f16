import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess } from './process.js';
import type { RegisterLedger } from './register-ledger.js';

/** What takes the database away, and gives it back. */
export interface Fault {
  begin(): Promise<void> | void;
  /** Ends when the database is there again for others than the gateway. */
  end(): Promise<void> | void;
}

/** What was seen of a gateway while its database was away, in milliseconds. */
export interface OutageFigures {
  /** From the fault until `/readyz` was no longer 200; undefined where it always was. */
  readonly notReadyAfter: number | undefined;
  /** The longest that `/readyz` took to answer. */
  readonly slowestReadiness: number;
  /** From the fault's end until a write was acknowledged. */
  readonly servingAfter: number;
  /** From the fault's end until `/readyz` was 200. */
  readonly readyAfter: number;
}

const clients = 8;
const untilFault = 300;
const patience = 15_000;

/** Lets clients write while a fault begins, lasts and ends, and until the gateway serves again. */
export async function watchOutage(
  gateway: GatewayProcess,
  ledger: RegisterLedger,
  fault: Fault,
  lasting: number,
): Promise<OutageFigures> {
  const state = { isOver: false };
  const writing = ledger.write(
    clients,
    () => gateway,
    () => state.isOver,
  );
  await sleep(untilFault);
  await fault.begin();
  const begun = performance.now();
  const readiness = { notReadyAfter: undefined as number | undefined, slowest: 0 };
  while (performance.now() - begun < lasting) {
    const asked = performance.now();
    const status = await readinessOf(gateway);
    readiness.slowest = Math.max(readiness.slowest, performance.now() - asked);
    if (status !== 200) readiness.notReadyAfter ??= performance.now() - begun;
    await sleep(100);
  }
  await fault.end();
  const ended = performance.now();
  const [servingAfter, readyAfter] = await Promise.all([
    since(ended, async () => (await ledger.addAccount(gateway)) === 'acknowledged'),
    since(ended, async () => (await readinessOf(gateway)) === 200),
  ]);
  state.isOver = true;
  await writing;
  const { notReadyAfter, slowest } = readiness;
  return {
    notReadyAfter: notReadyAfter === undefined ? undefined : Math.round(notReadyAfter),
    slowestReadiness: Math.round(slowest),
    servingAfter,
    readyAfter,
  };
}

/** The time until a condition holds; it is asked for again before an answer that lets itself be waited for. */
async function since(start: number, condition: () => Promise<boolean>): Promise<number> {
  const state = { holds: false };
  while (!state.holds && performance.now() - start < patience) {
    const asked = condition().then((holds) => {
      state.holds ||= holds;
    });
    await Promise.race([asked, sleep(200)]);
    await sleep(20);
  }
  return state.holds ? Math.round(performance.now() - start) : Number.POSITIVE_INFINITY;
}

async function readinessOf(gateway: GatewayProcess): Promise<number> {
  return (await fetch(`${gateway.url}/readyz`)).status;
}
