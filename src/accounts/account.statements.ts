import { all, allOf, type Condition, contain, equal } from '../database/condition.js';
import type { Dialect, Reader, Session } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';
import type { IndexRange } from '../database/index-range.js';
import { padded } from '../database/padded-keys.js';
import { type Page, type PageRequest, pageOf, readPage } from '../database/page.js';
import { countRanges } from '../database/range-parts.js';
import { TableMapping } from '../database/table-mapping.js';
import { Account } from './account.entity.js';
import type { ProviderRegions } from './provider-region.statements.js';

/** The three values that say which account. */
export interface AccountIdentity {
  readonly accountProvider: number;
  readonly accountId: string;
  readonly region: string;
}

/** What accounts are narrowed down to: each part that is given must hold. */
export interface AccountConditions {
  readonly accountProvider?: number | null;
  readonly accountId?: string | null;
  readonly region?: string | null;
  /** Text that stands anywhere in the id or the region, whatever its case. */
  readonly search?: string | null;
}

const mapping = new TableMapping(Account);
const select = `SELECT ${mapping.selectList} FROM accounts`;
const selectKey = 'SELECT account_provider AS accountProvider, account_id AS accountId, region FROM accounts';
const byKey = 'account_provider = ? AND account_id = ? AND region = ?';

// By how far the region is told, and then by the order. Those with one id are few, so any order of them is made by sorting.
const indexes = {
  anywhere: { createdAt: 'ix_accounts_created', updatedAt: 'ix_accounts_updated', accountId: 'ix_accounts_name' },
  region: {
    createdAt: 'ix_accounts_place_created',
    updatedAt: 'ix_accounts_place_updated',
    accountId: 'ix_accounts_place_name',
  },
  id: { createdAt: 'ix_accounts_name', updatedAt: 'ix_accounts_name', accountId: 'ix_accounts_name' },
};

/** Adds an account; the unique key refuses one that exists. */
export function insertAccount(session: Session, account: Account): Promise<number> {
  return session.run(`INSERT INTO accounts ${mapping.insertList}`, mapping.values(account));
}

/** Adds several accounts in one statement. */
export function insertAccounts(session: Session, accounts: readonly Account[]): Promise<number> {
  return session.run(
    `INSERT INTO accounts ${mapping.insertListOf(accounts.length)}`,
    accounts.flatMap((account) => mapping.values(account)),
  );
}

/** Finds the account with a key, and keeps others from changing it or adding to it before the transaction ends. */
export async function lockAccount(session: Session, key: AccountIdentity): Promise<Account | undefined> {
  return first(
    await session.rows<Account>(`${select} WHERE ${byKey}${session.dialect.forUpdate}`, accountKeyValues(key)),
  );
}

/**
 * Finds which of some accounts there are, and keeps others from deleting them before the transaction ends. Those that others have
 * locked are left out, and not waited for.
 */
export function holdFreeAccounts(session: Session, keys: readonly AccountIdentity[]): Promise<AccountIdentity[]> {
  const { sql, values } = freeAccountsWithAnyKey(session, padded(keys));
  return session.rows<AccountIdentity>(`${selectKey}${sql}`, values);
}

/** Ends a SELECT of accounts as {@link holdFreeAccounts} says. */
export function freeAccountsWithAnyKey({ dialect }: Session, keys: readonly AccountIdentity[]): Condition {
  const anyKey = keys.map(() => `(${byKey})`).join(' OR ');
  return {
    sql: `${byIndex(dialect, 'uq_accounts_key')} WHERE ${anyKey}${dialect.forShareSkipLocked}`,
    values: keys.flatMap(accountKeyValues),
  };
}

/** Finds the accounts that have one of the ids, in no order. */
export async function selectAccountsById(session: Session, keys: readonly Pick<Account, 'id'>[]): Promise<Account[]> {
  const rows = await session.rows<Account>(
    `${select} WHERE id IN (${keys.map(() => '?').join(', ')})`,
    keys.map(({ id }) => id),
  );
  return rows.map((row) => mapping.hydrate(row));
}

/** Finds the accounts that have one of the keys, in no order. */
export async function selectAccounts(session: Session, keys: readonly AccountIdentity[]): Promise<Account[]> {
  const anyKey = keys.map(() => `(${byKey})`).join(' OR ');
  const sql = `${select}${byIndex(session.dialect, 'uq_accounts_key')} WHERE ${anyKey}`;
  const rows = await session.rows<Account>(sql, keys.flatMap(accountKeyValues));
  return rows.map((row) => mapping.hydrate(row));
}

/** Finds the keys of the accounts with an id, of which a region of a provider has one at most. */
export function selectAccountKeys(
  reader: Reader,
  { accountProvider, accountId, region }: AccountConditions & { readonly accountId: string },
): Promise<AccountIdentity[]> {
  const { sql, values } = where({ accountProvider, accountId, region });
  return reader.rows<AccountIdentity>(
    `${selectKey}${byIndex(reader.dialect, 'ix_accounts_name')} WHERE ${sql}`,
    values,
  );
}

/** Reads a page of the accounts for which the conditions hold. */
export async function selectAccountPage(
  reader: Reader,
  conditions: AccountConditions,
  request: PageRequest,
  providerRegions: ProviderRegions,
): Promise<Page<Account>> {
  const ranges = await rangesOf(reader, conditions, request.order.property, providerRegions);
  const column = mapping.columnOf(request.order.property as keyof Account);
  const table = { name: 'accounts', selectList: mapping.selectList, column };
  const rows = await readPage<Account>(reader, table, ranges, request);
  return pageOf(
    request,
    rows.map((row) => mapping.hydrate(row)),
  );
}

/** Reads the next accounts behind an id. */
export async function selectAccountsAfter(session: Session, afterId: string, atMost: number): Promise<Account[]> {
  const rows = await session.rows<Account>(`${select} WHERE id > ? ORDER BY id LIMIT ${atMost}`, [afterId]);
  return rows.map((row) => mapping.hydrate(row));
}

/** Counts the accounts for which the conditions hold. */
export async function countAccounts(
  reader: Reader,
  conditions: AccountConditions,
  providerRegions: ProviderRegions,
): Promise<number> {
  const ranges = await rangesOf(reader, conditions, 'accountId', providerRegions);
  const counts = await countRanges(reader, { name: 'accounts', column: 'account_id' }, ranges);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Deletes an account; the foreign key deletes its datasources. */
export function deleteAccount(session: Session, id: string): Promise<number> {
  return session.run('DELETE FROM accounts WHERE id = ?', [id]);
}

async function rangesOf(
  reader: Reader,
  conditions: AccountConditions,
  property: string,
  providerRegions: ProviderRegions,
): Promise<IndexRange[]> {
  const { accountProvider, accountId, region } = conditions;
  const order = property as 'createdAt' | 'updatedAt' | 'accountId';
  const filter = lookedFor(reader.dialect, conditions);
  if (accountId) return [{ index: indexes.id[order], condition: where(conditions), filter }];
  if (!accountProvider && !region) return [{ index: indexes.anywhere[order], condition: where({}), filter }];
  const regions =
    accountProvider && region ? [{ accountProvider, region }] : await providerRegions.select(reader, conditions);
  return regions.map((one) => ({ index: indexes.region[order], condition: where(one), filter }));
}

/** What an index tells. */
function where({ accountProvider, accountId, region }: AccountConditions): Condition {
  return all(equal({ account_provider: accountProvider, account_id: accountId, region }));
}

/** What no index tells. */
function lookedFor(dialect: Dialect, { search }: AccountConditions): Condition | undefined {
  return allOf(contain(dialect, ['account_id', 'region'], search));
}

/** What a key consists of. */
export function accountKeyValues({ accountProvider, accountId, region }: AccountIdentity) {
  return [accountProvider, accountId, region];
}

function first(rows: Account[]): Account | undefined {
  const [row] = rows;
  return row === undefined ? undefined : mapping.hydrate(row);
}
