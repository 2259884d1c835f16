import { type AccountIdentity, selectAccountKeys } from '../accounts/account.statements.js';
import { type Comparison, comparing } from '../database/comparison.js';
import type { Condition } from '../database/condition.js';
import type { Dialect, Session, SqlValue } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';
import {
  type CountedRows,
  countUpTo,
  type OffsetList,
  type OffsetPage,
  type OffsetRequest,
  readOffsetPage,
  readValues,
} from '../database/offset-page.js';
import { TableMapping } from '../database/table-mapping.js';
import { Datasource } from './datasource.entity.js';
import { hydrated, inAccount, type ShownDatasource, shownList } from './datasource.statements.js';

/** What datasources may be held against. */
export type DatasourceListingProperty =
  | 'accountId'
  | 'region'
  | 'instanceId'
  | 'description'
  | 'jdbcConnectionUrl'
  | 'glueCrawlerLastUpdated';

/** By what a listing of datasources may be sorted. */
export type DatasourceListingOrder = 'createdAt' | 'updatedAt' | 'instanceId';

/** Which datasources are listed, and how they are sorted. */
export interface DatasourceListing {
  readonly providers: readonly number[];
  readonly comparisons: readonly Comparison<DatasourceListingProperty>[];
  readonly order: DatasourceListingOrder;
  readonly descending: boolean;
}

/** The most datasources of one account that are counted beside it. */
export const maxCountedOfAccount = 10_000;

const mapping = new TableMapping(Datasource);
const indexes = {
  inAccount: {
    createdAt: 'ix_datasources_account_created',
    updatedAt: 'ix_datasources_account_updated',
    instanceId: 'uq_datasources_key',
  },
  inPlaces: {
    createdAt: 'ix_datasources_place_created',
    updatedAt: 'ix_datasources_place_updated',
    instanceId: 'ix_datasources_place_name',
  },
} as const;

/** Reads a page of a listing by its number, in three statements at most. */
export async function selectDatasourceListing(
  session: Session,
  listing: DatasourceListing,
  request: OffsetRequest,
): Promise<OffsetPage<ShownDatasource>> {
  const list = await offsetList(session, listing);
  if (list === undefined) return { rows: [], total: 0 };
  const { rows, total } = await readOffsetPage<ShownDatasource>(session, list, request);
  return { rows: hydrated([...rows]), total };
}

/** Finds the different values of a property of the datasources of some providers, in order; an instant in milliseconds. */
export function selectDatasourceValues(
  session: Session,
  providers: readonly number[],
  property: DatasourceListingProperty,
): Promise<SqlValue[]> {
  return readValues(session, datasourcesOf(providers), mapping.columnOf(property));
}

/** Counts the datasources of some providers, up to the most that are listed. */
export function countDatasourcesOfProviders(session: Session, providers: readonly number[]): Promise<number> {
  return countUpTo(session, datasourcesOf(providers));
}

/** Counts the datasources of each of several accounts in one statement, each up to {@link maxCountedOfAccount}. */
export async function countDatasourcesOfEach(
  session: Session,
  accounts: readonly AccountIdentity[],
): Promise<number[]> {
  const parts = accounts.map((_, place) => {
    const within = `SELECT 1 AS one FROM datasources${byIndex(session.dialect, 'uq_datasources_key')} WHERE ${inAccount} LIMIT ${maxCountedOfAccount}`;
    return `SELECT ${place} AS place, COUNT(*) AS total FROM (${within}) AS part${place}`;
  });
  const rows = await session.rows<{ place: number; total: number }>(
    parts.join(' UNION ALL '),
    accounts.flatMap(({ accountProvider, accountId, region }) => [accountProvider, accountId, region]),
  );
  const totals = accounts.map(() => 0);
  for (const { place, total } of rows) totals[place] = Number(total);
  return totals;
}

/**
 * Where the rows of a listing are: in the one account that it is of, or in those of its providers.
 *
 * @returns undefined where the account that it is of is not there
 */
async function offsetList(session: Session, listing: DatasourceListing): Promise<OffsetList | undefined> {
  const { providers, comparisons, order, descending } = listing;
  const [accountProvider, ...others] = providers;
  const named = others.length === 0 ? comparisons.find(isOneAccountId) : undefined;
  const [accountId] = named?.values ?? [];
  const common = { table: 'datasources', selectList: shownList, order: columnsOf(order), descending };
  if (named === undefined || accountProvider === undefined || typeof accountId !== 'string') {
    const within = ofProviders(providers);
    return {
      ...common,
      index: indexes.inPlaces[order],
      within,
      filters: comparisons.map((comparison) => conditionOf(session.dialect, comparison)),
      isSorted: false,
    };
  }
  const [account, ...twins] = await selectAccountKeys(session, { accountProvider, accountId });
  if (account === undefined) return undefined;
  const filters = comparisons
    .filter((comparison) => comparison !== named)
    .map((comparison) => conditionOf(session.dialect, comparison));
  return twins.length === 0
    ? {
        ...common,
        index: indexes.inAccount[order],
        within: { sql: inAccount, values: [accountProvider, accountId, account.region] },
        filters,
        isSorted: true,
      }
    : {
        ...common,
        index: indexes.inAccount[order],
        within: { sql: 'account_provider = ? AND account_id = ?', values: [accountProvider, accountId] },
        filters,
        isSorted: false,
      };
}

function datasourcesOf(providers: readonly number[]): CountedRows {
  return { table: 'datasources', index: indexes.inPlaces.instanceId, within: ofProviders(providers) };
}

function columnsOf(order: DatasourceListingOrder): string[] {
  return [mapping.columnOf(order), mapping.columnOf('id')];
}

function conditionOf(dialect: Dialect, comparison: Comparison<DatasourceListingProperty>): Condition {
  return comparing(dialect, comparison, (property) => mapping.columnOf(property));
}

function ofProviders(providers: readonly number[]): Condition {
  return { sql: `account_provider IN (${providers.map(() => '?').join(', ')})`, values: providers };
}

function isOneAccountId({ properties, kind, values, negated }: Comparison<DatasourceListingProperty>): boolean {
  return kind === 'equal' && !negated && properties.join() === 'accountId' && values.length === 1;
}
