/**
 * Reading and checking JDBC URLs. A URL is accepted when all of this holds:
 *
 * 1. no control character anywhere, no white space at either end: `refuseControlCharactersAndOuterWhiteSpace`;
 * 2. `jdbc:<subprotocol>:<rest>`: `splitSubprotocol`;
 * 3. the families that name their servers after `//` (MySQL, MariaDB, PostgreSQL, Redshift, SQL Server, Snowflake, Db2)
 *    name at least one: `readServerUrl`;
 * 4. Oracle's name a driver, thin or oci, and a database: `readOracleUrl`;
 * 5. of any other subprotocol nothing more is asked than 1, 2 and 6: `readOtherUrl`;
 * 6. no password anywhere, since a URL is stored and shown in clear: `refusePasswords`.
 *
 * Every step takes time linear in the length of the URL. No message repeats any part of the URL: what is refused may
 * carry a password.
 */
import { isIPv4, isIPv6 } from 'node:net';

/** The drivers whose URLs are understood; `mysql` includes `mysql+srv`, and `other` is every subprotocol not listed. */
export type JdbcFamily =
  | 'mysql'
  | 'mariadb'
  | 'postgresql'
  | 'redshift'
  | 'sqlserver'
  | 'snowflake'
  | 'db2'
  | 'oracle'
  | 'other';

/** One server of a JDBC URL. */
export interface JdbcHost {
  /** A name, an IPv4 address, or an IPv6 address without its brackets. */
  host: string;
  /** From 1 to 65535; absent where the driver's default applies. */
  port?: number;
  /** SQL Server's named instance: `host\instance`. */
  instance?: string;
  /** The AWS region that stands for the port after `jdbc:redshift:iam:`. */
  region?: string;
  /** What else MySQL's `(host=…,…)` says of this host: names in lower case, values decoded; absent where nothing. */
  properties?: ReadonlyMap<string, string>;
}

/** What a JDBC URL was found to say. Nothing in it is a credential. */
export interface JdbcUrl {
  /** As written, in whatever case: `mysql`, `mysql+srv`, `h2`. */
  subprotocol: string;
  family: JdbcFamily;
  /** In the order written; empty for the family `other` and for an Oracle alias, whose servers the URL does not tell. */
  hosts: JdbcHost[];
  /** The database, percent-decoded, where the URL names one; never for Oracle and `other`. */
  database?: string;
  /** Oracle: the service name. */
  service?: string;
  /** Oracle: the system identifier, as in `host:port:SID`. */
  sid?: string;
  /** Oracle: the alias of a `tnsnames.ora` file. A lone name after `@` is taken for one, though it may be a host's. */
  tnsAlias?: string;
  /** Oracle: that its servers are spoken to by TLS (`tcps`). */
  tls?: true;
  /** The properties behind the servers: names in lower case, values decoded; absent where there are none, and for Oracle. */
  properties?: ReadonlyMap<string, string>;
}

/** Either what the URL says, or a sentence for its sender: what is wrong, and what it must be. */
export type JdbcUrlResult = { ok: true; url: JdbcUrl } | { ok: false; problem: string };

/**
 * Reads a JDBC URL by the six rules above. Never throws, whatever the string.
 *
 * The subprotocol is compared without regard to case, so that an unusual spelling escapes no check. The forms are those
 * of the drivers' own documents: MySQL Connector/J Developer Guide, "Connection URL Syntax"; "About MariaDB
 * Connector/J"; pgJDBC, "Connecting to the Database"; Amazon Redshift Management Guide, "Building the connection URL";
 * Microsoft JDBC Driver for SQL Server, "Building the connection URL"; Snowflake, "Configuring the JDBC Driver"; IBM
 * Data Server Driver for JDBC and SQLJ, "URL format for type 4 connectivity"; Oracle Database JDBC Java API Reference,
 * "URL Formats".
 *
 * Not accepted, though a driver takes it: a URL that leaves the host to the driver's default, MySQL's lists in square
 * brackets, and Oracle's lists of hosts outside a descriptor.
 */
export function parseJdbcUrl(url: string): JdbcUrlResult {
  try {
    return { ok: true, url: readUrl(url) };
  } catch (error) {
    if (error instanceof RefusedUrl) {
      return { ok: false, problem: error.message };
    }
    throw error;
  }
}

class RefusedUrl extends Error {}

const PROBLEM = {
  controlCharacter: 'The JDBC URL must not contain control characters, such as tabs or line breaks.',
  outerWhiteSpace: 'The JDBC URL must not begin or end with white space.',
  shape:
    'The JDBC URL must have the form jdbc:<subprotocol>:<rest>: jdbc in lower case, a subprotocol of a letter followed ' +
    'by letters, digits, +, ., _ or -, and a rest that is not empty.',
  serversMissing:
    'The JDBC URL of this database must have // and a host after its subprotocol, as in jdbc:<subprotocol>://<host>.',
  host:
    'The JDBC URL must name valid hosts, separated by commas: each a name, an IPv4 address or an IPv6 address in ' +
    'square brackets, optionally followed by a colon and a port.',
  hostProperties:
    'A host of the JDBC URL given by its properties must have the form (host=<host>,port=<port>) or ' +
    'address=(host=<host>)(port=<port>), and include host.',
  serverName: 'The JDBC URL must name a server: after //, or as the property serverName.',
  instance: 'An instance in the JDBC URL, after the backslash, must be a name of letters, digits, _, $, # or -.',
  port: 'A port in the JDBC URL must be a number from 1 to 65535.',
  user: 'A user name before @ in the JDBC URL must not be empty, and its reserved characters must be percent-encoded.',
  oracleDriver:
    'The JDBC URL of an Oracle database must begin with jdbc:oracle:thin: or jdbc:oracle:oci:, followed by nothing, // ' +
    'or a user name, then @ and the database.',
  oracleDatabase:
    'The JDBC URL of an Oracle database must have one of these after @: [//|tcp://|tcps://]<host>[:<port>][/<service>], ' +
    '<host>:<port>:<SID>, (DESCRIPTION=...) or a TNS alias.',
  password:
    'The JDBC URL must not contain a password, token, key or other secret, because the URL is stored and ' +
    'shown in clear. Remove it from the URL and use `password` or `secret` instead.',
} as const;

function refuse(problem: keyof typeof PROBLEM): never {
  throw new RefusedUrl(PROBLEM[problem]);
}

function readUrl(url: string): JdbcUrl {
  refuseControlCharactersAndOuterWhiteSpace(url);
  const { subprotocol, rest } = splitSubprotocol(url);
  const family = familyOf(subprotocol);
  // Ahead of the form: whoever sent a password must hear of it even where something else is wrong as well.
  refusePasswords(url, family, rest);
  switch (family) {
    case 'oracle':
      return { subprotocol, family, ...readOracleUrl(rest) };
    case 'other':
      return { subprotocol, family, ...readOtherUrl() };
    default:
      return { subprotocol, family, ...readServerUrl(family, rest) };
  }
}

// 1. Control characters and white space

function refuseControlCharactersAndOuterWhiteSpace(url: string): void {
  if (/\p{Cc}/u.test(url)) {
    refuse('controlCharacter');
  }
  if (url.trim() !== url) {
    refuse('outerWhiteSpace');
  }
}

// 2. jdbc:<subprotocol>:<rest>

function splitSubprotocol(url: string): { subprotocol: string; rest: string } {
  const [, subprotocol, rest] = /^jdbc:([A-Za-z][A-Za-z0-9+._-]*):(.+)$/su.exec(url) ?? [];
  if (subprotocol === undefined || rest === undefined) {
    return refuse('shape');
  }
  return { subprotocol, rest };
}

const FAMILIES: ReadonlyMap<string, JdbcFamily> = new Map([
  ['mysql', 'mysql'],
  ['mysql+srv', 'mysql'],
  ['mariadb', 'mariadb'],
  ['postgresql', 'postgresql'],
  ['redshift', 'redshift'],
  ['sqlserver', 'sqlserver'],
  ['snowflake', 'snowflake'],
  ['db2', 'db2'],
  ['oracle', 'oracle'],
]);

function familyOf(subprotocol: string): JdbcFamily {
  return FAMILIES.get(subprotocol.toLowerCase()) ?? 'other';
}

// 3. Servers after //

type ServerFamily = Exclude<JdbcFamily, 'oracle' | 'other'>;
type Found = Omit<JdbcUrl, 'subprotocol' | 'family'>;

function readServerUrl(family: ServerFamily, rest: string): Found {
  const [, words, servers, tail] = /^((?:[A-Za-z][A-Za-z0-9+._-]*:)*)\/\/([^/?;]*)(.*)$/su.exec(rest) ?? [];
  if (words === undefined || servers === undefined || tail === undefined) {
    return refuse('serversMissing');
  }
  const portMayBeRegion = family === 'redshift' && words.toLowerCase() === 'iam:';
  const hosts =
    family === 'sqlserver' && servers === ''
      ? [readServerNameProperty(family, tail)]
      : splitOutsideParentheses(servers).map((server) => readServer(server, family, portMayBeRegion));
  const properties = readProperties(family, tail);
  return {
    hosts,
    database: readDatabase(family, tail, properties),
    ...(properties.size > 0 ? { properties } : {}),
  };
}

/** `host1,(host=host2,port=3306)`: the commas within parentheses separate properties, not hosts. */
function splitOutsideParentheses(servers: string): string[] {
  const parts: string[] = [];
  let start = 0;
  let depth = 0;
  for (let index = 0; index < servers.length; index += 1) {
    const character = servers[index];
    if (character === '(') {
      depth += 1;
    } else if (character === ')') {
      depth -= 1;
    } else if (character === ',' && depth === 0) {
      parts.push(servers.slice(start, index));
      start = index + 1;
    }
  }
  return [...parts, servers.slice(start)];
}

function readServer(server: string, family: ServerFamily, portMayBeRegion: boolean): JdbcHost {
  const at = server.lastIndexOf('@');
  if (at !== -1) {
    refuseInvalidUser(server.slice(0, at));
  }
  const address = server.slice(at + 1);
  const properties = family === 'mysql' || family === 'mariadb' ? splitHostProperties(address) : undefined;
  return properties === undefined
    ? readHostAndPort(address, family, portMayBeRegion)
    : readHostProperties(properties.map(splitProperty));
}

function refuseInvalidUser(user: string): void {
  if (!/^[^\s:/@,()[\]=]+$/u.test(user)) {
    refuse('user');
  }
}

function readHostAndPort(address: string, family: ServerFamily, portMayBeRegion: boolean): JdbcHost {
  const [, host, instance, port] =
    /^(\[[^\]]*\]|[^:\\[\]]*)(?:\\([^:\\]*))?(?::([^:]*))?$/su.exec(address) ?? refuse('host');
  const found: JdbcHost = { host: readHost(host ?? '') };
  if (instance !== undefined) {
    found.instance = readInstance(instance, family);
  }
  if (port !== undefined && portMayBeRegion && /^[a-z]+(?:-[a-z0-9]+)+$/iu.test(port)) {
    found.region = port;
  } else if (port !== undefined) {
    found.port = readPort(port);
  }
  return found;
}

/** A name, an IPv4 address, or an IPv6 address in brackets; the brackets are taken off. */
function readHost(text: string): string {
  if (text.startsWith('[') && text.endsWith(']')) {
    // RFC 6874 writes the percent sign before a zone as %25; drivers take it either way.
    const address = text.slice(1, -1).replace('%25', '%');
    return isIPv6(address) ? address : refuse('host');
  }
  return isIPv4(text) || isHostName(text) ? text : refuse('host');
}

/** Where nothing but the host can stand, an IPv6 address needs no brackets: `(host=::1)`. */
function readHostValue(text: string): string {
  return isIPv6(text) ? text : readHost(text);
}

/** Labels of letters (of any script), digits, `_` and `-`, between dots; a last label of digits is a broken IPv4 address. */
function isHostName(text: string): boolean {
  const labels = text.split('.');
  if (labels.length > 1 && labels.at(-1) === '') {
    labels.pop();
  }
  const isLabel = (label: string): boolean => /^[\p{L}\p{N}_][\p{L}\p{M}\p{N}_-]*$/u.test(label);
  return labels.every(isLabel) && !/^\d+$/u.test(labels.at(-1) ?? '');
}

function readPort(text: string): number {
  const port = /^\d{1,5}$/u.test(text) ? Number(text) : 0;
  return port >= 1 && port <= 65535 ? port : refuse('port');
}

function readInstance(text: string, family: ServerFamily): string {
  if (family !== 'sqlserver') {
    return refuse('host');
  }
  return /^[\p{L}\p{N}_$#-]+$/u.test(text) ? text : refuse('instance');
}

/** The properties in `(host=h,port=1)` or `address=(host=h)(port=1)`; nothing where the host is not given by properties. */
function splitHostProperties(address: string): string[] | undefined {
  const [, prefix, content] = /^(address=)?\((.*)\)$/isu.exec(address) ?? [];
  if (content === undefined) {
    return undefined;
  }
  const properties = content.split(prefix === undefined ? ',' : ')(');
  return properties.some((property) => /[()]/u.test(property)) ? refuse('hostProperties') : properties;
}

function readHostProperties(properties: [name: string, value: string][]): JdbcHost {
  const { host, port, ...others } = readHostAndOthers(new Map(properties));
  const found: JdbcHost = port === undefined ? { host } : { host, port };
  if (others.properties.size > 0) found.properties = others.properties;
  return found;
}

function readHostAndOthers(values: Map<string, string>) {
  const host = readHostValue(values.get('host') ?? refuse('hostProperties'));
  const port = values.get('port');
  values.delete('host');
  values.delete('port');
  return { host, port: port === undefined ? undefined : readPort(port), properties: values };
}

/** ` Name = value ` as `['name', 'value']`, the value percent-decoded, without the braces with which SQL Server quotes. */
function splitProperty(property: string): [name: string, value: string] {
  const equals = property.indexOf('=');
  if (equals === -1) {
    return [property.trim().toLowerCase(), ''];
  }
  const value = property.slice(equals + 1).trim();
  const unquoted = value.startsWith('{') && value.endsWith('}') ? value.slice(1, -1) : value;
  return [property.slice(0, equals).trim().toLowerCase(), percentDecode(unquoted)];
}

/** SQL Server: `//;serverName=host\instance;portNumber=1433`, the names in any case. */
function readServerNameProperty(family: ServerFamily, tail: string): JdbcHost {
  const properties = tail.startsWith(';') ? readProperties(family, tail) : new Map<string, string>();
  const serverName = properties.get('servername') ?? refuse('serverName');
  const [, host, instance] = /^([^\\]*)(?:\\(.*))?$/su.exec(serverName) ?? [];
  const found: JdbcHost = { host: readHostValue(host ?? '') };
  if (instance !== undefined) {
    found.instance = readInstance(instance, 'sqlserver');
  }
  const port = properties.get('portnumber') ?? properties.get('port');
  if (port !== undefined) {
    found.port = readPort(port);
  }
  return found;
}

/** The properties after the first `?` or `;`, or Db2's colon behind the database; of a repeated name, the last. */
function readProperties(family: ServerFamily, tail: string): Map<string, string> {
  const start = tail.search(family === 'db2' ? /[?;:]/u : /[?;]/u);
  return new Map(
    start === -1
      ? []
      : tail
          .slice(start + 1)
          .split(/[&;]/u)
          .map(splitProperty),
  );
}

const DATABASE_PROPERTIES: Partial<Record<ServerFamily, readonly string[]>> = {
  sqlserver: ['databasename', 'database'],
  snowflake: ['db', 'database'],
};

function readDatabase(family: ServerFamily, tail: string, properties: ReadonlyMap<string, string>): string | undefined {
  const names = DATABASE_PROPERTIES[family];
  if (names !== undefined) {
    return names.map((name) => properties.get(name)).find((value) => value);
  }
  // Db2 separates its properties from the database by a colon.
  const [, path] = (family === 'db2' ? /^\/([^?;:]*)/u : /^\/([^?;]*)/u).exec(tail) ?? [];
  return path ? percentDecode(path) : undefined;
}

// 4. Oracle

function readOracleUrl(rest: string): Found {
  const [, user, database] = /^(?:thin|oci):([^@]*)@(.+)$/su.exec(rest) ?? [];
  if (user === undefined || database === undefined) {
    return refuse('oracleDriver');
  }
  if (user !== '' && user !== '//') {
    refuseInvalidUser(user);
  }
  return database.startsWith('(') ? readOracleDescriptor(database) : readOracleAddress(database);
}

const ORACLE_NAME = /^[\p{L}\p{N}_.$#-]+$/u;
const ORACLE_SERVICE = /^([\p{L}\p{N}_.$#-]+)(?::(?:dedicated|shared|pooled))?(?:\/[\p{L}\p{N}_.$#-]+)?$/iu;

/** `[//|tcp://|tcps://]host[:port][/service]`, `host:port:SID` or a TNS alias, each with or without `?properties`. */
function readOracleAddress(database: string): Found {
  const [, protocol, address] = /^((?:tcps?:)?\/\/)?([^?]*)/su.exec(database) ?? [];
  const [, host, port, separator, name] =
    /^(\[[^\]]*\]|[^:/[\]]*)(?::([^:/]*))?(?:([:/])(.*))?$/su.exec(address ?? '') ?? refuse('oracleDatabase');
  if (host === undefined || host === '') {
    return refuse('oracleDatabase');
  }
  if (port === undefined && separator === undefined && protocol === undefined && isOracleAlias(host)) {
    return { hosts: [], tnsAlias: host };
  }
  const found: Found = {
    hosts: [port === undefined ? { host: readHost(host) } : { host: readHost(host), port: readPort(port) }],
    ...(protocol === 'tcps://' ? { tls: true } : {}),
  };
  if (separator === undefined || name === undefined) {
    return found;
  }
  if (separator === ':') {
    return protocol === undefined && ORACLE_NAME.test(name) ? { ...found, sid: name } : refuse('oracleDatabase');
  }
  const [, service] = ORACLE_SERVICE.exec(name) ?? refuse('oracleDatabase');
  return { ...found, service };
}

function isOracleAlias(text: string): boolean {
  return ORACLE_NAME.test(text) && !/^[\d.]+$/u.test(text);
}

/** `(DESCRIPTION=(ADDRESS=(HOST=h)(PORT=1521))(CONNECT_DATA=(SERVICE_NAME=s)))`, or a list of them. */
function readOracleDescriptor(database: string): Found {
  const end = endOfParentheses(database);
  const descriptor = database.slice(0, end);
  const afterwards = database.slice(end);
  if (
    !/^\(\s*DESCRIPTION(?:_LIST)?\s*=\s*[^\s)]/iu.test(descriptor) ||
    (afterwards !== '' && !afterwards.startsWith('?'))
  ) {
    return refuse('oracleDatabase');
  }
  const hosts: JdbcHost[] = [];
  for (const address of descriptor.split(/\(\s*ADDRESS\s*=/iu)) {
    const properties = readDescriptorProperties(address);
    if (properties.has('host')) {
      const { host, port } = readHostAndOthers(properties);
      hosts.push(port === undefined ? { host } : { host, port });
    }
  }
  const properties = readDescriptorProperties(descriptor);
  return {
    hosts,
    service: properties.get('service_name'),
    sid: properties.get('sid'),
    ...(properties.get('protocol')?.toLowerCase() === 'tcps' ? { tls: true } : {}),
  };
}

/** The index after the parenthesis that closes the first; 0 where none does. */
function endOfParentheses(text: string): number {
  let depth = 0;
  for (let index = 0; index < text.length; index += 1) {
    if (text[index] === '(') {
      depth += 1;
    } else if (text[index] === ')') {
      depth -= 1;
    }
    if (depth === 0) {
      return index + 1;
    }
  }
  return 0;
}

/** Every `(NAME=value)` without parentheses in its value, in lower case; of a repeated name, the first. */
function readDescriptorProperties(descriptor: string): Map<string, string> {
  const properties = new Map<string, string>();
  for (const [, name, value] of descriptor.matchAll(/\(\s*(\w+)\s*=([^()]*)\)/gu)) {
    const key = (name ?? '').toLowerCase();
    if (!properties.has(key)) {
      properties.set(key, (value ?? '').trim());
    }
  }
  return properties;
}

// 5. Any other subprotocol

function readOtherUrl(): Found {
  return { hosts: [] };
}

// 6. Passwords

/**
 * The URL is judged as written and once more percent-decoded, so that neither an encoded name nor an encoded separator
 * hides a password.
 */
function refusePasswords(url: string, family: JdbcFamily, rest: string): void {
  for (const reading of [url, percentDecode(url)]) {
    if (hasPasswordBeforeHost(reading) || hasPasswordProperty(reading)) {
      refuse('password');
    }
  }
  if (family === 'oracle' && hasPasswordBesideOracleUser(rest)) {
    refuse('password');
  }
}

/** `//user:password@host`, wherever `//` stands: a `:` before an `@`, up to the next `/`, `?` or `;`. */
function hasPasswordBeforeHost(text: string): boolean {
  for (let slashes = text.indexOf('//'); slashes !== -1; slashes = text.indexOf('//', slashes + 1)) {
    const [authority = ''] = /^[^/?;]*/u.exec(text.slice(slashes + 2)) ?? [];
    const colon = authority.indexOf(':');
    if (colon !== -1 && colon < authority.lastIndexOf('@')) {
      return true;
    }
  }
  return false;
}

/** `thin:user/password@`: anything with a `/` between the driver and the first `@`, save a bare `//`. */
function hasPasswordBesideOracleUser(rest: string): boolean {
  const [, user = ''] = /^(?:thin|oci):([^@]*)@/isu.exec(rest) ?? [];
  return user !== '//' && /[/:]/u.test(percentDecode(user));
}

/** A `name=value` after one of the separators whose name is a password's and whose value is not empty. */
function hasPasswordProperty(text: string): boolean {
  let separator = '';
  let start = 0;
  for (let index = 0; index < text.length; index += 1) {
    const character = text.charAt(index);
    if ('?&;,(:'.includes(character)) {
      separator = character;
      start = index + 1;
    } else if (character === '=') {
      if (hasValueAt(text, index + 1, separator) && isPasswordName(text.slice(start, index))) {
        return true;
      }
      // Hive's `a=b#password=c` and PostgreSQL's `options=-c password=c` have no separator before the name.
      start = index + 1;
    }
  }
  return false;
}

/**
 * Only a host's own properties are ended by `,` or `)`: anywhere else a password may begin with one, and anywhere it may
 * begin with `?`, `(` or `:`.
 */
function hasValueAt(text: string, index: number, separator: string): boolean {
  const ends = separator === '(' || separator === ',' ? '&;,)' : '&;';
  return index < text.length && !ends.includes(text.charAt(index));
}

const PASSWORD_NAMES = [
  'password',
  'passwd',
  'pwd',
  'passphrase',
  'passcode',
  'secret',
  'secretaccesskey',
  'token',
  'privatekey',
];

/** Whether a property's name, by its letters and digits alone, ends in one of the names above, numbered or not. */
function isPasswordName(name: string): boolean {
  // Compatibility normalization makes full-width letters plain; it comes after the filter, since it is not linear in
  // the combining marks that the filter removes.
  const plain = lettersAndDigits(lettersAndDigits(percentDecode(name)).normalize('NFKC').toLowerCase());
  let end = plain.length;
  // Not a regular expression: one for the digits at the end would take quadratic time.
  while (end > 0 && /\p{N}/u.test(plain.charAt(end - 1))) {
    end -= 1;
  }
  const withoutNumber = plain.slice(0, end);
  return PASSWORD_NAMES.some((passwordName) => withoutNumber.endsWith(passwordName));
}

function lettersAndDigits(text: string): string {
  return text.replace(/[^\p{L}\p{N}]/gu, '');
}

/** Decodes what is percent-encoded UTF-8 and leaves the rest as it is, a stray `%` included. */
function percentDecode(text: string): string {
  return text.replace(/(?:%[0-9A-Fa-f]{2})+/gu, (encoded) =>
    Buffer.from(encoded.replaceAll('%', ''), 'hex').toString('utf8'),
  );
}
