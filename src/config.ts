import type { ConnectionTestLimits } from './connection-test/connection-test.service.js';
import type { DatabaseLocation } from './database/database-url.js';
import type { DocumentLimits } from './graphql/document/document-limits.js';
import { isLoopbackAddress } from './security/browser-origin.js';
import type { SealingKey } from './security/sealing-key.js';
import type { TokenExpectations } from './security/token-verifier.js';
import { type LogLevel, readText } from './setting-values.js';
import { type SettingName, type SettingValue, settings } from './settings.js';

/** What the process was told, checked. Made by {@link loadConfig} alone. */
export interface Config {
  /** The address to listen on. */
  readonly host: string;
  /** The port to listen on; 0 takes a free one. */
  readonly port: number;
  /** Processes that serve the port together. */
  readonly workers: number;
  /** The least important log lines to write. */
  readonly logLevel: LogLevel;
  /** Where the register is kept. */
  readonly database: DatabaseLocation;
  /** The keys that open credentials, of which the first seals; none where one is to be made beside the embedded database. */
  readonly sealingKeys: readonly SealingKey[];
  /** What opens the credentials in an exported file; undefined where it was not said. */
  readonly registryPassphrase: string | undefined;
  /** How long a request may wait for the database in all, in milliseconds. */
  readonly databaseTimeout: number;
  /** Connections to the database at most. */
  readonly databasePoolSize: number;
  /** Requests that may wait for a connection at most; more are answered with 503. */
  readonly databaseQueueLimit: number;
  /** Requests in work at the same time at most; others wait for a short time, and are then answered with 503. */
  readonly requestLimit: number;
  /** Who is let in. */
  readonly authentication: Authentication;
  /** Origins, besides its own, whose pages may call the gateway. */
  readonly corsOrigins: readonly string[];
  /** Whether the schema may be asked for. */
  readonly introspection: boolean;
  /** Whether the playground is served. */
  readonly playground: boolean;
  /** Whether the description of the legacy routes is served. */
  readonly openApi: boolean;
  /** What the file of the web portal's profile has in it, not checked yet; undefined where there is none. */
  readonly portalFile: object | undefined;
  /** How large a GraphQL document may be. */
  readonly documentLimits: DocumentLimits;
  /** The largest body that is read, in bytes. */
  readonly bodyLimit: number;
  /** Connections of one client at most. */
  readonly connectionLimit: number;
  /** Requests of one caller in a minute at most; undefined for any number. */
  readonly rateLimit: number | undefined;
  /** What bounds connection tests. */
  readonly connectionTests: ConnectionTestLimits;
  /** How long the audit is kept, in days; undefined for ever. */
  readonly auditRetentionDays: number | undefined;
  /** Where traces are sent; undefined where none are made. */
  readonly tracesEndpoint: string | undefined;
  /** The proxies whose word is taken for the client's address: how many, or which; false for none. */
  readonly trustProxy: number | string[] | false;
}

/** Who is let in: callers with a key, with a token, or with either; with neither, everyone. */
export interface Authentication {
  readonly keys: boolean;
  /** What is expected of tokens; undefined where none are accepted. */
  readonly tokens: TokenExpectations | undefined;
  /** Whether nobody said so in the settings, so that everyone is let in for want of a word. */
  readonly isOpenByDefault: boolean;
}

/** Settings that are wrong: one message that names each and says what it must be, and never its value. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';

  /** @param problems one sentence for each wrong setting, starting with its name */
  constructor(readonly problems: readonly string[]) {
    super(`The settings are not usable:\n${problems.map((problem) => `  - ${problem}`).join('\n')}`);
  }
}

/**
 * Reads and checks all settings at once. An empty one is absent.
 *
 * @throws ConfigError naming every setting that is wrong
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];

  function raw(name: SettingName): string | undefined {
    const value = env[name] || undefined;
    const file = isSecret(name) ? env[`${name}_FILE`] || undefined : undefined;
    if (file === undefined) return value;
    if (value !== undefined) {
      problems.push(`${name} and ${name}_FILE are both set: keep one of them.`);
      return undefined;
    }
    const content = readText(file);
    if (content === undefined) problems.push(`${name}_FILE must be the path of a file that can be read.`);
    else if (content.trim() === '') problems.push(`${name}_FILE must be the path of a file that is not empty.`);
    return content?.trim() || undefined;
  }

  function read<Name extends SettingName>(name: Name): SettingValue<Name> {
    const { kind, ...others } = settings[name];
    const absent = ('absent' in others ? others.absent : undefined) as SettingValue<Name>;
    const value = raw(name);
    if (value === undefined) return absent;
    const found = kind.read(value) as SettingValue<Name> | undefined;
    if (found === undefined) problems.push(`${name} must be ${kind.requirement}.`);
    return found ?? absent;
  }

  function readAuthentication(host: string): Authentication {
    const issuer = read('OIDC_ISSUER');
    const audience = read('OIDC_AUDIENCE');
    const algorithms = read('OIDC_ALGORITHMS');
    const permissionsClaim = read('OIDC_PERMISSIONS_CLAIM');
    const asked = read('AUTH');
    if (raw('AUTH') === undefined && issuer === undefined && !isLoopbackAddress(host)) {
      problems.push(
        'AUTH is required if HOST is not a loopback address: keys, oidc or keys,oidc; or none, to let in everyone who can reach the gateway.',
      );
    }
    const accepted = asked ?? (issuer === undefined ? ['none'] : ['oidc']);
    const acceptsTokens = accepted.includes('oidc');
    if (acceptsTokens && raw('OIDC_ISSUER') === undefined)
      problems.push('OIDC_ISSUER is required if AUTH contains oidc.');
    if (acceptsTokens && raw('OIDC_AUDIENCE') === undefined) {
      problems.push('OIDC_AUDIENCE is required if AUTH contains oidc: the audience of the tokens for this gateway.');
    }
    return {
      keys: accepted.includes('keys'),
      tokens: acceptsTokens && issuer !== undefined ? { issuer, audience, algorithms, permissionsClaim } : undefined,
      isOpenByDefault: asked === undefined && issuer === undefined,
    };
  }

  const database = read('DATABASE_URL');
  const certificateAuthority = read('DATABASE_CA_FILE');
  const host = read('HOST');
  const authentication = readAuthentication(host);
  const isOpen = !authentication.keys && authentication.tokens === undefined;
  const databasePoolSize = read('DB_POOL_SIZE');
  const config: Config = {
    host,
    port: read('PORT'),
    workers: read('WORKERS'),
    logLevel: read('LOG_LEVEL'),
    database: database.kind === 'mysql' ? { ...database, certificateAuthority } : database,
    sealingKeys: [...read('SECRETS_KEYS'), ...read('SECRETS_KEY')],
    registryPassphrase: read('REGISTRY_PASSPHRASE'),
    databaseTimeout: read('DB_TIMEOUT_MS'),
    databasePoolSize,
    databaseQueueLimit: read('DB_QUEUE_LIMIT'),
    requestLimit: read('REQUEST_LIMIT') ?? 2 * databasePoolSize,
    authentication,
    corsOrigins: read('CORS_ORIGINS'),
    introspection: read('INTROSPECTION') ?? isOpen,
    playground: read('PLAYGROUND') ?? isOpen,
    openApi: read('OPENAPI') ?? isOpen,
    portalFile: read('PORTAL_FILE'),
    documentLimits: {
      maxTokens: read('GRAPHQL_MAX_TOKENS'),
      maxDepth: read('GRAPHQL_MAX_DEPTH'),
      maxAliases: read('GRAPHQL_MAX_ALIASES'),
      maxCost: read('GRAPHQL_MAX_COST'),
      maxBytes: read('GRAPHQL_MAX_BYTES'),
    },
    bodyLimit: read('BODY_LIMIT'),
    connectionLimit: read('CONNECTION_LIMIT'),
    rateLimit: read('RATE_LIMIT'),
    connectionTests: {
      networks: read('CONNECTION_TEST_NETWORKS'),
      timeout: read('CONNECTION_TEST_TIMEOUT_MS'),
      rateLimit: read('CONNECTION_TEST_RATE_LIMIT'),
      certificateAuthority: read('CONNECTION_TEST_CA_FILE'),
    },
    auditRetentionDays: read('AUDIT_RETENTION_DAYS'),
    tracesEndpoint: read('OTEL_EXPORTER_OTLP_ENDPOINT'),
    trustProxy: read('TRUST_PROXY'),
  };
  const isSet = (name: SettingName) => Boolean(env[name] || env[`${name}_FILE`]);
  if (isSet('SECRETS_KEY') && isSet('SECRETS_KEYS')) {
    problems.push('SECRETS_KEY and SECRETS_KEYS are both set: keep one of them.');
  }
  if (config.database.kind === 'mysql' && !isSet('SECRETS_KEY') && !isSet('SECRETS_KEYS')) {
    problems.push(
      'SECRETS_KEY is required if DATABASE_URL names MySQL: create one with `openssl rand -base64 32`, keep a copy in a safe place, and set it on every gateway of this register.',
    );
  }
  if (config.database.kind === 'sqlite' && config.workers > 1) {
    problems.push(
      'WORKERS above 1 needs MySQL or MariaDB, named by DATABASE_URL: an SQLite file is served by one process.',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

function isSecret(name: SettingName): boolean {
  return 'secret' in settings[name];
}
