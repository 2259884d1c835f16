/** What the plain server and Mercurius write into the tables and read from them, as a person would who writes them by hand. */
import { randomBytes } from 'node:crypto';
import mysql from 'mysql2/promise';

const shownColumns =
  'd.id, d.instance_id AS instanceId, d.description, d.jdbc_connection_url AS jdbcConnectionUrl, d.jdbc_connection_schema AS jdbcConnectionSchema, d.password_sealed IS NOT NULL AS hasPassword, d.secret_sealed IS NOT NULL AS hasSecret, d.create_type AS createType, d.version, d.updated_at AS updatedAt, d.account_provider AS accountProvider, d.account_id AS accountId, d.region';
const accountColumns = 'a.id AS ownerId, a.created_at AS ownerCreatedAt';
const ofItsAccount =
  'accounts a ON a.account_provider = d.account_provider AND a.account_id = d.account_id AND a.region = d.region';
const byKey = 'd.account_provider = ? AND d.account_id = ? AND d.region = ? AND d.instance_id = ?';

/** A statement for each question: one, whether the account is asked for or not. */
export const find = `SELECT ${shownColumns} FROM datasources d WHERE ${byKey}`;
export const findById = `SELECT ${shownColumns} FROM datasources d WHERE d.id = ?`;
export const findWithAccount = `SELECT ${shownColumns}, ${accountColumns} FROM datasources d JOIN ${ofItsAccount} WHERE ${byKey}`;
const inOrder = 'ORDER BY d.created_at, d.id LIMIT 100';
export const list = `SELECT ${shownColumns} FROM datasources d ${inOrder}`;
export const listWithAccounts = `SELECT ${shownColumns}, ${accountColumns} FROM datasources d STRAIGHT_JOIN ${ofItsAccount} ${inOrder}`;

/** The parameters with the columns that keep them, but for the key. */
const written = {
  description: 'description',
  jdbcConnectionUrl: 'jdbc_connection_url',
  jdbcConnectionSchema: 'jdbc_connection_schema',
  jdbcEnforceSsl: 'jdbc_enforce_ssl',
  kafkaSslEnabled: 'kafka_ssl_enabled',
  masterUsername: 'master_username',
  password: 'password_sealed',
  secret: 'secret_sealed',
  skipCustomJdbcCertValidation: 'skip_custom_jdbc_cert_validation',
  customJdbcCert: 'custom_jdbc_cert',
  customJdbcCertString: 'custom_jdbc_cert_string',
  networkAvailabilityZone: 'network_availability_zone',
  networkSubnetId: 'network_subnet_id',
  networkSgId: 'network_sg_id',
  glueCrawlerLastUpdated: 'glue_crawler_last_updated',
  creationTime: 'creation_time',
  lastUpdatedTime: 'last_updated_time',
  jdbcDriverClassName: 'jdbc_driver_class_name',
  jdbcDriverJarUri: 'jdbc_driver_jar_uri',
  createType: 'create_type',
};
const parameters = Object.keys(written);
const columns = Object.values(written);

export const insert = `INSERT INTO datasources (id, account_provider, account_id, region, instance_id, ${columns.join(', ')}, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ${columns.map(() => '?').join(', ')}, 1, ?, ?)`;
export const update = `UPDATE datasources SET ${columns.map((column) => `${column} = ?`).join(', ')}, version = version + 1, updated_at = ? WHERE account_provider = ? AND account_id = ? AND region = ? AND instance_id = ?`;
export const lock = `SELECT ${shownColumns}, d.password_sealed, d.secret_sealed FROM datasources d WHERE ${byKey} FOR UPDATE`;
export const audit =
  "INSERT INTO audit_events (id, created_at, actor, means, surface, address, request_id, operation, outcome, account_provider, account_id, region, instance_id, changes) VALUES (?, ?, 'bench (dgk_000000000000)', 'key', 'graphql', '127.0.0.1', ?, ?, 'done', ?, ?, ?, ?, ?)";

const run = randomBytes(7).toString('hex').toUpperCase();
let ids = 0;

/** An id that nobody has. */
export function newId(kind) {
  ids += 1;
  return `${kind}0${run}${String(ids).padStart(11, '0')}`;
}

export function keyValues({ accountProviderId, accountId, region, instanceId }) {
  return [accountProviderId, accountId, region, instanceId];
}

export function insertValues(id, input) {
  const now = Date.now();
  return [id, ...keyValues(input), ...parameters.map((name) => input[name] ?? null), now, now];
}

export function updateValues(input) {
  return [...parameters.map((name) => input[name] ?? null), Date.now(), ...keyValues(input)];
}

export function auditValues(operation, input) {
  return [newId('E'), Date.now(), newId('R'), operation, ...keyValues(input), JSON.stringify(input)];
}

/** A datasource as it is answered; of its account what was read. */
export function shown(row) {
  return {
    id: row.id,
    instanceId: row.instanceId,
    description: row.description,
    jdbcConnectionUrl: row.jdbcConnectionUrl,
    jdbcConnectionSchema: row.jdbcConnectionSchema,
    hasPassword: row.hasPassword === 1,
    hasSecret: row.hasSecret === 1,
    createType: row.createType,
    version: row.version,
    updatedAt: new Date(row.updatedAt),
  };
}

export function accountKey({ accountProvider, accountId, region }) {
  return { accountProvider, accountId, region };
}

export function account(row) {
  return { id: row.ownerId, ...accountKey(row), createdAt: new Date(row.ownerCreatedAt) };
}

/** The database of the environment, over as many connections as the gateway has. */
export function connect() {
  const pool = mysql.createPool({ uri: process.env.DATABASE_URL, charset: 'utf8mb4', connectionLimit: 16 });
  pool.on('connection', (connection) => {
    connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
  });
  return pool;
}

/** Says where a server listens, once its database answers. */
export async function listen(app, pool) {
  app.get('/readyz', async () => {
    await pool.execute('SELECT 1');
    return '';
  });
  await app.listen({ host: '127.0.0.1', port: 0 });
  console.log(`Server listening at http://127.0.0.1:${app.server.address().port}`);
}
