import { DatasourceKey } from '../datasources/datasource.input.js';
import type { LegacyAdditions, LegacyDocumentation, LegacyDocumentations } from '../rest/openapi.js';
import {
  AccountQuestion,
  DatabasesQuestion,
  ProviderQuestion,
  SecretsQuestion,
  ValuesQuestion,
} from './portal.input.js';

type Json = Readonly<Record<string, unknown>>;

/** What the portal may leave out of an operation, and what comes of it, by its path. */
const leftOut: Readonly<Record<string, Pick<LegacyDocumentation, 'mayBeAbsent' | 'description'>>> = {
  '/data-source/add_account': {
    description:
      'An account id is registered once, whatever the provider and the region. An empty `region` stands for the usual one of the provider.',
  },
  '/data-source/add-jdbc-conn': {
    mayBeAbsent: ['create_type', 'network_availability_zone'],
    description: 'Without `create_type` it is 1; without a zone, the zone is that of the subnet.',
  },
  '/data-source/update-jdbc-conn': {
    mayBeAbsent: ['create_type'],
    description:
      'Without `create_type`, what the portal never sends stays as it is, and where neither a password nor a secret is sent, those that are stored stay.',
  },
  '/data-source/delete-jdbc': { description: '`data` lists each instance id, with an empty text behind it.' },
};

/** The operations of the document with what the portal may leave out. */
export function describedForPortal(documented: LegacyDocumentations): LegacyDocumentations {
  return Object.fromEntries(
    Object.entries(documented).map(([path, operations]) => {
      const { description, mayBeAbsent } = leftOut[path] ?? {};
      const [operation] = operations;
      if (description === undefined || operation === undefined) return [path, operations];
      const described = {
        ...operation,
        description: `${operation.description} ${description}`,
        // The same operation is described on the path that it shares, where nothing may be left out.
        ...(mayBeAbsent === undefined ? {} : { name: `${operation.name}OfPortal`, mayBeAbsent }),
      };
      return [path, [described]];
    }),
  );
}

const text: Json = { type: 'string' };
const textOrNull: Json = { type: ['string', 'null'] };
const count: Json = { type: 'integer', minimum: 0 };
const list = (items: Json): Json => ({ type: 'array', items });
const object = (properties: Readonly<Record<string, Json>>): Json => ({
  type: 'object',
  required: Object.keys(properties),
  properties,
});
const page = (items: Json): Json =>
  object({ items: list(items), total: count, page: { type: 'integer' }, size: { type: 'integer' }, pages: count });

const listBody: Json = {
  type: 'object',
  properties: {
    page: { type: 'integer', minimum: 1, description: 'The number of the page. The list ends at entry 100000.' },
    size: { type: 'integer', minimum: 1, maximum: 100, description: 'Entries to a page; 20 unless told.' },
    sort_column: { type: 'string', description: 'The column that the list is sorted by.' },
    asc: { type: 'boolean', description: 'Whether it is sorted from the least on; true unless told.' },
    conditions: {
      type: 'array',
      maxItems: 20,
      description: 'All of them hold for every entry.',
      items: {
        type: 'object',
        required: ['values'],
        properties: {
          column: { type: 'string', description: 'The column; any column that is searched where there is none.' },
          values: {
            type: 'array',
            minItems: 1,
            maxItems: 100,
            items: { type: ['string', 'integer'], maxLength: 2048 },
          },
          operation: {
            enum: ['=', '!=', ':', '!:', 'in'],
            description: 'Is, is not, contains, does not contain, is one of; `=` unless told.',
          },
          condition: { enum: ['and'] },
        },
      },
    },
  },
};
const counted = 'Numbers go up to 100000; more are told as so many.';
const notHere = 'There are none here, so the list is empty.';
const row: Json = { type: 'object' };

/** What the portal reads. */
export const portalAdditions: LegacyAdditions = {
  introduction:
    'This gateway has a profile for the web portal (`PORTAL_FILE`): the routes under "Web portal" are what its pages read, with the permission `read`. A caller without a permission gets the code 403, and one whose token has expired 1003.',
  questions: {
    '/data-source/list-providers': {
      method: 'POST',
      name: 'portalProviders',
      title: 'Providers',
      description: 'The providers, as the file has them.',
      data: list(object({ id: count, provider_name: text, description: textOrNull, status: count })),
    },
    '/data-source/coverage': {
      method: 'GET',
      name: 'portalCoverage',
      title: 'Numbers of sources',
      description: `How many datasources a provider has; those of the provider 4 count under 1. ${counted}`,
      query: ProviderQuestion,
      data: object({
        s3_connected: count,
        s3_total: count,
        rds_connected: count,
        rds_total: count,
        glue_connected: count,
        glue_total: count,
        jdbc_connected: count,
        jdbc_total: count,
      }),
    },
    '/catalog/dashboard/agg-data-source-summary': {
      method: 'GET',
      name: 'portalSummary',
      title: 'Numbers of accounts',
      description: `How many accounts a provider has, and in how many regions; those of the provider 4 count under 1. ${counted}`,
      query: ProviderQuestion,
      data: object({ account_total: count, region_total: count }),
    },
    '/data-source/list-account': {
      method: 'POST',
      name: 'portalAccounts',
      title: 'Accounts',
      description: 'A page of accounts. The total goes up to 100000.',
      body: listBody,
      data: page(row),
    },
    '/data-source/query-regions-by-provider': {
      method: 'GET',
      name: 'portalRegions',
      title: 'Regions',
      description: 'The regions of a provider, as the file has them.',
      query: ProviderQuestion,
      data: list(object({ id: count, region_name: text, region_alias: text, region_cord: text })),
    },
    '/data-source/list-jdbc': {
      method: 'POST',
      name: 'portalDatasources',
      title: 'Datasources',
      description: 'A page of the datasources of a provider, without their credentials. The total goes up to 100000.',
      query: ProviderQuestion,
      body: listBody,
      data: page(row),
    },
    '/data-source/query-account-network': {
      method: 'POST',
      name: 'portalNetworks',
      title: 'Networks of an account',
      description: 'The networks of an account, as the file has them.',
      body: AccountQuestion,
      data: object({ vpcs: list(row) }),
    },
    '/data-source/query-connection-detail': {
      method: 'POST',
      name: 'portalConnection',
      title: 'A datasource',
      description: 'A datasource in the form of a connection of AWS Glue, without its credentials.',
      body: DatasourceKey,
      data: object({
        Name: text,
        Description: text,
        ConnectionType: text,
        ConnectionProperties: row,
        PhysicalConnectionRequirements: row,
      }),
    },
    '/data-source/jdbc-databases': {
      method: 'POST',
      name: 'portalDatabases',
      title: 'Databases of a server',
      description:
        'The databases of the server, where connection tests are on and the caller has the permission `connect`; else the database that the URL names.',
      body: DatabasesQuestion,
      data: list(text),
    },
    '/data-source/refresh': {
      method: 'POST',
      name: 'portalRefresh',
      title: 'Refresh',
      description: 'Does nothing: all that is shown is as it is now.',
      data: { const: true },
    },
    '/data-source/secrets': {
      method: 'GET',
      name: 'portalSecrets',
      title: 'Names of secrets',
      description: 'The names of the secrets that can be chosen for an account, as the file has them.',
      query: SecretsQuestion,
      data: list(object({ Name: text, ARN: text })),
    },
    '/data-source/list-buckets': {
      method: 'POST',
      name: 'portalBuckets',
      title: 'Buckets',
      description: notHere,
      data: list(row),
    },
    '/data-source/query-glue-connections': {
      method: 'POST',
      name: 'portalGlueConnections',
      title: 'Connections of AWS Glue',
      description: notHere,
      data: list(row),
    },
    '/query/property_values': {
      method: 'GET',
      name: 'portalValues',
      title: 'Suggestions of a filter',
      description: 'The first 200 values of a column, in the first 50000 entries.',
      query: ValuesQuestion,
      data: list({ type: ['string', 'integer'] }),
    },
    '/data-source/list-s3': {
      method: 'POST',
      name: 'portalS3',
      title: 'S3 buckets of accounts',
      description: notHere,
      body: listBody,
      data: page(row),
    },
    '/data-source/list-rds': {
      method: 'POST',
      name: 'portalRds',
      title: 'RDS instances of accounts',
      description: notHere,
      body: listBody,
      data: page(row),
    },
    '/data-source/list-glue-database': {
      method: 'POST',
      name: 'portalGlueDatabases',
      title: 'Glue databases of accounts',
      description: notHere,
      body: listBody,
      data: page(row),
    },
  },
};
