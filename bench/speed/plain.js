/**
 * The plain server: a bare Fastify with a route for each operation, which sends the one statement that a person would write
 * for it, and checks nothing. Behind `/audited` a change is a transaction with a row of audit, as the gateway's.
 */
import fastify from 'fastify';
import * as rows from './rows.js';

const pool = rows.connect();
const app = fastify();
const succeeded = { status: 'success', code: 1001, message: 'Operation succeeded' };

app.post('/add', async ({ body }) => added(body, await add(body.variables.input)));
app.post('/audited/add', async ({ body }) => added(body, await audited('addDatasource', body.variables.input, add)));
app.post('/edit', async ({ body }) => edited(body, await edit(body.variables.input)));
app.post('/audited/edit', async ({ body }) =>
  edited(body, await audited('editDatasource', body.variables.input, editLocked)),
);
const legacyRoutes = {
  '/add-rest': add,
  '/edit-rest': edit,
  '/audited/add-rest': (input) => audited('addDatasource', input, add),
  '/audited/edit-rest': (input) => audited('editDatasource', input, editLocked),
};
for (const [path, change] of Object.entries(legacyRoutes)) {
  app.post(path, async ({ body }) => {
    await change(camelCased(body));
    return succeeded;
  });
}

const withNothing = (row) => rows.shown(row);
const withKey = (row) => ({ ...rows.shown(row), account: rows.accountKey(row) });
const withAccount = (row) => ({ ...rows.shown(row), account: rows.account(row) });
for (const [name, statement, answer] of [
  ['find', rows.find, withNothing],
  ['find-key', rows.find, withKey],
  ['find-account', rows.findWithAccount, withAccount],
]) {
  app.post(`/${name}`, async ({ body }) => {
    const [[row]] = await pool.execute(statement, rows.keyValues(body.variables.key));
    return { data: { datasource: answer(row) } };
  });
}
app.post('/node', async ({ body }) => {
  const [[row]] = await pool.execute(rows.findById, [body.variables.id]);
  return { data: { node: rows.shown(row) } };
});
for (const [name, statement, answer] of [
  ['list', rows.list, withNothing],
  ['list-key', rows.list, withKey],
  ['list-account', rows.listWithAccounts, withAccount],
]) {
  app.post(`/${name}`, async () => {
    const [page] = await pool.execute(statement);
    return { data: { datasources: { edges: page.map((row) => ({ node: answer(row) })) } } };
  });
}
await rows.listen(app, pool);

async function add(input, connection = pool) {
  const id = rows.newId('D');
  await connection.execute(rows.insert, rows.insertValues(id, input));
  return id;
}

function edit(input, connection = pool) {
  return connection.execute(rows.update, rows.updateValues(input));
}

async function editLocked(input, connection) {
  await connection.execute(rows.lock, rows.keyValues(input));
  await edit(input, connection);
}

async function audited(operation, input, change) {
  const connection = await pool.getConnection();
  await connection.query('START TRANSACTION');
  const result = await change(input, connection);
  await connection.execute(rows.audit, rows.auditValues(operation, input));
  await connection.query('COMMIT');
  connection.release();
  return result;
}

function added({ variables: { input } }, id) {
  return { data: { addDatasource: { code: 1001, datasource: { id, instanceId: input.instanceId, version: 1 } } } };
}

function edited({ variables: { input } }) {
  const { instanceId, description } = input;
  return { data: { editDatasource: { code: 1001, datasource: { instanceId, description } } } };
}

function camelCased(body) {
  const input = {};
  for (const name of Object.keys(body)) input[name.replace(/_[a-z]/g, (part) => part[1].toUpperCase())] = body[name];
  return input;
}
