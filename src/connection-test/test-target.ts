import type { JdbcFamily, JdbcHost, JdbcUrl } from '../datasources/jdbc-url.js';
import { TestFailure } from './test-outcome.js';
import { type TlsDemand, type TlsFields, tlsDemand } from './tls-demand.js';

/** A connection as a datasource, or who wants to add one, describes it. */
export interface ConnectionDescription extends TlsFields {
  readonly jdbcConnectionUrl: string;
  readonly masterUsername?: string | null;
  readonly password?: string | null;
  /** Where a certificate is kept; nothing is read from there. */
  readonly customJdbcCert?: string | null;
  /** The distinguished name, or the host's name, that the server's certificate must have. */
  readonly customJdbcCertString?: string | null;
}

/** How a server is logged in to; none where no driver for it is here. */
export type LoginProtocol = 'mysql' | 'postgresql' | 'none';

/** One server to test. */
export interface TestTarget {
  readonly host: string;
  readonly port: number;
  readonly login: LoginProtocol;
  readonly family: JdbcFamily;
  readonly tls: TlsDemand;
  /** What the certificate's name must be, where the host's is not meant. */
  readonly certificateName: string | undefined;
  /** Whether the datasource has a certificate of its own, which is not read. */
  readonly hasUnreadCertificate: boolean;
  readonly credential: { readonly user: string; readonly password: string } | undefined;
  readonly database: string | undefined;
}

/** Servers of one URL that are tried at most. */
export const maxServers = 8;

const ports: Readonly<Record<Exclude<JdbcFamily, 'other'>, number>> = {
  mysql: 3306,
  mariadb: 3306,
  postgresql: 5432,
  redshift: 5439,
  sqlserver: 1433,
  snowflake: 443,
  db2: 50_000,
  oracle: 1521,
};

/**
 * Says which servers a connection leads to, and how each is spoken to.
 *
 * @throws TestFailure NOT_TESTED where the URL does not tell its servers
 */
export function testTargets(url: JdbcUrl, connection: ConnectionDescription): TestTarget[] {
  const { family } = url;
  if (family === 'other' || url.hosts.length === 0) {
    throw new TestFailure('NOT_TESTED', 'The form of this JDBC URL does not tell the server, so nothing was tested.');
  }
  if (url.subprotocol.toLowerCase() === 'mysql+srv') {
    throw new TestFailure('NOT_TESTED', 'The servers of a mysql+srv URL stand in DNS, where they were not looked up.');
  }
  const elsewhere = propertyThatLeadsElsewhere(url);
  if (elsewhere !== undefined) {
    throw new TestFailure(
      'NOT_TESTED',
      `By the property ${elsewhere} of this JDBC URL its driver connects to something else than the hosts in it, so nothing was tested.`,
    );
  }
  // Behind a line break would begin what other servers take for their commands.
  if (/\p{Cc}/u.test(`${connection.masterUsername ?? ''}${url.database ?? ''}`)) {
    throw new TestFailure(
      'NOT_TESTED',
      'The name of the user or of the database has control characters, which no test sends.',
    );
  }
  return url.hosts.slice(0, maxServers).map((host) => ({
    host: host.host,
    port: host.port ?? defaultPort(family, host),
    login: loginOf(family, url),
    family,
    tls: tlsDemand(
      family,
      new Map([...(url.properties ?? []), ...(host.properties ?? [])]),
      url.tls === true,
      connection,
    ),
    certificateName: connection.customJdbcCertString || undefined,
    hasUnreadCertificate: Boolean(connection.customJdbcCert),
    credential:
      connection.masterUsername && connection.password
        ? { user: connection.masterUsername, password: connection.password }
        : undefined,
    database: url.database,
  }));
}

/** Properties by which drivers go to something else than the hosts of their URL: another host, a socket, a proxy. */
const leadingElsewhere: Partial<Record<JdbcFamily, readonly string[]>> = {
  mysql: ['socketfactory', 'sockssocketfactory', 'socksproxyhost', 'path', 'dnssrv'],
  mariadb: ['socketfactory', 'localsocket', 'pipe'],
  postgresql: ['pghost', 'pgport', 'pgdbname', 'service', 'socketfactory'],
  redshift: ['pghost', 'pgport', 'pgdbname', 'service', 'socketfactory'],
  sqlserver: ['socketfactoryclass'],
  snowflake: ['useproxy'],
};

function propertyThatLeadsElsewhere({ family, hosts, properties = new Map() }: JdbcUrl): string | undefined {
  const names = leadingElsewhere[family] ?? [];
  const isSet = (values: ReadonlyMap<string, string>, name: string) =>
    values.has(name) && values.get(name)?.toLowerCase() !== 'false';
  const found = names.find((name) =>
    [properties, ...hosts.map((host) => host.properties)].some((values) => values && isSet(values, name)),
  );
  if (found !== undefined || family !== 'sqlserver') return found;
  // Of what SQL Server's driver is told twice, the last holds.
  const [{ host, port } = { host: '', port: undefined }] = hosts;
  const serverName = properties.get('servername') ?? properties.get('server');
  if (serverName !== undefined && serverName.split('\\')[0]?.toLowerCase() !== host.toLowerCase()) return 'serverName';
  const portNumber = properties.get('portnumber') ?? properties.get('port');
  return portNumber !== undefined && Number(portNumber) !== (port ?? ports.sqlserver) ? 'portNumber' : undefined;
}

function defaultPort(family: Exclude<JdbcFamily, 'other'>, host: JdbcHost): number {
  if (host.instance !== undefined) {
    throw new TestFailure(
      'NOT_TESTED',
      'The port of a named instance is told by the SQL Server Browser, which was not asked. Write the port into the URL.',
    );
  }
  return ports[family];
}

/** Redshift's IAM sign-in gets its password from AWS, which is not asked. */
function loginOf(family: JdbcFamily, url: JdbcUrl): LoginProtocol {
  if (family === 'mysql' || family === 'mariadb') return 'mysql';
  if (family === 'postgresql') return 'postgresql';
  return family === 'redshift' && !url.hosts.some(({ region }) => region !== undefined) ? 'postgresql' : 'none';
}
