import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { type DatabaseServer, startServer } from '../support/database-server.js';
import { median, report } from '../support/figures.js';
import { type Fault, type OutageFigures, watchOutage } from '../support/outage.js';
import { type GatewayProcess, startGatewayProcess } from '../support/process.js';
import { RegisterLedger } from '../support/register-ledger.js';
import { legacyAccount, newAccountKey } from '../support/register-samples.js';
import { onPrivateServer } from '../support/suites.js';

const poolSize = 16;
const maxAnswerTime = 5000;
const maxReturnTime = 2000;

onPrivateServer.run(`a gateway on ${onPrivateServer.name}`, () => {
  let server: DatabaseServer;
  let gateway: GatewayProcess;
  let database: { url: string };
  const ledger = new RegisterLedger();

  beforeAll(async () => {
    server = await startServer();
    const connection = await createConnection(server.url);
    await connection.query('CREATE DATABASE gateway_faults');
    await connection.end();
    database = { url: `${server.url}/gateway_faults` };
    gateway = await startGatewayProcess({
      DATABASE_URL: database.url,
      SECRETS_KEY: randomBytes(32).toString('base64'),
      DB_POOL_SIZE: String(poolSize),
    });
  });
  afterAll(async () => {
    server?.process.kill('SIGCONT');
    await gateway?.kill('SIGKILL');
    await server?.remove();
  });

  async function suffer(what: string, rounds: number, fault: Fault, lasting: number): Promise<void> {
    ledger.forgetLongest();
    const seen: OutageFigures[] = [];
    for (let round = 0; round < rounds; round += 1) seen.push(await watchOutage(gateway, ledger, fault, lasting));
    const longest = (figure: (one: OutageFigures) => number) => Math.max(...seen.map(figure));
    report(`${what} ${rounds} times`, {
      acknowledged: ledger.count('acknowledged'),
      refused: ledger.count('refused'),
      'longest answer in ms': ledger.longest,
      'readyz 503 after': longest(({ notReadyAfter }) => notReadyAfter ?? Number.POSITIVE_INFINITY),
      'slowest readyz': longest(({ slowestReadiness }) => slowestReadiness),
      'serving after, median': median(seen.map(({ servingAfter }) => servingAfter)),
      longest: longest(({ servingAfter }) => servingAfter),
    });
    expect(ledger.wrongAnswers).toEqual([]);
    expect(ledger.count('unanswered')).toBe(0);
    expect(await ledger.problems(database)).toEqual([]);
    expect(ledger.longest).toBeLessThan(maxAnswerTime);
    expect(longest(({ notReadyAfter }) => notReadyAfter ?? Number.POSITIVE_INFINITY)).toBeLessThan(1500);
    expect(longest(({ slowestReadiness }) => slowestReadiness)).toBeLessThan(1500);
    expect(longest(({ servingAfter }) => servingAfter)).toBeLessThan(maxReturnTime);
    expect(longest(({ readyAfter }) => readyAfter)).toBeLessThan(maxReturnTime);
    await expectWholePool();
  }

  /** Twice as many at once as there are connections are all served, over no more connections than there may be. */
  async function expectWholePool(): Promise<void> {
    const burst = await Promise.all(Array.from({ length: 2 * poolSize }, () => ledger.addAccount(gateway)));
    expect(new Set(burst)).toEqual(new Set(['acknowledged']));
    expect(await connectionsOfGateway()).toBeLessThanOrEqual(poolSize);
  }

  async function connectionsOfGateway(): Promise<number> {
    const connection = await createConnection(server.url);
    const [rows] = await connection.query<RowDataPacket[]>(
      "SELECT ID FROM information_schema.PROCESSLIST WHERE DB = 'gateway_faults' AND HOST <> ''",
    );
    await connection.end();
    return rows.length;
  }

  test('whose database is killed 20 times amid writes keeps what it acknowledged, says so in time, and serves again with it', async () => {
    const kill: Fault = {
      async begin() {
        const ended = new Promise((resolve) => server.process.once('exit', resolve));
        server.process.kill('SIGKILL');
        await ended;
      },
      end: () => server.restart(),
    };
    await suffer('database killed', 20, kill, 400);
  });

  test('whose database is frozen 8 times amid writes answers in time, and serves again with it', async () => {
    const sockets: number[] = [];
    const freeze: Fault = {
      begin: () => void server.process.kill('SIGSTOP'),
      end() {
        sockets.push(socketsTo(server.port, gateway));
        server.process.kill('SIGCONT');
      },
    };
    await suffer('database frozen', 8, freeze, 6000);
    report('while it was frozen', { 'sockets to it at most': Math.max(...sockets) });
    expect(Math.max(...sockets)).toBeLessThanOrEqual(poolSize);
  });

  test('that waits for a row that is locked for long leaves nobody waiting for it on the server', async () => {
    const account = newAccountKey();
    expect((await gateway.legacy('add_account', legacyAccount(account))).body.code).toBe(1001);
    const other = await createConnection(database.url);
    await other.query('START TRANSACTION');
    await other.query('SELECT id FROM accounts WHERE account_id = ? FOR UPDATE', [account.accountId]);
    const most = { connections: 0 };
    for (let round = 0; round < 4; round += 1) {
      const started = performance.now();
      const answers = await Promise.all(
        Array.from({ length: poolSize }, () => gateway.legacy('delete_account', legacyAccount(account))),
      );
      expect(new Set(answers.map(({ httpStatus }) => httpStatus))).toEqual(new Set([503]));
      expect(performance.now() - started).toBeLessThan(maxAnswerTime);
      most.connections = Math.max(most.connections, await connectionsOfGateway());
    }
    await sleep(1500);
    expect(await connectionsOfGateway()).toBeLessThanOrEqual(poolSize);
    await other.query('ROLLBACK');
    await other.end();
    report('a row locked for four deadlines', { 'most connections at the server': most.connections });
    expect(most.connections).toBeLessThanOrEqual(2 * poolSize);
    expect((await gateway.legacy('delete_account', legacyAccount(account))).body.code).toBe(1001);
  });
});

/** How many sockets the gateway's process has to a port, as the kernel sees it; 0 on systems that do not tell. */
function socketsTo(port: number, { child }: GatewayProcess): number {
  const folder = `/proc/${child.pid}/fd`;
  if (!existsSync(folder)) return 0;
  const own = new Set(readdirSync(folder).map((name) => linkAt(join(folder, name))));
  const remote = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .map((line) => line.trim().split(/\s+/))
    .filter((fields) => fields[2]?.endsWith(remote) && own.has(`socket:[${fields[9]}]`)).length;
}

function linkAt(path: string): string {
  try {
    return readlinkSync(path);
  } catch {
    return 'it was closed meanwhile';
  }
}
