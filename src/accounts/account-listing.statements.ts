import { type Comparison, comparing } from '../database/comparison.js';
import { all, type Condition } from '../database/condition.js';
import type { Dialect, Session, SqlValue } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';
import {
  maxListed,
  type OffsetList,
  type OffsetPage,
  type OffsetRequest,
  readOffsetPage,
  readValues,
} from '../database/offset-page.js';
import { TableMapping } from '../database/table-mapping.js';
import { Account } from './account.entity.js';

/** What accounts may be held against. */
export type AccountListingProperty = 'accountProvider' | 'accountId' | 'region';

/** By what a listing of accounts may be sorted; `place` is the provider, then the region, then the id. */
export type AccountListingOrder = 'place' | 'accountId' | 'region' | 'createdAt' | 'updatedAt';

/** Which accounts are listed, and how they are sorted. */
export interface AccountListing {
  readonly providers: readonly number[];
  readonly comparisons: readonly Comparison<AccountListingProperty>[];
  readonly order: AccountListingOrder;
  readonly descending: boolean;
}

const mapping = new TableMapping(Account);
const orders: Readonly<Record<AccountListingOrder, readonly (keyof Account)[]>> = {
  place: ['accountProvider', 'region', 'accountId', 'id'],
  accountId: ['accountId', 'id'],
  region: ['region', 'accountId', 'id'],
  createdAt: ['createdAt', 'id'],
  updatedAt: ['updatedAt', 'id'],
};
const indexes: Readonly<Record<AccountListingOrder, string>> = {
  place: 'ix_accounts_place_name',
  accountId: 'ix_accounts_place_name',
  region: 'ix_accounts_place_name',
  createdAt: 'ix_accounts_place_created',
  updatedAt: 'ix_accounts_place_updated',
};

/** Reads a page of a listing by its number, in two statements. */
export async function selectAccountListing(
  session: Session,
  listing: AccountListing,
  request: OffsetRequest,
): Promise<OffsetPage<Account>> {
  const { rows, total } = await readOffsetPage<Account>(session, offsetList(session.dialect, listing), request);
  return { rows: rows.map((row) => mapping.hydrate(row)), total };
}

/** Finds the different values of a property of the accounts of some providers, in order. */
export function selectAccountValues(
  session: Session,
  providers: readonly number[],
  property: AccountListingProperty,
): Promise<SqlValue[]> {
  const rows = { table: 'accounts', index: indexes.place, within: ofProviders(providers) };
  return readValues(session, rows, mapping.columnOf(property));
}

/** Counts the accounts of some providers and their regions, in {@link maxListed} accounts at most. */
export async function summarizeAccounts(
  session: Session,
  providers: readonly number[],
): Promise<{ accounts: number; regions: number }> {
  const { sql, values } = ofProviders(providers);
  const candidates = `SELECT region FROM accounts${byIndex(session.dialect, indexes.place)} WHERE ${sql} LIMIT ${maxListed}`;
  const [counts] = await session.rows<{ accounts: number; regions: number }>(
    `SELECT COUNT(*) AS accounts, COUNT(DISTINCT region) AS regions FROM (${candidates}) AS candidates`,
    values,
  );
  return { accounts: Number(counts?.accounts), regions: Number(counts?.regions) };
}

function offsetList(dialect: Dialect, { providers, comparisons, order, descending }: AccountListing): OffsetList {
  const named = comparisons.find((comparison) => isExactly(comparison, 'accountId'));
  const placed = comparisons.filter((comparison) => isExactly(comparison, 'region'));
  const told = named === undefined ? placed : [named];
  const conditionOf = (comparison: Comparison<AccountListingProperty>) =>
    comparing(dialect, comparison, (property) => mapping.columnOf(property));
  return {
    table: 'accounts',
    selectList: mapping.selectList,
    index: named === undefined ? indexes[order] : 'ix_accounts_name',
    within: all([...(named === undefined ? [ofProviders(providers)] : []), ...told.map(conditionOf)]),
    filters: [
      ...(named === undefined ? [] : [ofProviders(providers)]),
      ...comparisons.filter((comparison) => !told.includes(comparison)).map(conditionOf),
    ],
    order: orders[order].map((property) => mapping.columnOf(property)),
    descending,
    isSorted: named === undefined && order === 'place',
  };
}

function ofProviders(providers: readonly number[]): Condition {
  return { sql: `account_provider IN (${providers.map(() => '?').join(', ')})`, values: providers };
}

/** Whether a comparison asks for exact values of one property, which an index can tell. */
function isExactly(
  { properties, kind, negated }: Comparison<AccountListingProperty>,
  property: AccountListingProperty,
): boolean {
  return kind === 'equal' && !negated && properties.length === 1 && properties[0] === property;
}
