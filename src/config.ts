import { readFileSync } from 'node:fs';
import { type DatabaseLocation, parseDatabaseUrl } from './database/database-url.js';
import { parseSealingKey, type SealingKey } from './security/sealing-key.js';

/** What the process was told, checked. Made by {@link loadConfig} alone. */
export interface Config {
  /** The address to listen on. */
  readonly host: string;
  /** The port to listen on; 0 takes a free one. */
  readonly port: number;
  /** The least important log lines to write. */
  readonly logLevel: LogLevel;
  /** Where the register is kept. */
  readonly database: DatabaseLocation;
  /** The keys that open credentials, of which the first seals; none where one is to be made beside the embedded database. */
  readonly sealingKeys: readonly SealingKey[];
  /** How long a request may wait for the database in all, in milliseconds. */
  readonly databaseTimeout: number;
  /** Connections to the database at most. */
  readonly databasePoolSize: number;
  /** Requests that may wait for a connection at most; more are answered with 503. */
  readonly databaseQueueLimit: number;
  /** Origins, besides its own, whose pages may call the gateway. */
  readonly corsOrigins: readonly string[];
}

/** How much is logged, from most to least. */
export type LogLevel = (typeof logLevels)[number];

const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

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
  DATABASE_URL: {
    name: 'DATABASE_URL',
    description:
      'Where the register is kept: `mysql://user:password@host:3306/name` for MySQL and MariaDB, user and password percent-encoded, with `?ssl=required` or `?ssl=verify` for TLS; or `sqlite:PATH`.',
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
  CORS_ORIGINS: {
    name: 'CORS_ORIGINS',
    description:
      'Origins whose pages may call the gateway, besides its own: exact, such as `https://portal.example.com`, separated by commas.',
    whenAbsent: 'none',
  },
  LOG_LEVEL: {
    name: 'LOG_LEVEL',
    description: `The least important log lines to write: ${logLevels.map((level) => `\`${level}\``).join(', ')}.`,
    whenAbsent: '`info`',
  },
} as const satisfies Record<string, Setting>;

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

  const certificateAuthority = read('DATABASE_CA_FILE', pemFile, undefined);
  const config: Config = {
    host: read('HOST', hostName, '127.0.0.1'),
    port: read('PORT', wholeNumber(0, 65535), 4000),
    logLevel: read('LOG_LEVEL', oneOf(logLevels), 'info'),
    database: read('DATABASE_URL', databaseLocation(certificateAuthority), {
      kind: 'sqlite',
      path: 'data/gateway.sqlite',
    }),
    sealingKeys: [...read('SECRETS_KEYS', sealingKeys, []), ...read('SECRETS_KEY', sealingKey, [])],
    databaseTimeout: read('DB_TIMEOUT_MS', wholeNumber(100, 60000), 4000),
    databasePoolSize: read('DB_POOL_SIZE', wholeNumber(1, 1000), 16),
    databaseQueueLimit: read('DB_QUEUE_LIMIT', wholeNumber(1, 100000), 256),
    corsOrigins: read('CORS_ORIGINS', origins, []),
  };
  const isSet = (name: SettingName) => Boolean(env[name] || env[`${name}_FILE`]);
  if (isSet('SECRETS_KEY') && isSet('SECRETS_KEYS')) {
    problems.push('SECRETS_KEY and SECRETS_KEYS are both set: keep one of them.');
  }
  if (config.database.kind === 'mysql' && !isSet('SECRETS_KEY') && !isSet('SECRETS_KEYS')) {
    problems.push(
      'SECRETS_KEY is required where DATABASE_URL names MySQL: make one with `openssl rand -base64 32`, keep a copy in a safe place, and set it on every gateway of this register.',
    );
  }
  if (problems.length > 0) throw new ConfigError(problems);
  return config;
}

class Requirement extends Error {}

function must(requirement: string): never {
  throw new Requirement(`must be ${requirement}.`);
}

function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

function hostName(value: string): string {
  return /^[^\s/]+$/.test(value) ? value : must('a host name or an IP address');
}

function wholeNumber(from: number, to: number) {
  return (value: string): number => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    return number >= from && number <= to ? number : must(`a whole number from ${from} to ${to}`);
  };
}

function oneOf<const T extends string>(values: readonly T[]) {
  return (value: string): T => values.find((known) => known === value) ?? must(`one of ${values.join(', ')}`);
}

function databaseLocation(certificateAuthority: string | undefined) {
  return (value: string): DatabaseLocation => {
    const parsed = parseDatabaseUrl(value, certificateAuthority);
    return 'problem' in parsed ? must(parsed.problem) : parsed;
  };
}

function pemFile(path: string): string {
  const content = readText(path);
  return content?.includes('-----BEGIN CERTIFICATE-----') ? content : must('the path of a readable PEM file');
}

function sealingKey(value: string): SealingKey[] {
  const key = parseSealingKey(value);
  return key === undefined
    ? must('32 bytes in base64 (44 characters); make one with `openssl rand -base64 32`')
    : [key];
}

function sealingKeys(value: string): SealingKey[] {
  const keys = value.split(',').map((part) => parseSealingKey(part.trim()));
  const ids = new Set(keys.map((key) => key?.id));
  return keys.includes(undefined) || ids.size < keys.length
    ? must('different keys of 32 bytes in base64 (44 characters) each, separated by commas')
    : (keys as SealingKey[]);
}

function origins(value: string): string[] {
  return value.split(',').map((part) => {
    const origin = part.trim();
    const parsed = URL.canParse(origin) ? new URL(origin) : undefined;
    const exact = parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.origin === origin;
    return exact ? origin : must('origins such as https://portal.example.com, in lower case, separated by commas');
  });
}
