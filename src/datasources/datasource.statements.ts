import type { Account } from '../accounts/account.entity.js';
import { type AccountIdentity, freeAccountsWithAnyKey, selectAccountKeys } from '../accounts/account.statements.js';
import type { ProviderRegions } from '../accounts/provider-region.statements.js';
import { instant } from '../database/columns.js';
import { all, allOf, type Condition, contain, equal } from '../database/condition.js';
import type { Dialect, Reader, Session } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';
import type { IndexRange, ListedTable } from '../database/index-range.js';
import { padded } from '../database/padded-keys.js';
import { type Page, type PageRequest, pageOf, readEachPage, readPage } from '../database/page.js';
import { countRanges } from '../database/range-parts.js';
import { inRoundCounts } from '../database/row-counts.js';
import { TableMapping } from '../database/table-mapping.js';
import { Datasource } from './datasource.entity.js';

/** The four values that say which datasource. */
export interface DatasourceIdentity {
  readonly accountProviderId: number;
  readonly accountId: string;
  readonly region: string;
  readonly instanceId: string;
}

/** A datasource as it may be shown: whether it has credentials, and not which. */
export interface ShownDatasource extends Omit<Datasource, 'passwordSealed' | 'secretSealed' | 'account'> {
  readonly hasPassword: boolean;
  readonly hasSecret: boolean;
}

/** A datasource with the account that it is in. */
export interface DatasourceWithAccount extends ShownDatasource {
  readonly account: Account;
}

/** What datasources are narrowed down to: each part that is given must hold. */
export interface DatasourceConditions {
  readonly accountProviderId?: number | null;
  readonly accountId?: string | null;
  readonly region?: string | null;
  readonly instanceId?: string | null;
  /** Text that stands anywhere in the ids, the description or the URL, whatever its case. */
  readonly search?: string | null;
  /** What came of its last test. */
  readonly lastTest?: string | null;
}

const stored = new TableMapping(Datasource);
const shown = new TableMapping(Datasource, ['passwordSealed', 'secretSealed']);
const changed = new TableMapping(Datasource, [
  'id',
  'accountProviderId',
  'accountId',
  'region',
  'instanceId',
  'createdAt',
  'version',
]);
/** The columns of what may be shown, under their properties' names. */
export const shownList = `${shown.selectList}, password_sealed IS NOT NULL AS hasPassword, secret_sealed IS NOT NULL AS hasSecret`;
const select = `SELECT ${shownList} FROM datasources`;
const selectSealed = `SELECT ${shownList}, password_sealed AS passwordSealed, secret_sealed AS secretSealed FROM datasources`;
// The account's columns under names of their own: those of the datasource need not be told apart from them.
const ownerColumns =
  'SELECT id AS ownerId, account_provider AS owner_provider, account_id AS owner_account_id, region AS owner_region, created_at AS ownerCreatedAt, updated_at AS ownerUpdatedAt FROM accounts';
const shownWithOwner = `${shownList}, ownerId, ownerCreatedAt, ownerUpdatedAt`;
/** The condition that a datasource is in one account. */
export const inAccount = 'account_provider = ? AND account_id = ? AND region = ?';
const byKey = `${inAccount} AND instance_id = ?`;
const insertOne = `INSERT INTO datasources ${stored.insertList}`;
const updateOne = `UPDATE datasources SET ${changed.assignments}, version = version + 1 WHERE id = ? AND version = ?`;
const selectKey =
  'SELECT account_provider AS accountProviderId, account_id AS accountId, region, instance_id AS instanceId FROM datasources';
const deleteLastTests = 'DELETE FROM connection_tests WHERE datasource_id IN';
const lastTestIs =
  'EXISTS (SELECT 1 FROM connection_tests WHERE connection_tests.datasource_id = datasources.id AND outcome = ?)';

// By how far the account is told, and then by the order.
const indexes = {
  anywhere: {
    createdAt: 'ix_datasources_created',
    updatedAt: 'ix_datasources_updated',
    instanceId: 'ix_datasources_name',
  },
  region: {
    createdAt: 'ix_datasources_place_created',
    updatedAt: 'ix_datasources_place_updated',
    instanceId: 'ix_datasources_place_name',
  },
  nameInRegion: {
    createdAt: 'ix_datasources_place_name_created',
    updatedAt: 'ix_datasources_place_name_updated',
    instanceId: 'ix_datasources_place_name',
  },
  account: {
    createdAt: 'ix_datasources_account_created',
    updatedAt: 'ix_datasources_account_updated',
    instanceId: 'uq_datasources_key',
  },
  key: { createdAt: 'uq_datasources_key', updatedAt: 'uq_datasources_key', instanceId: 'uq_datasources_key' },
};
/** No index is shorter, and none is changed less. */
const countedBy = { property: 'createdAt', table: { name: 'datasources', column: 'created_at' } };
const searched = ['instance_id', 'account_id', 'description', 'jdbc_connection_url'];

/** Adds a datasource; the unique key refuses one that exists, the foreign key one whose account does not. */
export function insertDatasource(session: Session, datasource: Datasource): Promise<number> {
  return session.run(insertOne, stored.values(datasource));
}

/** Adds several datasources; they are refused together, for what {@link insertDatasource} is refused for. */
export async function insertDatasources(session: Session, datasources: readonly Datasource[]): Promise<void> {
  for (const some of inRoundCounts(datasources)) {
    await session.run(`INSERT INTO datasources ${stored.insertListOf(some.length)}`, stored.valuesOf(some));
  }
}

/**
 * Holds the accounts that datasources are to be added to, so that others do not delete them before the transaction ends.
 *
 * @returns whether all of the accounts are there, and not locked by others, and there is no datasource with one of the keys
 */
export async function holdForAdditions(session: Session, keys: readonly DatasourceIdentity[]): Promise<boolean> {
  const accounts = new Set(keys.map((key) => JSON.stringify(accountOf(key)))).size;
  const all = padded(keys);
  const held = freeAccountsWithAnyKey(session, all.map(accountOf));
  const taken = withAnyKey(session, all);
  const sql = `SELECT (SELECT COUNT(*) FROM accounts${held.sql}) AS held, (SELECT COUNT(*) FROM datasources${taken.sql}) AS taken`;
  const [found] = await session.rows<{ held: number; taken: number }>(sql, [...held.values, ...taken.values]);
  return Number(found?.held) === accounts && Number(found?.taken) === 0;
}

/**
 * Gives a datasource other values and the next version.
 *
 * @returns 0 where it is not at that version any more, or not there
 */
export function updateDatasource(session: Session, datasource: Datasource): Promise<number> {
  return session.run(updateOne, [...changed.values(datasource), datasource.id, datasource.version]);
}

/** As {@link updateDatasource}, of several. All of them are locked, and at these versions. */
export async function updateDatasources(session: Session, datasources: readonly Datasource[]): Promise<void> {
  // A column on the right is the one that is stored: what is given of it is in `values`, or `excluded`.
  const overwriting = changed.overwriting(session.dialect, 'version = datasources.version + 1');
  for (const some of inRoundCounts(datasources)) {
    const sql = `INSERT INTO datasources ${stored.insertListOf(some.length)} ${overwriting}`;
    await session.run(sql, stored.valuesOf(some));
  }
}

/** Finds which of some keys there are datasources with. */
export function selectDatasourceKeys(
  session: Session,
  keys: readonly DatasourceIdentity[],
): Promise<DatasourceIdentity[]> {
  const { sql, values } = withAnyKey(session, padded(keys));
  return session.rows<DatasourceIdentity>(`${selectKey}${sql}`, values);
}

/** Forgets what came of the last tests of datasources, whose connections are others now. */
export function clearLastTests(session: Session, ids: readonly string[]): Promise<number> {
  return session.run(`${deleteLastTests} (${ids.map(() => '?').join(', ')})`, ids);
}

/** Finds the datasources that have one of the keys, in no order. */
export function selectDatasources(session: Session, keys: readonly DatasourceIdentity[]): Promise<ShownDatasource[]> {
  return rowsWithAnyKey<ShownDatasource>(session, select, keys);
}

/** As {@link selectDatasources}, each with its account. */
export async function selectDatasourcesWithAccounts(
  session: Session,
  keys: readonly DatasourceIdentity[],
): Promise<DatasourceWithAccount[]> {
  const owners = ownerOf(session.dialect);
  const sql = `SELECT ${shownWithOwner} FROM datasources`;
  return withAccounts(await rowsWithAnyKey<ShownDatasource & OwnerColumns>(session, sql, keys, owners));
}

/** What is sealed of a datasource, beside what may be shown. */
export interface SealedDatasource extends ShownDatasource {
  readonly passwordSealed: Buffer | null;
  readonly secretSealed: Buffer | null;
}

/** Finds the datasource with a key, with what is sealed of it, and keeps others from changing it before the transaction ends. */
export async function lockSealedDatasource(
  session: Session,
  key: DatasourceIdentity,
): Promise<SealedDatasource | undefined> {
  const sql = `${selectSealed} WHERE ${byKey}${session.dialect.forUpdate}`;
  return hydrated(await session.rows<SealedDatasource>(sql, datasourceKeyValues(key)))[0];
}

/** As {@link lockSealedDatasource}, of several, in no order; those that others have locked are left out, and not waited for. */
export async function lockFreeSealedDatasources(
  session: Session,
  keys: readonly DatasourceIdentity[],
): Promise<SealedDatasource[]> {
  const { sql, values } = withAnyKey(session, padded(keys));
  return hydrated(
    await session.rows<SealedDatasource>(`${selectSealed}${sql}${session.dialect.forUpdateSkipLocked}`, values),
  );
}

/** Finds the datasources that have one of the keys, in no order, with what is sealed of them. */
export function selectSealedDatasources(
  session: Session,
  keys: readonly DatasourceIdentity[],
): Promise<SealedDatasource[]> {
  return rowsWithAnyKey<SealedDatasource>(session, selectSealed, keys);
}

/** Reads the next datasources behind an id, with what is sealed of them. */
export async function selectSealedDatasourcesAfter(
  session: Session,
  afterId: string,
  atMost: number,
): Promise<SealedDatasource[]> {
  const sql = `${selectSealed} WHERE id > ? ORDER BY id LIMIT ${atMost}`;
  return hydrated(await session.rows<SealedDatasource>(sql, [afterId]));
}

/** Finds the datasources that have one of the ids, in no order. */
export async function selectDatasourcesById(
  session: Session,
  keys: readonly Pick<Datasource, 'id'>[],
): Promise<ShownDatasource[]> {
  const sql = `${select} WHERE id IN (${keys.map(() => '?').join(', ')})`;
  return hydrated(
    await session.rows<ShownDatasource>(
      sql,
      keys.map(({ id }) => id),
    ),
  );
}

/** Whether datasources are narrowed down by what no index tells, so that rows are gone through. */
export function isSearch({ search, lastTest }: DatasourceConditions): boolean {
  return Boolean(search || lastTest);
}

/** Reads a page of the datasources for which the conditions hold. */
export async function selectDatasourcePage(
  reader: Reader,
  conditions: DatasourceConditions,
  request: PageRequest,
  providerRegions: ProviderRegions,
): Promise<Page<ShownDatasource>> {
  const ranges = await rangesOf(reader, conditions, request.order.property, providerRegions);
  return pageOf(request, hydrated(await readPage<ShownDatasource>(reader, listed(request), ranges, request)));
}

/** As {@link selectDatasourcePage}, each with its account. */
export async function selectDatasourcePageWithAccounts(
  reader: Reader,
  conditions: DatasourceConditions,
  request: PageRequest,
  providerRegions: ProviderRegions,
): Promise<Page<DatasourceWithAccount>> {
  const ranges = await rangesOf(reader, conditions, request.order.property, providerRegions);
  const table = { ...listed(request), selectList: shownWithOwner, join: ownerOf(reader.dialect) };
  const rows = await readPage<ShownDatasource & OwnerColumns>(reader, table, ranges, request);
  return pageOf(request, withAccounts(hydrated(rows)));
}

/** Reads the same page of each of several accounts in one statement, in the order of the accounts. */
export async function selectDatasourcePages(
  reader: Reader,
  accounts: readonly AccountIdentity[],
  conditions: DatasourceConditions,
  request: PageRequest,
): Promise<Page<ShownDatasource>[]> {
  const ranges = accounts.map((account) =>
    accountRange(reader.dialect, account, conditions, request.order.property, where(conditions)),
  );
  const read = await readEachPage<ShownDatasource>(reader, listed(request), ranges, request);
  return read.map((rows) => pageOf(request, hydrated(rows)));
}

/** Counts the datasources for which the conditions hold. */
export async function countDatasources(
  reader: Reader,
  conditions: DatasourceConditions,
  providerRegions: ProviderRegions,
): Promise<number> {
  const ranges = await rangesOf(reader, conditions, countedBy.property, providerRegions);
  const counts = await countRanges(reader, countedBy.table, ranges);
  return counts.reduce((sum, count) => sum + count, 0);
}

/** Counts the datasources of each of several accounts in one statement, in the order of the accounts. */
export function countDatasourcesOf(
  reader: Reader,
  accounts: readonly AccountIdentity[],
  conditions: DatasourceConditions,
): Promise<number[]> {
  const ranges = accounts.map((account) =>
    accountRange(reader.dialect, account, conditions, countedBy.property, where(conditions)),
  );
  return countRanges(reader, countedBy.table, ranges);
}

/** Finds which of some instance ids an account has, and keeps others from changing them before the transaction ends. */
export function lockInstances(
  session: Session,
  account: AccountIdentity,
  instanceIds: readonly string[],
): Promise<Pick<Datasource, 'id' | 'instanceId' | 'version'>[]> {
  const sql = `SELECT id, instance_id AS instanceId, version FROM datasources WHERE ${instancesIn(instanceIds)}${session.dialect.forUpdate}`;
  return session.rows(sql, [...accountValues(account), ...instanceIds]);
}

/** Deletes some of an account's datasources. */
export function deleteInstances(
  session: Session,
  account: AccountIdentity,
  instanceIds: readonly string[],
): Promise<number> {
  return session.run(`DELETE FROM datasources WHERE ${instancesIn(instanceIds)}`, [
    ...accountValues(account),
    ...instanceIds,
  ]);
}

function instancesIn(instanceIds: readonly string[]): string {
  return `${inAccount} AND instance_id IN (${instanceIds.map(() => '?').join(', ')})`;
}

/** What an index tells. */
function where({ accountProviderId, accountId, region, instanceId }: DatasourceConditions): Condition {
  return all(equal({ account_provider: accountProviderId, account_id: accountId, region, instance_id: instanceId }));
}

/** What no index tells. */
function lookedFor(dialect: Dialect, { search, lastTest }: DatasourceConditions): Condition | undefined {
  return allOf([...contain(dialect, searched, search), ...(lastTest ? [{ sql: lastTestIs, values: [lastTest] }] : [])]);
}

/**
 * Where the datasources are for which the conditions hold: in one account, in the few accounts with one id, or in the few
 * regions of providers that there are. An index of each condition by itself would be one more for every write to keep.
 */
async function rangesOf(
  reader: Reader,
  conditions: DatasourceConditions,
  property: string,
  providerRegions: ProviderRegions,
): Promise<IndexRange[]> {
  const { accountProviderId: accountProvider, accountId, region, instanceId } = conditions;
  const wanted = { accountProvider, accountId, region };
  if (accountId) {
    const accounts =
      accountProvider && region
        ? [{ accountProvider, accountId, region }]
        : await selectAccountKeys(reader, { ...wanted, accountId });
    return accounts.map((account) => accountRange(reader.dialect, account, conditions, property));
  }
  const filter = lookedFor(reader.dialect, conditions);
  const isAnywhere = !accountProvider && !region && !instanceId;
  if (isAnywhere) return [{ index: indexFor('anywhere', property), condition: where({}), filter }];
  const regions =
    accountProvider && region ? [{ accountProvider, region }] : await providerRegions.select(reader, wanted);
  return regions.map((one) => ({
    index: indexFor(instanceId ? 'nameInRegion' : 'region', property),
    condition: where({ accountProviderId: one.accountProvider, region: one.region, instanceId: instanceId ?? null }),
    filter,
    fixed: fixedBy(conditions, property),
  }));
}

/** @param further what must hold beside that a datasource is in the account */
function accountRange(
  dialect: Dialect,
  account: AccountIdentity,
  conditions: DatasourceConditions,
  property: string,
  further = where({ instanceId: conditions.instanceId ?? null }),
): IndexRange {
  return {
    index: indexFor(conditions.instanceId ? 'key' : 'account', property),
    condition: all([{ sql: inAccount, values: accountValues(account) }, further]),
    filter: lookedFor(dialect, conditions),
    fixed: fixedBy(conditions, property),
    isUnique: property === 'instanceId',
  };
}

function fixedBy({ instanceId }: DatasourceConditions, property: string): string | undefined {
  return property === 'instanceId' ? (instanceId ?? undefined) : undefined;
}

function indexFor(extent: keyof typeof indexes, property: string): string {
  return indexes[extent][property as keyof (typeof indexes)['region']];
}

function listed({ order }: PageRequest): ListedTable {
  return { name: 'datasources', selectList: shownList, column: shown.columnOf(order.property as keyof Datasource) };
}

/** Turns rows as the database gave them into what may be shown, in place. */
export function hydrated<Row extends ShownDatasource>(rows: Row[]): Row[] {
  for (const row of rows) {
    shown.hydrate(row);
    const flags = row as { hasPassword: unknown; hasSecret: unknown };
    flags.hasPassword = Boolean(flags.hasPassword);
    flags.hasSecret = Boolean(flags.hasSecret);
  }
  return rows;
}

function accountValues({ accountProvider, accountId, region }: AccountIdentity) {
  return [accountProvider, accountId, region];
}

async function rowsWithAnyKey<Row extends ShownDatasource>(
  session: Session,
  selectAll: string,
  keys: readonly DatasourceIdentity[],
  join = '',
): Promise<Row[]> {
  const { sql, values } = withAnyKey(session, keys, join);
  return hydrated(await session.rows<Row>(`${selectAll}${sql}`, values));
}

function withAnyKey({ dialect }: Session, keys: readonly DatasourceIdentity[], join = ''): Condition {
  const anyKey = keys.map(() => `(${byKey})`).join(' OR ');
  return {
    sql: `${byIndex(dialect, 'uq_datasources_key')}${join} WHERE ${anyKey}`,
    values: keys.flatMap(datasourceKeyValues),
  };
}

/** What is read of an account beside its key. */
interface OwnerColumns {
  readonly ownerId: string;
  readonly ownerCreatedAt: number | string;
  readonly ownerUpdatedAt: number | string;
}

/** Joins the account to each datasource: there is one. */
function ownerOf(dialect: Dialect): string {
  const accounts = `${ownerColumns}${byIndex(dialect, 'uq_accounts_key')}`;
  return ` ${dialect.joinBehind} (${accounts}) AS owner ON owner_provider = account_provider AND owner_account_id = account_id AND owner_region = region`;
}

function withAccounts(rows: readonly (ShownDatasource & OwnerColumns)[]): DatasourceWithAccount[] {
  return rows.map((row) =>
    Object.assign(row, {
      account: {
        id: row.ownerId,
        accountProvider: row.accountProviderId,
        accountId: row.accountId,
        region: row.region,
        createdAt: instant.from(row.ownerCreatedAt),
        updatedAt: instant.from(row.ownerUpdatedAt),
      },
    }),
  );
}

/** The account that a datasource with a key is in. */
export function accountOf({ accountProviderId, accountId, region }: DatasourceIdentity): AccountIdentity {
  return { accountProvider: accountProviderId, accountId, region };
}

/** What a key consists of. */
export function datasourceKeyValues({ accountProviderId, accountId, region, instanceId }: DatasourceIdentity) {
  return [accountProviderId, accountId, region, instanceId];
}
