import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { Account } from '../../src/accounts/account.entity.js';
import { countAccounts, deleteAccount, selectAccountPage } from '../../src/accounts/account.statements.js';
import { ProviderRegions } from '../../src/accounts/provider-region.statements.js';
import type { Database, Reader } from '../../src/database/database.js';
import type { Position } from '../../src/database/index-range.js';
import type { Page, PageRequest } from '../../src/database/page.js';
import type { Datasource } from '../../src/datasources/datasource.entity.js';
import {
  countDatasources,
  countDatasourcesOf,
  type DatasourceConditions,
  selectDatasourcePage,
  selectDatasourcePages,
} from '../../src/datasources/datasource.statements.js';
import { openBareDatabase } from '../support/bare-database.js';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { store, storedAccount, storedDatasource } from '../support/stored-samples.js';

// Texts that MySQL, SQLite and JavaScript do not put in the same order by themselves.
const names = ['a', 'a\tb', 'a b', 'A', 'ab', 'é', '\uffff', '🐘', 'a\u0000b', 'a\u0001b', '0', 'orders-db'];
const instants = [1000, 2000, 2001, 3000];

/** Few accounts in few places, in which much has the same name or the same time. */
const fewPlaces = {
  name: 'few places',
  providers: [1, 2, 30],
  regions: ['here', 'Here', 'there'],
  accountIds: ['1', '10', 'x'],
  perAccount: 8,
};

/** More places than one statement reads. */
const manyPlaces = {
  name: 'many places',
  providers: [1, 2],
  regions: Array.from({ length: 120 }, (_, number) => `region-${number}`),
  accountIds: ['1'],
  perAccount: 2,
};

type Row = { readonly id: string; readonly createdAt: Date; readonly updatedAt: Date };
type Shape = typeof fewPlaces;

describe.each(databaseKinds)('on $name', (kind) => {
  describe.each([fewPlaces, manyPlaces])('a page of a register with $name', (shape) => {
    let made: TestDatabase;
    let database: Database;
    let accounts: Account[];
    let datasources: Datasource[];

    beforeAll(async () => {
      made = await kind.create();
      database = await openBareDatabase(made);
      accounts = accountsOf(shape);
      datasources = accounts.flatMap((account, number) => datasourcesOf(account, number, shape.perAccount));
      await store(database, accounts, datasources);
    });
    afterAll(async () => {
      await database.close();
      await made.drop();
    });

    /** All rows in the order that the database itself gives them by sorting all of them. */
    async function sorted<Sorted extends Row>(
      table: string,
      column: string,
      rows: readonly Sorted[],
    ): Promise<Sorted[]> {
      const ids = await database.read((session) =>
        session.rows<{ id: string }>(`SELECT id FROM ${table} ORDER BY ${column}, id`),
      );
      const byId = new Map(rows.map((row) => [row.id, row]));
      return ids.map(({ id }) => byId.get(id) as Sorted);
    }

    const conditions = fc.record(
      {
        accountProviderId: fc.constantFrom(...shape.providers, 999),
        accountId: fc.constantFrom(...shape.accountIds, 'none'),
        region: fc.constantFrom(...shape.regions.slice(0, 3), 'nowhere'),
        instanceId: fc.constantFrom(...names),
        search: fc.constantFrom('a', 'ORDERS', 'nothing has this'),
      },
      { requiredKeys: [] },
    );
    const asked = fc.record({
      conditions,
      property: fc.constantFrom('createdAt', 'updatedAt', 'instanceId'),
      descending: fc.boolean(),
      limit: fc.oneof(fc.integer({ min: 1, max: 12 }), fc.constant(100)),
      backward: fc.boolean(),
      rowsOfPart: fc.constantFrom({ first: 1, most: 1 }, { first: 2, most: 7 }, { first: 500, most: 5000 }),
      // Of the whole list: a cursor may also come from the list with another filter.
      after: fc.option(fc.nat(2000), { nil: undefined, freq: 1 }),
      before: fc.option(fc.nat(2000), { nil: undefined, freq: 1 }),
    });

    test('of datasources has what sorting all of them gives, for every filter, order and cursor', async () => {
      const columns = { createdAt: 'created_at', updatedAt: 'updated_at', instanceId: 'instance_id' };
      const lists = new Map<string, Datasource[]>();
      for (const [property, column] of Object.entries(columns)) {
        lists.set(property, await sorted('datasources', column, datasources));
      }
      await fc.assert(
        fc.asyncProperty(asked, async ({ conditions, property, ...rest }) => {
          const list = lists.get(property) as Datasource[];
          const { request, expected } = expectation(list, (row) => holds(row, conditions), property, rest);
          const inParts = <T>(work: (reader: Reader) => Promise<T>) =>
            database.read((session) => work(withParts(session, rest.rowsOfPart)));
          const page = await inParts((reader) =>
            selectDatasourcePage(reader, conditions, request, new ProviderRegions()),
          );
          expect(plain(page)).toEqual(expected);
          expect(await inParts((reader) => countDatasources(reader, conditions, new ProviderRegions()))).toBe(
            list.filter((row) => holds(row, conditions)).length,
          );

          const owners = accounts.slice(0, 4);
          const pages = await inParts((reader) => selectDatasourcePages(reader, owners, conditions, request));
          expect(await inParts((reader) => countDatasourcesOf(reader, owners, conditions))).toEqual(
            owners.map((owner) => list.filter((row) => isOf(owner, row) && holds(row, conditions)).length),
          );
          expect(pages.map(plain)).toEqual(
            owners.map((owner) => {
              const isIn = (row: Datasource) => isOf(owner, row) && holds(row, conditions);
              return expectation(list, isIn, property, rest).expected;
            }),
          );
        }),
        { numRuns: 400 },
      );
    });

    test('of accounts has what sorting all of them gives, for every filter, order and cursor', async () => {
      const columns = { createdAt: 'created_at', updatedAt: 'updated_at', accountId: 'account_id' };
      const lists = new Map<string, Account[]>();
      for (const [property, column] of Object.entries(columns)) {
        lists.set(property, await sorted('accounts', column, accounts));
      }
      await fc.assert(
        fc.asyncProperty(asked, async ({ conditions, property: asked, ...rest }) => {
          const property = asked === 'instanceId' ? 'accountId' : asked;
          const { accountProviderId: accountProvider, accountId, region } = conditions;
          const isWanted = (row: Account) =>
            isAs(row, { accountProvider, accountId, region }) &&
            isFound([row.accountId, row.region], conditions.search);
          const { request, expected } = expectation(lists.get(property) as Account[], isWanted, property, rest);
          const wanted = { accountProvider, accountId, region, search: conditions.search };
          const inParts = <T>(work: (reader: Reader) => Promise<T>) =>
            database.read((session) => work(withParts(session, rest.rowsOfPart)));
          const page = await inParts((reader) => selectAccountPage(reader, wanted, request, new ProviderRegions()));
          expect(plain(page)).toEqual(expected);
          expect(await inParts((reader) => countAccounts(reader, wanted, new ProviderRegions()))).toBe(
            accounts.filter(isWanted).length,
          );
        }),
        { numRuns: 400 },
      );
    });

    test('has what was put into a place that was empty before, and nothing of one that is empty now', async () => {
      const request = { ...first, limit: 100, order: { property: 'instanceId', descending: false } };
      const inAll = async (conditions: DatasourceConditions) => {
        const page = await database.read((session) =>
          selectDatasourcePage(session, conditions, request, new ProviderRegions()),
        );
        return page.rows.map(({ region }) => region);
      };
      const wanted = { accountProviderId: 1, instanceId: 'new' };
      expect(await inAll(wanted)).toEqual([]);
      const added = ['aaa', 'region-5a', 'zzz'].map((region) =>
        storedAccount({ accountProvider: 1, accountId: 'new', region }, 1),
      );
      await store(
        database,
        added,
        added.map((account) => storedDatasource(account, 'new', 1)),
      );
      expect(await inAll(wanted)).toEqual(['aaa', 'region-5a', 'zzz']);
      expect(await inAll({ region: 'zzz' })).toEqual(['zzz']);
      await database.change((session) => deleteAccount(session, added[1]?.id as string));
      expect(await inAll(wanted)).toEqual(['aaa', 'zzz']);
      await database.change((session) => deleteAccount(session, added[0]?.id as string));
      await database.change((session) => deleteAccount(session, added[2]?.id as string));
      expect(await inAll(wanted)).toEqual([]);
    });
  });
});

const first = { backward: false, after: undefined, before: undefined };

/** Reads in parts of so many rows what is read in parts. */
function withParts(reader: Reader, rowsOfPart: Reader['dialect']['rowsOfPart']): Reader {
  return { dialect: { ...reader.dialect, rowsOfPart }, rows: (sql, values) => reader.rows(sql, values) };
}

function accountsOf({ providers, regions, accountIds }: Shape): Account[] {
  const keys = providers.flatMap((accountProvider) =>
    regions.flatMap((region) => accountIds.map((accountId) => ({ accountProvider, accountId, region }))),
  );
  return keys.map((key, number) => storedAccount(key, picked(instants, number * 5), picked(instants, number * 3)));
}

function datasourcesOf(account: Account, number: number, count: number): Datasource[] {
  return Array.from({ length: count }, (_, place) => {
    const turn = number * 7 + place;
    return storedDatasource(account, picked(names, turn), picked(instants, turn * 5), picked(instants, turn * 3 + 1));
  });
}

function picked<T>(values: readonly T[], turn: number): T {
  return values[turn % values.length] as T;
}

function holds(row: Datasource, { search, ...wanted }: DatasourceConditions): boolean {
  const searched = [row.instanceId, row.accountId, row.description ?? '', row.jdbcConnectionUrl];
  return isAs(row, wanted) && isFound(searched, search);
}

function isAs(row: object, wanted: object): boolean {
  return Object.entries(wanted).every(
    ([name, value]) => value === undefined || (row as Record<string, unknown>)[name] === value,
  );
}

function isFound(texts: readonly string[], search: string | null | undefined): boolean {
  return !search || texts.some((text) => text.toLowerCase().includes(search.toLowerCase()));
}

function isOf(account: Account, row: Datasource): boolean {
  return (
    row.accountProviderId === account.accountProvider &&
    row.accountId === account.accountId &&
    row.region === account.region
  );
}

/** What is asked of a list, and what a page of it must have. */
function expectation<Listed extends Row>(
  list: readonly Listed[],
  isWanted: (row: Listed) => boolean,
  property: string,
  asked: {
    descending: boolean;
    limit: number;
    backward: boolean;
    after?: number | undefined;
    before?: number | undefined;
  },
) {
  const { descending, limit, backward } = asked;
  const inOrder = descending ? list.toReversed() : list;
  const bound = (place: number | undefined) => (place === undefined ? undefined : place % inOrder.length);
  const [after, before] = [bound(asked.after), bound(asked.before)];
  const between = inOrder.filter(
    (row, place) => isWanted(row) && (after === undefined || place > after) && (before === undefined || place < before),
  );
  const rows = backward ? between.slice(-limit) : between.slice(0, limit);
  const hasMore = between.length > limit;
  const request: PageRequest = {
    order: { property, descending },
    limit,
    backward,
    after: positionOf(inOrder, after, property),
    before: positionOf(inOrder, before, property),
  };
  const expected = {
    ids: rows.map(({ id }) => id),
    hasNextPage: backward ? before !== undefined : hasMore,
    hasPreviousPage: backward ? hasMore : after !== undefined,
  };
  return { request, expected };
}

function positionOf(list: readonly Row[], place: number | undefined, property: string): Position | undefined {
  if (place === undefined) return undefined;
  const row = list[place] as Row;
  const value = (row as unknown as Record<string, Date | string>)[property] as Date | string;
  return { value: value instanceof Date ? value.getTime() : value, id: row.id };
}

function plain({ rows, hasNextPage, hasPreviousPage }: Page<{ readonly id: string }>) {
  return { ids: rows.map(({ id }) => id), hasNextPage, hasPreviousPage };
}
