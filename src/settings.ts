import { logLevels, signatureAlgorithms } from './setting-values.js';

/** One setting as an operator sees it. */
export interface Setting {
  /** The environment variable. A secret one has a form with `_FILE` after it: the path of a file that holds the value. */
  readonly name: string;
  /** What it is, its unit and limits. */
  readonly description: string;
  /** What holds where it is absent, in words. */
  readonly whenAbsent: string;
  /** Whether its value must not be shown. */
  readonly secret?: boolean;
}

/** Every setting there is, in the order in which they are documented. */
export const settings = {
  HOST: {
    name: 'HOST',
    description: 'The address to listen on.',
    whenAbsent: '`127.0.0.1`',
  },
  PORT: {
    name: 'PORT',
    description: 'The port to listen on, 0 to 65535; 0 takes a free one.',
    whenAbsent: '`4000`',
  },
  WORKERS: {
    name: 'WORKERS',
    description:
      'Processes that serve the port together, 1 to 64, about one a core; above 1 only with MySQL or MariaDB. Each is a gateway of its own: what is limited, counted or pooled by gateway is so for each.',
    whenAbsent: '`1`',
  },
  DATABASE_URL: {
    name: 'DATABASE_URL',
    description:
      'Where the register is kept: `mysql://user:password@host:3306/name` for MySQL and MariaDB, user and password percent-encoded, with `?ssl=required` or `?ssl=verify` for TLS; several nodes of a cluster as `a:3306,b:3306`, of which the first that answers is used; or `sqlite:PATH`.',
    whenAbsent: 'an embedded SQLite file, `data/gateway.sqlite`',
    secret: true,
  },
  DATABASE_CA_FILE: {
    name: 'DATABASE_CA_FILE',
    description: 'The path of a PEM file with the certificate authorities to trust where `ssl=verify` is asked for.',
    whenAbsent: 'those that Node.js trusts',
  },
  DB_TIMEOUT_MS: {
    name: 'DB_TIMEOUT_MS',
    description:
      'How long a request may wait for the database in all, in milliseconds, 100 to 60000; after that it is answered with 503.',
    whenAbsent: '`4000`',
  },
  DB_POOL_SIZE: {
    name: 'DB_POOL_SIZE',
    description: 'Connections to MySQL or MariaDB at most, 1 to 1000.',
    whenAbsent: '`16`',
  },
  DB_QUEUE_LIMIT: {
    name: 'DB_QUEUE_LIMIT',
    description: 'Requests that may wait for the database at most, 1 to 100000; one more is answered with 503.',
    whenAbsent: '`256`',
  },
  SECRETS_KEY: {
    name: 'SECRETS_KEY',
    description: 'The key that seals credentials: 32 bytes in base64, as `openssl rand -base64 32` makes them.',
    whenAbsent: 'with SQLite one is made beside the file; with MySQL the start stops',
    secret: true,
  },
  SECRETS_KEYS: {
    name: 'SECRETS_KEYS',
    description:
      'Several such keys, separated by commas, while one is replaced by another: the first seals, all of them open. It stands instead of `SECRETS_KEY`.',
    whenAbsent: 'the one of `SECRETS_KEY`',
    secret: true,
  },
  REGISTRY_PASSPHRASE: {
    name: 'REGISTRY_PASSPHRASE',
    description:
      'The passphrase of the credentials in an exported file, at least 12 characters; only `registry export` and `registry import` use it.',
    whenAbsent: 'no credentials are exported or imported, unless `--passphrase-file` is given',
    secret: true,
  },
  AUTH: {
    name: 'AUTH',
    description:
      'Who is let in: `keys` for API keys, `oidc` for OpenID Connect bearer tokens, `keys,oidc` for both, `none` for everyone, who may then read and write but neither read credentials nor administer.',
    whenAbsent:
      '`oidc` where `OIDC_ISSUER` is set; else `none` where `HOST` is a loopback address; else the start stops',
  },
  OIDC_ISSUER: {
    name: 'OIDC_ISSUER',
    description: 'The URL of the OpenID Connect issuer, exactly as it stands in its tokens.',
    whenAbsent: 'no tokens are accepted',
  },
  OIDC_AUDIENCE: {
    name: 'OIDC_AUDIENCE',
    description: 'What a token must be meant for (`aud`): one of these, separated by commas.',
    whenAbsent: 'required with `oidc`',
  },
  OIDC_ALGORITHMS: {
    name: 'OIDC_ALGORITHMS',
    description: `The signature algorithms that are accepted, separated by commas, of ${signatureAlgorithms.join(', ')}.`,
    whenAbsent: '`RS256,PS256,ES256,EdDSA`',
  },
  OIDC_PERMISSIONS_CLAIM: {
    name: 'OIDC_PERMISSIONS_CLAIM',
    description:
      'The claim that says what a caller may do: its name, or a path with dots such as `realm_access.roles`. Its value is a list, or words between spaces, of `read`, `write`, `credentials`, `admin`; other words are ignored.',
    whenAbsent: '`permissions`',
  },
  INTROSPECTION: {
    name: 'INTROSPECTION',
    description: 'Whether clients may ask for the GraphQL schema: `true` or `false`.',
    whenAbsent: '`true` where everyone is let in, else `false`',
  },
  PLAYGROUND: {
    name: 'PLAYGROUND',
    description: 'Whether the playground is served at `/graphql`: `true` or `false`.',
    whenAbsent: '`true` where everyone is let in, else `false`',
  },
  OPENAPI: {
    name: 'OPENAPI',
    description:
      'Whether the description of the legacy REST routes is served at `/openapi.json`, and at `/docs` for browsers: `true` or `false`.',
    whenAbsent: '`true` where everyone is let in, else `false`',
  },
  PORTAL_FILE: {
    name: 'PORTAL_FILE',
    description:
      'The path of a JSON file with what the pages of the web portal ask for and the register does not know. With it, the web portal can be used on this gateway, and an account id is registered once only: set it on every gateway of a register. It is read at the start.',
    whenAbsent: 'the legacy routes are those of the document alone',
  },
  GRAPHQL_MAX_TOKENS: {
    name: 'GRAPHQL_MAX_TOKENS',
    description:
      'Lexical tokens of a GraphQL document at most, 100 to 100000; it may also have 50 characters for each of them, and as many lines.',
    whenAbsent: '`2000`',
  },
  GRAPHQL_MAX_DEPTH: {
    name: 'GRAPHQL_MAX_DEPTH',
    description: 'Fields inside each other in a GraphQL document at most, 1 to 100; introspection does not count.',
    whenAbsent: '`8`',
  },
  GRAPHQL_MAX_ALIASES: {
    name: 'GRAPHQL_MAX_ALIASES',
    description: 'Aliases in a GraphQL document at most, 0 to 10000.',
    whenAbsent: '`15`',
  },
  GRAPHQL_MAX_COST: {
    name: 'GRAPHQL_MAX_COST',
    description:
      'Fields that a GraphQL document may ask for at most, those of a page counted once for each entry that it may have, 10 to 100000000; introspection does not count. A field that stands in one place n times costs 100 for each pair of them besides, against this limit or 10000, whichever is more.',
    whenAbsent: '`50000`',
  },
  BODY_LIMIT: {
    name: 'BODY_LIMIT',
    description: 'The largest body that is read, in bytes, 1024 to 104857600; a larger one is answered with 413.',
    whenAbsent: '`2097152`',
  },
  REQUEST_LIMIT: {
    name: 'REQUEST_LIMIT',
    description:
      'Requests in work at the same time at most, 1 to 100000; others wait for their turn, in a burst for a second at most, else for a quarter of one, and are then answered with 503.',
    whenAbsent: 'twice `DB_POOL_SIZE`',
  },
  RATE_LIMIT: {
    name: 'RATE_LIMIT',
    description:
      'Requests of one caller in a minute at most, counted by each gateway on its own, 1 to 1000000; more are answered with 429. A caller that is not known is counted by its address.',
    whenAbsent: 'any number',
  },
  TRUST_PROXY: {
    name: 'TRUST_PROXY',
    description:
      'The proxies whose `X-Forwarded-For` is believed: how many stand before the gateway, or their addresses and networks (`10.0.0.0/8`), separated by commas.',
    whenAbsent: 'none',
  },
  CORS_ORIGINS: {
    name: 'CORS_ORIGINS',
    description:
      'Origins whose pages may call the gateway, besides its own: exact, such as `https://portal.example.com`, separated by commas.',
    whenAbsent: 'none',
  },
  AUDIT_RETENTION_DAYS: {
    name: 'AUDIT_RETENTION_DAYS',
    description: 'How long the audit is kept, in days, 1 to 36500; what is older is removed.',
    whenAbsent: 'for ever',
  },
  OTEL_EXPORTER_OTLP_ENDPOINT: {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    description:
      'The URL to which traces are sent by OTLP over HTTP (`/v1/traces` is put behind it). The other settings of OpenTelemetry hold as it documents them: `OTEL_EXPORTER_OTLP_HEADERS`, `OTEL_SERVICE_NAME`, `OTEL_RESOURCE_ATTRIBUTES`, `OTEL_TRACES_SAMPLER` and more.',
    whenAbsent: 'no traces are made',
  },
  LOG_LEVEL: {
    name: 'LOG_LEVEL',
    description: `The least important log lines to write: ${logLevels.map((level) => `\`${level}\``).join(', ')}.`,
    whenAbsent: '`info`',
  },
} as const satisfies Record<string, Setting>;
