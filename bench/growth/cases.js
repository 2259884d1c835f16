/** What is measured: each reads something of a register once, and says of which filter, order and index it is. */
import { commonName, statements } from './register.js';

const limit = 20;
const providerRegions = new statements.ProviderRegions();
const targets = 40;
const pages = ['first', 'middle', 'last'];
const datasourceOrders = { createdAt: 'created_at', updatedAt: 'updated_at', instanceId: 'instance_id' };
const accountOrders = { createdAt: 'created_at', updatedAt: 'updated_at', accountId: 'account_id' };

/**
 * What the cases ask a register for: accounts and datasources all over it, and a row in the middle of each order.
 *
 * @returns with `pick`, which gives another of them each time
 */
export async function targetsOf(register) {
  const { database, accounts, size } = register;
  const middles = { datasources: {}, accounts: {}, named: undefined };
  const rowAt = (table, column, where, offset) =>
    database.read(async (session) => {
      const [row] = await session.rows(
        `SELECT ${column} AS value, id FROM ${table} WHERE ${where} ORDER BY ${column}, id LIMIT 1 OFFSET ${offset}`,
      );
      return row;
    });
  for (const [property, column] of Object.entries(datasourceOrders)) {
    middles.datasources[property] = await rowAt('datasources', column, '1 = 1', Math.floor(size / 2));
  }
  for (const [property, column] of Object.entries(accountOrders)) {
    middles.accounts[property] = await rowAt('accounts', column, '1 = 1', Math.floor(accounts.length / 2));
  }
  const named = `instance_id = '${commonName}'`;
  middles.named = await rowAt('datasources', 'instance_id', named, Math.floor(accounts.length / 2));
  let turn = 0;
  const spread = (count) => {
    turn += 1;
    return Math.floor(((turn % targets) / targets) * count);
  };
  return {
    middles,
    account: () => accounts[spread(accounts.length)],
    datasource: () => register.datasource(spread(size)),
    accounts: () => Array.from({ length: limit }, () => accounts[spread(accounts.length)]),
  };
}

/** Pages of datasources: every filter in every order. */
export const datasourcePages = subsetsOf(['accountProviderId', 'accountId', 'region', 'instanceId']).flatMap((filter) =>
  Object.keys(datasourceOrders).map((property) => ({
    filter,
    property,
    runs: pages.map((page) => (session, { middles, account }) => {
      const { accountProvider, accountId, region } = account();
      const all = { accountProviderId: accountProvider, accountId, region, instanceId: commonName };
      const conditions = Object.fromEntries(filter.map((name) => [name, all[name]]));
      const isNamed = property === 'instanceId' && filter.includes('instanceId');
      const middle = isNamed ? middles.named : middles.datasources[property];
      return statements.selectDatasourcePage(session, conditions, request(property, page, middle), providerRegions);
    }),
  })),
);

/** Pages of accounts: every filter in every order. */
export const accountPages = subsetsOf(['accountProvider', 'accountId', 'region']).flatMap((filter) =>
  Object.keys(accountOrders).map((property) => ({
    filter,
    property,
    runs: pages.map((page) => (session, { middles, account }) => {
      const of = account();
      const conditions = Object.fromEntries(filter.map((name) => [name, of[name]]));
      return statements.selectAccountPage(
        session,
        conditions,
        request(property, page, middles.accounts[property]),
        providerRegions,
      );
    }),
  })),
);

const oldestFirst = { property: 'createdAt', descending: false };
const hundred = { order: oldestFirst, limit: 100, backward: false };

/** What else is read on the way of requests. */
export const lookUps = {
  'a datasource by its key': (session, { datasource }) => statements.selectDatasources(session, [datasource()]),
  'an account by its key': (session, { account }) => statements.selectAccounts(session, [account()]),
  '20 accounts by their keys': (session, { accounts }) => statements.selectAccounts(session, accounts()),
  'the first 100 datasources': (session) => statements.selectDatasourcePage(session, {}, hundred, providerRegions),
  'the first 20 datasources of each of 20 accounts': (session, { accounts }) =>
    statements.selectDatasourcePages(session, accounts(), {}, request('createdAt', 'first')),
};

/** What grows with the register, and is not held to anything. */
export const growing = {
  'search, found in most': (session) =>
    statements.selectDatasourcePage(session, { search: 'nightly' }, request('createdAt', 'first'), providerRegions),
  'search, found in few': (session, { datasource }) =>
    statements.selectDatasourcePage(
      session,
      { search: datasource().instanceId },
      request('createdAt', 'first'),
      providerRegions,
    ),
  'search, found in none': (session) =>
    statements.selectDatasourcePage(
      session,
      { search: 'nowhere at all' },
      request('createdAt', 'first'),
      providerRegions,
    ),
  'search in one account, found in none': (session, { account }) => {
    const { accountProvider, accountId, region } = account();
    const conditions = { accountProviderId: accountProvider, accountId, region, search: 'nowhere at all' };
    return statements.selectDatasourcePage(session, conditions, request('createdAt', 'first'), providerRegions);
  },
  'search in one region, found in none': (session, { account }) => {
    const conditions = { region: account().region, search: 'nowhere at all' };
    return statements.selectDatasourcePage(session, conditions, request('createdAt', 'first'), providerRegions);
  },
  'totalCount of all': (session) => statements.countDatasources(session, {}, providerRegions),
  'totalCount of a provider': (session) =>
    statements.countDatasources(session, { accountProviderId: 1 }, providerRegions),
  'totalCount of an account': (session, { account }) => {
    const { accountProvider, accountId, region } = account();
    const conditions = { accountProviderId: accountProvider, accountId, region };
    return statements.countDatasources(session, conditions, providerRegions);
  },
  'totalCount of an account id': (session, { account }) =>
    statements.countDatasources(session, { accountId: account().accountId }, providerRegions),
  'totalCount of a search': (session) => statements.countDatasources(session, { search: 'nightly' }, providerRegions),
};

function request(property, page, middle) {
  return {
    order: { property, descending: false },
    limit,
    backward: page === 'last',
    after: page === 'middle' ? middle : undefined,
    before: undefined,
  };
}

function subsetsOf(names) {
  return Array.from({ length: 2 ** names.length }, (_, bits) => names.filter((_, place) => (bits >> place) & 1));
}
