import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { killGatewayAmidWrites } from '../support/kill-rounds.js';

describe.each(databaseKinds)('a gateway on $name that is killed amid writes and cascades', (kind) => {
  let database: TestDatabase;

  beforeEach(async () => {
    database = await kind.create();
  });
  afterEach(() => database.drop());

  test('loses nothing that it acknowledged, and leaves nothing half done', async () => {
    const { ledger } = await killGatewayAmidWrites(database, 2);
    expect(await ledger.problems(database)).toEqual([]);
    expect(ledger.wrongAnswers).toEqual([]);
    expect(ledger.count('acknowledged')).toBeGreaterThan(10);
  });
});
