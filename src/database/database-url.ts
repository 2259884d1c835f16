/** One server of a database, by name or address. */
export interface DatabaseHost {
  readonly host: string;
  readonly port: number;
}

/** A MySQL or MariaDB database. */
export interface MysqlLocation {
  readonly kind: 'mysql';
  /** At least one; the first is preferred. */
  readonly hosts: readonly DatabaseHost[];
  readonly user: string;
  readonly password: string;
  /** The name of the database. */
  readonly name: string;
  /** `required` encrypts and trusts any server; `verify` also checks the server's certificate and name. */
  readonly ssl: 'off' | 'required' | 'verify';
  /** PEM of the authorities to trust with `verify`; undefined for those that Node.js trusts. */
  readonly certificateAuthority: string | undefined;
}

/** An SQLite file. */
export interface SqliteLocation {
  readonly kind: 'sqlite';
  /** Relative to the working directory, or absolute. */
  readonly path: string;
}

/** Where the register is kept. */
export type DatabaseLocation = MysqlLocation | SqliteLocation;

/** What the URL must be, as the end of a sentence. */
export const databaseUrlRequirement =
  'mysql://user:password@host:3306/name, with user and password percent-encoded and optionally ?ssl=required or ?ssl=verify, or sqlite:PATH';
const mysqlUrl = /^mysql:\/\/([^:@/?#]+)(?::([^@/?#]*))?@([^/?#@]+)\/([^/?#]+)(?:\?([^#]*))?$/;
const hostAndPort = /^(\[[0-9a-fA-F:.]+\]|[^:[\]\s]+)(?::(\d{1,5}))?$/;

/**
 * Reads DATABASE_URL. Several hosts may stand between `@` and `/`, separated by commas, each with its own port; the URL
 * standard has no such form, so it is read by hand.
 *
 * @returns the location, with no authorities of its own to trust; undefined where the URL is not one
 */
export function parseDatabaseUrl(url: string): DatabaseLocation | undefined {
  if (url.startsWith('sqlite:')) {
    const path = url.slice('sqlite:'.length);
    return path === '' ? undefined : { kind: 'sqlite', path };
  }
  const match = mysqlUrl.exec(url);
  if (match === null) return undefined;
  const [, user, password, hostList, name, query] = match;
  const hosts = (hostList as string).split(',').map(parseHost);
  const decoded = [user, password ?? '', name].map((part) => percentDecode(part as string));
  const ssl = parseSsl(query);
  if (hosts.includes(undefined) || decoded.includes(undefined) || ssl === undefined) return undefined;
  return {
    kind: 'mysql',
    hosts: hosts as DatabaseHost[],
    user: decoded[0] as string,
    password: decoded[1] as string,
    name: decoded[2] as string,
    ssl,
    certificateAuthority: undefined,
  };
}

function parseHost(text: string): DatabaseHost | undefined {
  const match = hostAndPort.exec(text);
  if (match === null) return undefined;
  const port = Number(match[2] ?? 3306);
  const host = (match[1] as string).replace(/^\[|\]$/g, '');
  return port >= 1 && port <= 65535 ? { host, port } : undefined;
}

function parseSsl(query: string | undefined): MysqlLocation['ssl'] | undefined {
  if (query === undefined || query === '') return 'off';
  if (query === 'ssl=required') return 'required';
  return query === 'ssl=verify' ? 'verify' : undefined;
}

function percentDecode(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
