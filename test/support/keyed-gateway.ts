import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { loadConfig } from '../../src/config.js';
import { Register } from '../../src/register.js';
import { ApiKeys } from '../../src/security/api-keys.js';
import { type Permission, permissions } from '../../src/security/caller.js';
import type { DatabaseKind, TestDatabase } from './databases.js';
import { startGateway, type TestGateway } from './gateway.js';

/** A gateway that lets in callers with keys, and one caller who may do everything. */
export interface KeyedGateway {
  readonly database: TestDatabase;
  /** The settings with which the gateway was started, the sealing key among them. */
  readonly env: Record<string, string>;
  /** The gateway, asked without a key. */
  readonly gateway: TestGateway;
  /** The gateway, asked by a caller with every permission. */
  readonly all: TestGateway;
  close(): Promise<void>;
}

/**
 * Starts a gateway with a database of its own.
 *
 * @param others settings besides those of the database, the sealing key and AUTH
 */
export async function startKeyedGateway(
  kind: DatabaseKind,
  others: Record<string, string> = {},
): Promise<KeyedGateway> {
  const database = await kind.create();
  const sealing: Record<string, string> =
    others.SECRETS_KEYS === undefined ? { SECRETS_KEY: randomBytes(32).toString('base64') } : {};
  const env = { DATABASE_URL: database.url, ...sealing, AUTH: 'keys', ...others };
  const gateway = await startGateway(env);
  const key = await makeKey(env, permissions);
  return {
    database,
    env,
    gateway,
    all: as(gateway, { 'x-api-key': key }),
    async close() {
      await gateway.close();
      await database.drop();
    },
  };
}

/** Makes a key with these permissions beside the gateways that serve the same database, as the command line does. */
export async function makeKey(
  env: Record<string, string>,
  granted: readonly Permission[],
  expiresAt: Date | null = null,
): Promise<string> {
  const register = new Register(loadConfig(env), pino({ level: 'silent' }), 'tool');
  try {
    await register.prepareOnce();
    return (await new ApiKeys(register).create(granted.join(' and '), granted, expiresAt)).key;
  } finally {
    await register.close();
  }
}

/** The same gateway, asked with these headers: as one caller asks it. */
export function as(gateway: TestGateway, own: Record<string, string>): TestGateway {
  return {
    ...gateway,
    graphql: (query, variables, headers) => gateway.graphql(query, variables, { ...own, ...headers }),
    legacy: (route, body, headers) => gateway.legacy(route, body, { ...own, ...headers }),
  };
}

/** The four fields of a datasource's key, of anything that has them. */
export function keyOf({ instanceId, accountProviderId, accountId, region }: Record<string, unknown>) {
  return { instanceId, accountProviderId, accountId, region };
}

/** Reads the credentials of a datasource, as a caller who may. */
export async function readCredentials(gateway: TestGateway, input: Record<string, unknown>) {
  const { data, errors } = await gateway.graphql(
    'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { masterUsername password secret } }',
    { key: keyOf(input) },
  );
  if (errors !== undefined) throw new Error(`the credentials were not read: ${JSON.stringify(errors)}`);
  return data.datasourceCredentials;
}
