import {
  anyText,
  authenticationWays,
  collectorUrl,
  databaseUrl,
  hostName,
  issuerUrl,
  jsonFile,
  list,
  listOf,
  logLevels,
  networks,
  oneOf,
  origins,
  passphrase,
  pemFile,
  proxies,
  type SettingKind,
  sealingKey,
  sealingKeys,
  signatureAlgorithms,
  trueOrFalse,
  wholeNumber,
} from './setting-values.js';

/** What is declared of a setting: what it is, what it may be, and what holds where it is absent. */
interface Declaration<T> {
  /** What it is and its unit. What it may be is added from its kind. */
  readonly description: string;
  readonly kind: SettingKind<T>;
  /** What it is where it is absent; undefined where config.ts makes that of other settings. */
  readonly absent?: unknown;
  /** What holds where it is absent, in words, where that is more than the value of `absent`. */
  readonly whenAbsent?: string;
  /** Whether its value must not be shown. */
  readonly secret?: boolean;
}

/** One setting as an operator sees it. */
export interface Setting {
  /** The environment variable. A secret one has a form with `_FILE` after it: the path of a file that holds the value. */
  readonly name: string;
  /** What it is, its unit and limits. */
  readonly description: string;
  /** What holds where it is absent, in words. */
  readonly whenAbsent: string;
  /** Whether its value must not be shown. */
  readonly secret: boolean;
}

const openOnly = '`true` with `AUTH=none`, else `false`';

/** Every setting there is, in the order in which they are documented. The one place that says its range and its default. */
export const settings = {
  HOST: { description: 'The address to listen on.', kind: hostName, absent: '127.0.0.1' },
  PORT: { description: 'The port to listen on; 0 takes a free one.', kind: wholeNumber(0, 65_535), absent: 4000 },
  WORKERS: {
    description:
      'Processes that share the port, about one per core. More than 1 needs MySQL or MariaDB. Limits, counts and pools that are per gateway apply to each process.',
    kind: wholeNumber(1, 64),
    absent: 1,
  },
  DATABASE_URL: {
    description:
      'Where the register is kept: `mysql://user:password@host:3306/name` for MySQL and MariaDB, or `sqlite:PATH`. Percent-encode the user and the password. Add `?ssl=required` or `?ssl=verify` for TLS. List the nodes of a cluster as `a:3306,b:3306`; the first that takes writes is used.',
    kind: databaseUrl,
    absent: { kind: 'sqlite', path: 'data/gateway.sqlite' },
    whenAbsent: 'an embedded SQLite file, `data/gateway.sqlite`',
    secret: true,
  },
  DATABASE_CA_FILE: {
    description: 'The path of a PEM file with the certificate authorities to trust with `ssl=verify`.',
    kind: pemFile,
    whenAbsent: 'those that Node.js trusts',
  },
  DB_TIMEOUT_MS: {
    description:
      'The total time that a request may wait for the database, in milliseconds. After that it is answered with 503.',
    kind: wholeNumber(100, 60_000),
    absent: 4000,
  },
  DB_POOL_SIZE: {
    description: 'The maximum number of connections to MySQL or MariaDB.',
    kind: wholeNumber(1, 1000),
    absent: 16,
  },
  DB_QUEUE_LIMIT: {
    description: 'The maximum number of requests that wait for the database. Further ones are answered with 503.',
    kind: wholeNumber(1, 100_000),
    absent: 256,
  },
  SECRETS_KEY: {
    description: 'The key that seals credentials: 32 bytes in base64, as `openssl rand -base64 32` makes them.',
    kind: sealingKey,
    absent: [],
    whenAbsent: 'with SQLite, one is created beside the file; with MySQL, the gateway does not start',
    secret: true,
  },
  SECRETS_KEYS: {
    description:
      'Several sealing keys, separated by commas, for replacing one by another: the first seals, all of them open. Use it instead of `SECRETS_KEY`.',
    kind: sealingKeys,
    absent: [],
    whenAbsent: 'the one of `SECRETS_KEY`',
    secret: true,
  },
  REGISTRY_PASSPHRASE: {
    description:
      'The passphrase of the credentials in an exported file; only `registry export` and `registry import` use it.',
    kind: passphrase,
    whenAbsent: 'no credentials are exported or imported, unless `--passphrase-file` is given',
    secret: true,
  },
  AUTH: {
    description:
      'How callers authenticate: `keys` for API keys, `oidc` for OpenID Connect bearer tokens, `keys,oidc` for both. With `none`, everyone may read and write, but neither read credentials nor administer.',
    kind: authenticationWays,
    whenAbsent:
      '`oidc` where `OIDC_ISSUER` is set; else `none` where `HOST` is a loopback address; else the gateway does not start',
  },
  OIDC_ISSUER: {
    description: 'The URL of the OpenID Connect issuer, exactly as in its tokens (`iss`).',
    kind: issuerUrl,
    whenAbsent: 'no tokens are accepted',
  },
  OIDC_AUDIENCE: {
    description: 'The accepted audiences (`aud`), separated by commas. A token needs one of them.',
    kind: list,
    absent: [],
    whenAbsent: 'required with `oidc`',
  },
  OIDC_ALGORITHMS: {
    description: 'The signature algorithms that are accepted.',
    kind: listOf(signatureAlgorithms),
    absent: ['RS256', 'PS256', 'ES256', 'EdDSA'],
  },
  OIDC_PERMISSIONS_CLAIM: {
    description:
      'The claim that says what a caller may do: its name, or a path with dots such as `realm_access.roles`. Its value is a list, or a text with spaces between the words, of `read`, `write`, `credentials`, `connect`, `admin`; other words are ignored.',
    kind: anyText,
    absent: 'permissions',
  },
  INTROSPECTION: {
    description: 'Whether clients may ask for the GraphQL schema.',
    kind: trueOrFalse,
    whenAbsent: openOnly,
  },
  PLAYGROUND: {
    description: 'Whether the playground is served at `/graphql`.',
    kind: trueOrFalse,
    whenAbsent: openOnly,
  },
  OPENAPI: {
    description:
      'Whether the description of the legacy REST routes is served at `/openapi.json`, and at `/docs` for browsers.',
    kind: trueOrFalse,
    whenAbsent: openOnly,
  },
  PORTAL_FILE: {
    description:
      'The path of a JSON file with what the web portal needs and the register does not know. With it, you can use the web portal on this gateway, and an account id can be registered only once. Set it on every gateway of a register. It is read at the start.',
    kind: jsonFile,
    whenAbsent: 'only the documented legacy routes are served',
  },
  GRAPHQL_MAX_TOKENS: {
    description:
      'The maximum number of tokens in a GraphQL document. A document may have 50 characters for each token allowed, and as many lines as tokens.',
    kind: wholeNumber(100, 100_000),
    absent: 2000,
  },
  GRAPHQL_MAX_DEPTH: {
    description: 'The maximum depth of fields in a GraphQL document. Introspection does not count.',
    kind: wholeNumber(1, 100),
    absent: 8,
  },
  GRAPHQL_MAX_ALIASES: {
    description: 'The maximum number of aliases in a GraphQL document.',
    kind: wholeNumber(0, 10_000),
    absent: 15,
  },
  GRAPHQL_MAX_COST: {
    description:
      'The maximum cost of a GraphQL document. Each field costs 1, and in a page 1 for each entry that the page may have; introspection does not count. A field that is selected several times at the same position costs 100 more for each pair, against this limit or 10000, whichever is higher.',
    kind: wholeNumber(10, 100_000_000),
    absent: 50_000,
  },
  GRAPHQL_MAX_BYTES: {
    description:
      'The maximum size of a GraphQL response, in bytes. A document whose response could be larger is refused, and a response that turns out larger is not sent. All responses in progress, and all that clients do not read, take at most four times as much together.',
    kind: wholeNumber(65_536, 100_000_000),
    absent: 8 * 1024 * 1024,
  },
  BODY_LIMIT: {
    description: 'The maximum size of a request body, in bytes. A larger one is answered with 413.',
    kind: wholeNumber(1024, 104_857_600),
    absent: 2 * 1024 * 1024,
  },
  REQUEST_LIMIT: {
    description:
      'The maximum number of requests processed at the same time. Further ones wait, for up to 1 second in a burst and otherwise 0.25 seconds, and are then answered with 503.',
    kind: wholeNumber(1, 100_000),
    whenAbsent: 'twice `DB_POOL_SIZE`',
  },
  CONNECTION_LIMIT: {
    description:
      'The maximum number of connections from one address, with IPv6 from one /64 network. On further connections only `/healthz`, `/readyz` and `/metrics` are served; other requests are answered with 503. It does not apply to the proxies in `TRUST_PROXY`, nor to any address where that is a number.',
    kind: wholeNumber(1, 5000),
    absent: 1000,
  },
  RATE_LIMIT: {
    description:
      'The maximum number of requests of one caller per minute, counted by each gateway on its own. Further ones are answered with 429. Callers that are not authenticated are counted by address, with IPv6 by /64 network.',
    kind: wholeNumber(1, 1_000_000),
    whenAbsent: 'no limit',
  },
  TRUST_PROXY: {
    description:
      'The proxies whose `X-Forwarded-For` is trusted: how many are in front of the gateway, or their addresses and networks (`10.0.0.0/8`), separated by commas.',
    kind: proxies,
    absent: false,
    whenAbsent: 'none',
  },
  CONNECTION_TEST_NETWORKS: {
    description:
      'The networks to which connection tests may connect, in CIDR notation such as `10.0.0.0/8,fd00::/8`, separated by commas. Loopback, link-local and other special networks need an entry of their own.',
    kind: networks,
    absent: [],
    whenAbsent: 'connections are not tested',
  },
  CONNECTION_TEST_TIMEOUT_MS: {
    description: 'The maximum duration of a connection test, in milliseconds.',
    kind: wholeNumber(100, 60_000),
    absent: 10_000,
  },
  CONNECTION_TEST_RATE_LIMIT: {
    description:
      'The maximum number of servers that one caller may test per minute, counted by each gateway on its own. Further tests are answered with 429.',
    kind: wholeNumber(1, 10_000),
    absent: 60,
  },
  CONNECTION_TEST_CA_FILE: {
    description:
      'The path of a PEM file with certificate authorities that connection tests trust, in addition to those of Node.js.',
    kind: pemFile,
    whenAbsent: 'only those that Node.js trusts',
  },
  CORS_ORIGINS: {
    description:
      'Origins whose pages may call the gateway, in addition to its own, such as `https://portal.example.com`, separated by commas.',
    kind: origins,
    absent: [],
    whenAbsent: 'none',
  },
  AUDIT_RETENTION_DAYS: {
    description: 'How long audit events are kept, in days. Older ones are deleted.',
    kind: wholeNumber(1, 36_500),
    whenAbsent: 'they are kept forever',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    description:
      'The URL to which traces are sent by OTLP over HTTP (`/v1/traces` is appended). The other OpenTelemetry variables work as documented by OpenTelemetry: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and more.',
    kind: collectorUrl,
    whenAbsent: 'no traces are sent',
  },
  LOG_LEVEL: { description: 'The lowest level of log lines to write.', kind: oneOf(logLevels), absent: 'info' },
} as const satisfies Record<string, Declaration<unknown>>;

/** The name of a setting. */
export type SettingName = keyof typeof settings;

/** What a setting is read to, and what it is where it is absent. */
export type SettingValue<Name extends SettingName> =
  | ((typeof settings)[Name]['kind'] extends SettingKind<infer T> ? T : never)
  | ((typeof settings)[Name] extends { readonly absent: infer A } ? A : undefined);

/** The settings as an operator sees them, in their order. */
export const documentedSettings: readonly Setting[] = Object.entries<Declaration<unknown>>(settings).map(
  ([name, { description, kind, absent, whenAbsent, secret = false }]) => ({
    name,
    description: kind.documented === undefined ? description : `${description} ${sentence(kind.documented)}`,
    whenAbsent: whenAbsent ?? `\`${absent}\``,
    secret,
  }),
);

function sentence(words: string): string {
  return `${words[0]?.toUpperCase()}${words.slice(1)}.`;
}
