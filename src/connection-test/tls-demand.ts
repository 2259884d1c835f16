import type { JdbcFamily } from '../datasources/jdbc-url.js';

/** What a connection asks of TLS. */
export interface TlsDemand {
  /** Whether TLS is used: never, where the server offers it, always, or always and from the first byte on. */
  readonly use: 'never' | 'offered' | 'always' | 'at once';
  /** What is verified of the server's certificate: nothing, who signed it, or also whose it is. */
  readonly verify: 'nothing' | 'authority' | 'identity';
}

/** What a datasource says of TLS besides its URL. */
export interface TlsFields {
  readonly jdbcEnforceSsl?: boolean | null;
  readonly skipCustomJdbcCertValidation?: boolean | null;
}

type Properties = ReadonlyMap<string, string>;

const strictest: TlsDemand = { use: 'always', verify: 'identity' };
const offered: TlsDemand = { use: 'offered', verify: 'nothing' };
const never: TlsDemand = { use: 'never', verify: 'nothing' };
const order = ['nothing', 'authority', 'identity'] as const;

const modes: Readonly<Record<string, TlsDemand>> = {
  disable: never,
  disabled: never,
  allow: offered,
  prefer: offered,
  preferred: offered,
  require: { use: 'always', verify: 'nothing' },
  required: { use: 'always', verify: 'nothing' },
  trust: { use: 'always', verify: 'nothing' },
  'verify-ca': { use: 'always', verify: 'authority' },
  verify_ca: { use: 'always', verify: 'authority' },
  'verify-full': strictest,
  verify_identity: strictest,
};

/**
 * Says what a connection asks of TLS: what its driver would do by the properties of the URL, and at least what the datasource
 * says. `jdbcEnforceSsl` asks for TLS with a certificate that is verified, and `skipCustomJdbcCertValidation` takes the second
 * half back; where the URL asks for more, that holds.
 *
 * @param properties those of the URL, and of the host where it has its own
 * @param isTlsUrl whether the URL's own form asks for TLS, as Oracle's `tcps` does
 */
export function tlsDemand(
  family: JdbcFamily,
  properties: Properties,
  isTlsUrl: boolean,
  { jdbcEnforceSsl, skipCustomJdbcCertValidation }: TlsFields,
): TlsDemand {
  const byUrl = urlDemand(family, properties, isTlsUrl);
  if (!jdbcEnforceSsl) return byUrl;
  const least = skipCustomJdbcCertValidation ? 'nothing' : 'identity';
  return {
    use: byUrl.use === 'at once' ? 'at once' : 'always',
    verify: order.indexOf(byUrl.verify) > order.indexOf(least) ? byUrl.verify : least,
  };
}

function urlDemand(family: JdbcFamily, properties: Properties, isTlsUrl: boolean): TlsDemand {
  const atOnce: TlsDemand = { use: 'at once', verify: 'identity' };
  switch (family) {
    case 'mysql':
      return modeOf(properties) ?? mysqlDemand(properties);
    case 'mariadb':
      return modeOf(properties) ?? mariadbDemand(properties);
    case 'postgresql':
      return (
        modeOf(properties) ?? (isTrue(properties.get('ssl')) || properties.get('ssl') === '' ? strictest : offered)
      );
    case 'redshift':
      return properties.get('ssl')?.toLowerCase() === 'false'
        ? never
        : (modeOf(properties) ?? { use: 'always', verify: 'authority' });
    case 'snowflake':
      return atOnce;
    case 'db2':
      return isTrue(properties.get('sslconnection')) ? { use: 'at once', verify: 'authority' } : never;
    case 'sqlserver':
      return properties.get('encrypt')?.toLowerCase() === 'strict' ? atOnce : never;
    case 'oracle':
      return isTlsUrl ? { use: 'at once', verify: 'authority' } : never;
    default:
      return never;
  }
}

/** By `sslMode` or `sslmode`; a mode that is not known asks for all. */
function modeOf(properties: Properties): TlsDemand | undefined {
  const mode = properties.get('sslmode');
  return mode === undefined ? undefined : (modes[mode.toLowerCase()] ?? strictest);
}

function mysqlDemand(properties: Properties): TlsDemand {
  if (properties.get('usessl')?.toLowerCase() === 'false') return never;
  if (isTrue(properties.get('verifyservercertificate'))) return { use: 'always', verify: 'authority' };
  return isTrue(properties.get('requiressl')) ? { use: 'always', verify: 'nothing' } : offered;
}

function mariadbDemand(properties: Properties): TlsDemand {
  if (!isTrue(properties.get('usessl'))) return never;
  if (isTrue(properties.get('trustservercertificate'))) return { use: 'always', verify: 'nothing' };
  return isTrue(properties.get('disablesslhostnameverification')) ? { use: 'always', verify: 'authority' } : strictest;
}

function isTrue(value: string | undefined): boolean {
  return value?.toLowerCase() === 'true';
}
