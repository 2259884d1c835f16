import { expect, test } from '@jest/globals';
import { type TlsFields, tlsDemand } from '../../src/connection-test/tls-demand.js';
import { parseJdbcUrl } from '../../src/datasources/jdbc-url.js';

function demandOf(url: string, fields: TlsFields = {}) {
  const result = parseJdbcUrl(url);
  if (!result.ok) throw new Error(result.problem);
  const { family, properties, tls } = result.url;
  const { use, verify } = tlsDemand(family, properties ?? new Map(), tls === true, fields);
  return `${use}, ${verify}`;
}

test.each([
  ['jdbc:mysql://h/d', 'offered, nothing'],
  ['jdbc:mysql://h/d?sslMode=DISABLED', 'never, nothing'],
  ['jdbc:mysql://h/d?sslMode=PREFERRED', 'offered, nothing'],
  ['jdbc:mysql://h/d?sslMode=required', 'always, nothing'],
  ['jdbc:mysql://h/d?sslMode=VERIFY_CA', 'always, authority'],
  ['jdbc:mysql://h/d?sslMode=VERIFY_IDENTITY', 'always, identity'],
  ['jdbc:mysql://h/d?sslMode=something', 'always, identity'],
  ['jdbc:mysql://h/d?useSSL=false', 'never, nothing'],
  ['jdbc:mysql://h/d?useSSL=true&requireSSL=true', 'always, nothing'],
  ['jdbc:mysql://h/d?useSSL=true&verifyServerCertificate=true', 'always, authority'],
  ['jdbc:mariadb://h/d', 'never, nothing'],
  ['jdbc:mariadb://h/d?sslMode=trust', 'always, nothing'],
  ['jdbc:mariadb://h/d?sslMode=verify-ca', 'always, authority'],
  ['jdbc:mariadb://h/d?sslMode=verify-full', 'always, identity'],
  ['jdbc:mariadb://h/d?useSsl=true', 'always, identity'],
  ['jdbc:mariadb://h/d?useSsl=true&trustServerCertificate=true', 'always, nothing'],
  ['jdbc:mariadb://h/d?useSsl=true&disableSslHostnameVerification=true', 'always, authority'],
  ['jdbc:postgresql://h/d', 'offered, nothing'],
  ['jdbc:postgresql://h/d?sslmode=disable', 'never, nothing'],
  ['jdbc:postgresql://h/d?sslmode=allow', 'offered, nothing'],
  ['jdbc:postgresql://h/d?sslmode=require', 'always, nothing'],
  ['jdbc:postgresql://h/d?sslmode=verify-ca', 'always, authority'],
  ['jdbc:postgresql://h/d?sslmode=verify-full', 'always, identity'],
  ['jdbc:postgresql://h/d?ssl=true', 'always, identity'],
  ['jdbc:postgresql://h/d?ssl', 'always, identity'],
  ['jdbc:postgresql://h/d?ssl=true&sslmode=require', 'always, nothing'],
  ['jdbc:redshift://h/d', 'always, authority'],
  ['jdbc:redshift://h/d?ssl=false', 'never, nothing'],
  ['jdbc:redshift://h/d?sslmode=verify-full', 'always, identity'],
  ['jdbc:snowflake://h/?db=d', 'at once, identity'],
  ['jdbc:db2://h:50000/d', 'never, nothing'],
  ['jdbc:db2://h:50000/d:sslConnection=true;', 'at once, authority'],
  ['jdbc:sqlserver://h;encrypt=strict', 'at once, identity'],
  ['jdbc:sqlserver://h;encrypt=true', 'never, nothing'],
  ['jdbc:oracle:thin:@tcps://h:2484/s', 'at once, authority'],
  ['jdbc:oracle:thin:@//h:1521/s', 'never, nothing'],
])('%s asks for: %s', (url, demand) => {
  expect(demandOf(url)).toBe(demand);
});

test.each<[url: string, fields: TlsFields, demand: string]>([
  ['jdbc:mysql://h/d', { jdbcEnforceSsl: false }, 'offered, nothing'],
  ['jdbc:mysql://h/d', { jdbcEnforceSsl: true }, 'always, identity'],
  ['jdbc:mysql://h/d?sslMode=DISABLED', { jdbcEnforceSsl: true }, 'always, identity'],
  ['jdbc:mysql://h/d?sslMode=REQUIRED', { jdbcEnforceSsl: true }, 'always, identity'],
  ['jdbc:mysql://h/d', { jdbcEnforceSsl: true, skipCustomJdbcCertValidation: true }, 'always, nothing'],
  [
    'jdbc:mysql://h/d?sslMode=VERIFY_CA',
    { jdbcEnforceSsl: true, skipCustomJdbcCertValidation: true },
    'always, authority',
  ],
  ['jdbc:mysql://h/d?sslMode=VERIFY_CA', { skipCustomJdbcCertValidation: true }, 'always, authority'],
  ['jdbc:oracle:thin:@tcps://h:2484/s', { jdbcEnforceSsl: true }, 'at once, identity'],
])('%s of a datasource with %j asks for: %s', (url, fields, demand) => {
  expect(demandOf(url, fields)).toBe(demand);
});
