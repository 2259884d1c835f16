import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { permissions } from '../../src/security/caller.js';
import { onPath } from '../support/database-server.js';
import { mysqlKind, type TestDatabase } from '../support/databases.js';
import { report } from '../support/figures.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { as, makeKey } from '../support/keyed-gateway.js';
import { launchGateway, temporaryDirectory } from '../support/process.js';
import { RegisterLedger } from '../support/register-ledger.js';
import { accountKey, addAccount, addDatasource, datasourceInput } from '../support/samples.js';
import { suite } from '../support/suites.js';

const hasServer = mysqlKind !== undefined && onPath('mariadb-dump');
const onServer = suite('MySQL', hasServer ? undefined : 'there is no server, or no mariadb-dump');
const withSqlite = suite('SQLite', onPath('sqlite3') ? undefined : 'there is no sqlite3');
const document = readFileSync(new URL('../../docs/operations.md', import.meta.url), 'utf8');
const credentials = { masterUsername: 'admin', password: 'päss "wörd" 🐘\n', secret: 'arn:sécret/name' };

/** The commands that stand in the document under a mark. */
function documented(name: string): string {
  const after = document.split(`<!-- rehearsed: ${name} -->\n\n\`\`\`text\n`)[1];
  if (after === undefined) throw new Error(`The document has no commands for "${name}"`);
  return after.slice(0, after.indexOf('\n```'));
}

let directory: string;
const open: TestGateway[] = [];

beforeEach(() => {
  directory = temporaryDirectory();
});
afterEach(async () => {
  await Promise.all(open.splice(0).map((gateway) => gateway.close()));
  rmSync(directory, { recursive: true, force: true });
});

async function start(env: Record<string, string>): Promise<TestGateway> {
  const gateway = await startGateway(env);
  open.push(gateway);
  return gateway;
}

/** Runs commands as the document has them, save the names in `changes`. */
async function run(name: string, changes: Readonly<Record<string, string>> = {}): Promise<string> {
  let commands = documented(name);
  for (const [from, to] of Object.entries(changes))
    commands = commands.replace(new RegExp(`\\b${from}\\b(?!\\.)`, 'g'), to);
  return (await promisify(execFile)('sh', ['-ec', commands], { cwd: directory })).stdout;
}

/** Lets clients write while something is done. */
async function write(ledger: RegisterLedger, caller: TestGateway, done: () => Promise<unknown>): Promise<void> {
  const state = { isOver: false };
  const writing = ledger.write(
    4,
    () => caller,
    () => state.isOver,
  );
  await done();
  state.isOver = true;
  await writing;
}

/** Fills a register, backs it up while clients write, and sees that what is restored is whole and opens. */
async function rehearse(
  env: Record<string, string>,
  backup: () => Promise<unknown>,
  restore: () => Promise<TestDatabase>,
) {
  const served = await start(env);
  const key = await makeKey(env, permissions);
  const caller = as(served, { 'x-api-key': key });
  await addAccount(caller);
  await addDatasource(caller, datasourceInput('sealed', credentials));
  const [earlier, meanwhile] = [new RegisterLedger(), new RegisterLedger()];
  await write(earlier, caller, () => sleep(1000));
  const milliseconds = { backup: 0 };
  await write(meanwhile, caller, async () => {
    await sleep(200);
    const begun = performance.now();
    await backup();
    milliseconds.backup = Math.round(performance.now() - begun);
    await sleep(200);
  });
  expect([...earlier.wrongAnswers, ...meanwhile.wrongAnswers]).toEqual([]);
  expect(meanwhile.count('refused')).toBe(0);

  const restored = await restore();
  report('restored', {
    'backup in ms': milliseconds.backup,
    'acknowledged before': earlier.count('acknowledged'),
    'acknowledged meanwhile': meanwhile.count('acknowledged'),
  });
  expect(earlier.count('acknowledged')).toBeGreaterThan(20);
  // The write before the backup and the ones of its time are whole, each with its line in the audit.
  expect(await earlier.problems(restored)).toEqual([]);
  // The key that was made for the first opens the restored one, too.
  const again = as(await start({ ...restored.env, AUTH: 'keys' }), { 'x-api-key': key });
  const answer = await again.graphql(
    'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { masterUsername password secret } }',
    {
      key: {
        accountProviderId: 1,
        accountId: accountKey().accountId,
        region: accountKey().region,
        instanceId: 'sealed',
      },
    },
  );
  expect(answer.errors).toBeUndefined();
  expect(answer.data.datasourceCredentials).toEqual(credentials);
  return again;
}

onServer.run(`the documented backup on ${onServer.name}`, () => {
  const made = `gateway_${randomBytes(6).toString('hex')}`;
  let database: TestDatabase;

  beforeEach(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
  });
  afterEach(async () => {
    const connection = await createConnection(database.url);
    await connection.query(`DROP DATABASE IF EXISTS ${made}`);
    await connection.end();
    await database.drop();
  });

  test('is restored as documented, and its credentials open with the sealing key', async () => {
    const { hostname, port, username, password, pathname } = new URL(database.url);
    const names = { gateway: pathname.slice(1), gateway_restored: made };
    writeFileSync(
      join(directory, 'backup.cnf'),
      `[client]\nhost=${hostname}\nport=${port}\nuser=${username}\npassword=${password}\n`,
    );
    await rehearse(
      { ...database.env, AUTH: 'keys' },
      () => run('mysql backup', names),
      async () => {
        await run('mysql restore', names);
        const url = database.url.replace(/[^/]+$/, made);
        return { url, env: { ...database.env, DATABASE_URL: url }, drop: async () => undefined };
      },
    );
    const wrong = await launchGateway({
      ...database.env,
      DATABASE_URL: database.url.replace(/[^/]+$/, made),
      SECRETS_KEY: randomBytes(32).toString('base64'),
    });
    expect(await wrong.ended).toEqual({ code: 1, signal: null });
    expect(wrong.stderr).toMatch(/sealed with a key that is not set/);
  });
});

withSqlite.run(`the documented backup on ${withSqlite.name}`, () => {
  test('is restored as documented, and its credentials open with the key that was copied', async () => {
    mkdirSync(join(directory, 'data'));
    const env = { DATABASE_URL: `sqlite:${join(directory, 'data/gateway.sqlite')}`, AUTH: 'keys' };
    await rehearse(
      env,
      async () => {
        expect(await run('sqlite backup')).toBe('ok\n');
        await run('sqlite key');
      },
      async () => {
        await run('sqlite restore');
        const url = `sqlite:${join(directory, 'restored/gateway.sqlite')}`;
        return { url, env: { DATABASE_URL: url }, drop: async () => undefined };
      },
    );
  });
});
