import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { migrations } from '../../src/database/migrations/index.js';
import { mysqlKind, sqliteKind, type TestDatabase } from '../support/databases.js';
import { median, report } from '../support/figures.js';
import { type GatewayProcess, launchGateway, startGatewayProcess } from '../support/process.js';
import { onDatabase } from '../support/raw-database.js';
import { legacyAccount, newAccountKey } from '../support/register-samples.js';
import { type StatementProxy, startStatementProxy } from '../support/statement-proxy.js';
import { onMysql } from '../support/suites.js';

const names = migrations.map(({ name }) => name);
const changing = /^\s*(CREATE|ALTER|INSERT|UPDATE|DELETE|DROP|COMMIT)/i;

async function expectWhole(database: TestDatabase, gateway: GatewayProcess): Promise<void> {
  const recorded = await onDatabase<{ name: string }>(database, 'SELECT name FROM migrations ORDER BY id');
  expect(recorded.map(({ name }) => name)).toEqual(names);
  expect((await gateway.legacy('add_account', legacyAccount(newAccountKey()))).body.code).toBe(1001);
}

onMysql.run(`starts on an empty database on ${onMysql.name}`, () => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
  });
  afterEach(() => database.drop());

  test('of five gateways at once, 20 times, all come up, and the tables are made once', async () => {
    const starts: number[] = [];
    for (let round = 0; round < 20; round += 1) {
      const made = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
      const gateways = await Promise.all(Array.from({ length: 5 }, () => launchGateway(made.env)));
      const started = performance.now();
      try {
        await Promise.all(gateways.map((gateway) => gateway.ready()));
        starts.push(Math.round(performance.now() - started));
        await Promise.all(gateways.map((gateway) => expectWhole(made, gateway)));
      } finally {
        await Promise.all(gateways.map((gateway) => gateway.kill('SIGKILL')));
        await made.drop();
      }
    }
    report('five gateways at once on an empty database, 20 times', {
      'all ready after ms, median': median(starts),
      longest: Math.max(...starts),
    });
  });

  test('that are killed after any statement that changes something are healed by the next', async () => {
    const { hostname, port } = new URL(database.url);
    const proxy: StatementProxy = await startStatementProxy({ host: hostname, port: Number(port) });
    const killed: string[] = [];
    try {
      for (let number = 1; ; number += 1) {
        const made = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
        try {
          const statement = await killAfter(number, proxy, made);
          if (statement === undefined) break;
          killed.push(statement);
          // Nobody waits here for the lease of the dead to run out: that has a test of its own.
          await onDatabase(made, 'UPDATE migration_lease SET expires_at = 0').catch(() => 'there is none yet');
          const next = await startGatewayProcess(made.env);
          await expectWhole(made, next);
          await next.kill('SIGKILL');
        } finally {
          await made.drop();
        }
      }
    } finally {
      await proxy.close();
    }
    report('gateway killed after each statement of its start', { statements: killed.length });
    expect(killed.filter((statement) => /CREATE TABLE|ADD INDEX/i.test(statement)).length).toBeGreaterThan(
      names.length,
    );
  });

  /** @returns the statement after which the gateway was killed; undefined where it came up with fewer */
  async function killAfter(number: number, proxy: StatementProxy, made: TestDatabase): Promise<string | undefined> {
    const url = made.url.replace(/(@|\/\/)[^@/]+(?=\/[^/]+$)/, `$1127.0.0.1:${proxy.port}`);
    const gateway = await launchGateway({ ...made.env, DATABASE_URL: url });
    let seen = 0;
    const last = new Promise<string>((resolve) => {
      proxy.onDone = (statement) => {
        if (!changing.test(statement)) return;
        seen += 1;
        if (seen !== number) return;
        gateway.child.kill('SIGKILL');
        resolve(statement);
      };
    });
    const statement = await Promise.race([last, gateway.ready().then(() => undefined)]).catch(() => last);
    await gateway.kill('SIGKILL');
    return statement;
  }

  test('succeed one that was killed while it held the lease, within ten seconds and what a start takes', async () => {
    const { hostname, port } = new URL(database.url);
    const proxy = await startStatementProxy({ host: hostname, port: Number(port) });
    // The lease is made by three statements and taken by the one after them.
    await killAfter(5, proxy, database);
    await proxy.close();
    const [lease] = await onDatabase<{ holder: string }>(database, 'SELECT holder FROM migration_lease');
    expect(lease?.holder).not.toBe('');
    const started = performance.now();
    const next = await startGatewayProcess(database.env);
    const taken = Math.round(performance.now() - started);
    report('lease of a killed gateway', { 'next ready after ms': taken });
    expect(taken).toBeLessThan(16_000);
    await expectWhole(database, next);
    await next.kill('SIGKILL');
  });
});

test('starts on no SQLite file that are killed at any moment are healed by the next', async () => {
  for (let round = 0; round < 20; round += 1) {
    const database = await sqliteKind.create();
    const killed = await launchGateway(database.env);
    await killed.listening();
    await sleep(4 * round);
    await killed.kill('SIGKILL');
    const next = await startGatewayProcess(database.env);
    await expectWhole(database, next);
    const [check] = await onDatabase<{ integrity_check: string }>(database, 'PRAGMA integrity_check');
    expect(check?.integrity_check).toBe('ok');
    await next.kill('SIGKILL');
    await database.drop();
  }
});
