import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { databaseKinds, mysqlKind, type TestDatabase } from '../support/databases.js';
import { median, report } from '../support/figures.js';
import { killGatewayAmidWrites } from '../support/kill-rounds.js';
import { startGatewayProcess } from '../support/process.js';
import { RegisterLedger } from '../support/register-ledger.js';
import { startStatementProxy } from '../support/statement-proxy.js';
import { onMysql } from '../support/suites.js';

const rounds = 20;
const maxStartTime = 3000;
const clients = 24;

describe.each(databaseKinds)('a gateway on $name that is killed amid writes and cascades', (kind) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await kind.create();
  });
  afterEach(() => database.drop());

  test(`${rounds} times loses nothing that it acknowledged, leaves nothing half done, and is ready again in ${maxStartTime} ms`, async () => {
    // The build is made before.
    await (await startGatewayProcess(database.env)).kill('SIGKILL');
    const { ledger, starts } = await killGatewayAmidWrites(database, rounds);
    report(`${kind.name}, gateway killed ${rounds} times`, {
      acknowledged: ledger.count('acknowledged'),
      unanswered: ledger.count('unanswered'),
      'start in ms, median': median(starts),
      longest: Math.max(...starts),
    });
    expect(await ledger.problems(database)).toEqual([]);
    expect(ledger.wrongAnswers).toEqual([]);
    expect(ledger.count('acknowledged')).toBeGreaterThan(10 * rounds);
    expect(Math.max(...starts)).toBeLessThan(maxStartTime);
  });
});

onMysql.run(`a gateway on ${onMysql.name} whose clients share transactions`, () => {
  test(`that is killed ${rounds} times, each time behind another statement, leaves of none of them a part`, async () => {
    const database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    const { hostname, port } = new URL(database.url);
    const proxy = await startStatementProxy({ host: hostname, port: Number(port || 3306) });
    const url = new URL(database.url);
    url.host = `127.0.0.1:${proxy.port}`;
    const ledger = new RegisterLedger();
    let shared = 0;
    for (let round = 1; round <= rounds; round += 1) {
      const gateway = await startGatewayProcess({ ...database.env, DATABASE_URL: url.href });
      let isOver = false;
      const writing = ledger.write(
        clients,
        () => gateway,
        () => isOver,
      );
      await sleep(500);
      await new Promise<unknown>((resolve) => {
        let done = 0;
        proxy.onDone = (statement) => {
          done += 1;
          if (/^INSERT INTO datasources .*\), \(/.test(statement)) shared += 1;
          // Before the gateway learns of it. Two transactions of up to seven statements are under way.
          if (done === 40 + round) resolve(gateway.kill('SIGKILL'));
        };
      });
      proxy.onDone = () => undefined;
      isOver = true;
      await writing;
    }
    report(`gateway killed behind each statement, ${rounds} times`, {
      acknowledged: ledger.count('acknowledged'),
      unanswered: ledger.count('unanswered'),
      'statements of several rows seen': shared,
    });
    await proxy.close();
    expect(await ledger.problems(database)).toEqual([]);
    expect(ledger.wrongAnswers).toEqual([]);
    expect(shared).toBeGreaterThan(rounds);
    await database.drop();
  });
});
