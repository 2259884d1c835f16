import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { median, report } from '../support/figures.js';
import { killGatewayAmidWrites } from '../support/kill-rounds.js';
import { startGatewayProcess } from '../support/process.js';

const rounds = 20;
const longestStart = 3000;

describe.each(databaseKinds)('a gateway on $name that is killed amid writes and cascades', (kind) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await kind.create();
  });
  afterEach(() => database.drop());

  test(`${rounds} times loses nothing that it acknowledged, leaves nothing half done, and is ready again in ${longestStart} ms`, async () => {
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
    expect(Math.max(...starts)).toBeLessThan(longestStart);
  });
});
