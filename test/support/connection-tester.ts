import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { pino } from 'pino';
import { AuditTrail } from '../../src/audit/audit-trail.js';
import { loadConfig } from '../../src/config.js';
import { type ConnectionTestLimits, ConnectionTestService } from '../../src/connection-test/connection-test.service.js';
import type { Resolve } from '../../src/connection-test/name-lookups.js';
import type { OwnEndpoint } from '../../src/connection-test/own-endpoints.js';
import { CredentialSeal } from '../../src/datasources/credential-seal.js';
import type { AddDatasourceInput } from '../../src/datasources/datasource.input.js';
import { Register } from '../../src/register.js';
import type { Call } from '../../src/security/call.js';
import { type Permission, permissions } from '../../src/security/caller.js';
import { sqliteKind } from './databases.js';
import { datasourceInput } from './samples.js';

/** Tests connections in the process of the test, over a register of its own. */
export interface ConnectionTester {
  readonly service: ConnectionTestService;
  /** Names of the databases that were looked up, each time. */
  readonly lookedUp: string[];
  /** Tests a connection of these values, as a caller with every permission unless told. */
  test(
    url: string,
    values?: Record<string, unknown>,
    call?: Call,
    signal?: AbortSignal,
  ): ReturnType<ConnectionTestService['testConnection']>;
  close(): Promise<void>;
}

/** What differs from the usual. */
export interface TesterOptions extends Partial<ConnectionTestLimits> {
  readonly resolve?: Resolve;
  readonly ownEndpoints?: readonly OwnEndpoint[];
}

/** Who asks. */
export function callOf(granted: readonly Permission[] = permissions, name = 'tester'): Call {
  return {
    caller: { means: 'key', name, permissions: new Set(granted) },
    surface: 'graphql',
    address: '127.0.0.1',
    requestId: randomBytes(8).toString('hex'),
  };
}

/** Makes one that may connect to the loopback network. */
export async function startTester({
  resolve,
  ownEndpoints = [],
  ...limits
}: TesterOptions = {}): Promise<ConnectionTester> {
  const database = await sqliteKind.create();
  const register = new Register(loadConfig(database.env), pino({ level: 'silent' }), 'tool');
  await register.prepareOnce();
  const lookedUp: string[] = [];
  const found: Resolve = resolve ?? (async () => ['127.0.0.1']);
  const service = new ConnectionTestService(
    {
      database: register,
      credentials: new CredentialSeal(() => register.sealingKeys),
      audit: new AuditTrail(register),
      ownEndpoints: () => ownEndpoints,
      resolve: (host) => {
        lookedUp.push(host);
        return found(host);
      },
    },
    {
      networks: ['127.0.0.0/8'],
      timeout: 10_000,
      rateLimit: 10_000,
      certificateAuthority: undefined,
      ...limits,
    },
  );
  return {
    service,
    lookedUp,
    test: (url, values = {}, call = callOf(), signal = new AbortController().signal) => {
      const input = datasourceInput('tested', { jdbcConnectionUrl: url, secret: null, ...values });
      return service.testConnection(input as unknown as AddDatasourceInput, call, signal);
    },
    async close() {
      await register.close();
      await database.drop();
    },
  };
}
