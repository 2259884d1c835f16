import { randomBytes } from 'node:crypto';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from '@jest/globals';
import { type Config, ConfigError, loadConfig } from '../src/config.js';
import type { MysqlLocation } from '../src/database/database-url.js';
import { documentedSettings, settings } from '../src/settings.js';
import { temporaryDirectory } from './support/process.js';

const directory = temporaryDirectory();
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function fileWith(content: string | Buffer): string {
  const path = join(directory, randomBytes(6).toString('hex'));
  writeFileSync(path, content);
  return path;
}

function newKey(): string {
  return randomBytes(32).toString('base64');
}

const pem = fileWith('-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n');
const key = newKey();
const otherKey = newKey();
const mysql = { DATABASE_URL: 'mysql://gateway:pw@db/register', SECRETS_KEY: key };
const oidc = { OIDC_ISSUER: 'https://issuer.example.com', OIDC_AUDIENCE: 'gateway' };

type Settings = Readonly<Record<string, string>>;

/** What of each setting is right and wrong, with the other settings that it needs. */
interface Case {
  readonly name: keyof typeof settings;
  readonly read: (config: Config) => unknown;
  readonly absent: unknown;
  readonly right: readonly (readonly [value: string, read: unknown])[];
  readonly wrong: readonly string[];
  readonly besides?: Settings;
}

function number(name: keyof typeof settings, read: Case['read'], absent: unknown, from: number, to: number): Case {
  return {
    name,
    read,
    absent,
    right: [
      [String(from), from],
      [String(to), to],
    ],
    wrong: [String(from - 1), String(to + 1), '-1', '1.5', '1e3', '0x10', ' 8', '8 ', 'many', '9'.repeat(30), '٣'],
  };
}

const cases: readonly Case[] = [
  {
    name: 'HOST',
    read: ({ host }) => host,
    absent: '127.0.0.1',
    right: [
      ['0.0.0.0', '0.0.0.0'],
      ['::', '::'],
      ['::1', '::1'],
      ['localhost', 'localhost'],
      ['gateway.example.com', 'gateway.example.com'],
    ],
    wrong: ['two words', 'http://localhost', 'localhost/path', ' '],
    besides: { AUTH: 'none' },
  },
  number('PORT', ({ port }) => port, 4000, 0, 65535),
  {
    name: 'DATABASE_URL',
    read: ({ database }) => database,
    absent: { kind: 'sqlite', path: 'data/gateway.sqlite' },
    right: [
      ['sqlite:a/b.sqlite', { kind: 'sqlite', path: 'a/b.sqlite' }],
      ['sqlite:/var/lib/gateway.sqlite', { kind: 'sqlite', path: '/var/lib/gateway.sqlite' }],
    ],
    wrong: [
      'sqlite:',
      'mysql:',
      'mysql://',
      'mysql://db/register',
      'mysql://user:pw@db',
      'mysql://user:pw@db/',
      'mysql://user:pw@/register',
      'mysql://user:pw@db:0/register',
      'mysql://user:pw@db:65536/register',
      'mysql://user:pw@db:port/register',
      'mysql://user:pw@a,,b/register',
      'mysql://user:pw@[::1/register',
      'mysql://user:pw@::1/register',
      'mysql://user:p@w@db/register',
      'mysql://user:p/w@db/register',
      'mysql://user:%zz@db/register',
      'mysql://user:%ff@db/register',
      'mysql://user:pw@db/register/more',
      'mysql://user:pw@db/register#part',
      'mysql://user:pw@db/register?ssl=off',
      'mysql://user:pw@db/register?ssl=required&ssl=verify',
      'mysql://user:pw@db/register?timezone=Z',
      ' mysql://user:pw@db/register',
      'mariadb://user:pw@db/register',
      'postgres://user:pw@db/register',
      'data/gateway.sqlite',
    ],
    besides: { SECRETS_KEY: key },
  },
  {
    name: 'DATABASE_CA_FILE',
    read: ({ database }) => (database as MysqlLocation).certificateAuthority,
    absent: undefined,
    right: [[pem, expect.stringContaining('BEGIN CERTIFICATE')]],
    wrong: ['/nowhere/ca.pem', directory, fileWith('not a certificate')],
    besides: mysql,
  },
  {
    name: 'PORTAL_FILE',
    read: ({ portalFile }) => portalFile,
    absent: undefined,
    right: [[fileWith('{"providers":[]}'), { providers: [] }]],
    wrong: ['/nowhere/portal.json', directory, fileWith('{'), fileWith('1')],
  },
  {
    name: 'REGISTRY_PASSPHRASE',
    read: ({ registryPassphrase }) => registryPassphrase,
    absent: undefined,
    right: [
      ['correct horse battery staple', 'correct horse battery staple'],
      ['twelve chars', 'twelve chars'],
    ],
    wrong: ['eleven char', ' ', '🐴🐴🐴🐴🐴🐴🐴🐴🐴🐴🐴'],
  },
  { ...number('WORKERS', ({ workers }) => workers, 1, 1, 64), besides: mysql },
  number('DB_TIMEOUT_MS', ({ databaseTimeout }) => databaseTimeout, 4000, 100, 60_000),
  number('DB_POOL_SIZE', ({ databasePoolSize }) => databasePoolSize, 16, 1, 1000),
  number('REQUEST_LIMIT', ({ requestLimit }) => requestLimit, 32, 1, 100_000),
  number('DB_QUEUE_LIMIT', ({ databaseQueueLimit }) => databaseQueueLimit, 256, 1, 100_000),
  {
    name: 'SECRETS_KEY',
    read: ({ sealingKeys }) => sealingKeys.map((sealing) => sealing.key.export().toString('base64')),
    absent: [],
    right: [[key, [key]]],
    wrong: [
      key.slice(1),
      `${key}=`,
      randomBytes(16).toString('base64'),
      randomBytes(32).toString('hex'),
      `${key},${otherKey}`,
    ],
  },
  {
    name: 'SECRETS_KEYS',
    read: ({ sealingKeys }) => sealingKeys.map((sealing) => sealing.key.export().toString('base64')),
    absent: [],
    right: [
      [key, [key]],
      [`${key},${otherKey}`, [key, otherKey]],
      [`${otherKey} , ${key}`, [otherKey, key]],
    ],
    wrong: [`${key},`, `,${key}`, `${key},${key}`, `${key};${otherKey}`, `${key},${otherKey.slice(1)}`],
  },
  {
    name: 'AUTH',
    read: ({ authentication }) => [
      authentication.keys,
      authentication.tokens !== undefined,
      authentication.isOpenByDefault,
    ],
    absent: [false, true, false],
    right: [
      ['none', [false, false, false]],
      ['keys', [true, false, false]],
      ['oidc', [false, true, false]],
      ['keys,oidc', [true, true, false]],
      ['oidc, keys', [true, true, false]],
    ],
    wrong: ['no', 'KEYS', 'keys,none', 'keys,keys', 'keys,', 'keys oidc', ' '],
    besides: oidc,
  },
  {
    name: 'OIDC_ISSUER',
    read: ({ authentication }) => authentication.tokens?.issuer,
    absent: undefined,
    right: [
      ['https://issuer.example.com', 'https://issuer.example.com'],
      ['https://issuer.example.com/realms/main', 'https://issuer.example.com/realms/main'],
      ['http://127.0.0.1:8080', 'http://127.0.0.1:8080'],
      ['http://[::1]:8080', 'http://[::1]:8080'],
    ],
    wrong: [
      'issuer.example.com',
      'http://issuer.example.com',
      'https://i.example.com?a=b',
      'https://i.example.com#a',
      'https://user@i.example.com',
    ],
    besides: { OIDC_AUDIENCE: 'gateway' },
  },
  {
    name: 'OIDC_AUDIENCE',
    read: ({ authentication }) => authentication.tokens?.audience,
    absent: undefined,
    right: [
      ['gateway', ['gateway']],
      ['gateway, https://gateway.example.com', ['gateway', 'https://gateway.example.com']],
    ],
    wrong: ['gateway,', ',gateway', 'gateway,,other', ' , '],
    besides: { OIDC_ISSUER: oidc.OIDC_ISSUER },
  },
  {
    name: 'OIDC_ALGORITHMS',
    read: ({ authentication }) => authentication.tokens?.algorithms,
    absent: ['RS256', 'PS256', 'ES256', 'EdDSA'],
    right: [
      ['ES512', ['ES512']],
      ['RS256, PS384', ['RS256', 'PS384']],
    ],
    wrong: ['none', 'HS256', 'RS256,none', 'rs256', 'RS256,', 'RS256 ES256'],
    besides: oidc,
  },
  {
    name: 'OIDC_PERMISSIONS_CLAIM',
    read: ({ authentication }) => authentication.tokens?.permissionsClaim,
    absent: 'permissions',
    right: [['realm_access.roles', 'realm_access.roles']],
    wrong: [],
    besides: oidc,
  },
  {
    name: 'INTROSPECTION',
    read: ({ introspection }) => introspection,
    absent: true,
    right: [
      ['true', true],
      ['false', false],
    ],
    wrong: ['yes', 'True', '1', ' true'],
  },
  {
    name: 'PLAYGROUND',
    read: ({ playground }) => playground,
    absent: true,
    right: [
      ['true', true],
      ['false', false],
    ],
    wrong: ['no', 'FALSE', '0'],
  },
  {
    name: 'OPENAPI',
    read: ({ openApi }) => openApi,
    absent: true,
    right: [
      ['true', true],
      ['false', false],
    ],
    wrong: ['on', 'TRUE', '0'],
  },
  number('GRAPHQL_MAX_TOKENS', ({ documentLimits }) => documentLimits.maxTokens, 2000, 100, 100_000),
  number('GRAPHQL_MAX_DEPTH', ({ documentLimits }) => documentLimits.maxDepth, 8, 1, 100),
  number('GRAPHQL_MAX_ALIASES', ({ documentLimits }) => documentLimits.maxAliases, 15, 0, 10_000),
  number('GRAPHQL_MAX_COST', ({ documentLimits }) => documentLimits.maxCost, 50_000, 10, 100_000_000),
  number('GRAPHQL_MAX_BYTES', ({ documentLimits }) => documentLimits.maxBytes, 8_388_608, 65_536, 100_000_000),
  number('BODY_LIMIT', ({ bodyLimit }) => bodyLimit, 2_097_152, 1024, 104_857_600),
  number('CONNECTION_LIMIT', ({ connectionLimit }) => connectionLimit, 1000, 1, 5000),
  {
    name: 'CONNECTION_TEST_NETWORKS',
    read: ({ connectionTests }) => connectionTests.networks,
    absent: [],
    right: [
      ['10.0.0.0/8', ['10.0.0.0/8']],
      ['10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
    ],
    wrong: ['10.0.0.0/33', '10.0.0.0/-1', 'example.com/8', '10.0.0.0/8,', '010.0.0.0/8', 'all'],
  },
  number('CONNECTION_TEST_TIMEOUT_MS', ({ connectionTests }) => connectionTests.timeout, 10_000, 100, 60_000),
  number('CONNECTION_TEST_RATE_LIMIT', ({ connectionTests }) => connectionTests.rateLimit, 60, 1, 10_000),
  {
    name: 'CONNECTION_TEST_CA_FILE',
    read: ({ connectionTests }) => connectionTests.certificateAuthority,
    absent: undefined,
    right: [[pem, expect.stringContaining('BEGIN CERTIFICATE')]],
    wrong: ['/nowhere/ca.pem', directory, fileWith('not a certificate')],
  },
  number('RATE_LIMIT', ({ rateLimit }) => rateLimit, undefined, 1, 1_000_000),
  number('AUDIT_RETENTION_DAYS', ({ auditRetentionDays }) => auditRetentionDays, undefined, 1, 36_500),
  {
    name: 'OTEL_EXPORTER_OTLP_ENDPOINT',
    read: ({ tracesEndpoint }) => tracesEndpoint,
    absent: undefined,
    right: [
      ['http://127.0.0.1:4318', 'http://127.0.0.1:4318'],
      ['https://collector.example.com/otlp', 'https://collector.example.com/otlp'],
    ],
    wrong: ['collector:4318', 'grpc://collector:4317', 'http://user:pw@collector:4318', 'http://collector?key=1', ' '],
  },
  {
    name: 'TRUST_PROXY',
    read: ({ trustProxy }) => trustProxy,
    absent: false,
    right: [
      ['1', 1],
      ['10.0.0.1', ['10.0.0.1']],
      ['10.0.0.0/8, fd00::/8', ['10.0.0.0/8', 'fd00::/8']],
      ['10.0.0.1/32,::1/128', ['10.0.0.1/32', '::1/128']],
    ],
    wrong: [
      'true',
      'loopback',
      '10.0.0',
      '10.0.0.0/',
      '10.0.0.0/33',
      '10.0.0.0/0',
      '::1/129',
      '10.0.0.0/8,',
      '-1',
      'proxy.example.com',
    ],
  },
  {
    name: 'CORS_ORIGINS',
    read: ({ corsOrigins }) => corsOrigins,
    absent: [],
    right: [
      ['https://portal.example.com', ['https://portal.example.com']],
      ['http://localhost:3000, https://b.example.com:8443', ['http://localhost:3000', 'https://b.example.com:8443']],
    ],
    wrong: [
      '*',
      'null',
      'portal.example.com',
      'https://portal.example.com/',
      'https://portal.example.com/path',
      'https://Portal.example.com',
      'https://portal.example.com:443',
      'file:///a',
      'https://*.example.com',
      'https://a.example.com,',
    ],
  },
  {
    name: 'LOG_LEVEL',
    read: ({ logLevel }) => logLevel,
    absent: 'info',
    right: (['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const).map((level) => [level, level]),
    wrong: ['INFO', 'verbose', '30', 'info,debug'],
  },
];

function problemsOf(env: Readonly<Record<string, string | undefined>>): readonly string[] {
  try {
    loadConfig(env);
    return [];
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    return (error as ConfigError).problems;
  }
}

test('every setting has its cases here', () => {
  expect(cases.map(({ name }) => name).sort()).toEqual(Object.keys(settings).sort());
});

describe.each(cases)('$name', ({ name, read, absent, right, wrong, besides = {} }) => {
  const others = Object.fromEntries(Object.entries(besides).filter(([other]) => other !== name));

  // An audience is required with an issuer, and has a test of its own.
  if (name !== 'OIDC_AUDIENCE') {
    test('has what is documented where it is absent, or empty', () => {
      expect(read(loadConfig(others))).toEqual(absent);
      expect(read(loadConfig({ ...others, [name]: '' }))).toEqual(absent);
      expect(read(loadConfig({ ...others, [name]: undefined }))).toEqual(absent);
    });
  }

  test.each(right.map(([value, expected]) => ({ value, expected })))('may be $value', ({ value, expected }) => {
    expect(read(loadConfig({ ...others, [name]: value }))).toEqual(expected);
  });

  for (const value of wrong) {
    test(`must not be ${JSON.stringify(value)}, and the message says what it must be`, () => {
      const problems = problemsOf({ ...others, [name]: value });
      expect(problems.filter((problem) => problem.startsWith(`${name} must be `))).toHaveLength(1);
    });
  }
});

describe('settings that are wrong', () => {
  const all = { ...Object.fromEntries(Object.keys(settings).map((name) => [name, ' hunter2'])), OIDC_AUDIENCE: '' };
  // Any text is right for these.
  const free = new Set(['OIDC_AUDIENCE', 'OIDC_PERMISSIONS_CLAIM']);

  test('are all named in one message, which repeats no value', () => {
    const problems = problemsOf(all);
    const named = new Set(problems.map((problem) => problem.split(' ', 1)[0]));
    expect([...named].sort()).toEqual(
      expect.arrayContaining(
        Object.keys(settings)
          .filter((name) => !free.has(name))
          .sort(),
      ),
    );
    const error = new ConfigError(problems);
    for (const problem of problems) expect(error.message).toContain(problem);
    expect(`${error.stack}${JSON.stringify(error)}`).not.toContain('hunter2');
  });

  test('show nothing of a password in an address that is wrong', () => {
    const problems = problemsOf({ DATABASE_URL: 'mysql://gateway:hunter2@db', SECRETS_KEY: `${key}hunter2` });
    expect(problems).toHaveLength(2);
    expect(problems.join()).not.toMatch(/hunter2|gateway:|@db/);
    expect(problems.join()).not.toContain(key);
  });

  test('are none where the environment holds nothing, or what belongs to others', () => {
    expect(problemsOf({})).toEqual([]);
    expect(problemsOf({ HOME: '/root', PATH: '/bin', HOSTNAME: 'x', __proto__: 'x', constructor: 'x' })).toEqual([]);
  });
});

describe('a secret setting', () => {
  const secret = documentedSettings.flatMap((setting) => (setting.secret ? [setting.name] : []));
  const values: Record<string, string> = {
    DATABASE_URL: 'sqlite:from-file.sqlite',
    SECRETS_KEY: key,
    SECRETS_KEYS: `${key},${otherKey}`,
    REGISTRY_PASSPHRASE: 'correct horse battery staple',
  };

  test.each(secret)('%s may be given by a file, whose ends may have white space', (name) => {
    const value = values[name] as string;
    expect(loadConfig({ [`${name}_FILE`]: fileWith(`\n ${value}\r\n`) })).toEqual(loadConfig({ [name]: value }));
  });

  test.each(secret)('%s may not be given in both ways', (name) => {
    const value = values[name] as string;
    const problems = problemsOf({ [name]: value, [`${name}_FILE`]: fileWith(value) });
    expect(problems).toEqual([`${name} and ${name}_FILE are both set: keep one of them.`]);
  });

  test.each(secret)('%s is as if absent where the path of its file is empty', (name) => {
    expect(loadConfig({ [`${name}_FILE`]: '' })).toEqual(loadConfig({}));
    const value = values[name] as string;
    expect(loadConfig({ [name]: value, [`${name}_FILE`]: '' })).toEqual(loadConfig({ [name]: value }));
  });

  test.each(secret)('%s is wrong where its file cannot be read, is empty or holds what is wrong', (name) => {
    expect(problemsOf({ [`${name}_FILE`]: '/nowhere/secret' })).toEqual([
      `${name}_FILE must be the path of a file that can be read.`,
    ]);
    expect(problemsOf({ [`${name}_FILE`]: directory })).toEqual([
      `${name}_FILE must be the path of a file that can be read.`,
    ]);
    expect(problemsOf({ [`${name}_FILE`]: fileWith(' \n') })).toEqual([
      `${name}_FILE must be the path of a file that is not empty.`,
    ]);
    const [problem, ...others] = problemsOf({ [`${name}_FILE`]: fileWith('hunter2') });
    expect(others).toEqual([]);
    expect(problem).toMatch(new RegExp(`^${name}(_FILE)? must be `));
    expect(problem).not.toContain('hunter2');
  });

  test('has the only names that have a form with _FILE', () => {
    const path = fileWith('9');
    expect(loadConfig({ PORT_FILE: path, LOG_LEVEL_FILE: path, DB_POOL_SIZE_FILE: path })).toEqual(loadConfig({}));
  });
});

describe('the keys that seal', () => {
  test('may be set by one name only', () => {
    expect(problemsOf({ SECRETS_KEY: key, SECRETS_KEYS: `${otherKey}` })).toEqual([
      'SECRETS_KEY and SECRETS_KEYS are both set: keep one of them.',
    ]);
  });

  test('are required with MySQL, and the message says how to make one', () => {
    const [problem, ...others] = problemsOf({ DATABASE_URL: mysql.DATABASE_URL });
    expect(others).toEqual([]);
    expect(problem).toMatch(/^SECRETS_KEY is required .*openssl rand -base64 32/);
    expect(problemsOf({ DATABASE_URL: mysql.DATABASE_URL, SECRETS_KEYS: key })).toEqual([]);
    expect(problemsOf({ DATABASE_URL: mysql.DATABASE_URL, SECRETS_KEY_FILE: fileWith(key) })).toEqual([]);
  });

  test('are not shown by a configuration that is printed', () => {
    const printed = JSON.stringify(loadConfig({ SECRETS_KEY: key }));
    expect(printed).not.toContain(key.slice(0, 20));
  });
});

describe('a MySQL address', () => {
  function location(url: string, others: Settings = {}): MysqlLocation {
    return loadConfig({ ...others, SECRETS_KEY: key, DATABASE_URL: url }).database as MysqlLocation;
  }

  test('has the port 3306 where it names none', () => {
    expect(location('mysql://gateway:pw@db.example.com/register')).toEqual({
      kind: 'mysql',
      hosts: [{ host: 'db.example.com', port: 3306 }],
      user: 'gateway',
      password: 'pw',
      name: 'register',
      ssl: 'off',
      certificateAuthority: undefined,
    });
  });

  test('may name several hosts, each with its own port, addresses of both kinds among them', () => {
    expect(location('mysql://g:p@a:3307,b,10.0.0.3:3308,[::1]:3309,[fe80::2]/register').hosts).toEqual([
      { host: 'a', port: 3307 },
      { host: 'b', port: 3306 },
      { host: '10.0.0.3', port: 3308 },
      { host: '::1', port: 3309 },
      { host: 'fe80::2', port: 3306 },
    ]);
  });

  test('may have any characters in the user, the password and the name, percent-encoded', () => {
    const [user, password, name] = ['us@er:/?', "p@ss:w/o?r#d% ,'é🔑", 'reg/ister?'];
    const url = `mysql://${encodeURIComponent(user)}:${encodeURIComponent(password)}@db/${encodeURIComponent(name)}`;
    expect(location(url)).toMatchObject({ user, password, name });
    expect(location('mysql://g:a+b@db/register')).toMatchObject({ password: 'a+b' });
  });

  test('may leave out the password', () => {
    expect(location('mysql://root@db/register').password).toBe('');
    expect(location('mysql://root:@db/register').password).toBe('');
  });

  test('may ask for encryption, and for a check of the server', () => {
    expect(location('mysql://g:p@db/register?ssl=required').ssl).toBe('required');
    expect(location('mysql://g:p@db/register?ssl=verify', { DATABASE_CA_FILE: pem })).toMatchObject({
      ssl: 'verify',
      certificateAuthority: expect.stringContaining('BEGIN CERTIFICATE'),
    });
    expect(location('mysql://g:p@db/register?').ssl).toBe('off');
  });
});

describe('who is let in', () => {
  test('is everyone, said to be for want of a word, on a loopback address', () => {
    for (const HOST of ['', '127.0.0.1', '::1', 'localhost', '127.9.9.9']) {
      const { authentication, introspection, playground, openApi } = loadConfig({ HOST });
      expect({ authentication, introspection, playground, openApi }).toEqual({
        authentication: { keys: false, tokens: undefined, isOpenByDefault: true },
        introspection: true,
        playground: true,
        openApi: true,
      });
    }
  });

  test('must be said on any other address', () => {
    for (const HOST of ['0.0.0.0', '::', '10.0.0.1', 'gateway.example.com', '127.0.0.1.example.com']) {
      expect(problemsOf({ HOST })).toEqual([expect.stringMatching(/^AUTH is required /)]);
      expect(problemsOf({ HOST, AUTH: 'none' })).toEqual([]);
    }
  });

  test('closes the schema, the playground and the description of the legacy routes, unless they are asked for', () => {
    expect(loadConfig({ AUTH: 'keys' })).toMatchObject({
      introspection: false,
      playground: false,
      openApi: false,
    });
    const asked = { INTROSPECTION: 'true', PLAYGROUND: 'true', OPENAPI: 'true' };
    expect(loadConfig({ AUTH: 'keys', ...asked })).toMatchObject({
      introspection: true,
      playground: true,
      openApi: true,
    });
  });

  test('needs an issuer and an audience where tokens are accepted', () => {
    expect(problemsOf({ AUTH: 'oidc' }).map((problem) => problem.split(' ', 1)[0])).toEqual([
      'OIDC_ISSUER',
      'OIDC_AUDIENCE',
    ]);
    expect(problemsOf({ OIDC_ISSUER: oidc.OIDC_ISSUER }).map((problem) => problem.split(' ', 1)[0])).toEqual([
      'OIDC_AUDIENCE',
    ]);
    expect(problemsOf(oidc)).toEqual([]);
  });
});

describe('several workers', () => {
  test('need MySQL, and the message says so', () => {
    expect(problemsOf({ WORKERS: '2' })).toEqual([
      'WORKERS above 1 needs MySQL or MariaDB, named by DATABASE_URL: an SQLite file is served by one process.',
    ]);
    expect(problemsOf({ WORKERS: '1' })).toEqual([]);
  });
});
