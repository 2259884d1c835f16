import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type JdbcUrl, parseJdbcUrl } from '../../src/datasources/jdbc-url.js';

type Found = Omit<JdbcUrl, 'subprotocol' | 'family'>;

function problemOf(url: string): string {
  const result = parseJdbcUrl(url);
  return result.ok ? 'accepted' : result.problem;
}

/** What a URL says besides how its servers are spoken to. */
function formOf(url: string) {
  const result = parseJdbcUrl(url);
  if (!result.ok) return result;
  const { properties, tls, hosts, ...form } = result.url;
  return { ok: true, url: { ...form, hosts: hosts.map(({ properties: own, ...host }) => host) } };
}

const PASSWORD_PROBLEM = /must not contain a password.*use `password` or `secret` instead/;

describe('control characters and white space', () => {
  const url = 'jdbc:mysql://db.example.com/sales';

  test.each(['\t', '\n', '\r', '\u0000', '\u001b', '\u007f', '\u0085', '\u009f'])(
    'refuses %j anywhere',
    (character) => {
      for (const text of [
        `${character}${url}`,
        `${url}${character}`,
        `jdbc:mysql://db.example.com/${character}sales`,
      ]) {
        expect(problemOf(text)).toMatch(/must not contain control characters/);
      }
      expect(problemOf(`jdbc:h2:mem:${character}sales`)).toMatch(/must not contain control characters/);
    },
  );

  test.each([' ', '\u00a0', '\u2003', '\u2028', '\u3000', '\ufeff'])('refuses %j at either end', (character) => {
    expect(problemOf(`${character}${url}`)).toMatch(/must not begin or end with white space/);
    expect(problemOf(`${url}${character}`)).toMatch(/must not begin or end with white space/);
  });

  test('accepts white space inside', () => {
    expect(parseJdbcUrl('jdbc:sqlserver://db.example.com;applicationName=My Report').ok).toBe(true);
  });
});

describe('what says how servers are spoken to', () => {
  function propertiesOf(url: string) {
    const result = parseJdbcUrl(url);
    return result.ok ? Object.fromEntries(result.url.properties ?? []) : result.problem;
  }

  test.each<[url: string, properties: Record<string, string>]>([
    ['jdbc:mysql://h/db', {}],
    ['jdbc:mysql://h/db?sslMode=VERIFY_IDENTITY&useSSL=true', { sslmode: 'VERIFY_IDENTITY', usessl: 'true' }],
    ['jdbc:postgresql://h/db?ssl&sslmode=verify%2dfull', { ssl: '', sslmode: 'verify-full' }],
    ['jdbc:postgresql://h/db?sslmode=verify-full&sslmode=disable', { sslmode: 'disable' }],
    ['jdbc:sqlserver://h:1433;encrypt=strict;databaseName={a b}', { encrypt: 'strict', databasename: 'a b' }],
    ['jdbc:db2://h:50000/db:sslConnection=true;user=x;', { sslconnection: 'true', user: 'x', '': '' }],
  ])('reads the properties of %s', (url, properties) => {
    expect(propertiesOf(url)).toEqual(properties);
  });

  test("reads a MySQL host's own properties", () => {
    const result = parseJdbcUrl('jdbc:mysql://(host=a,port=1,sslMode=REQUIRED),b/db?sslMode=DISABLED');
    expect(result.ok && result.url.hosts).toEqual([
      { host: 'a', port: 1, properties: new Map([['sslmode', 'REQUIRED']]) },
      { host: 'b' },
    ]);
  });

  test.each([
    ['jdbc:oracle:thin:@tcps://h:2484/s', true],
    ['jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(PROTOCOL=tcps)(HOST=h)(PORT=2484))(CONNECT_DATA=(SID=s)))', true],
    ['jdbc:oracle:thin:@tcp://h:1521/s', undefined],
    ['jdbc:oracle:thin:@//h:1521/s', undefined],
  ])('says whether %s asks for TLS', (url, tls) => {
    const result = parseJdbcUrl(url);
    expect(result.ok && result.url.tls).toBe(tls);
  });
});

describe('the shape jdbc:<subprotocol>:<rest>', () => {
  test.each([
    '',
    'jdbc',
    'jdbc:',
    'jdbc:mysql',
    'jdbc:mysql:',
    'jdbc::rest',
    'JDBC:mysql://db.example.com/sales',
    'Jdbc:h2:mem:sales',
    'mysql://db.example.com/sales',
    'https://db.example.com/',
    'jdbc://db.example.com/sales',
    'jdbc-secretsmanager:mysql://db.example.com/sales',
    'jdbc:2db:rest',
    'jdbc:+srv:rest',
    'jdbc: mysql://db.example.com/sales',
    'jdbc:my sql://db.example.com/sales',
    'jdbc:my/sql://db.example.com/sales',
    'jdbc:mýsql://db.example.com/sales',
    'xjdbc:mysql://db.example.com/sales',
  ])('refuses %j', (url) => {
    expect(problemOf(url)).toMatch(/must have the form jdbc:<subprotocol>:<rest>/);
  });

  test.each(['x', 'mongodb+srv', 'informix-sqli', 'a.b_c', 'hive2'])('accepts the subprotocol %j', (subprotocol) => {
    expect(parseJdbcUrl(`jdbc:${subprotocol}:r`)).toEqual({
      ok: true,
      url: { subprotocol, family: 'other', hosts: [] },
    });
  });
});

describe('servers after //', () => {
  const accepted: [url: string, family: string, found: Found][] = [
    // MySQL Connector/J Developer Guide, "Connection URL Syntax"
    ['jdbc:mysql://host1:33060/sakila', 'mysql', { hosts: [{ host: 'host1', port: 33060 }], database: 'sakila' }],
    ['jdbc:mysql://localhost:3306', 'mysql', { hosts: [{ host: 'localhost', port: 3306 }] }],
    ['jdbc:mysql://localhost/', 'mysql', { hosts: [{ host: 'localhost' }] }],
    ['jdbc:mysql://localhost?profileSQL=true', 'mysql', { hosts: [{ host: 'localhost' }] }],
    ['jdbc:mysql://localhost/my%20db', 'mysql', { hosts: [{ host: 'localhost' }], database: 'my db' }],
    [
      'jdbc:mysql://[1000:2000::abcd]:3306/db',
      'mysql',
      { hosts: [{ host: '1000:2000::abcd', port: 3306 }], database: 'db' },
    ],
    [
      'jdbc:mysql://address=(host=myhost)(port=1111)(key1=value1)/db',
      'mysql',
      { hosts: [{ host: 'myhost', port: 1111 }], database: 'db' },
    ],
    [
      'jdbc:mysql://(host=myhost,port=1111,key1=value1)/db',
      'mysql',
      { hosts: [{ host: 'myhost', port: 1111 }], database: 'db' },
    ],
    [
      'jdbc:mysql://address=(protocol=tcp)(host=fe80::1)(port=3306)/db',
      'mysql',
      { hosts: [{ host: 'fe80::1', port: 3306 }], database: 'db' },
    ],
    ['jdbc:mysql://(host=%5B::1%5D)/db', 'mysql', { hosts: [{ host: '::1' }], database: 'db' }],
    ['jdbc:mysql://( Host = h1 , Port = 1 )/db', 'mysql', { hosts: [{ host: 'h1', port: 1 }], database: 'db' }],
    [
      'jdbc:mysql://myhost1:1111,myhost2:2222/db',
      'mysql',
      {
        hosts: [
          { host: 'myhost1', port: 1111 },
          { host: 'myhost2', port: 2222 },
        ],
        database: 'db',
      },
    ],
    [
      'jdbc:mysql://myhost1:1111,(host=myhost2,port=2222,key2=value2),address=(host=myhost3)(port=3333)/db?key1=value1',
      'mysql',
      {
        hosts: [
          { host: 'myhost1', port: 1111 },
          { host: 'myhost2', port: 2222 },
          { host: 'myhost3', port: 3333 },
        ],
        database: 'db',
      },
    ],
    ['jdbc:mysql://sandy@myhost1/db', 'mysql', { hosts: [{ host: 'myhost1' }], database: 'db' }],
    ['jdbc:mysql://sandy@(host=myhost1,port=1)/db', 'mysql', { hosts: [{ host: 'myhost1', port: 1 }], database: 'db' }],
    ['jdbc:mysql://sandy%40corp@myhost1:1/db', 'mysql', { hosts: [{ host: 'myhost1', port: 1 }], database: 'db' }],
    ['jdbc:mysql://ann@h1,bob@h2/db', 'mysql', { hosts: [{ host: 'h1' }, { host: 'h2' }], database: 'db' }],
    [
      'jdbc:mysql:loadbalance://localhost:3306,localhost:3310/sakila',
      'mysql',
      {
        hosts: [
          { host: 'localhost', port: 3306 },
          { host: 'localhost', port: 3310 },
        ],
        database: 'sakila',
      },
    ],
    [
      'jdbc:mysql:replication://address=(type=source)(host=h1),address=(type=replica)(host=h2)/test',
      'mysql',
      { hosts: [{ host: 'h1' }, { host: 'h2' }], database: 'test' },
    ],
    [
      'jdbc:mysql+srv://_mysql._tcp.example.com/db',
      'mysql',
      { hosts: [{ host: '_mysql._tcp.example.com' }], database: 'db' },
    ],
    ['jdbc:mysql+srv:loadbalance://example.com/db', 'mysql', { hosts: [{ host: 'example.com' }], database: 'db' }],
    ['jdbc:MySQL://db.example.com/db', 'mysql', { hosts: [{ host: 'db.example.com' }], database: 'db' }],
    // About MariaDB Connector/J
    ['jdbc:mariadb://192.0.2.1:3307/db', 'mariadb', { hosts: [{ host: '192.0.2.1', port: 3307 }], database: 'db' }],
    ['jdbc:mariadb:sequential://h1,h2/db', 'mariadb', { hosts: [{ host: 'h1' }, { host: 'h2' }], database: 'db' }],
    [
      'jdbc:mariadb:aurora://cluster.example.com/db',
      'mariadb',
      { hosts: [{ host: 'cluster.example.com' }], database: 'db' },
    ],
    [
      'jdbc:mariadb://address=(host=localhost)(port=3306)(type=master)/db?useSsl=true',
      'mariadb',
      { hosts: [{ host: 'localhost', port: 3306 }], database: 'db' },
    ],
    [
      'jdbc:mariadb://[2001:0660:7401:0200:0000:0000:0edf:bdd7]:3306/',
      'mariadb',
      { hosts: [{ host: '2001:0660:7401:0200:0000:0000:0edf:bdd7', port: 3306 }] },
    ],
    // pgJDBC, "Connecting to the Database"
    ['jdbc:postgresql://host/database', 'postgresql', { hosts: [{ host: 'host' }], database: 'database' }],
    ['jdbc:postgresql://host:5432/', 'postgresql', { hosts: [{ host: 'host', port: 5432 }] }],
    [
      'jdbc:postgresql://[::1]:5740/accounting',
      'postgresql',
      { hosts: [{ host: '::1', port: 5740 }], database: 'accounting' },
    ],
    ['jdbc:postgresql://[fe80::1%eth0]/db', 'postgresql', { hosts: [{ host: 'fe80::1%eth0' }], database: 'db' }],
    ['jdbc:postgresql://[fe80::1%25eth0]/db', 'postgresql', { hosts: [{ host: 'fe80::1%eth0' }], database: 'db' }],
    [
      'jdbc:postgresql://host1:33,host2:44/accounting?targetServerType=primary&options=-c%20statement_timeout=90000',
      'postgresql',
      {
        hosts: [
          { host: 'host1', port: 33 },
          { host: 'host2', port: 44 },
        ],
        database: 'accounting',
      },
    ],
    // Amazon Redshift Management Guide, "Building the connection URL"
    [
      'jdbc:redshift://cluster.us-west-2.redshift.example.com:5439/dev;ssl=true;UID=amazon',
      'redshift',
      { hosts: [{ host: 'cluster.us-west-2.redshift.example.com', port: 5439 }], database: 'dev' },
    ],
    [
      'jdbc:redshift:iam://examplecluster:us-west-2/dev',
      'redshift',
      { hosts: [{ host: 'examplecluster', region: 'us-west-2' }], database: 'dev' },
    ],
    [
      'jdbc:redshift:iam://host.example.com:5439/dev?AutoCreate=true',
      'redshift',
      { hosts: [{ host: 'host.example.com', port: 5439 }], database: 'dev' },
    ],
    // Microsoft JDBC Driver for SQL Server, "Building the connection URL"
    [
      'jdbc:sqlserver://localhost;encrypt=true;integratedSecurity=true;',
      'sqlserver',
      { hosts: [{ host: 'localhost' }] },
    ],
    [
      'jdbc:sqlserver://localhost:1433;databaseName=AdventureWorks;',
      'sqlserver',
      { hosts: [{ host: 'localhost', port: 1433 }], database: 'AdventureWorks' },
    ],
    [
      'jdbc:sqlserver://localhost\\instance1:1433;database={a db}',
      'sqlserver',
      { hosts: [{ host: 'localhost', port: 1433, instance: 'instance1' }], database: 'a db' },
    ],
    ['jdbc:sqlserver://;servername=server_name;encrypt=true', 'sqlserver', { hosts: [{ host: 'server_name' }] }],
    [
      'jdbc:sqlserver://;databaseName=db;serverName=3ffe:8311:eeee:f70f:0:5eae:10.203.31.9;portNumber=1434',
      'sqlserver',
      { hosts: [{ host: '3ffe:8311:eeee:f70f:0:5eae:10.203.31.9', port: 1434 }], database: 'db' },
    ],
    ['jdbc:sqlserver://;serverName=host\\SQL$1', 'sqlserver', { hosts: [{ host: 'host', instance: 'SQL$1' }] }],
    // Snowflake, "Configuring the JDBC Driver"
    [
      'jdbc:snowflake://myorganization-my_account.snowflakecomputing.com/?user=peter&warehouse=mywh&db=mydb&schema=public',
      'snowflake',
      { hosts: [{ host: 'myorganization-my_account.snowflakecomputing.com' }], database: 'mydb' },
    ],
    [
      'jdbc:snowflake://account.snowflakecomputing.com:443/?private_key_file=/tmp/rsa_key.p8&authenticator=snowflake_jwt',
      'snowflake',
      { hosts: [{ host: 'account.snowflakecomputing.com', port: 443 }] },
    ],
    // IBM Data Server Driver for JDBC and SQLJ, "URL format for type 4 connectivity"
    [
      'jdbc:db2://sysmvs1.example.com:5021/STLEC1',
      'db2',
      { hosts: [{ host: 'sysmvs1.example.com', port: 5021 }], database: 'STLEC1' },
    ],
    [
      'jdbc:db2://db.example.com:50000/SAMPLE:user=dbadm;specialRegisters=CURRENT_PATH=SYSIBM,CURRENT CLIENT_USERID=test;',
      'db2',
      { hosts: [{ host: 'db.example.com', port: 50000 }], database: 'SAMPLE' },
    ],
    ['jdbc:db2://[::1]:50000/SAMPLE', 'db2', { hosts: [{ host: '::1', port: 50000 }], database: 'SAMPLE' }],
    // Names
    ['jdbc:mysql://db.example.com./db', 'mysql', { hosts: [{ host: 'db.example.com.' }], database: 'db' }],
    ['jdbc:mysql://bücher.example/db', 'mysql', { hosts: [{ host: 'bücher.example' }], database: 'db' }],
    ['jdbc:mysql://h:1/db', 'mysql', { hosts: [{ host: 'h', port: 1 }], database: 'db' }],
    ['jdbc:mysql://h:65535/db', 'mysql', { hosts: [{ host: 'h', port: 65535 }], database: 'db' }],
  ];

  test.each(accepted)('accepts %s', (url, family, found) => {
    const subprotocol = url.split(':')[1];
    expect(formOf(url)).toEqual({ ok: true, url: { subprotocol, family, ...found } });
  });

  const refused: [url: string, problem: RegExp][] = [
    ['jdbc:mysql:sales', /must have \/\/ and a host/],
    ['jdbc:mysql:/db.example.com/sales', /must have \/\/ and a host/],
    ['jdbc:mysql:load balance://h/db', /must have \/\/ and a host/],
    ['jdbc:mysql:loadbalance//h/db', /must have \/\/ and a host/],
    ['jdbc:mysql:://h/db', /must have \/\/ and a host/],
    ['jdbc:MYSQL:sales', /must have \/\/ and a host/],
    ['jdbc:postgresql:database', /must have \/\/ and a host/],
    ['jdbc:postgresql:/', /must have \/\/ and a host/],
    ['jdbc:db2:sample', /must have \/\/ and a host/],
    ['jdbc:mysql://', /valid hosts/],
    ['jdbc:mysql:///db', /valid hosts/],
    ['jdbc:mysql://?x=y', /valid hosts/],
    ['jdbc:mysql://:3306/db', /valid hosts/],
    ['jdbc:mysql://h1,/db', /valid hosts/],
    ['jdbc:mysql://,h1/db', /valid hosts/],
    ['jdbc:mysql://h1,,h2/db', /valid hosts/],
    ['jdbc:mysql://h1, h2/db', /valid hosts/],
    ['jdbc:mysql://my host/db', /valid hosts/],
    ['jdbc:mysql://h#x/db', /valid hosts/],
    ['jdbc:mysql://h%2Fx/db', /valid hosts/],
    ['jdbc:mysql://-h/db', /valid hosts/],
    ['jdbc:mysql://h..example/db', /valid hosts/],
    ['jdbc:mysql://./db', /valid hosts/],
    ['jdbc:mysql://{HOST}/db', /valid hosts/],
    ['jdbc:mysql://999.1.1.1/db', /valid hosts/],
    ['jdbc:mysql://192.0.2/db', /valid hosts/],
    ['jdbc:mysql://192.0.2.01/db', /valid hosts/],
    ['jdbc:mysql://3306/db', /valid hosts/],
    ['jdbc:mysql://::1/db', /valid hosts/],
    ['jdbc:mysql://[::1/db', /valid hosts/],
    ['jdbc:mysql://[]/db', /valid hosts/],
    ['jdbc:mysql://[1::2::3]/db', /valid hosts/],
    ['jdbc:mysql://[12345::]/db', /valid hosts/],
    ['jdbc:mysql://[192.0.2.1]/db', /valid hosts/],
    ['jdbc:mysql://[h1,h2]/db', /valid hosts/],
    ['jdbc:mysql://sandy@[h1:1,h2:2]/db', /valid hosts/],
    ['jdbc:mysql://h:1:2/db', /valid hosts/],
    ['jdbc:mysql://h:/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://h:0/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://h:65536/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://h:99999999999999999999/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://h:-1/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://h:33x/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://h:１２/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://h1:1,h2:0/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://@h/db', /user name/],
    ['jdbc:mysql://a@b@h/db', /user name/],
    ['jdbc:mysql://my user@h/db', /user name/],
    ['jdbc:mysql://user@/db', /valid hosts/],
    ['jdbc:mysql://()/db', /include host/],
    ['jdbc:mysql://(port=3306)/db', /include host/],
    ['jdbc:mysql://address=(port=3306)/db', /include host/],
    ['jdbc:mysql://address=(protocol=pipe)(path=x)/db', /include host/],
    ['jdbc:mysql://(host=)/db', /valid hosts/],
    ['jdbc:mysql://(host)/db', /valid hosts/],
    ['jdbc:mysql://(host=my host)/db', /valid hosts/],
    ['jdbc:mysql://(host=h,port=0)/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://address=(host=h)(port=65536)/db', /port .* from 1 to 65535/],
    ['jdbc:mysql://(host=h)(port=1)/db', /include host/],
    ['jdbc:mysql://(host=(h))/db', /include host/],
    ['jdbc:mysql://(host=h/db', /valid hosts/],
    ['jdbc:mysql://address=h/db', /valid hosts/],
    ['jdbc:postgresql://(host=h,port=1)/db', /valid hosts/],
    ['jdbc:postgresql://h\\instance/db', /valid hosts/],
    ['jdbc:redshift://cluster:us-west-2/dev', /port .* from 1 to 65535/],
    ['jdbc:mysql:iam://cluster:us-west-2/dev', /port .* from 1 to 65535/],
    ['jdbc:redshift:iam://cluster:us west/dev', /port .* from 1 to 65535/],
    ['jdbc:redshift:iam://:us-west-2/dev', /valid hosts/],
    ['jdbc:sqlserver://', /name a server/],
    ['jdbc:sqlserver://;databaseName=db', /name a server/],
    ['jdbc:sqlserver:///;serverName=h', /name a server/],
    ['jdbc:sqlserver://;serverName=', /valid hosts/],
    ['jdbc:sqlserver://;serverName=my host', /valid hosts/],
    ['jdbc:sqlserver://;serverName=h;portNumber=0', /port .* from 1 to 65535/],
    ['jdbc:sqlserver://\\instance', /valid hosts/],
    ['jdbc:sqlserver://h\\', /instance/],
    ['jdbc:sqlserver://h\\a b', /instance/],
    ['jdbc:mysql://;serverName=h', /valid hosts/],
    ['jdbc:snowflake:///?db=d', /valid hosts/],
    ['jdbc:db2://:50000/SAMPLE', /valid hosts/],
  ];

  test.each(refused)('refuses %s', (url, problem) => {
    expect(problemOf(url)).toMatch(problem);
  });
});

describe('Oracle', () => {
  const descriptor =
    '(DESCRIPTION=(LOAD_BALANCE=on)(ADDRESS_LIST=(ADDRESS=(PROTOCOL=TCP)(HOST=host1)(PORT=1521))' +
    '(ADDRESS=(PROTOCOL=TCP)(HOST = host2) (PORT = 1522)))(CONNECT_DATA=(SERVICE_NAME=sales)))';
  const hosts = [{ host: 'db.example.com', port: 1521 }];

  const accepted: [rest: string, found: Found][] = [
    // Oracle Database JDBC Java API Reference, "URL Formats", and JDBC Developer's Guide, "Data Sources and URLs"
    ['thin:@db.example.com:1521/sales', { hosts, service: 'sales' }],
    ['thin:@//db.example.com:1521/sales.example.com', { hosts, service: 'sales.example.com' }],
    ['thin:@tcp://db.example.com:1521/sales', { hosts, service: 'sales' }],
    ['thin:@tcps://db.example.com:1521/sales?wallet_location=/work/wallet', { hosts, service: 'sales' }],
    ['thin:@db.example.com:1521/sales:dedicated/instance1', { hosts, service: 'sales' }],
    ['thin:@db.example.com:1521', { hosts }],
    ['thin:@//db.example.com', { hosts: [{ host: 'db.example.com' }] }],
    ['thin:@db.example.com/sales', { hosts: [{ host: 'db.example.com' }], service: 'sales' }],
    ['thin:@[2001:db8::1]:1521/sales', { hosts: [{ host: '2001:db8::1', port: 1521 }], service: 'sales' }],
    ['thin:@192.0.2.1', { hosts: [{ host: '192.0.2.1' }] }],
    ['thin:@db.example.com:1521:ORCL', { hosts, sid: 'ORCL' }],
    ['thin:scott@db.example.com:1521:ORCL', { hosts, sid: 'ORCL' }],
    [
      'thin:@db.example.com:1521/sales?oracle.net.httpsProxyHost=proxy&oracle.net.httpsProxyPort=80',
      { hosts, service: 'sales' },
    ],
    ['thin://@db.example.com:1521/sales', { hosts, service: 'sales' }],
    ['oci:@db.example.com:1521/sales', { hosts, service: 'sales' }],
    ['oci:scott@//db.example.com:1521/sales', { hosts, service: 'sales' }],
    ['oci:@MYTNS', { hosts: [], tnsAlias: 'MYTNS' }],
    ['thin:@dbname_high?TNS_ADMIN=/test/cloud/network', { hosts: [], tnsAlias: 'dbname_high' }],
    [
      `thin:@${descriptor}`,
      {
        hosts: [
          { host: 'host1', port: 1521 },
          { host: 'host2', port: 1522 },
        ],
        service: 'sales',
      },
    ],
    [
      'oci:scott@( description = (address=(port=1521)(host=2001:db8::1))(connect_data=(sid=orcl)))?TNS_ADMIN=/a',
      { hosts: [{ host: '2001:db8::1', port: 1521 }], sid: 'orcl' },
    ],
  ];

  test.each(accepted)('accepts jdbc:oracle:%s', (rest, found) => {
    expect(formOf(`jdbc:oracle:${rest}`)).toEqual({
      ok: true,
      url: { subprotocol: 'oracle', family: 'oracle', ...found },
    });
  });

  const refused: [rest: string, problem: RegExp][] = [
    ['@db.example.com:1521:ORCL', /thin: or jdbc:oracle:oci:/],
    ['kprb:@x', /thin: or jdbc:oracle:oci:/],
    ['thick:@x', /thin: or jdbc:oracle:oci:/],
    ['thin:', /thin: or jdbc:oracle:oci:/],
    ['thin:@', /thin: or jdbc:oracle:oci:/],
    ['thin:db.example.com:1521:ORCL', /thin: or jdbc:oracle:oci:/],
    ['//db.example.com:1521/sales', /thin: or jdbc:oracle:oci:/],
    ['thin:my user@x', /user name/],
    ['thin:@//', /must have one of these/],
    ['thin:@:1521:ORCL', /must have one of these/],
    ['thin:@///sales', /must have one of these/],
    ['thin:@?TNS_ADMIN=/a', /must have one of these/],
    ['thin:@my alias', /valid hosts/],
    ['thin:@999.1.1.1', /valid hosts/],
    ['thin:@db.example.com:1521/', /must have one of these/],
    ['thin:@db.example.com:1521:', /must have one of these/],
    ['thin:@db.example.com:1521:my sid', /must have one of these/],
    ['thin:@//db.example.com:1521:ORCL', /must have one of these/],
    ['thin:@db.example.com:1521/a b', /must have one of these/],
    ['thin:@host1,host2:1521/sales', /valid hosts/],
    ['thin:@ldap://ldap.example.com:7777/sales,cn=OracleContext', /port .* from 1 to 65535/],
    ['thin:@db.example.com:0/sales', /port .* from 1 to 65535/],
    ['thin:@db.example.com:65536:ORCL', /port .* from 1 to 65535/],
    ['thin:@db.example.com:ORCL', /port .* from 1 to 65535/],
    ['thin:@()', /must have one of these/],
    ['thin:@(DESCRIPTION=)', /must have one of these/],
    ['thin:@(DESCRIPTION=(ADDRESS=(HOST=h))', /must have one of these/],
    ['thin:@(DESCRIPTION=(ADDRESS=(HOST=h)))x', /must have one of these/],
    ['thin:@(ADDRESS=(HOST=h)(PORT=1))', /must have one of these/],
    ['thin:@(DESCRIPTION=(ADDRESS=(HOST=h)(PORT=0)))', /port .* from 1 to 65535/],
  ];

  test.each(refused)('refuses jdbc:oracle:%s', (rest, problem) => {
    expect(problemOf(`jdbc:oracle:${rest}`)).toMatch(problem);
  });

  test('is checked in whatever case it is written', () => {
    expect(problemOf('jdbc:Oracle:kprb:@x')).toMatch(/thin: or jdbc:oracle:oci:/);
    expect(problemOf('jdbc:ORACLE:THIN:scott/tiger@x')).toMatch(PASSWORD_PROBLEM);
  });
});

describe('any other subprotocol', () => {
  test.each([
    'jdbc:h2:mem:sales;DB_CLOSE_DELAY=-1',
    'jdbc:h2:tcp://db.example.com:8084/~/sample',
    'jdbc:sqlite:/var/lib/sales.db',
    'jdbc:sqlite::memory:',
    'jdbc:derby://db.example.com:1527/sample;create=true',
    'jdbc:hsqldb:hsql://db.example.com/xdb',
    'jdbc:hive2://zk1:2181,zk2:2181/;serviceDiscoveryMode=zooKeeper;zooKeeperNamespace=hiveserver2',
    'jdbc:hive2://db.example.com:10000/default;principal=hive/_HOST@EXAMPLE.COM?hive.exec.parallel=true#a=b',
    'jdbc:hive2://db.example.com:10000/default;auth=delegationToken',
    'jdbc:presto://db.example.com:8080/hive/sales?SSL=true',
    'jdbc:trino://db.example.com:443/hive/sales?SSL=true&externalAuthentication=true',
    'jdbc:clickhouse://h1:8123,h2:8123/default?compress=0',
    'jdbc:ch:https://db.example.com:8443?ssl=true',
    'jdbc:sap://db.example.com:30015/?databaseName=HXE&user=ann',
    'jdbc:mongodb://db.example.com:27017/sales?authSource=admin',
    'jdbc:mongodb+srv://ann@db.example.com/sales',
    'jdbc:bigquery://https://www.googleapis.com/bigquery/v2:443;ProjectId=p;OAuthType=0;OAuthServiceAcctEmail=a@p.example.com;OAuthPvtKeyPath=/k.json',
    'jdbc:athena://Region=us-east-1;Workgroup=primary;OutputLocation=s3://bucket/path/',
    'jdbc:awsathena://athena.us-east-1.example.com:443;S3OutputLocation=s3://bucket/',
    'jdbc:databricks://db.example.com:443/default;transportMode=http;ssl=1;AuthMech=3;httpPath=/sql/1.0/a;UID=token',
    'jdbc:aws-wrapper:postgresql://db.example.com:5432/sales?wrapperPlugins=failover',
    'jdbc:jtds:sqlserver://db.example.com:1433/sales;instance=SQL1',
    'jdbc:informix-sqli://db.example.com:9088/sales:INFORMIXSERVER=ifx',
    'jdbc:teradata://db.example.com/DATABASE=sales,CHARSET=UTF8',
    'jdbc:as400://db.example.com/LIB;naming=sql',
    'jdbc:datadirect:oracle://db.example.com:1521;SID=ORCL;User=ann',
  ])('accepts %s', (url) => {
    const subprotocol = url.split(':')[1];
    expect(parseJdbcUrl(url)).toEqual({ ok: true, url: { subprotocol, family: 'other', hosts: [] } });
  });
});

describe('passwords', () => {
  test.each([
    // Before the host
    'jdbc:mysql://sandy:hunter2@myhost/db',
    'jdbc:mysql://sandy:hunter2@[h1:1,h2:2]/db',
    'jdbc:mysql://:hunter2@myhost/db',
    'jdbc:mysql://sandy:@myhost/db',
    'jdbc:mysql://h1,sandy:hunter2@h2/db',
    'jdbc:mysql://sandy%3Ahunter2@myhost/db',
    'jdbc:mysql://sandy:hunter2%40myhost/db',
    'jdbc:mysql://sandy:hunt@er2@myhost/db',
    'jdbc:postgresql://sandy:hunter2@myhost/db',
    'jdbc:mongodb://sandy:hunter2@myhost:27017/db',
    'jdbc:mongodb+srv://sandy:hunter2@myhost',
    'jdbc:aws-wrapper:mysql://sandy:hunter2@myhost/db',
    'jdbc:ch:https://sandy:hunter2@myhost:8443',
    'jdbc:trino://h/hive?proxy=http://sandy:hunter2@proxy',
    'jdbc:trino://h/hive?proxy=http%3A%2F%2Fsandy%3Ahunter2%40proxy',
    // Oracle's user/password@
    'jdbc:oracle:thin:scott/hunter2@db.example.com:1521:ORCL',
    'jdbc:oracle:thin:scott/@db.example.com:1521:ORCL',
    'jdbc:oracle:thin:/@db.example.com',
    'jdbc:oracle:thin://scott@db.example.com:1521/s',
    'jdbc:oracle:thin:scott/hunt@er2@db.example.com',
    'jdbc:oracle:thin:scott%2Fhunter2@db.example.com',
    'jdbc:oracle:thin:scott:hunter2@db.example.com',
    'jdbc:oracle:thin://scott:hunter2@db.example.com:1521/s',
    'jdbc:oracle:oci:scott/hunter2@MYTNS',
    'jdbc:oracle:thin:@db.example.com:1521/s?javax.net.ssl.keyStorePassword=hunter2',
    'jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=h))(SECURITY=(PASSWORD=hunter2)))',
    // After each separator
    'jdbc:mysql://h/db?password=hunter2',
    'jdbc:mysql://h/db?user=u&password=hunter2',
    'jdbc:sqlserver://h;user=u;password={hunter2}',
    'jdbc:mysql://(host=h,port=1,user=u,password=hunter2)/db',
    'jdbc:mysql://(password=hunter2,host=h)/db',
    'jdbc:mysql://address=(host=h)(password=hunter2)/db',
    'jdbc:db2://h:50000/SAMPLE:password=hunter2;user=u;',
    'jdbc:teradata://h/USER=u,PASSWORD=hunter2',
    'jdbc:h2:mem:a;PASSWORD=hunter2',
    'jdbc:odbc:password=hunter2',
    'jdbc:snowflake://h/?passcode=123456',
    'jdbc:databricks://h:443/default;AuthMech=3;UID=token;PWD=hunter2',
    'jdbc:redshift:iam://c:us-west-2/dev?AccessKeyID=a&SecretAccessKey=hunter2',
    // Each name, prefixed and numbered
    'jdbc:h2:a;passwd=hunter2',
    'jdbc:h2:a;private_key_file_pwd=hunter2',
    'jdbc:h2:a;keyPassphrase=hunter2',
    'jdbc:h2:a;client_secret=hunter2',
    'jdbc:h2:a;Auth_AccessToken=hunter2',
    'jdbc:h2:a;private-key=hunter2',
    'jdbc:h2:a;trustStorePassword=hunter2',
    'jdbc:mysql://h/db?password1=hunter2',
    'jdbc:mysql://h/db?password_23=hunter2',
    // Disguises
    'jdbc:mysql://h/db?PassWord=hunter2',
    'jdbc:MYSQL://h/db?password=hunter2',
    'jdbc:mysql://h/db?pass%77ord=hunter2',
    'jdbc:mysql://h/db?%70%61%73%73%77%6F%72%64=hunter2',
    'jdbc:mysql://h/db?p.a-s_s word=hunter2',
    'jdbc:mysql://h/db?pass%zzword%=1&%password=hunter2',
    'jdbc:mysql://h/db?pass\u200bword=hunter2',
    'jdbc:mysql://h/db?ｐａｓｓｗｏｒｄ=hunter2',
    'jdbc:mysql://h/db?password%3Dhunter2',
    'jdbc:mysql://h/db?a=b%26password%3Dhunter2',
    'jdbc:mysql://h/db%3Fpassword%3Dhunter2',
    'jdbc:mysql://h/db?a=b&amp;password=hunter2',
    'jdbc:sqlserver://h; password = hunter2',
    'jdbc:sqlserver://h;applicationName={x;password=hunter2}',
    'jdbc:postgresql://h/db?options=password=hunter2',
    'jdbc:postgresql://h/db?options=a=b%20password=hunter2',
    'jdbc:hive2://h/db;a=b#password=hunter2',
    'jdbc:mysql://h/db?password==hunter2',
    'jdbc:mysql://h/db?password=,hunter2',
    'jdbc:mysql://h/db?password=(hunter2',
    'jdbc:mysql://h/db?password=:hunter2',
    'jdbc:mysql://h/db?password=?hunter2',
    'jdbc:mysql://h/db?password=)hunter2',
    'jdbc:mysql://h/db?password=%26hunter2',
    'jdbc:mysql://h/db?password=&password=hunter2',
    // Something else is wrong as well
    'jdbc:mysql:db?password=hunter2',
    'jdbc:mysql://h:0/db?password=hunter2',
  ])('refuses %s and does not repeat it', (url) => {
    expect(problemOf(url)).toMatch(PASSWORD_PROBLEM);
    expect(problemOf(url)).not.toMatch(/hunt/);
  });

  test.each([
    'jdbc:mysql://h/db?passwordCharacterEncoding=UTF-8',
    'jdbc:mysql://h/db?password',
    'jdbc:mysql://h/db?password=',
    'jdbc:mysql://h/db?password=&useSSL=true',
    'jdbc:sqlserver://h;password=;user=u',
    'jdbc:mysql://(host=h,password=,port=1)/db',
    'jdbc:mysql://address=(host=h)(password=)/db',
    'jdbc:mysql://h/db?allowPublicKeyRetrieval=true&defaultAuthenticationPlugin=mysql_native_password',
    'jdbc:sqlserver://h;authentication=ActiveDirectoryPassword;encrypt=true',
    'jdbc:mysql://h/db?passwordless=true',
    'jdbc:mysql://h/db?tokenProvider=x',
    'jdbc:snowflake://h/?authenticator=programmatic_access_token',
    'jdbc:oracle:thin:@(DESCRIPTION=(ADDRESS=(HOST=h))(SECURITY=(TOKEN_AUTH=OCI_TOKEN)))',
    'jdbc:oracle:thin:@//h:1521/s?a=b@c',
    'jdbc:postgresql://h:5432/db?user=ann@example.com',
    'jdbc:postgresql://ann%40example.com@h:5432/db',
    'jdbc:postgresql://h/token',
    'jdbc:postgresql://password/secret?user=pwd',
    'jdbc:mysql://h/db?a=%zz&b=%&c=%E0%A4%A',
  ])('accepts %s', (url) => {
    expect(problemOf(url)).toBe('accepted');
  });
});

describe('any string', () => {
  const fragment = fc.constantFrom(
    ...[
      'jdbc:',
      'mysql',
      'oracle:thin:',
      'sqlserver',
      'redshift:iam:',
      'h2',
      '://',
      '//',
      '@',
      ':',
      ';',
      '?',
      '&',
      '=',
    ],
    ...[
      '(',
      ')',
      ',',
      '[',
      ']',
      '\\',
      '%',
      '%3D',
      '%2',
      'host',
      'h',
      '::1',
      '0',
      '99999',
      'password',
      'serverName',
      ' ',
    ],
    ...['address=(host=', '(DESCRIPTION=', '\t', '\ud800', 'ｐ'],
  );
  const fragments = fc
    .array(fc.oneof(fragment, fc.string({ unit: 'binary' })), { maxLength: 30 })
    .map((all) => all.join(''));
  const prefix = fc.constantFrom(
    '',
    'jdbc:mysql://',
    'jdbc:oracle:thin:',
    'jdbc:sqlserver://',
    'jdbc:redshift:iam://',
    'jdbc:x:',
  );
  const url = fc.tuple(prefix, fragments).map((parts) => parts.join(''));

  test('is answered without throwing, and what is accepted is in range', () => {
    fc.assert(
      fc.property(url, (text) => {
        const result = parseJdbcUrl(text);
        if (!result.ok) {
          expect(result.problem).toMatch(/JDBC URL/);
          return;
        }
        for (const { host, port = 1 } of result.url.hosts) {
          expect(host).not.toBe('');
          expect(port).toBeGreaterThanOrEqual(1);
          expect(port).toBeLessThanOrEqual(65535);
        }
      }),
      { numRuns: 2000 },
    );
  });

  test('is never repeated in the problem', () => {
    fc.assert(
      fc.property(url, url, fc.stringMatching(/^Zq[0-9]{4,12}$/), (before, after, planted) => {
        expect(problemOf(before + planted + after)).not.toContain(planted);
      }),
      { numRuns: 1000 },
    );
  });

  test('with a password in one of the known places is refused', () => {
    const places: ((password: string, server: string) => string)[] = [
      (password, server) => `jdbc:mysql://ann:${password}@${server}/db`,
      (password, server) => `jdbc:x://ann:${password}@${server}/db`,
      (password, server) => `jdbc:oracle:thin:ann/${password}@${server}`,
      (password, server) => `jdbc:postgresql://${server}/db?user=ann&password=${password}`,
      (password, server) => `jdbc:sqlserver://${server};password=${password};encrypt=true`,
      (password, server) => `jdbc:mysql://(host=${server},password=${password})/db`,
      (password, server) => `jdbc:x:${server}:PWD=${password}`,
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.stringMatching(/^[A-Za-z0-9!$*+~^ -]{6,20}$/).filter((password) => password.trim() === password),
        fc.domain(),
        (place, password, server) => {
          const problem = problemOf(place(password, server));
          expect(problem).toMatch(PASSWORD_PROBLEM);
          expect(problem).not.toContain(password);
        },
      ),
    );
  });

  test.each([
    ['jdbc:mysql:', 'a:'],
    ['jdbc:mysql://', ','],
    ['jdbc:mysql://', '('],
    ['jdbc:mysql://', 'h,'],
    ['jdbc:mysql://', '['],
    ['jdbc:mysql://h', '.a'],
    ['jdbc:mysql://h?', '1a1'],
    ['jdbc:mysql://h?', '1'],
    ['jdbc:mysql://h?', 'a='],
    ['jdbc:mysql://h?', '%70'],
    ['jdbc:mysql://h?', '%25'],
    ['jdbc:mysql://h?', '\u0301\u0316'],
    ['jdbc:sqlserver://', ';a={'],
    ['jdbc:oracle:thin:@(DESCRIPTION=', '( ADDRESS='],
    ['jdbc:oracle:thin:@(DESCRIPTION=', '(a='],
    ['jdbc:oracle:thin:@(DESCRIPTION=(a=', ' '],
    ['jdbc:x:', '//'],
    ['jdbc:x:', '//a:b'],
    ['jdbc:x:', '@'],
    ['jdbc:x:a', ' '],
  ])('is answered in time linear in its length: %s and many %j', (start, repeated) => {
    const text = `${start}${repeated.repeat(200_000)}=x`;
    const began = performance.now();
    parseJdbcUrl(text);
    // Quadratic time over these lengths would be minutes.
    expect(performance.now() - began).toBeLessThan(5000);
  });
});
