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

const openOnly = '`true` where everyone is let in, else `false`';

/** Every setting there is, in the order in which they are documented. The one place that says its range and its default. */
export const settings = {
  HOST: { description: 'The address to listen on.', kind: hostName, absent: '127.0.0.1' },
  PORT: { description: 'The port to listen on; 0 takes a free one.', kind: wholeNumber(0, 65_535), absent: 4000 },
  WORKERS: {
    description:
      'Processes that serve the port together, about one a core; above 1 only with MySQL or MariaDB. Each is a gateway of its own: what is limited, counted or pooled by gateway is so for each.',
    kind: wholeNumber(1, 64),
    absent: 1,
  },
  DATABASE_URL: {
    description:
      'Where the register is kept: `mysql://user:password@host:3306/name` for MySQL and MariaDB, user and password percent-encoded, with `?ssl=required` or `?ssl=verify` for TLS; several nodes of a cluster as `a:3306,b:3306`, of which the first that answers is used; or `sqlite:PATH`.',
    kind: databaseUrl,
    absent: { kind: 'sqlite', path: 'data/gateway.sqlite' },
    whenAbsent: 'an embedded SQLite file, `data/gateway.sqlite`',
    secret: true,
  },
  DATABASE_CA_FILE: {
    description: 'The path of a PEM file with the certificate authorities to trust where `ssl=verify` is asked for.',
    kind: pemFile,
    whenAbsent: 'those that Node.js trusts',
  },
  DB_TIMEOUT_MS: {
    description:
      'How long a request may wait for the database in all, in milliseconds; after that it is answered with 503.',
    kind: wholeNumber(100, 60_000),
    absent: 4000,
  },
  DB_POOL_SIZE: {
    description: 'Connections to MySQL or MariaDB at most.',
    kind: wholeNumber(1, 1000),
    absent: 16,
  },
  DB_QUEUE_LIMIT: {
    description: 'Requests that may wait for the database at most; one more is answered with 503.',
    kind: wholeNumber(1, 100_000),
    absent: 256,
  },
  SECRETS_KEY: {
    description: 'The key that seals credentials: 32 bytes in base64, as `openssl rand -base64 32` makes them.',
    kind: sealingKey,
    absent: [],
    whenAbsent: 'with SQLite one is made beside the file; with MySQL the start stops',
    secret: true,
  },
  SECRETS_KEYS: {
    description:
      'Several such keys, separated by commas, while one is replaced by another: the first seals, all of them open. It stands instead of `SECRETS_KEY`.',
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
      'Who is let in: `keys` for API keys, `oidc` for OpenID Connect bearer tokens, `keys,oidc` for both, `none` for everyone, who may then read and write but neither read credentials nor administer.',
    kind: authenticationWays,
    whenAbsent:
      '`oidc` where `OIDC_ISSUER` is set; else `none` where `HOST` is a loopback address; else the start stops',
  },
  OIDC_ISSUER: {
    description: 'The URL of the OpenID Connect issuer, exactly as it stands in its tokens.',
    kind: issuerUrl,
    whenAbsent: 'no tokens are accepted',
  },
  OIDC_AUDIENCE: {
    description: 'What a token must be meant for (`aud`): one of these, separated by commas.',
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
      'The claim that says what a caller may do: its name, or a path with dots such as `realm_access.roles`. Its value is a list, or words between spaces, of `read`, `write`, `credentials`, `connect`, `admin`; other words are ignored.',
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
      'The path of a JSON file with what the pages of the web portal ask for and the register does not know. With it, the web portal can be used on this gateway, and an account id is registered once only: set it on every gateway of a register. It is read at the start.',
    kind: jsonFile,
    whenAbsent: 'the legacy routes are those of the document alone',
  },
  GRAPHQL_MAX_TOKENS: {
    description:
      'Lexical tokens of a GraphQL document at most; it may also have 50 characters for each of them, and as many lines.',
    kind: wholeNumber(100, 100_000),
    absent: 2000,
  },
  GRAPHQL_MAX_DEPTH: {
    description: 'Fields inside each other in a GraphQL document at most; introspection does not count.',
    kind: wholeNumber(1, 100),
    absent: 8,
  },
  GRAPHQL_MAX_ALIASES: {
    description: 'Aliases in a GraphQL document at most.',
    kind: wholeNumber(0, 10_000),
    absent: 15,
  },
  GRAPHQL_MAX_COST: {
    description:
      'Fields that a GraphQL document may ask for at most, those of a page counted once for each entry that it may have; introspection does not count. A field that stands in one place n times costs 100 for each pair of them besides, against this limit or 10000, whichever is more.',
    kind: wholeNumber(10, 100_000_000),
    absent: 50_000,
  },
  GRAPHQL_MAX_BYTES: {
    description:
      'Bytes of the answer to a GraphQL document at most. A document is refused where its fields may have more, each with as many characters as its parameter; an answer that has more when it is written is not sent. Answers that are made at the same time, and answers that are not read, take four times as much at most.',
    kind: wholeNumber(65_536, 100_000_000),
    absent: 8 * 1024 * 1024,
  },
  BODY_LIMIT: {
    description: 'The largest body that is read, in bytes; a larger one is answered with 413.',
    kind: wholeNumber(1024, 104_857_600),
    absent: 2 * 1024 * 1024,
  },
  REQUEST_LIMIT: {
    description:
      'Requests in work at the same time at most; others wait for their turn, in a burst for a second at most, else for a quarter of one, and are then answered with 503.',
    kind: wholeNumber(1, 100_000),
    whenAbsent: 'twice `DB_POOL_SIZE`',
  },
  CONNECTION_LIMIT: {
    description:
      'Connections of one address at most; with IPv6, those of one network of 64 bits. On further connections only `/healthz`, `/readyz` and `/metrics` are served, and other requests are answered with 503. The proxies that `TRUST_PROXY` names may have any number; where it is a number, every address may.',
    kind: wholeNumber(1, 5000),
    absent: 1000,
  },
  RATE_LIMIT: {
    description:
      'Requests of one caller in a minute at most, counted by each gateway on its own; more are answered with 429. A caller that is not known is counted by its address, with IPv6 by its network of 64 bits.',
    kind: wholeNumber(1, 1_000_000),
    whenAbsent: 'any number',
  },
  TRUST_PROXY: {
    description:
      'The proxies whose `X-Forwarded-For` is believed: how many stand before the gateway, or their addresses and networks (`10.0.0.0/8`), separated by commas.',
    kind: proxies,
    absent: false,
    whenAbsent: 'none',
  },
  CONNECTION_TEST_NETWORKS: {
    description:
      'The networks that connection tests may connect to, in CIDR notation such as `10.0.0.0/8,fd00::/8`, separated by commas. Loopback, link-local and other special networks need an entry of their own.',
    kind: networks,
    absent: [],
    whenAbsent: 'connections are not tested',
  },
  CONNECTION_TEST_TIMEOUT_MS: {
    description: 'How long a connection test may take in all, in milliseconds.',
    kind: wholeNumber(100, 60_000),
    absent: 10_000,
  },
  CONNECTION_TEST_RATE_LIMIT: {
    description:
      'Servers that one caller may have tested in a minute at most, counted by each gateway on its own; more are answered with 429.',
    kind: wholeNumber(1, 10_000),
    absent: 60,
  },
  CONNECTION_TEST_CA_FILE: {
    description:
      'The path of a PEM file with certificate authorities that connection tests trust, besides those that Node.js trusts.',
    kind: pemFile,
    whenAbsent: 'only those that Node.js trusts',
  },
  CORS_ORIGINS: {
    description:
      'Origins whose pages may call the gateway, besides its own: exact, such as `https://portal.example.com`, separated by commas.',
    kind: origins,
    absent: [],
    whenAbsent: 'none',
  },
  AUDIT_RETENTION_DAYS: {
    description: 'How long the audit is kept, in days; what is older is removed.',
    kind: wholeNumber(1, 36_500),
    whenAbsent: 'for ever',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    description:
      'The URL to which traces are sent by OTLP over HTTP (`/v1/traces` is put behind it). The other settings of OpenTelemetry hold as it documents them: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and more.',
    kind: collectorUrl,
    whenAbsent: 'no traces are made',
  },
  LOG_LEVEL: { description: 'The least important log lines to write.', kind: oneOf(logLevels), absent: 'info' },
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
