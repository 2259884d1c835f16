import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { type DatabaseServer, startServer } from '../support/database-server.js';
import { type FaultProxy, type NetworkFault, startFaultProxy } from '../support/fault-proxy.js';
import { report } from '../support/figures.js';
import { watchOutage } from '../support/outage.js';
import { type GatewayProcess, startGatewayProcess } from '../support/process.js';
import { RegisterLedger } from '../support/register-ledger.js';
import { onPrivateServer } from '../support/suites.js';

const poolSize = 4;
const maxAnswerTime = 5000;
const maxReturnTime = 2000;
const rounds = 2;
const lasting = 6000;

onPrivateServer.run(`the network to ${onPrivateServer.name}`, () => {
  let server: DatabaseServer;
  let proxy: FaultProxy;
  let gateway: GatewayProcess;
  let database: { url: string };
  let ledger: RegisterLedger;

  beforeAll(async () => {
    server = await startServer();
    const connection = await createConnection(server.url);
    await connection.query('CREATE DATABASE gateway_faults');
    await connection.end();
    database = { url: `${server.url}/gateway_faults` };
  });
  afterAll(() => server?.remove());
  beforeEach(async () => {
    ledger = new RegisterLedger();
    proxy = await startFaultProxy({ host: '127.0.0.1', port: server.port });
    gateway = await startGatewayProcess({
      DATABASE_URL: `mysql://root@127.0.0.1:${proxy.port}/gateway_faults`,
      SECRETS_KEY: sealingKey,
      DB_POOL_SIZE: String(poolSize),
    });
  });
  afterEach(async () => {
    await gateway?.kill('SIGKILL');
    await proxy?.close();
  });
  const sealingKey = randomBytes(32).toString('base64');

  /** Twice as many at once as there are connections are all served, over no more connections than there may be. */
  async function expectWholePool(): Promise<void> {
    const burst = await Promise.all(Array.from({ length: 2 * poolSize }, () => ledger.addAccount(gateway)));
    expect(new Set(burst)).toEqual(new Set(['acknowledged']));
    await sleep(500);
    const connection = await createConnection(server.url);
    const [rows] = await connection.query<RowDataPacket[]>(
      "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = 'gateway_faults'",
    );
    await connection.end();
    expect(rows.length).toBeLessThanOrEqual(poolSize);
  }

  test.each<{ fault: NetworkFault; isEnough: boolean }>([
    { fault: 'latency', isEnough: true },
    { fault: 'reset', isEnough: false },
    { fault: 'refused', isEnough: false },
    { fault: 'blackHole', isEnough: false },
    { fault: 'cutInAnswer', isEnough: false },
    { fault: 'trickle', isEnough: true },
  ])(
    'that brings $fault: every answer is in time and right, and the gateway serves again with it',
    async ({ fault, isEnough }) => {
      const mend = () => proxy.set('pass');
      for (let round = 0; round < rounds; round += 1) {
        ledger.forgetLongest();
        proxy.maxConnections();
        const before = ledger.count('acknowledged');
        const seen = await watchOutage(gateway, ledger, { begin: () => proxy.set(fault), end: mend }, lasting);
        const most = proxy.maxConnections();
        report(`${fault}`, {
          acknowledged: ledger.count('acknowledged') - before,
          refused: ledger.count('refused'),
          'longest answer in ms': ledger.longest,
          'readyz 503 after': seen.notReadyAfter ?? 'never',
          'slowest readyz': seen.slowestReadiness,
          'serving after': seen.servingAfter,
          'ready after': seen.readyAfter,
          'most connections': most,
        });
        expect(ledger.wrongAnswers).toEqual([]);
        expect(ledger.count('unanswered')).toBe(0);
        expect(ledger.longest).toBeLessThan(maxAnswerTime);
        if (!isEnough) expect(seen.notReadyAfter).toBeLessThan(1500);
        expect(seen.slowestReadiness).toBeLessThan(1500);
        expect(seen.servingAfter).toBeLessThan(maxReturnTime);
        expect(seen.readyAfter).toBeLessThan(maxReturnTime);
        expect(most).toBeLessThanOrEqual(poolSize);
        await expectWholePool();
      }
      expect(await ledger.problems(database)).toEqual([]);
    },
  );
});
