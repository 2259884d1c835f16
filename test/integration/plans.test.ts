import 'reflect-metadata';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import type { Account } from '../../src/accounts/account.entity.js';
import {
  type AccountConditions,
  countAccounts,
  deleteAccount,
  holdFreeAccounts,
  insertAccount,
  lockAccount,
  selectAccountPage,
  selectAccounts,
  selectAccountsAfter,
  selectAccountsById,
} from '../../src/accounts/account.statements.js';
import { claimAccountId, selectSharedAccountIds } from '../../src/accounts/account-id.statements.js';
import {
  selectAccountListing,
  selectAccountValues,
  summarizeAccounts,
} from '../../src/accounts/account-listing.statements.js';
import { ProviderRegions } from '../../src/accounts/provider-region.statements.js';
import {
  type AuditConditions,
  deleteAuditEventsBefore,
  insertAuditEvents,
  insertDeletionsOfDatasources,
  selectAuditPage,
} from '../../src/audit/audit.statements.js';
import type { AuditEvent } from '../../src/audit/audit-event.entity.js';
import {
  assignPositions,
  lockLastPosition,
  selectChangesFrom,
  selectLastPosition,
  selectUnnumbered,
  updateLastPosition,
} from '../../src/changes/change.statements.js';
import type { Database, Reader, Session, SqlValue } from '../../src/database/database.js';
import type { Position } from '../../src/database/index-range.js';
import type { PageRequest } from '../../src/database/page.js';
import { maxLookupKeys } from '../../src/database/shared-lookup.js';
import { replaceSealed, selectSealed } from '../../src/datasources/credential.statements.js';
import type { Datasource } from '../../src/datasources/datasource.entity.js';
import {
  countDatasources,
  type DatasourceConditions,
  deleteInstances,
  holdForAdditions,
  insertDatasource,
  insertDatasources,
  lockFreeSealedDatasources,
  lockInstances,
  lockSealedDatasource,
  selectDatasourceKeys,
  selectDatasourcePage,
  selectDatasourcePages,
  selectDatasourcePageWithAccounts,
  selectDatasources,
  selectDatasourcesById,
  selectDatasourcesWithAccounts,
  selectSealedDatasources,
  selectSealedDatasourcesAfter,
  updateDatasource,
  updateDatasources,
} from '../../src/datasources/datasource.statements.js';
import {
  countDatasourcesOfEach,
  countDatasourcesOfProviders,
  selectDatasourceListing,
  selectDatasourceValues,
} from '../../src/datasources/datasource-listing.statements.js';
import { newId } from '../../src/global-id.js';
import {
  selectFirstVersions,
  selectLastDatasourceId,
  selectVersionPages,
  selectVersionsAfter,
} from '../../src/history/history.statements.js';
import { openBareDatabase } from '../support/bare-database.js';
import { type DatabaseKind, mysqlKind, sqliteKind, type TestDatabase } from '../support/databases.js';
import { findingsIn, type Look, lookAt } from '../support/plans.js';
import { store, storedAccount, storedDatasource } from '../support/stored-samples.js';

const accountCount = 600;
const perAccount = 10;
const inLargestAccount = 2_000;
const placeCount = 10;
const limit = 5;
const versionCount = 2_000;
/** In every account, so that what has this name is many rows, too. */
const commonName = 'orders-db';
const tables = ['accounts', 'datasources', 'audit_events'];

interface Setting {
  readonly name: string;
  readonly kind: DatabaseKind;
  /** Done before the tables are filled. */
  before(database: Database): Promise<unknown>;
  /** Done when they are. */
  after(database: Database): Promise<unknown>;
}

const nothing = async () => undefined;
const analyze = (database: Database) => database.read((session) => session.rows(`ANALYZE TABLE ${tables.join(', ')}`));

const settings: Setting[] = [
  { name: 'SQLite', kind: sqliteKind, before: nothing, after: nothing },
  ...(mysqlKind === undefined
    ? []
    : [
        { name: 'MySQL with fresh statistics', kind: mysqlKind, before: nothing, after: analyze },
        {
          name: 'MySQL with the statistics of when the tables were empty',
          kind: mysqlKind,
          before: async (database: Database) => {
            for (const table of tables) {
              await database.read((session) => session.run(`ALTER TABLE ${table} STATS_AUTO_RECALC = 0`));
            }
            await analyze(database);
          },
          after: nothing,
        },
      ]),
];

describe.each(settings)('on $name', ({ kind, before, after }) => {
  let made: TestDatabase;
  let database: Database;
  let accounts: Account[];
  let datasources: Datasource[];

  beforeAll(async () => {
    made = await kind.create();
    database = await openBareDatabase(made);
    await before(database);
    accounts = Array.from({ length: accountCount }, (_, number) => accountOf(number));
    datasources = Array.from({ length: accountCount * perAccount }, (_, number) => datasourceOf(number, accounts));
    const largest = accounts.slice(0, 1);
    for (let number = 1; number < inLargestAccount; number += 1) datasources.push(datasourceOf(number, largest));
    await store(database, accounts, datasources);
    await storeEvents(database, accounts);
    await storeVersions(database, datasources);
    await after(database);
  });
  afterAll(async () => {
    await database?.close();
    await made?.drop();
  });

  /** Expects that the statements go by indexes, sort no more than a page of each place, and read no more rows than that. */
  async function expectByIndex(work: (session: Session) => Promise<unknown>, maxRowsRead: number): Promise<Look> {
    const look = await lookAt(database, work);
    expect({ findings: findingsIn(look, maxRowsRead), isRead: look.rowsRead > maxRowsRead && look }).toEqual({
      findings: [],
      isRead: false,
    });
    return look;
  }

  /** Each page of a list that there can be: the first, the last, one in the middle from its start and from its end. */
  function pagesOf(
    list: readonly (Datasource | Account | AuditEvent)[],
    property: string,
    filter: object = {},
  ): PageRequest[] {
    const isListed = (row: object) =>
      Object.entries(filter).every(([name, value]) => (row as Record<string, unknown>)[name] === value);
    const listed = list.filter(isListed);
    return [false, true].flatMap((descending) => {
      const order = { property, descending };
      const middle = positionOf(listed[Math.floor(listed.length / 2)] as object, property);
      const none = { after: undefined, before: undefined };
      return [
        { order, limit, backward: false, ...none },
        { order, limit, backward: true, ...none },
        { order, limit, backward: false, after: middle, before: undefined },
        { order, limit, backward: true, after: undefined, before: middle },
      ];
    });
  }

  describe.each(subsetsOf(['accountProviderId', 'accountId', 'region', 'instanceId']))(
    'a page of datasources by [%s]',
    (...filter) => {
      test.each(['createdAt', 'updatedAt', 'instanceId'])('in the order of %s', async (property) => {
        const conditions = conditionsOf(filter, datasources[0] as Datasource) as DatasourceConditions;
        for (const request of pagesOf(datasources, property, conditions)) {
          await expectByIndex(
            (session) => selectDatasourcePage(session, conditions, request, new ProviderRegions()),
            mergedPage,
          );
          const joined = (session: Session) =>
            selectDatasourcePageWithAccounts(session, conditions, request, new ProviderRegions());
          await expectByIndex(joined, mergedPage + 2 * limit);
        }
      });
    },
  );

  test.each(['createdAt', 'updatedAt', 'instanceId'])(
    'a page of each of several accounts in the order of %s',
    async (property) => {
      const owners = accounts.slice(0, 20);
      for (const conditions of [{}, { region: owners[0]?.region }, { instanceId: commonName }]) {
        for (const request of pagesOf(datasources, property, conditions)) {
          await expectByIndex((session) => selectDatasourcePages(session, owners, conditions, request), 2 * mergedPage);
        }
      }
    },
  );

  describe.each(subsetsOf(['accountProvider', 'accountId', 'region']))('a page of accounts by [%s]', (...filter) => {
    test.each(['createdAt', 'updatedAt', 'accountId'])('in the order of %s', async (property) => {
      const conditions = conditionsOf(filter, accounts[0] as Account) as AccountConditions;
      for (const request of pagesOf(accounts, property, conditions)) {
        await expectByIndex(
          (session) => selectAccountPage(session, conditions, request, new ProviderRegions()),
          mergedPage,
        );
      }
    });
  });

  test('a page of the audit by any filter', async () => {
    const event = eventOf(0, accounts);
    const names = ['actor', 'operation', 'outcome', 'accountProvider', 'accountId', 'region', 'instanceId'];
    const between = { from: new Date(1_000), until: new Date(1_000_000) };
    for (const filter of subsetsOf([...names, 'between'])) {
      const times = filter.includes('between') ? between : {};
      const conditions = { ...conditionsOf(filter, event), ...times } as AuditConditions;
      const [first, , , lastBefore] = pagesOf([event], 'createdAt') as [PageRequest, unknown, unknown, PageRequest];
      const request = filter.length % 2 === 0 ? first : lastBefore;
      // What no index has is looked for in the order of the list, so how many rows are read depends on how rare it is.
      await expectByIndex((session) => selectAuditPage(session, conditions, request), Number.POSITIVE_INFINITY);
    }
  });

  test.each([['actor'], ['operation'], ['accountId'], []])(
    'a page of the audit by [%s] reads no more than it has',
    async (...filter) => {
      const event = eventOf(0, accounts);
      const conditions = conditionsOf(filter, event) as AuditConditions;
      for (const request of pagesOf([event], 'createdAt')) {
        await expectByIndex((session) => selectAuditPage(session, conditions, request), 30);
      }
    },
  );

  test('the history of datasources, of which one has very many versions', async () => {
    const [much, little] = [datasources[0] as Datasource, datasources[1] as Datasource];
    for (const request of pagesOfVersions) {
      await expectByIndex((session) => selectVersionPages(session, [much], request), 40);
      await expectByIndex((session) => selectVersionPages(session, [much, little], request), 80);
    }
    await expectByIndex((session) => selectFirstVersions(session, [much, little]), 20);
    await expectByIndex((session) => selectLastDatasourceId(session, much), 5);
    await expectByIndex((session) => selectVersionsAfter(session, much, versionCount / 2, 20), 30);
  });

  describe('what goes through rows', () => {
    /** In parts of a few rows each: those of a part are found by its bounds, and not from the start. */
    async function expectOnce(work: (reader: Reader) => Promise<unknown>, maxGoneThrough: number): Promise<void> {
      const look = await lookAt(database, (session) => {
        const dialect = { ...session.dialect, rowsOfPart: { first: 100, most: 400 } };
        return work({ dialect, rows: (sql, values) => session.rows(sql, values) });
      });
      expect(findingsIn(look, 2 * maxGoneThrough)).toEqual([]);
      // Each is read once in an index and once itself, and each part reads some beside.
      expect(look.rowsRead).toBeLessThanOrEqual(2.5 * maxGoneThrough + 30 * look.statements.length);
      expect(look.statements.length).toBeGreaterThan(3);
    }

    test.each(['createdAt', 'updatedAt', 'instanceId'])(
      'in the order of %s goes through each once',
      async (property) => {
        for (const descending of [false, true]) {
          for (const backward of [false, true]) {
            const request = { order: { property, descending }, limit, backward, after: undefined, before: undefined };
            const [{ accountProvider, accountId, region }] = accounts as [Account];
            for (const [conditions, most] of [
              [{}, datasources.length],
              [{ accountProviderId: accountProvider }, datasources.length],
              [{ region }, datasources.length],
              [{ accountId }, inLargestAccount],
              [{ accountProviderId: accountProvider, accountId, region }, inLargestAccount + perAccount],
            ] as const) {
              const searching = { ...conditions, search: 'nothing has this' };
              await expectOnce(
                (reader) => selectDatasourcePage(reader, searching, request, new ProviderRegions()),
                most,
              );
            }
          }
        }
      },
    );

    test('a count of what an index tells reads the index, and of a search each row once', async () => {
      const { accountProvider, accountId, region } = accounts[0] as Account;
      for (const conditions of [
        {},
        { accountProviderId: accountProvider },
        { region },
        { accountId },
        { accountProviderId: accountProvider, accountId },
        { instanceId: commonName },
        { accountProviderId: accountProvider, accountId, region },
        { accountProviderId: accountProvider, accountId, region, instanceId: commonName },
      ]) {
        const isCounted = (row: Datasource) =>
          Object.entries(conditions).every(
            ([name, value]) => (row as unknown as Record<string, unknown>)[name] === value,
          );
        const count = datasources.filter(isCounted).length;
        const look = await lookAt(database, async (session) => {
          expect(await countDatasources(session, conditions, new ProviderRegions())).toBe(count);
        });
        expect(findingsIn(look, 2 * count + mergedPage)).toEqual([]);
        // What is counted first is counted once more, where there is more than that.
        expect(look.rowsRead).toBeLessThanOrEqual(1.5 * count + 3 * Math.min(count, 5000) + mergedPage);
      }
      const search = { search: 'nothing has this' };
      await expectOnce((reader) => countDatasources(reader, search, new ProviderRegions()), datasources.length);
      await expectOnce((reader) => countAccounts(reader, search, new ProviderRegions()), accountCount);
    });
  });

  describe('a list in pages by number', () => {
    const page = { offset: 20, limit };
    // As many as there are candidates, in an index, and then those of the page.
    const gone = 3 * accountCount + 20 * limit;

    test.each(['place', 'accountId', 'region', 'createdAt', 'updatedAt'] as const)(
      'of accounts by %s',
      async (order) => {
        for (const comparisons of [
          [],
          [equal('region', 'region-1')],
          [contain('accountId', '1')],
          [equal('accountId', 'account-7')],
        ]) {
          const listing = { providers: [1, 2], comparisons, order, descending: true };
          await expectBounded((session) => selectAccountListing(session, listing, page), gone);
        }
      },
    );

    test.each(['createdAt', 'updatedAt', 'instanceId'] as const)('of datasources by %s', async (order) => {
      const { accountProvider, accountId } = accounts[0] as Account;
      for (const comparisons of [[], [equal('instanceId', commonName)], [contain('description', 'x')]]) {
        const named = {
          providers: [accountProvider],
          comparisons: [equal('accountId', accountId), ...comparisons],
          order,
          descending: true,
        };
        const look = await expectBounded(
          (session) => selectDatasourceListing(session, named, page),
          4 * inLargestAccount,
        );
        expect(look.statements.length).toBeLessThanOrEqual(3);
        const anywhere = { providers: [1], comparisons, order, descending: true };
        await expectBounded((session) => selectDatasourceListing(session, anywhere, page), 4 * datasources.length);
      }
    });

    test('and what stands beside it', async () => {
      await expectBounded(
        (session) => countDatasourcesOfEach(session, accounts.slice(0, 100)),
        3 * (inLargestAccount + 100 * perAccount) + 500,
      );
      await expectBounded((session) => countDatasourcesOfProviders(session, [1, 2]), 2 * datasources.length + 20);
      await expectBounded((session) => summarizeAccounts(session, [1, 2]), 3 * accountCount + 20);
      await expectBounded((session) => selectAccountValues(session, [1, 2], 'region'), 3 * accountCount + 20);
      await expectBounded(
        (session) => selectDatasourceValues(session, [1, 2], 'description'),
        4 * datasources.length + 20,
      );
      await expectBounded((session) => claimAccountId(session, accounts[8] as Account), 20);
      const ids = await lookAt(database, (session) => selectSharedAccountIds((work) => work(session)));
      expect(findingsIn(ids, 4 * accountCount)).toEqual([]);
    });

    /** By an index, never by the whole table; so many rows are gone through, and no more. */
    async function expectBounded(work: (session: Session) => Promise<unknown>, maxRowsRead: number): Promise<Look> {
      const look = await lookAt(database, work);
      const lines = look.statements.flatMap(({ plan }) =>
        plan.map((line) => String(line.detail ?? `${line.type} ${line.table}`)),
      );
      expect(lines.filter((line) => /^(ALL|SCAN) (accounts|datasources)\b(?!.*USING)/.test(line))).toEqual([]);
      expect(look.rowsRead).toBeLessThanOrEqual(maxRowsRead);
      return look;
    }
  });

  test('the feed of changes', async () => {
    await expectByIndex((session) => selectUnnumbered(session, 5), 20);
    await expectByIndex((session) => selectChangesFrom(session, 500, 5), 20);
    await expectByIndex((session) => selectChangesFrom(session, 1, 5), 20);
    const ids = await database.read((session) => selectUnnumbered(session, 20));
    await expectByIndex(
      (session) =>
        assignPositions(
          session,
          ids.map(({ id }) => id),
          10_000,
        ),
      100,
    );
    await expectByIndex((session) => lockLastPosition(session), 5);
    await expectByIndex((session) => selectLastPosition(session), 5);
    await expectByIndex((session) => updateLastPosition(session, 7), 5);
  });

  test('what is found by a key or an id', async () => {
    const [datasource, account] = [datasources[77] as Datasource, accounts[77] as Account];
    const keys = datasources.slice(100, 150);
    await expectByIndex((session) => selectDatasources(session, [datasource]), 5);
    await expectByIndex((session) => selectDatasources(session, keys.slice(0, maxLookupKeys)), 3 * maxLookupKeys);
    await expectByIndex((session) => selectDatasourcesById(session, [datasource]), 5);
    const many = keys.slice(0, maxLookupKeys);
    await expectByIndex((session) => selectDatasourcesWithAccounts(session, many), 5 * maxLookupKeys);
    await expectByIndex((session) => lockSealedDatasource(session, datasource), 5);
    await expectByIndex((session) => selectSealedDatasources(session, keys), 3 * keys.length);
    await expectByIndex((session) => selectAccounts(session, [account]), 5);
    await expectByIndex((session) => selectAccountsById(session, [account]), 5);
    await expectByIndex((session) => lockAccount(session, account), 5);
    await expectByIndex((session) => selectAccounts(session, accounts.slice(100, 150)), 150);
  });

  test('what is read in the order of the ids', async () => {
    const { id } = datasources[3000] as Datasource;
    await expectByIndex((session) => selectSealedDatasourcesAfter(session, id, 20), 30);
    await expectByIndex((session) => selectSealed(session, id, 20), 30);
    await expectByIndex((session) => selectAccountsAfter(session, (accounts[300] as Account).id, 20), 30);
  });

  test('what is recorded when an account is deleted', async () => {
    const event = { ...eventOf(5, accounts), instanceId: null };
    await expectByIndex((session) => insertDeletionsOfDatasources(session, event), 3 * perAccount);
  });

  test('what is written', async () => {
    const [account, other] = [accounts[5] as Account, accounts[6] as Account];
    const datasource = datasources.find(
      (one) => one.accountId === account.accountId && one.region === account.region,
    ) as Datasource;
    const key = { accountProvider: 1, accountId: 'added', region: 'added' };
    const sealed = Buffer.from('sealed');
    await expectByIndex((session) => insertAccount(session, storedAccount(key, 1)), 20);
    await expectByIndex((session) => insertDatasource(session, storedDatasource(account, 'one', 1)), 20);
    await expectByIndex(
      (session) =>
        insertDatasources(session, [storedDatasource(account, 'two', 1), storedDatasource(account, 'three', 1)]),
      20,
    );
    await expectByIndex((session) => updateDatasource(session, datasource), 20);
    await expectByIndex((session) => updateDatasources(session, [datasource, datasources[7] as Datasource]), 20);
    await expectByIndex((session) => holdFreeAccounts(session, accounts.slice(0, 5)), 20);
    await expectByIndex((session) => holdForAdditions(session, datasources.slice(0, 5)), 40);
    await expectByIndex((session) => selectDatasourceKeys(session, datasources.slice(0, 5)), 20);
    await expectByIndex((session) => lockFreeSealedDatasources(session, datasources.slice(0, 5)), 40);
    await expectByIndex((session) => replaceSealed(session, datasource.id, 'secret_sealed', sealed, sealed), 20);
    await expectByIndex((session) => lockInstances(session, account, [datasource.instanceId, 'none']), 20);
    await expectByIndex((session) => deleteInstances(session, account, [datasource.instanceId, 'none']), 20);
    await expectByIndex((session) => deleteAccount(session, other.id), 20 * perAccount);
    await expectByIndex((session) => insertAuditEvents(session, [eventOf(1, accounts)]), 20);
    await expectByIndex((session) => insertAuditEvents(session, [eventOf(1, accounts), eventOf(2, accounts)]), 20);
    await expectByIndex((session) => deleteAuditEventsBefore(session, new Date(5_000), 5), 40);
  });
});

function equal<Property extends string>(property: Property, value: string) {
  return { properties: [property], kind: 'equal', values: [value], negated: false } as const;
}

function contain<Property extends string>(property: Property, value: string) {
  return { properties: [property], kind: 'contain', values: [value], negated: false } as const;
}

/** Rows that a page may read which is merged from all places: of each its own, in an index and twice in passing, and then the page. */
const mergedPage = 4 * placeCount * (limit + 2) + 30;

function accountOf(number: number): Account {
  const key = {
    accountProvider: (number % 2) + 1,
    accountId: `account-${Math.floor(number / 2)}`,
    region: `region-${Math.floor(number / 2) % (placeCount / 2)}`,
  };
  return storedAccount(key, 1_000 + number, 1_000 + ((number * 37) % accountCount));
}

function datasourceOf(number: number, accounts: readonly Account[]): Datasource {
  const account = accounts[number % accounts.length] as Account;
  const turn = Math.floor(number / accounts.length);
  const name = turn === 0 ? commonName : `database-${(number * 7919) % 100_003}-${accounts.length}`;
  const datasource = storedDatasource(account, name, 1_000 + number, 1_000 + ((number * 3571) % 100_000));
  return { ...datasource, secretSealed: Buffer.from('sealed') };
}

function eventOf(number: number, accounts: readonly Account[]): AuditEvent {
  const { accountProvider, accountId, region } = accounts[number % accounts.length] as Account;
  return {
    id: newId('E'),
    createdAt: new Date(1_000 + number),
    actor: `actor-${number % 7}`,
    means: 'key',
    surface: 'graphql',
    address: null,
    requestId: String(number),
    operation: number % 5 === 0 ? 'addDatasource' : 'editDatasource',
    outcome: 'done',
    accountProvider,
    accountId,
    region,
    instanceId: commonName,
    targetId: null,
    version: null,
    position: null,
    changes: null,
  };
}

async function storeEvents(database: Database, accounts: readonly Account[]): Promise<void> {
  const events = Array.from({ length: 3_000 }, (_, number) => eventOf(number, accounts));
  await database.change(async (session) => {
    for (let from = 0; from < events.length; from += 500)
      await insertAuditEvents(session, events.slice(from, from + 500));
  });
}

/** Very many versions of one datasource, one of each other, and as many readings of credentials. */
async function storeVersions(database: Database, datasources: readonly Datasource[]): Promise<void> {
  const ofAll = datasources.slice(0, 3_000).map((datasource) => versionOf(datasource, 1));
  const ofOne = Array.from({ length: versionCount }, (_, number) =>
    versionOf(datasources[0] as Datasource, number + 2),
  );
  const readings = Array.from({ length: versionCount }, () => versionOf(datasources[0] as Datasource, null));
  const events = [...ofAll, ...ofOne, ...readings].map((event, number) => {
    return { ...event, position: event.version === null ? null : Math.max(0, number - 500) };
  });
  await database.change(async (session) => {
    for (let from = 0; from < events.length; from += 500)
      await insertAuditEvents(session, events.slice(from, from + 500));
  });
}

function versionOf(datasource: Datasource, version: number | null): AuditEvent {
  const { accountProviderId: accountProvider, accountId, region, instanceId, id } = datasource;
  const operation = version === null ? 'datasourceCredentials' : 'updateDatasource';
  return {
    ...eventOf(0, [datasource as never]),
    operation,
    accountProvider,
    accountId,
    region,
    instanceId,
    targetId: id,
    version,
  };
}

const pagesOfVersions: PageRequest[] = [false, true].flatMap((backward) => {
  const order = { property: 'version', descending: true };
  const middle = { value: versionCount / 2, id: 'E0' };
  const none = { after: undefined, before: undefined };
  return [
    { order, limit, backward, ...none },
    { order, limit, backward, after: backward ? undefined : middle, before: backward ? middle : undefined },
  ];
});

function subsetsOf(names: readonly string[]): string[][] {
  return Array.from({ length: 2 ** names.length }, (_, bits) => names.filter((_, place) => (bits >> place) & 1));
}

function conditionsOf(filter: readonly string[], row: object): Record<string, SqlValue> {
  return Object.fromEntries(filter.map((name) => [name, (row as Record<string, SqlValue>)[name] as SqlValue]));
}

function positionOf(row: object, property: string): Position {
  const value = (row as Record<string, unknown>)[property];
  return { value: value instanceof Date ? value.getTime() : String(value), id: (row as { id: string }).id };
}
