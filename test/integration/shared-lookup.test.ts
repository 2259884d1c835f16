import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Account } from '../../src/accounts/account.entity.js';
import type { Database } from '../../src/database/database.js';
import { maxLookupKeys, SharedLookup } from '../../src/database/shared-lookup.js';
import type { Datasource } from '../../src/datasources/datasource.entity.js';
import {
  type DatasourceIdentity,
  datasourceKeyValues,
  selectDatasources,
  updateDatasource,
} from '../../src/datasources/datasource.statements.js';
import { openBareDatabase } from '../support/bare-database.js';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { store, storedAccount, storedDatasource } from '../support/stored-samples.js';

// Some are told apart only by where the id of the account ends, by the case, or by what a database may take for the same.
const accountKeys = [
  { accountProvider: 1, accountId: 'a', region: 'b c' },
  { accountProvider: 1, accountId: 'a b', region: 'c' },
  { accountProvider: 2, accountId: 'a', region: 'b c' },
  { accountProvider: 1, accountId: 'A', region: 'b c' },
];
const names = ['a', 'A', 'á', 'a\u0301', 'a b', 'a\tb', 'a\u0000b', 'a"b', '🐘', '1', '01', 'ß', 'ss', 'orders-db'];

describe.each(databaseKinds)('look-ups on $name', (kind) => {
  let made: TestDatabase;
  let database: Database;
  let observed: Database;
  let statements: string[];
  let datasources: Datasource[];

  beforeAll(async () => {
    made = await kind.create();
    database = await openBareDatabase(made);
    statements = [];
    observed = await openBareDatabase(made, (sql, run) => {
      statements.push(sql);
      return run();
    });
    const accounts: Account[] = accountKeys.map((key) => storedAccount(key, 1000));
    datasources = accounts.flatMap((account) => names.map((name) => storedDatasource(account, name, 1000)));
    await store(database, accounts, datasources);
  });
  afterAll(async () => {
    await database?.close();
    await observed?.close();
    await made?.drop();
  });

  /** The look-up, and how many keys each of its statements was given. */
  function lookup(on: Database) {
    const sizes: number[] = [];
    const select: typeof selectDatasources = (session, keys) => {
      sizes.push(keys.length);
      return selectDatasources(session, keys);
    };
    return { sizes, datasources: new SharedLookup(on, select, datasourceKeyValues) };
  }

  test('at the same time share statements, and each finds its own', async () => {
    const shared = lookup(database);
    const found = await Promise.all(datasources.map((one) => shared.datasources.find(one)));
    expect(found.map((one) => one?.id)).toEqual(datasources.map(({ id }) => id));
    expect(datasources).toHaveLength(56);
    // The first finds none under way. The last statement is filled up.
    expect(shared.sizes).toEqual([1, maxLookupKeys, 32]);
  });

  test.each([1, 2, 3, 4, 5, 17, 32, 33])(
    'of %i keys are right, some of them of nothing, and some asked twice',
    async (count) => {
      const shared = lookup(database);
      const keys: DatasourceIdentity[] = Array.from({ length: count }, (_, place) => {
        const datasource = datasources[(place * 7) % 20] as Datasource;
        return place % 3 === 1 ? { ...datasource, instanceId: 'none' } : datasource;
      });
      const found = await Promise.all(keys.map((key) => shared.datasources.find(key)));
      const ids = new Map(datasources.map((one) => [JSON.stringify(datasourceKeyValues(one)), one.id]));
      expect(found.map((one) => one?.id)).toEqual(keys.map((key) => ids.get(JSON.stringify(datasourceKeyValues(key)))));
      expect(shared.sizes.every((size) => Number.isInteger(Math.log2(size)))).toBe(true);
    },
  );

  test('one after the other have statements of their own', async () => {
    const shared = lookup(database);
    for (const one of datasources.slice(0, 3)) expect((await shared.datasources.find(one))?.id).toBe(one.id);
    expect(shared.sizes).toEqual([1, 1, 1]);
  });

  test('see what was changed before they were asked for, however many are under way', async () => {
    const shared = lookup(database);
    const changed = datasources[5] as Datasource;
    let underWay = true;
    const others = (async () => {
      while (underWay) await Promise.all(datasources.slice(0, 10).map((one) => shared.datasources.find(one)));
    })();
    try {
      for (let version = 1; version <= 30; version += 1) {
        await database.change((session) =>
          updateDatasource(session, { ...changed, version, description: `v${version}` }),
        );
        const found = await shared.datasources.find(changed);
        expect(found).toMatchObject({ version: version + 1, description: `v${version}` });
      }
    } finally {
      underWay = false;
      await others;
    }
  });

  test('that share a statement share its failure, and those behind them do not', async () => {
    const shared = lookup(database);
    const rename = (from: string, to: string) =>
      database.read((session) => session.run(`ALTER TABLE ${from} RENAME TO ${to}`));
    await rename('datasources', 'datasources_elsewhere');
    const failed = await Promise.allSettled(datasources.slice(0, 3).map((one) => shared.datasources.find(one)));
    await rename('datasources_elsewhere', 'datasources');
    expect(failed.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected']);
    expect((await shared.datasources.find(datasources[0] as Datasource))?.id).toBe(datasources[0]?.id);
  });

  test('have a statement each where statements are observed', async () => {
    const shared = lookup(observed);
    statements.length = 0;
    const found = await Promise.all(datasources.slice(0, 5).map((one) => shared.datasources.find(one)));
    expect(found.map((one) => one?.id)).toEqual(datasources.slice(0, 5).map(({ id }) => id));
    expect(statements.filter((sql) => sql.includes('FROM datasources'))).toHaveLength(5);
    expect(shared.sizes).toEqual([1, 1, 1, 1, 1]);
  });
});
