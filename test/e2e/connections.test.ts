import { beforeAll, describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import { type TestGateway } from '../support/gateway.js';
import { accountKey, addAccount, addDatasource, datasourceInput } from '../support/samples.js';
import { runStatement, statementsOf } from '../support/statements.js';

interface Row {
  readonly id: string;
  readonly createdAt: string;
  readonly updatedAt: string;
  readonly name: string;
}

interface PageArguments {
  readonly first?: number | null;
  readonly after?: string | null;
  readonly last?: number | null;
  readonly before?: string | null;
  readonly orderBy?: object | null;
  readonly filter?: object | null;
}

const fields = ['CREATED_AT', 'UPDATED_AT', 'NAME'] as const;
const directions = ['ASC', 'DESC'] as const;
const orders = fields.flatMap((field) => directions.map((direction) => ({ field, direction })));
const pageInfo = 'pageInfo { hasNextPage hasPreviousPage startCursor endCursor }';

// Some differ in case only, and UTF-16 orders the last two the other way round.
const accountIds = ['b', 'a', 'B', 'A', 'aa', 'Ä', 'ä', 'z_1', 'z%1', '\uff5e', '😀'];
const instanceIds = [
  'orders',
  'Orders',
  'invoices',
  'ÄRGER',
  'ΟΔΟΣΑΣ',
  '50%',
  '50_',
  '500',
  'a\\b',
  "o'brien",
  '\uff5e',
  '😀',
];

/** The three lists: all accounts, all datasources, and the datasources of one account. */
const lists = ['accounts', 'datasources', 'account.datasources'] as const;

describe.each(databaseKinds)('connections, on $name', (kind) => {
  const { database, gateway } = useGateway(kind);

  beforeAll(async () => {
    for (const [place, accountId] of accountIds.entries()) {
      await addAccount(gateway, { accountProvider: place + 1, accountId, region: `region-${place % 2}` });
    }
    await addAccount(gateway);
    for (const [place, instanceId] of instanceIds.entries()) {
      await addDatasource(
        gateway,
        datasourceInput(instanceId, {
          description: place % 2 === 0 ? `Beschreibung Nr. ${place}: GRÖSSE` : null,
          jdbcConnectionUrl: `jdbc:mysql://host-${place}.example.com/Straße`,
        }),
      );
    }
    for (const [place, accountId] of accountIds.slice(0, 3).entries()) {
      for (const instanceId of ['orders', 'invoices']) {
        const key = { accountProviderId: place + 1, accountId, region: `region-${place % 2}` };
        await addDatasource(gateway, datasourceInput(instanceId, key));
      }
    }
    // Several have the same time, and the order of the times is not that of the ids.
    const times = (column: string) =>
      `created_at = 1700000000000 - LENGTH(${column}) % 3, updated_at = 1700000000000 + LENGTH(${column}) % 2`;
    await runStatement(database, `UPDATE accounts SET ${times('account_id')}`);
    await runStatement(database, `UPDATE datasources SET ${times('instance_id')}`);
  });

  describe.each(lists)('%s', (list) => {
    test.each(orders)(
      'gives each row once and in order by $field $direction, forward and backward',
      async (orderBy) => {
        const all = await expected(list, orderBy);
        expect(all.length).toBeGreaterThanOrEqual(12);
        for (const size of [1, 3, all.length - 1, all.length, 100]) {
          for (const way of ['forward', 'backward'] as const) {
            const rows = await everything(list, orderBy, size, way);
            expect([size, way, rows.map(({ id }) => id)]).toEqual([size, way, all.map(({ id }) => id)]);
          }
        }
      },
    );

    test('is ordered from the oldest on, where nothing else is said', async () => {
      const all = await expected(list, { field: 'CREATED_AT', direction: 'ASC' });
      for (const orderBy of [undefined, null, {}]) {
        const { rows } = await page(list, { first: 100, orderBy });
        expect(rows.map(({ id }) => id)).toEqual(all.map(({ id }) => id));
      }
    });

    test('a page ends at a cursor on either side, and says what is beyond it', async () => {
      const orderBy = { field: 'NAME', direction: 'DESC' } as const;
      const all = await expected(list, orderBy);
      const { cursors } = await page(list, { first: 100, orderBy });
      const idsOf = (from: number, to: number) => all.slice(from, to).map(({ id }) => id);
      for (const [args, from, to, hasPrevious, hasNext] of [
        [{ first: 3 }, 0, 3, false, true],
        [{ first: 3, after: cursors[1] }, 2, 5, true, true],
        [{ first: 100, after: cursors[1] }, 2, all.length, true, false],
        [{ first: 3, after: cursors[1], before: cursors[4] }, 2, 4, true, false],
        [{ first: 3, before: cursors[9] }, 0, 3, false, true],
        [{ last: 3 }, all.length - 3, all.length, true, false],
        [{ last: 3, before: cursors[4] }, 1, 4, true, true],
        [{ last: 100, before: cursors[4] }, 0, 4, false, true],
        [{ last: 3, after: cursors[1], before: cursors[4] }, 2, 4, false, true],
      ] as const) {
        const { rows, info, cursors: own } = await page(list, { ...args, orderBy });
        expect([args, rows.map(({ id }) => id)]).toEqual([args, idsOf(from, to)]);
        expect([args, info]).toEqual([
          args,
          { hasPreviousPage: hasPrevious, hasNextPage: hasNext, startCursor: own.at(0), endCursor: own.at(-1) },
        ]);
      }
    });

    test('an empty page has no cursors and nothing beyond it', async () => {
      const nothing = { rows: [], cursors: [], info: { startCursor: null, endCursor: null, hasNextPage: false } };
      const filter = { accountId: 'nowhere' };
      for (const args of [{}, { first: 5 }, { last: 5 }]) {
        const none = { ...nothing.info, hasPreviousPage: false };
        expect(await page(list, { ...args, filter })).toEqual({ ...nothing, info: none });
      }
      const { cursors } = await page(list, { first: 100 });
      const behind = await page(list, { first: 5, after: cursors.at(-1) });
      expect(behind).toMatchObject(nothing);
      const ahead = await page(list, { last: 5, before: cursors.at(0) });
      expect(ahead).toMatchObject({ ...nothing, info: { startCursor: null, endCursor: null, hasPreviousPage: false } });
    });

    test('null arguments are as absent ones', async () => {
      const nulls = { first: null, after: null, last: null, before: null, orderBy: null, filter: null };
      expect(await page(list, nulls)).toEqual(await page(list, {}));
    });

    test.each([
      [{ first: 0 }, ['first']],
      [{ first: -1 }, ['first']],
      [{ first: 101 }, ['first']],
      [{ first: 2147483647 }, ['first']],
      [{ last: 0 }, ['last']],
      [{ last: -5 }, ['last']],
      [{ last: 101 }, ['last']],
      [{ first: 1, last: 1 }, ['last']],
      [{ first: 1.5 }, ['first']],
      [{ first: '1' }, ['first']],
      [{ first: 2147483648 }, ['first']],
      [{ first: 1, after: '' }, ['after']],
      [{ first: 1, after: 'garbage' }, ['after']],
      [{ first: 1, after: '😀' }, ['after']],
      [{ last: 1, before: 'W10' }, ['before']],
      [{ last: 1, before: 'bnVsbA' }, ['before']],
      [{ last: 1, before: 'WyJjcmVhdGVkQXQiLDEuNSwiQSJd' }, ['before']],
      [{ first: 0, after: 'x', before: 'y' }, ['after', 'before', 'first']],
    ])('the arguments %j are refused', async (args, names) => {
      const { httpStatus, errors } = await ask(list, args as never, pageInfo);
      expect([httpStatus, errors?.[0].extensions]).toMatchObject([200, { code: 'BAD_USER_INPUT', legacyCode: 400 }]);
      const named: string[] = errors?.[0].extensions.parameters.map(({ name }: { name: string }) => name);
      expect([...new Set(named)].sort()).toEqual(names);
    });

    test('a cursor is opaque, and is refused in a list that is ordered by something else', async () => {
      for (const { field, direction } of orders) {
        const { cursors } = await page(list, { first: 3, orderBy: { field, direction } });
        expect(new Set(cursors).size).toBe(3);
        for (const cursor of cursors) expect(cursor).toMatch(/^[\w-]+$/);
        for (const other of fields.filter((one) => one !== field)) {
          for (const args of [
            { first: 1, after: cursors[1] },
            { last: 1, before: cursors[1] },
          ]) {
            const { errors } = await ask(list, { ...args, orderBy: { field: other, direction } }, pageInfo);
            expect([field, other, errors?.[0].extensions.code]).toEqual([field, other, 'BAD_USER_INPUT']);
          }
        }
      }
    });

    test('20 are given where no number is', async () => {
      const total = (await ask(list, {}, 'totalCount')).data.totalCount;
      expect((await page(list, {})).rows).toHaveLength(Math.min(20, total));
    });
  });

  describe('filters', () => {
    const found = async (list: 'accounts' | 'datasources', filter: object) => {
      const { data, errors } = await ask(list, { first: 100, filter }, `totalCount ${edgesOf(list)}`);
      expect(errors).toBeUndefined();
      expect(data.totalCount).toBe(data.edges.length);
      return data.edges.map(({ node }: { node: Row }) => node.name).sort();
    };

    test.each([
      [{ accountProvider: 2 }, ['a']],
      [{ accountId: 'a' }, ['a']],
      [{ accountId: 'A' }, ['A']],
      [{ region: 'region-1' }, ['A', 'a', 'z_1', 'Ä', '\uff5e']],
      [{ accountProvider: 1, accountId: 'a' }, []],
      [{ accountProvider: 2, accountId: 'a', region: 'region-1', search: 'REGION' }, ['a']],
      [{ accountProvider: null, accountId: null, region: null, search: null }, [...accountIds, '123456789012']],
      [{ search: '' }, [...accountIds, '123456789012']],
      [{}, [...accountIds, '123456789012']],
    ])('accounts that are exactly %j', async (filter, names) => {
      expect(await found('accounts', filter)).toEqual([...names].sort());
    });

    test.each([
      ['a', ['A', 'a', 'aa']],
      ['AA', ['aa']],
      ['ä', ['Ä', 'ä']],
      ['Ä', ['Ä', 'ä']],
      ['_', ['z_1']],
      ['%', ['z%1']],
      ['z_', ['z_1']],
      ['😀', ['😀']],
      ['EU-west', ['123456789012']],
      ['nowhere', []],
      ["'", []],
    ])('accounts with %j in the id or the region', async (search, names) => {
      expect(await found('accounts', { search })).toEqual([...names].sort());
    });

    test.each([
      [{ instanceId: 'orders' }, ['orders', 'orders', 'orders', 'orders']],
      [{ instanceId: 'Orders' }, ['Orders']],
      [{ accountProviderId: 2 }, ['invoices', 'orders']],
      [{ accountId: 'B' }, ['invoices', 'orders']],
      [{ region: 'region-1' }, ['invoices', 'orders']],
      [{ region: 'region-0', instanceId: 'orders' }, ['orders', 'orders']],
      [{ accountProviderId: 1, accountId: 'b', region: 'region-0', instanceId: 'orders', search: 'ORD' }, ['orders']],
      [{ accountProviderId: 1, accountId: 'B' }, []],
    ])('datasources that are exactly %j', async (filter, names) => {
      expect(await found('datasources', filter)).toEqual(names);
    });

    test.each([
      ['rders', ['Orders', 'orders']],
      ['ärger', ['ÄRGER']],
      ['Ärger', ['ÄRGER']],
      ['ΟΔΟΣΑΣ', ['ΟΔΟΣΑΣ']],
      ['ΟΔΟΣ', ['ΟΔΟΣΑΣ']],
      ['δοσα', ['ΟΔΟΣΑΣ']],
      ['50%', ['50%']],
      ['50_', ['50_']],
      ['50', ['50%', '500', '50_']],
      ['a\\b', ['a\\b']],
      ["O'B", ["o'brien"]],
      ['😀', ['😀']],
      ['123456789012', [...instanceIds].sort()],
      ['nr. 4', ['ΟΔΟΣΑΣ']],
      ['größe', []],
      ['grösse', ['orders', 'invoices', 'ΟΔΟΣΑΣ', '50_', 'a\\b', '\uff5e'].sort()],
      ['HOST-3.EXAMPLE', ['ÄRGER']],
      ['STRAß', [...instanceIds].sort()],
      ['sg-1', []],
    ])('datasources with %j in an id, the description or the URL', async (search, names) => {
      expect(await found('datasources', { search, accountId: '123456789012' })).toEqual(names);
      expect(await found('datasources', { search, accountId: 'nowhere' })).toEqual([]);
    });

    test('a filter that is not valid is an error that names its part', async () => {
      for (const [list, filter, name] of [
        ['accounts', { accountProvider: 0 }, 'accountProvider'],
        ['accounts', { accountId: ' x' }, 'accountId'],
        ['accounts', { search: 'x'.repeat(256) }, 'search'],
        ['datasources', { instanceId: 'x'.repeat(256) }, 'instanceId'],
        ['datasources', { search: '\ud800' }, 'search'],
        ['datasources', { password: 'x' }, 'password'],
      ] as const) {
        const { errors } = await ask(list, { filter }, 'totalCount');
        expect([name, errors?.[0].extensions]).toMatchObject([
          name,
          { code: 'BAD_USER_INPUT', parameters: [{ name }] },
        ]);
      }
    });

    test('pages and totals are those of the filtered list', async () => {
      const filter = { instanceId: 'orders' };
      const { data } = await ask(
        'datasources',
        { first: 3, filter },
        `totalCount ${pageInfo} ${edgesOf('datasources')}`,
      );
      expect([data.totalCount, data.edges.length, data.pageInfo.hasNextPage]).toEqual([4, 3, true]);
      const rest = await page('datasources', { first: 3, filter, after: data.pageInfo.endCursor });
      expect([rest.rows.length, rest.info.hasNextPage]).toEqual([1, false]);
    });
  });

  describe('statements', () => {
    const nested = (selection: string, args = '(first: 2)') =>
      `{ accounts(first: 100) { edges { node { accountId datasources${args} { ${selection} } } } } }`;
    const counting = (statements: string[]) => statements.filter((sql) => /COUNT\(/.test(sql));

    test('the datasources of a page of accounts are read in one, each with its own page', async () => {
      let answer: Awaited<ReturnType<TestGateway['graphql']>> | undefined;
      const statements = await statementsOf(async () => {
        answer = await gateway.graphql(
          nested(`${pageInfo} edges { cursor node { instanceId } }`, '(first: 2, orderBy: {field: NAME})'),
        );
      });
      expect(answer?.errors).toBeUndefined();
      expect(statements).toHaveLength(2);
      expect(counting(statements)).toEqual([]);
      const pages = new Map(
        answer?.data.accounts.edges.map(({ node }: { node: { accountId: string; datasources: never } }) => [
          node.accountId,
          node.datasources,
        ]),
      );
      expect(pages.size).toBe(12);
      const idsIn = (accountId: string) =>
        (pages.get(accountId) as { edges: { node: Row & { instanceId: string } }[] }).edges.map(
          ({ node }) => node.instanceId,
        );
      expect(idsIn('123456789012')).toEqual(['50%', '500']);
      expect(idsIn('B')).toEqual(['invoices', 'orders']);
      expect(idsIn('ä')).toEqual([]);
      expect(pages.get('123456789012')).toMatchObject({ pageInfo: { hasNextPage: true, hasPreviousPage: false } });
      expect(pages.get('B')).toMatchObject({ pageInfo: { hasNextPage: false } });
    });

    test('totals are counted only where they are asked for, and those of a page of accounts in one', async () => {
      const without = await statementsOf(() =>
        gateway.graphql('{ accounts { edges { node { id } } } datasources { edges { node { id } } } }'),
      );
      expect([without.length, counting(without)]).toEqual([2, []]);
      const asked = await statementsOf(() => gateway.graphql('{ accounts { totalCount edges { node { id } } } }'));
      expect([asked.length, counting(asked).length]).toEqual([2, 1]);
      let totals: Record<string, number> = {};
      const counted = await statementsOf(async () => {
        const { data } = await gateway.graphql(nested('totalCount'));
        totals = Object.fromEntries(
          data.accounts.edges.map(({ node }: { node: { accountId: string; datasources: { totalCount: number } } }) => [
            node.accountId,
            node.datasources.totalCount,
          ]),
        );
      });
      expect(counting(counted)).toHaveLength(1);
      expect(counted.length).toBeLessThanOrEqual(3);
      expect(totals).toMatchObject({ '123456789012': 12, a: 2, b: 2, B: 2, A: 0, '😀': 0 });
    });

    describe.each([
      ['their keys', 'accountProvider accountId region', ''],
      ['all of them', 'id accountProvider accountId region createdAt updatedAt', ''],
      ['a part of them through a fragment', 'accountId ...Rest', 'fragment Rest on Account { id createdAt }'],
    ])('%s', (_, selection, fragment) => {
      test.each([
        ['of a page of datasources', 'datasources(first: 100)'],
        [
          'of a page that is merged',
          'datasources(first: 100, filter: { accountProviderId: 1 }, orderBy: { field: NAME })',
        ],
      ])('%s are read with it in one', async (_what, list) => {
        const known = await gateway.graphql(`{ accounts(first: 100) { edges { node { ${selection} } } } } ${fragment}`);
        const owners = new Map(
          known.data.accounts.edges.map(({ node }: { node: { accountId: string } }) => [node.accountId, node]),
        );
        const asked = (inside: string) =>
          gateway.graphql(`{ ${list} { edges { node { instanceId ${inside} } } } } ${inside === '' ? '' : fragment}`);
        let answer: Awaited<ReturnType<TestGateway['graphql']>> | undefined;
        const without = await statementsOf(() => asked(''));
        const statements = await statementsOf(async () => {
          answer = await asked(`account { ${selection} }`);
        });
        expect(answer?.errors).toBeUndefined();
        const edges = answer?.data.datasources.edges as { node: { account: { accountId: string } } }[];
        expect(edges.length).toBeGreaterThan(10);
        for (const { node } of edges) expect(node.account).toEqual(owners.get(node.account.accountId));
        expect(statements).toHaveLength(without.length);
      });

      test('and those of one that is looked up', async () => {
        const { accountProvider, ...rest } = accountKey();
        const key = { ...rest, accountProviderId: accountProvider, instanceId: '50%' };
        let answer: Awaited<ReturnType<TestGateway['graphql']>> | undefined;
        const statements = await statementsOf(async () => {
          answer = await gateway.graphql(
            `query ($key: DatasourceKey!) { datasource(key: $key) { account { ${selection} } } } ${fragment}`,
            { key },
          );
        });
        const known = await gateway.graphql(
          `query ($key: AccountKey!) { account(key: $key) { ${selection} } } ${fragment}`,
          { key: accountKey() },
        );
        expect(answer?.data.datasource.account).toEqual(known.data.account);
        expect(statements).toHaveLength(1);
      });
    });

    test('no statement that reads for a list touches a sealed credential', async () => {
      const statements = await statementsOf(async () => {
        await gateway.graphql('{ datasources { edges { node { id hasPassword hasSecret } } } }');
        await gateway.graphql(nested('edges { node { id hasPassword hasSecret } }'));
      });
      const selected = statements.join('\n').replace(/\(?\w+_sealed IS NOT NULL\)?/g, '');
      expect(selected).not.toContain('_sealed');
    });
  });

  function edgesOf(list: (typeof lists)[number]): string {
    const name = list === 'accounts' ? 'accountId' : 'instanceId';
    return `edges { cursor node { id createdAt updatedAt name: ${name} } }`;
  }

  async function ask(list: (typeof lists)[number], args: PageArguments, selection: string) {
    const kindOf = list === 'accounts' ? 'Account' : 'Datasource';
    const field = list === 'account.datasources' ? 'datasources' : list;
    const connection = `${field}(first: $first, after: $after, last: $last, before: $before, filter: $filter, orderBy: $orderBy) { ${selection} }`;
    const isNested = list === 'account.datasources';
    const query = `query ($first: Int, $after: String, $last: Int, $before: String, $filter: ${kindOf}Filter, $orderBy: ${kindOf}Order${isNested ? ', $key: AccountKey!' : ''}) {
      ${isNested ? `account(key: $key) { ${connection} }` : connection} }`;
    const answer = await gateway.graphql(query, isNested ? { ...args, key: accountKey() } : args);
    return { ...answer, data: isNested ? answer.data?.account?.datasources : answer.data?.[field] };
  }

  async function page(list: (typeof lists)[number], args: PageArguments) {
    const { data, errors } = await ask(list, args, `${edgesOf(list)} ${pageInfo}`);
    if (errors !== undefined) throw new Error(`${JSON.stringify(args)}: ${JSON.stringify(errors)}`);
    const edges: { cursor: string; node: Row }[] = data.edges;
    return { rows: edges.map(({ node }) => node), cursors: edges.map(({ cursor }) => cursor), info: data.pageInfo };
  }

  async function everything(list: (typeof lists)[number], orderBy: object, size: number, way: 'forward' | 'backward') {
    const rows: Row[] = [];
    for (let cursor: string | null = null, pages = 0; pages < 100; pages += 1) {
      const args: PageArguments =
        way === 'forward' ? { first: size, after: cursor, orderBy } : { last: size, before: cursor, orderBy };
      const { rows: some, info } = await page(list, args);
      if (way === 'forward') rows.push(...some);
      else rows.unshift(...some);
      if (!(way === 'forward' ? info.hasNextPage : info.hasPreviousPage)) return rows;
      cursor = way === 'forward' ? info.endCursor : info.startCursor;
    }
    throw new Error('the pages do not end');
  }

  /** A whole list, put in order here. */
  async function expected(list: (typeof lists)[number], { field, direction }: (typeof orders)[number]): Promise<Row[]> {
    const { rows } = await page(list, { first: 100 });
    const property = ({ CREATED_AT: 'createdAt', UPDATED_AT: 'updatedAt', NAME: 'name' } as const)[field];
    const ascending = rows.sort((a, b) => byCodePoints(a[property], b[property]) || byCodePoints(a.id, b.id));
    if (field !== 'NAME') expect(new Set(rows.map((row) => row[property])).size).toBeLessThan(rows.length);
    return direction === 'ASC' ? ascending : ascending.reverse();
  }
});

function byCodePoints(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}
