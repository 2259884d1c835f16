import type { FastifyRequest } from 'fastify';
import type { AccountService } from '../accounts/account.service.js';
import type { ConnectionTestService } from '../connection-test/connection-test.service.js';
import { DatasourceKey } from '../datasources/datasource.input.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import { parseJdbcUrl } from '../datasources/jdbc-url.js';
import { DomainError, InvalidParametersError } from '../errors.js';
import { type LegacyBody, readInput } from '../input/legacy-body.js';
import type { LegacyQuestion, LegacyQuestions } from '../rest/legacy-routes.js';
import { type ListColumns, readListRequest } from './list-request.js';
import {
  AccountQuestion,
  DatabasesQuestion,
  ProviderQuestion,
  SecretsQuestion,
  ValuesQuestion,
} from './portal.input.js';
import { type PortalDirectory, shownUnder } from './portal-directory.js';
import { accountRow, connectionDetail, datasourceRow, pageOf, regionRow, secretRow, vpcRow } from './portal-rows.js';

/** What the reads ask. */
export interface PortalReadParts {
  readonly directory: PortalDirectory;
  readonly accounts: AccountService;
  readonly datasources: DatasourceService;
  /** What asks a server for its databases, where that is on. */
  readonly connectionTests: Pick<ConnectionTestService, 'isOn' | 'databases'>;
}

type Answer = (body: LegacyBody, request: FastifyRequest) => unknown;
type AccountListing = Parameters<AccountService['list']>[0];
type AccountProperty = Parameters<AccountService['valuesOf']>[0];
type DatasourceListing = Parameters<DatasourceService['list']>[0];
type DatasourceProperty = Parameters<DatasourceService['valuesOf']>[0];

/** The columns of the list of accounts. */
export const accountColumns = {
  columns: {
    account_provider_id: { property: 'accountProvider', holds: 'provider' },
    account_id: { property: 'accountId', holds: 'text' },
    region: { property: 'region', holds: 'text' },
    status: { constant: 1 },
    stack_status: { constant: null },
    stack_instance_status: { constant: null },
    organization_unit_id: { constant: null },
  },
  searched: ['accountId', 'region'],
  orders: {
    '': 'place',
    account_id: 'accountId',
    region: 'region',
    create_time: 'createdAt',
    last_updated: 'updatedAt',
  },
} satisfies ListColumns<AccountProperty, AccountListing['order']>;

/** The columns of the list of datasources. */
const datasourceColumns = {
  columns: {
    account_id: { property: 'accountId', holds: 'text' },
    region: { property: 'region', holds: 'text' },
    instance_id: { property: 'instanceId', holds: 'text' },
    description: { property: 'description', holds: 'optionalText' },
    jdbc_connection_url: { property: 'jdbcConnectionUrl', holds: 'text' },
    glue_crawler_last_updated: { property: 'glueCrawlerLastUpdated', holds: 'dateTime' },
    glue_state: { constant: null },
    glue_connection: { constant: null },
  },
  searched: ['instanceId', 'description', 'jdbcConnectionUrl'],
  orders: { '': 'createdAt', create_time: 'createdAt', modify_time: 'updatedAt', instance_id: 'instanceId' },
} satisfies ListColumns<DatasourceProperty, DatasourceListing['order']>;

const tables = {
  source_account: accountColumns,
  source_jdbc_instance: datasourceColumns,
  source_s3_bucket: undefined,
  source_rds_instance: undefined,
  source_glue_database: undefined,
} as const;

/** The reads of the portal's pages, by their paths. */
export function portalReads({ directory, accounts, datasources, connectionTests }: PortalReadParts): LegacyQuestions {
  const providers = () => directory.providers.map(({ id }) => id);

  async function listAccounts(body: LegacyBody) {
    const { page, size, isEmpty, ...listing } = readListRequest(body, accountColumns);
    if (isEmpty) return pageOf([], 0, page, size);
    const { rows, total } = await accounts.list(withProviders(listing, providers()), { page, size });
    const counts = await datasources.countOfEach(rows);
    return pageOf(
      rows.map((account, at) => accountRow(account, counts[at] ?? 0)),
      total,
      page,
      size,
    );
  }

  async function listDatasources(body: LegacyBody, { query }: FastifyRequest) {
    const { providerId } = readInput(ProviderQuestion, query as LegacyBody);
    const { page, size, isEmpty, ...listing } = readListRequest(body, datasourceColumns);
    if (isEmpty) return pageOf([], 0, page, size);
    const { rows, total } = await datasources.list({ ...listing, providers: [providerId] }, { page, size });
    return pageOf(rows.map(datasourceRow), total, page, size);
  }

  async function coverage(query: LegacyBody) {
    const { providerId } = readInput(ProviderQuestion, query);
    return {
      s3_connected: 0,
      s3_total: 0,
      rds_connected: 0,
      rds_total: 0,
      glue_connected: 0,
      glue_total: 0,
      jdbc_connected: 0,
      jdbc_total: await datasources.countOfProviders(shownUnder(providerId)),
    };
  }

  async function summary(query: LegacyBody) {
    const { providerId } = readInput(ProviderQuestion, query);
    const { accounts: total, regions } = await accounts.summaryOf(shownUnder(providerId));
    return { account_total: total, region_total: regions };
  }

  async function detail(body: LegacyBody) {
    const datasource = await datasources.byKey(readInput(DatasourceKey, body));
    if (datasource === undefined) {
      throw new DomainError('DATASOURCE_NOT_FOUND', 'The account has no datasource with this instance id.');
    }
    return connectionDetail(datasource);
  }

  function network(body: LegacyBody) {
    const { accountProviderId, ...account } = readInput(AccountQuestion, body);
    return { vpcs: directory.vpcsOf({ ...account, provider: accountProviderId }).map(vpcRow) };
  }

  function secrets(query: LegacyBody) {
    const { provider, account, region } = readInput(SecretsQuestion, query);
    return directory.secretsOf({ provider, accountId: account, region }).map(secretRow);
  }

  async function propertyValues(query: LegacyBody) {
    const { table, column, condition } = readInput(ValuesQuestion, query);
    if (!isTable(table)) throw invalid('table', `must be one of ${Object.keys(tables).join(', ')}`);
    const columns = tables[table]?.columns;
    if (columns === undefined) return [];
    if (!Object.hasOwn(columns, column)) throw invalid('column', `must be one of ${Object.keys(columns).join(', ')}`);
    const known = columns[column as keyof typeof columns] as { constant: unknown } | { property: never; holds: string };
    if ('constant' in known) return [known.constant ?? 'Empty'];
    const wanted = providersIn(condition, providers());
    if (wanted.length === 0) return [];
    const service: { valuesOf(property: never, of: readonly number[]): Promise<unknown[]> } =
      columns === accountColumns.columns ? accounts : datasources;
    const values = await service.valuesOf(known.property, wanted);
    const isInstant = known.holds === 'dateTime';
    return values.map((value) =>
      value === null ? 'Empty' : isInstant ? new Date(Number(value)).toISOString() : value,
    );
  }

  const regions = (query: LegacyBody) =>
    directory.regionsOf(readInput(ProviderQuestion, query).providerId).map(regionRow);
  const listProviders = () =>
    directory.providers.map(({ id, name, description = null }) => ({
      id,
      provider_name: name,
      description,
      status: 1,
    }));

  return {
    '/data-source/list-providers': post(listProviders),
    '/data-source/coverage': get(coverage),
    '/catalog/dashboard/agg-data-source-summary': get(summary),
    '/data-source/list-account': post(listAccounts),
    '/data-source/query-regions-by-provider': get(regions),
    '/data-source/list-jdbc': post(listDatasources),
    '/data-source/query-account-network': post(network),
    '/data-source/query-connection-detail': post(detail),
    '/data-source/jdbc-databases': post((body, request) => databasesOf(connectionTests, body, request)),
    // What is not kept here cannot be read anew: everything that is shown is as it is.
    '/data-source/refresh': post(() => true),
    '/data-source/secrets': get(secrets),
    '/data-source/list-buckets': post(() => []),
    '/data-source/query-glue-connections': post(() => []),
    '/query/property_values': get(propertyValues),
    '/data-source/list-s3': post(emptyPage),
    '/data-source/list-rds': post(emptyPage),
    '/data-source/list-glue-database': post(emptyPage),
  };
}

function get(ask: Answer): LegacyQuestion {
  return { method: 'GET', ask: async (body, request) => ask(body, request) };
}

function post(ask: Answer): LegacyQuestion {
  return { method: 'POST', ask: async (body, request) => ask(body, request) };
}

function emptyPage(body: LegacyBody) {
  const { page, size } = readListRequest({ page: body.page, size: body.size }, datasourceColumns);
  return pageOf([], 0, page, size);
}

/** Those that the server tells, where it may be asked; else the one that the URL names, which is what the form is for. */
async function databasesOf(
  connectionTests: PortalReadParts['connectionTests'],
  body: LegacyBody,
  request: FastifyRequest,
): Promise<readonly string[]> {
  const { connectionUrl, username, password, sslVerifyCert } = readInput(DatabasesQuestion, body);
  const jdbcConnectionUrl = connectionUrl.startsWith('jdbc:') ? connectionUrl : `jdbc:mysql://${connectionUrl}`;
  const url = parseJdbcUrl(jdbcConnectionUrl);
  if (!url.ok) throw new DomainError('INVALID_JDBC_URL', url.problem);
  let problem = 'This gateway does not ask the server for its databases.';
  if (connectionTests.isOn && request.call.caller.permissions.has('connect') && username && password) {
    const connection = { jdbcConnectionUrl, masterUsername: username, password, jdbcEnforceSsl: sslVerifyCert ?? null };
    const { names, message } = await whileWaitedFor(request, (signal) =>
      connectionTests.databases(connection, request.call, signal),
    );
    if (names.length > 0) return names;
    problem = message;
  }
  if (url.url.database) return [url.url.database];
  throw new DomainError(
    'BAD_USER_INPUT',
    `${problem} Write the database behind the host and the port, as in db.example.com:3306/orders, and press again.`,
  );
}

/** Does something for a request until its client has gone away. */
async function whileWaitedFor<T>(
  { raw: { socket } }: FastifyRequest,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const end = new AbortController();
  const abort = () => end.abort();
  socket.once('close', abort);
  if (socket.destroyed) abort();
  try {
    return await work(end.signal);
  } finally {
    socket.off('close', abort);
  }
}

/** A listing of the providers that it asks for: those of the file where it asks for none. */
function withProviders(
  { comparisons, ...listing }: Omit<AccountListing, 'providers'>,
  all: readonly number[],
): AccountListing {
  const asked = comparisons.find(
    ({ properties, kind, negated }) => kind === 'equal' && !negated && properties[0] === 'accountProvider',
  );
  const providers = asked === undefined ? all : [...new Set(asked.values.map(Number))];
  return { ...listing, providers, comparisons: comparisons.filter((comparison) => comparison !== asked) };
}

/** The providers that a condition of suggestions names; all where there is none. */
function providersIn(condition: string | null | undefined, all: readonly number[]): readonly number[] {
  if (!condition || condition === 'null') return all;
  let parsed: unknown;
  try {
    parsed = JSON.parse(condition);
  } catch {
    throw invalid('condition', 'must be JSON');
  }
  const conditions = parsed === null ? [] : [parsed];
  const { account_provider_id } = accountColumns.columns;
  const columns = { columns: { account_provider_id }, searched: [], orders: { '': '' } } as const;
  const { comparisons } = readListRequest<'accountProvider', ''>({ conditions }, columns);
  return withProviders({ comparisons, order: 'place', descending: false }, all).providers;
}

function isTable(table: string): table is keyof typeof tables {
  return Object.hasOwn(tables, table);
}

function invalid(property: string, problem: string): InvalidParametersError {
  return new InvalidParametersError([{ property, problem }]);
}
