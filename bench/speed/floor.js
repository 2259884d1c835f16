/**
 * The floor: a bare Fastify with a route for each operation, which sends the same statements over mysql2 as the gateway
 * and checks nothing. It is told by the environment where the database is, and which statements the gateway sends.
 */
import { createHash, randomBytes } from 'node:crypto';
import fastify from 'fastify';
import mysql from 'mysql2/promise';

const statements = JSON.parse(process.env.STATEMENTS);
const pool = mysql.createPool({ uri: process.env.DATABASE_URL, charset: 'utf8mb4', connectionLimit: 16 });
pool.on('connection', (connection) => {
  connection.query('SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED');
});
const app = fastify();
const run = createHash('sha256').update(randomBytes(16)).digest('hex').slice(0, 14).toUpperCase();
let ids = 0;
const newId = (kind) => {
  ids += 1;
  return `${kind}0${run}${String(ids).padStart(11, '0')}`;
};

const insertedColumns = columnsOf(statements.insert);
const auditedColumns = columnsOf(statements.audit);
const updatedColumns = [...statements.update.matchAll(/(\w+) = \?/g)].map(([, column]) => column);

app.post('/add', async ({ body }) => {
  const row = rowOf(body.variables.input);
  await add(row);
  return {
    data: { addDatasource: { code: 1001, datasource: { id: row.id, instanceId: row.instance_id, version: 1 } } },
  };
});
app.post('/add-rest', async ({ body }) => {
  await add(rowOf(body));
  return succeeded;
});
app.post('/edit', async ({ body }) => {
  const { id, version, instanceId } = await edit(rowOf(body.variables.input));
  return { data: { editDatasource: { code: 1001, datasource: { id, instanceId, version: version + 1 } } } };
});
app.post('/edit-rest', async ({ body }) => {
  await edit(rowOf(body));
  return succeeded;
});
app.post('/find', async ({ body }) => {
  const { accountProviderId, accountId, region, instanceId } = body.variables.key;
  const [rows] = await pool.execute(statements.find, [accountProviderId, accountId, region, instanceId]);
  return { data: { datasource: shown(rows[0]) } };
});
app.post('/list', async () => {
  const [rows] = await pool.execute(statements.page);
  const page = rows.slice(0, 100);
  const keys = new Map(page.map((row) => [row.accountId, [row.accountProviderId, row.accountId, row.region]]));
  const [accounts] = await pool.execute(statements.accounts, [...keys.values()].flat());
  const byId = new Map(accounts.map((account) => [account.accountId, account]));
  const edges = page.map((row) => {
    const { id, accountProvider, accountId, region } = byId.get(row.accountId);
    return { node: { ...shown(row), account: { id, accountProvider, accountId, region } } };
  });
  return { data: { datasources: { edges } } };
});
app.get('/readyz', async () => {
  await pool.execute('SELECT 1');
  return '';
});
const succeeded = { status: 'success', code: 1001, message: 'Operation succeeded' };

// GraphQL's answers end with a line break.
app.addHook('onSend', async (request, _reply, answer) => (request.url.endsWith('-rest') ? answer : `${answer}\n`));
await app.listen({ host: '127.0.0.1', port: 0 });
console.log(`Server listening at http://127.0.0.1:${app.server.address().port}`);

async function add(row) {
  const connection = await pool.getConnection();
  await connection.query('START TRANSACTION');
  await connection.execute(statements.insert, valuesOf(insertedColumns, row));
  await connection.execute(statements.audit, valuesOf(auditedColumns, auditRow(row, 'addDatasource')));
  await connection.query('COMMIT');
  connection.release();
}

async function edit(row) {
  const connection = await pool.getConnection();
  await connection.query('START TRANSACTION');
  const key = [row.account_provider, row.account_id, row.region, row.instance_id];
  const [[found]] = await connection.execute(statements.lock, key);
  row.id = found.id;
  row.version = found.version;
  await connection.execute(statements.update, valuesOf(updatedColumns, row));
  await connection.execute(statements.audit, valuesOf(auditedColumns, auditRow(row, 'editDatasource')));
  await connection.query('COMMIT');
  connection.release();
  return found;
}

function rowOf(input) {
  const now = Date.now();
  const row = { id: newId('D'), version: 1, created_at: now, updated_at: now };
  for (const name of Object.keys(input)) row[columnOf(name)] = input[name];
  return row;
}

/** Parameters have the names of their columns, in one style or the other, but for these. */
const renamed = { accountProviderId: 'account_provider', password: 'password_sealed', secret: 'secret_sealed' };
const columnNames = new Map([['account_provider_id', 'account_provider']]);
function columnOf(name) {
  let column = columnNames.get(name);
  if (column === undefined) {
    column = renamed[name] ?? name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    columnNames.set(name, column);
  }
  return column;
}

function auditRow(row, operation) {
  return {
    id: newId('E'),
    created_at: row.updated_at,
    actor: 'bench (dgk_000000000000)',
    means: 'key',
    surface: 'graphql',
    address: '127.0.0.1',
    request_id: row.id,
    operation,
    outcome: 'done',
    account_provider: row.account_provider,
    account_id: row.account_id,
    region: row.region,
    instance_id: row.instance_id,
    changes: JSON.stringify(row),
  };
}

function shown(row) {
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

function columnsOf(insert) {
  return /\(([^)]*)\) VALUES/.exec(insert)[1].split(', ');
}

function valuesOf(columns, row) {
  return columns.map((column) => row[column] ?? null);
}
