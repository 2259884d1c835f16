import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { mysqlKind, type TestDatabase } from '../support/databases.js';
import { type GatewayProcess, launchGateway, startGatewayProcess } from '../support/process.js';
import { legacyAccount, newAccountKey } from '../support/register-samples.js';
import { onMysql } from '../support/suites.js';

const succeeded = { status: 'success', code: 1001, message: 'Operation succeeded' };

test('several workers on SQLite do not start, and are told why', async () => {
  const gateway = await launchGateway({ WORKERS: '2', DATABASE_URL: 'sqlite:/nowhere/gateway.sqlite' });
  expect(await gateway.ended).toEqual({ code: 1, signal: null });
  expect(gateway.stderr).toContain('WORKERS above 1 needs MySQL or MariaDB');
});

onMysql.run(`two workers on ${onMysql.name}`, () => {
  let database: TestDatabase;
  let gateway: GatewayProcess;

  beforeEach(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
  });
  afterEach(async () => {
    gateway.child.kill('SIGKILL');
    await gateway.ended;
    await database.drop();
  });

  test('bring an empty database up and serve one port; one that is killed is started again', async () => {
    gateway = await startGatewayProcess({ ...database.env, WORKERS: '2' });
    const before = await bothReady(gateway);
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => gateway.legacy('add_account', legacyAccount(newAccountKey()))),
    );
    expect(answers.map(({ body }) => body)).toEqual(answers.map(() => succeeded));
    process.kill(before[0] as number, 'SIGKILL');
    // Connections to the one that died are lost with it. The other goes on, and the new one takes none before it can serve.
    for (let asked = 0; asked < 100; asked += 1) {
      const answer = await gateway.legacy('add_account', legacyAccount(newAccountKey())).catch(() => undefined);
      if (answer !== undefined) expect(answer.body).toEqual(succeeded);
      await sleep(20);
    }
    const after = await until(
      () => workersOf(gateway),
      (workers) => workers.length === 2 && !workers.includes(before[0] as number),
    );
    expect(after).toContain(before[1]);
    await until(
      async () => linesOf(gateway).filter(({ msg }) => msg === 'ready').length,
      (ready) => ready === 3,
    );
    expect(linesOf(gateway)).toContainEqual(
      expect.objectContaining({ level: 'error', worker: before[0], signal: 'SIGKILL' }),
    );
    expect((await gateway.legacy('add_account', legacyAccount(newAccountKey()))).body).toEqual(succeeded);

    expect(await gateway.kill('SIGTERM')).toEqual({ code: 0, signal: null });
    expect(after.filter(isRunning)).toEqual([]);
    expect(gateway.stderr).toBe('');
  });

  test('answer what they have begun when they are stopped, and so they do where a terminal tells every process', async () => {
    gateway = await startGatewayProcess({ ...database.env, WORKERS: '2' });
    const workers = await bothReady(gateway);
    const asked = Array.from({ length: 40 }, () => gateway.legacy('add_account', legacyAccount(newAccountKey())));
    await Promise.race(asked);
    for (const pid of [...workers, gateway.child.pid as number]) process.kill(pid, 'SIGINT');
    const answers = await Promise.allSettled(asked);
    expect(await gateway.ended).toEqual({ code: 0, signal: null });
    const bodies = answers.flatMap((answer) => (answer.status === 'fulfilled' ? [answer.value.body] : []));
    expect(bodies).toContainEqual(succeeded);
    expect(bodies.filter(({ code }) => code !== 1001 && code !== 1000)).toEqual([]);
  });

  test('that cannot start stop the whole, and say why once', async () => {
    gateway = await startGatewayProcess(database.env);
    await gateway.kill('SIGTERM');
    const SECRETS_KEY = randomBytes(32).toString('base64');
    gateway = await launchGateway({ ...database.env, SECRETS_KEY, WORKERS: '2' });
    expect(await gateway.ended).toEqual({ code: 1, signal: null });
    expect(gateway.stderr.match(/sealed with a key that is not set/g)).toHaveLength(1);
  });
});

async function workersOf({ child: { pid } }: GatewayProcess): Promise<number[]> {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}

async function bothReady(gateway: GatewayProcess): Promise<number[]> {
  await until(
    async () => linesOf(gateway).filter(({ msg }) => msg === 'ready').length,
    (ready) => ready === 2,
  );
  return workersOf(gateway);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function linesOf({ stdout }: GatewayProcess) {
  const whole = stdout.slice(0, stdout.lastIndexOf('\n'));
  return whole.split('\n').map((line) => JSON.parse(line) as { msg: string; level: string; worker?: number });
}

async function until<T>(look: () => Promise<T>, isRight: (found: T) => boolean): Promise<T> {
  for (;;) {
    const found = await look();
    if (isRight(found)) return found;
    await sleep(50);
  }
}
