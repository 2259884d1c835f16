import type { DatabaseLocation } from './database/database-url.js';
import type { DocumentLimits } from './graphql/document-limits.js';
import { isLoopbackAddress } from './security/browser-origin.js';
import type { SealingKey } from './security/sealing-key.js';
import type { TokenExpectations } from './security/token-verifier.js';
import {
  authenticationWays,
  collectorUrl,
  databaseLocation,
  hostName,
  issuerUrl,
  type LogLevel,
  list,
  listOf,
  logLevels,
  oneOf,
  origins,
  passphrase,
  pemFile,
  proxies,
  Requirement,
  readText,
  sealingKey,
  sealingKeys,
  signatureAlgorithms,
  trueOrFalse,
  wholeNumber,
} from './setting-values.js';
import { type Setting, settings } from './settings.js';

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
  /** The path of the file of the web portal's profile; undefined where there is none. */
  readonly portalFile: string | undefined;
  /** How large a GraphQL document may be. */
  readonly documentLimits: DocumentLimits;
  /** The largest body that is read, in bytes. */
  readonly bodyLimit: number;
  /** Requests of one caller in a minute at most; undefined for any number. */
  readonly rateLimit: number | undefined;
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

type SettingName = keyof typeof settings;

/**
 * Reads and checks all settings at once. An empty one is absent.
 *
 * @throws ConfigError naming every setting that is wrong
 */
export function loadConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const problems: string[] = [];

  function raw(name: SettingName): string | undefined {
    const value = env[name] || undefined;
    const setting: Setting = settings[name];
    const file = setting.secret ? env[`${name}_FILE`] || undefined : undefined;
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

  function read<T>(name: SettingName, parse: (value: string) => T, absent: T): T {
    const value = raw(name);
    if (value === undefined) return absent;
    try {
      return parse(value);
    } catch (error) {
      problems.push(`${name} ${error instanceof Requirement ? error.message : 'is not usable.'}`);
      return absent;
    }
  }

  function readAuthentication(host: string): Authentication {
    const issuer = read('OIDC_ISSUER', issuerUrl, undefined);
    const audience = read('OIDC_AUDIENCE', list, []);
    const algorithms = read('OIDC_ALGORITHMS', listOf(signatureAlgorithms), [
      'RS256',
      'PS256',
      'ES256',
      'EdDSA',
    ] as const);
    const permissionsClaim = read('OIDC_PERMISSIONS_CLAIM', (value) => value, 'permissions');
    const asked = read('AUTH', authenticationWays, undefined);
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

  const certificateAuthority = read('DATABASE_CA_FILE', pemFile, undefined);
  const host = read('HOST', hostName, '127.0.0.1');
  const authentication = readAuthentication(host);
  const isOpen = !authentication.keys && authentication.tokens === undefined;
  const databasePoolSize = read('DB_POOL_SIZE', wholeNumber(1, 1000), 16);
  const config: Config = {
    host,
    port: read('PORT', wholeNumber(0, 65535), 4000),
    workers: read('WORKERS', wholeNumber(1, 64), 1),
    logLevel: read('LOG_LEVEL', oneOf(logLevels), 'info'),
    database: read('DATABASE_URL', databaseLocation(certificateAuthority), {
      kind: 'sqlite',
      path: 'data/gateway.sqlite',
    }),
    sealingKeys: [...read('SECRETS_KEYS', sealingKeys, []), ...read('SECRETS_KEY', sealingKey, [])],
    registryPassphrase: read('REGISTRY_PASSPHRASE', passphrase, undefined),
    databaseTimeout: read('DB_TIMEOUT_MS', wholeNumber(100, 60000), 4000),
    databasePoolSize,
    databaseQueueLimit: read('DB_QUEUE_LIMIT', wholeNumber(1, 100000), 256),
    requestLimit: read('REQUEST_LIMIT', wholeNumber(1, 100000), 2 * databasePoolSize),
    authentication,
    corsOrigins: read('CORS_ORIGINS', origins, []),
    introspection: read('INTROSPECTION', trueOrFalse, isOpen),
    playground: read('PLAYGROUND', trueOrFalse, isOpen),
    openApi: read('OPENAPI', trueOrFalse, isOpen),
    portalFile: read('PORTAL_FILE', (value) => value, undefined),
    documentLimits: {
      maxTokens: read('GRAPHQL_MAX_TOKENS', wholeNumber(100, 100_000), 2000),
      maxDepth: read('GRAPHQL_MAX_DEPTH', wholeNumber(1, 100), 8),
      maxAliases: read('GRAPHQL_MAX_ALIASES', wholeNumber(0, 10_000), 15),
      maxCost: read('GRAPHQL_MAX_COST', wholeNumber(10, 100_000_000), 50_000),
    },
    bodyLimit: read('BODY_LIMIT', wholeNumber(1024, 104_857_600), 2 * 1024 * 1024),
    rateLimit: read('RATE_LIMIT', wholeNumber(1, 1_000_000), undefined),
    auditRetentionDays: read('AUDIT_RETENTION_DAYS', wholeNumber(1, 36_500), undefined),
    tracesEndpoint: read('OTEL_EXPORTER_OTLP_ENDPOINT', collectorUrl, undefined),
    trustProxy: read<number | string[] | false>('TRUST_PROXY', proxies, false),
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
