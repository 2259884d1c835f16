import { randomBytes, randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { registryUsage } from '../../src/command-line/registry-arguments.js';
import { runCommand, runRegistry, startCommand } from '../support/command.js';
import { databaseKinds, sqliteKind, type TestDatabase } from '../support/databases.js';
import { startGateway } from '../support/gateway.js';
import { as, makeKey, readCredentials } from '../support/keyed-gateway.js';
import { findings, formsOf } from '../support/planted.js';
import { temporaryDirectory } from '../support/process.js';
import { onDatabase, storedEvents } from '../support/raw-database.js';
import { datasourceInput, legacyBody, samplePassword, sampleSecret } from '../support/samples.js';

type Row = Record<string, unknown>;

const passphrase = 'correct horse battery staple';
let directory: string;

beforeAll(() => {
  directory = temporaryDirectory();
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

/** The rows of an account that no other test has. */
function newAccount() {
  const accountId = randomUUID();
  const account: Row = { kind: 'account', account_provider: 1, account_id: accountId, region: 'eu-west-1' };
  const datasource = (instanceId: string, changes: Row = {}): Row => ({
    kind: 'datasource',
    ...legacyBody(datasourceInput(instanceId, { accountId })),
    ...changes,
  });
  return { accountId, account, datasource };
}

function without(row: Row, ...names: string[]): Row {
  return Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));
}

function fileOf(rows: readonly (Row | string | Buffer)[]): string {
  const lines = rows.map((row) => (typeof row === 'object' && !Buffer.isBuffer(row) ? JSON.stringify(row) : row));
  return fileWith('jsonl', Buffer.concat(lines.flatMap((line) => [Buffer.from(line), Buffer.from('\n')])));
}

function fileWith(extension: string, content: string | Buffer): string {
  const path = join(directory, `${randomUUID()}.${extension}`);
  writeFileSync(path, content);
  return path;
}

function rowsIn(text: string): Row[] {
  return text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

function rowsOf(path: string): Row[] {
  return rowsIn(readFileSync(path, 'utf8'));
}

/** The line that says what was done in all. */
function done(accounts: number, added: number, edited: number, left: number, refused: number, begins = 'Done'): string {
  return `${begins}: accounts added ${accounts}, datasources added ${added}, datasources edited ${edited}, rows left as they are ${left}, rows refused ${refused}.`;
}

/** All that is stored of the register and its audit. */
function everything(database: TestDatabase) {
  const tables = ['accounts', 'datasources', 'audit_events'];
  return Promise.all(tables.map((table) => onDatabase(database, `SELECT * FROM ${table} ORDER BY id`)));
}

/** The commands on a test's register, and what they left there. */
function commandsOn(place: () => { database: TestDatabase; env: Record<string, string> }) {
  return {
    imported: (rows: readonly (Row | string | Buffer)[], ...words: string[]) =>
      runRegistry(['import', fileOf(rows), ...words], place().env),

    async exported(...words: string[]): Promise<string> {
      const path = join(directory, `${randomUUID()}.out`);
      const { code, notes } = await runRegistry(['export', '--output', path, ...words], place().env);
      expect([code, notes.filter((note) => !note.startsWith('The audit has'))]).toEqual([0, []]);
      return path;
    },

    async stored(instanceId: string, accountId: string): Promise<Row | undefined> {
      const sql = 'SELECT * FROM datasources WHERE instance_id = ? AND account_id = ?';
      return (await onDatabase(place().database, sql, [instanceId, accountId]))[0];
    },

    async eventsOf(accountId: string) {
      return (await storedEvents(place().database)).filter((event) => event.accountId === accountId);
    },
  };
}

describe.each(databaseKinds)('registry, on $name', (kind) => {
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeAll(async () => {
    database = await kind.create();
    env = { ...database.env, REGISTRY_PASSPHRASE: passphrase };
    // Makes the tables, whichever test comes first.
    expect((await imported([])).code).toBe(0);
  });
  afterAll(() => database?.drop());

  const { imported, exported, stored, eventsOf } = commandsOn(() => ({ database, env }));

  test('follow writes each change as a line, goes on from a cursor, and needs no gateway', async () => {
    const { accountId, account, datasource } = newAccount();
    const follow = async (...words: string[]) => {
      const { code, stdout, stderr } = await runCommand(['registry', 'follow', '--once', ...words], env);
      expect([code, stderr]).toEqual([0, '']);
      return stdout === '' ? [] : rowsIn(stdout);
    };
    const before = await follow();
    const last = before.at(-1)?.cursor as string | undefined;
    const after = last === undefined ? [] : ['--after', last];
    await imported([
      account,
      datasource('followed', { description: 'first', password: samplePassword, master_username: 'u' }),
    ]);
    await imported([datasource('followed', { description: 'second' })]);
    const lines = await follow(...after);
    const key = { accountProvider: 1, accountId, region: 'eu-west-1' };
    expect(lines).toMatchObject([
      { ...key, operation: 'addAccount', instanceId: null, version: null, fields: [] },
      { ...key, operation: 'addDatasource', instanceId: 'followed', version: 1 },
      { ...key, operation: 'updateDatasource', instanceId: 'followed', version: 2, id: lines[1]?.id },
    ]);
    expect(lines[1]?.fields).toContainEqual({ field: 'password', changed: true });
    expect(lines[2]?.fields).toContainEqual({ field: 'description', from: 'first', to: 'second' });
    expect(JSON.stringify(lines)).not.toContain(samplePassword);
    expect(await follow('--after', lines[0]?.cursor as string)).toEqual(lines.slice(1));
    expect(await follow('--after', lines[2]?.cursor as string)).toEqual([]);
    const wrong = await runCommand(['registry', 'follow', '--after', 'nonsense'], env);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('--after must be a cursor')]);
  });

  test('follow waits for what comes, until it is stopped', async () => {
    const { account } = newAccount();
    const { child, ended } = await startCommand(['registry', 'follow'], env);
    const seen = { text: '' };
    child.stdout?.on('data', (data) => {
      seen.text += data;
    });
    await sleep(1000);
    await imported([account]);
    while (!seen.text.includes(account.account_id as string)) await sleep(20);
    child.kill('SIGTERM');
    expect((await ended).code).toBeNull();
  });

  test('a register that was exported with credentials and imported into an empty one is the same, and audited', async () => {
    const { accountId, account, datasource } = newAccount();
    const hostile = {
      description: '=1+1,"quoted"\r\n\u0000\u0001\u{1f40e}',
      jdbc_enforce_ssl: false,
      glue_crawler_last_updated: '2024-02-29 13:05:00.123',
      jdbc_connection_schema: 'a\nb',
    };
    const rows = [
      account,
      datasource('=orders', hostile),
      without(datasource('two', { master_username: 'crawler', password: samplePassword }), 'secret'),
      datasource('three', { master_username: 'crawler', password: 'pw-\u{1f40e}-5ecret' }),
    ];
    expect((await imported(rows)).lines[0]).toBe(done(1, 3, 0, 0, 0));
    const made = await runCommand(['registry', 'export', '--with-credentials'], env);
    expect(made.code).toBe(0);
    for (const secret of [samplePassword, sampleSecret, 'horse'])
      expect(made.stdout + made.stderr).not.toContain(secret);
    const [, requestId] = /request id ([\w-]{36})/.exec(made.stderr) ?? [];
    const readings = (await eventsOf(accountId)).filter(({ operation }) => operation === 'datasourceCredentials');
    expect(readings.map((event) => event.instanceId)).toEqual(['=orders', 'two', 'three']);
    for (const { actor, means, surface, address, requestId: of, outcome } of readings) {
      expect([actor, means, surface, address, of, outcome]).toEqual([
        userInfo().username,
        'command line',
        'command line',
        null,
        requestId,
        'done',
      ]);
    }

    const other = await kind.create();
    try {
      const otherEnv = { ...other.env, REGISTRY_PASSPHRASE: passphrase };
      const taken = await runCommand(['registry', 'import', '-'], otherEnv, made.stdout);
      const all = rowsIn(made.stdout);
      const accounts = all.filter((row) => row.kind === 'account').length;
      const datasources = all.filter((row) => row.kind === 'datasource').length;
      expect([taken.code, taken.stdout.split('\n')[0]]).toEqual([0, done(accounts, datasources, 0, 0, 0)]);
      const [ours, theirs] = await Promise.all([env, otherEnv].map((of) => runCommand(['registry', 'export'], of)));
      expect(theirs).toEqual({ code: 0, stdout: ours?.stdout, stderr: '' });
      expect(rowsIn(ours?.stdout ?? '')).toHaveLength(accounts + datasources);
      expect(rowsIn(ours?.stdout ?? '').find((row) => row.instance_id === '=orders')).toMatchObject({
        ...without(datasource('=orders', hostile), 'secret'),
        glue_crawler_last_updated: '2024-02-29T13:05:00.123Z',
      });
      const gateway = await startGateway({ ...other.env, AUTH: 'keys' });
      try {
        const all = as(gateway, { 'x-api-key': await makeKey(other.env, ['credentials']) });
        const credentials = (instanceId: string) => readCredentials(all, datasourceInput(instanceId, { accountId }));
        expect(await credentials('=orders')).toEqual({ masterUsername: null, password: null, secret: sampleSecret });
        expect(await credentials('two')).toEqual({
          masterUsername: 'crawler',
          password: samplePassword,
          secret: null,
        });
        expect(await credentials('three')).toMatchObject({ password: 'pw-\u{1f40e}-5ecret', secret: sampleSecret });
      } finally {
        await gateway.close();
      }
      const changes = (await storedEvents(other)).filter((event) => {
        return event.surface === 'command line' && event.accountId === accountId;
      });
      expect(changes.map(({ operation, instanceId }) => [operation, instanceId])).toEqual([
        ['addAccount', null],
        ['addDatasource', '=orders'],
        ['addDatasource', 'two'],
        ['addDatasource', 'three'],
      ]);
      expect(changes[2]?.changes).toEqual(
        expect.arrayContaining([
          { field: 'masterUsername', from: null, to: 'crawler' },
          { field: 'password', changed: true },
        ]),
      );
    } finally {
      await other.drop();
    }
  });

  test('importing again changes nothing: no version, no time, no line in the audit', async () => {
    const { account, datasource } = newAccount();
    const rows = [account, datasource('a'), datasource('b', { description: '', password: null })];
    expect((await imported(rows)).code).toBe(0);
    const before = await everything(database);
    expect(await imported(rows)).toEqual({ code: 0, lines: [done(0, 0, 0, 3, 0)], notes: [] });
    for (const words of [[], ['--with-credentials']]) {
      const file = await exported(...words);
      const { code, lines } = await runRegistry(['import', file], env);
      const { left } = /left as they are (?<left>\d+)/.exec(lines[0] ?? '')?.groups ?? {};
      expect([code, lines]).toEqual([0, [done(0, 0, 0, Number(left), 0)]]);
    }
    const table = await exported('--kind', 'datasources', '--format', 'csv');
    expect((await runRegistry(['import', table, '--kind', 'datasources', '--format', 'csv'], env)).code).toBe(0);
    const [accounts, datasources, events] = await everything(database);
    expect([accounts, datasources]).toEqual([before[0], before[1]]);
    const isReading = ({ operation }: Row) => operation === 'datasourceCredentials';
    expect(events?.filter((event) => !isReading(event))).toEqual(before[2]?.filter((event) => !isReading(event)));
  });

  test('a dry run says what would be done with each row, and writes nothing', async () => {
    const { accountId, account, datasource } = newAccount();
    const other = newAccount();
    expect((await imported([account, datasource('a'), datasource('b')])).code).toBe(0);
    const before = await everything(database);
    const { code, lines } = await imported(
      [
        account,
        datasource('a'),
        without(datasource('b', { description: 'new', jdbc_connection_schema: 'other' }), 'secret'),
        'nonsense',
        without(datasource('c'), 'secret'),
        other.datasource('early'),
        other.account,
        other.datasource('late'),
        datasource('b', { secret: 'another' }),
      ],
      '--dry-run',
    );
    const shown = (of: string, name?: string) => JSON.stringify([1, of, 'eu-west-1', ...(name ? [name] : [])]);
    expect(lines).toEqual([
      `line 1: leave account ${shown(accountId)}`,
      `line 2: leave datasource ${shown(accountId, 'a')}`,
      `line 3: edit datasource ${shown(accountId, 'b')}: description, jdbcConnectionSchema`,
      'line 4: refuse: BAD_USER_INPUT: A line must be a JSON object, in UTF-8.',
      expect.stringMatching(/^line 5: refuse datasource .*: CREDENTIAL_REQUIRED: A credential is required/),
      expect.stringMatching(/^line 6: refuse datasource .*: ACCOUNT_NOT_FOUND: /),
      `line 7: add account ${shown(other.accountId)}`,
      `line 8: add datasource ${shown(other.accountId, 'late')}`,
      expect.stringMatching(/^line 9: refuse datasource .*: The same datasource stands on line 3 already\.$/),
      done(1, 1, 1, 2, 4, 'It would be'),
    ]);
    expect(code).toBe(1);
    expect(await everything(database)).toEqual(before);
  });

  test('a row without a credential keeps the stored one, and sends it nowhere else', async () => {
    const { accountId, account, datasource } = newAccount();
    await imported([account, datasource('a', { master_username: 'crawler', password: samplePassword })]);
    const before = await stored('a', accountId);
    const bare = without(datasource('a', { master_username: 'crawler' }), 'secret');
    expect((await imported([{ ...bare, description: 'new', password: '', secret: null }])).lines[0]).toBe(
      done(0, 0, 1, 0, 0),
    );
    expect(await stored('a', accountId)).toMatchObject({
      description: 'new',
      version: 2,
      password_sealed: before?.password_sealed,
      secret_sealed: before?.secret_sealed,
    });
    const moved = { ...bare, jdbc_connection_url: 'jdbc:mysql://elsewhere.example.com/orders' };
    const refused = await imported([moved]);
    expect([refused.code, refused.lines[0]]).toEqual([
      1,
      expect.stringMatching(/CREDENTIAL_REQUIRED: Changing the URL/),
    ]);
    expect(await stored('a', accountId)).toMatchObject({ version: 2 });
    // What gives one credential gives both.
    expect((await imported([{ ...moved, secret: 'arn' }])).lines[0]).toBe(done(0, 0, 1, 0, 0));
    expect(await stored('a', accountId)).toMatchObject({ version: 3, password_sealed: null });
    expect((await eventsOf(accountId)).map(({ operation }) => operation)).toEqual([
      'addAccount',
      'addDatasource',
      'updateDatasource',
      'updateDatasource',
    ]);
  });

  test('stops at a row that is refused unless it is to be skipped, and reports those that are', async () => {
    const { accountId, account, datasource } = newAccount();
    const rows = [
      account,
      datasource('a'),
      datasource('b', { jdbc_connection_url: `${samplePassword}:` }),
      datasource('c'),
    ];
    const stopped = await imported(rows);
    expect(stopped).toMatchObject({ code: 1, notes: [] });
    expect(stopped.lines.slice(0, 3)).toEqual([
      expect.stringMatching(/^line 3: refuse datasource .*"b"\]: INVALID_JDBC_URL: /),
      done(1, 1, 0, 0, 1),
      expect.stringMatching(/^Stopped at line 3: nothing behind it was done\./),
    ]);
    expect([await stored('a', accountId), await stored('c', accountId)]).toEqual([expect.anything(), undefined]);
    const report = join(directory, 'report.jsonl');
    const skipped = await imported(rows, '--on-error', 'skip', '--report', report);
    expect([skipped.code, skipped.lines[1]]).toEqual([1, done(0, 1, 0, 2, 1)]);
    expect(await stored('c', accountId)).toBeDefined();
    expect(rowsOf(report)).toEqual([
      {
        line: 3,
        kind: 'datasource',
        key: [1, accountId, 'eu-west-1', 'b'],
        code: 'INVALID_JDBC_URL',
        reason: expect.any(String),
      },
    ]);
    expect(statSync(report).mode & 0o777).toBe(0o600);
    expect(readFileSync(report, 'utf8') + skipped.lines.join()).not.toContain(samplePassword);
  });

  test('refuses hostile rows one by one, and takes those between them', async () => {
    const { account, datasource } = newAccount();
    const good = (name: string) => datasource(name);
    const hostile: [string | Buffer | Row, RegExp][] = [
      ['{"kind":"datasource"', /JSON object/],
      ['[]', /JSON object/],
      ['null', /JSON object/],
      [Buffer.from(JSON.stringify(good('bad')).replace('orders', '\u00ff'), 'latin1'), /in UTF-8/],
      [{ ...good('bad'), kind: 'datasources' }, /kind must be account or datasource/],
      [{ ...good('bad'), kind: ['datasource'] }, /kind must be/],
      [without(good('bad'), 'kind'), /kind must be/],
      [JSON.stringify(good('bad')).replace('{', '{"__proto__":{"secret":"x"},'), /__proto__ is not a parameter/],
      [{ ...good('bad'), version: 3 }, /version is not a parameter/],
      [{ ...good('bad'), 'evil\u001b[2J\u202e': 1 }, /evil\\u\{1b\}\[2J\\u\{202e\} is not/],
      [{ ...good('bad'), create_type: 2 }, /create_type must be/],
      [
        JSON.stringify(good('bad')).replace('"create_type":1', '"create_type":1.0000000000000000001'),
        /create_type must be/,
      ],
      [{ ...good('bad'), description: '\ud800' }, /description must be/],
      [{ ...good('bad'), description: { toString: 'x' } }, /description must be/],
      [{ ...good(' bad') }, /instance_id must be/],
      [{ ...good('bad'), secret: 'x'.repeat(1025) }, /secret must be/],
      [{ ...good('bad'), credentials: 'eyJ' }, /combined with password or secret/],
      [{ ...without(good('bad2'), 'secret'), credentials: 'eyJ' }, /credential_key/],
      [{ kind: 'credential_key', jwe: 'eyJ' }, /kind must be/],
      [JSON.stringify({ ...good('bad'), description: 'x'.repeat(1024 * 1024) }), /at most 1048576 bytes/],
      [{ ...account }, /The same account stands on line 1/],
    ];
    const rows = [account, ...hostile.flatMap(([row], place) => [row, '', good(`good-${place}`)])];
    const { code, lines } = await imported(rows, '--on-error', 'skip');
    expect(code).toBe(1);
    expect(lines.at(-2)).toBe(done(1, hostile.length, 0, 0, hostile.length));
    for (const [place, [, reason]] of hostile.entries()) {
      expect(lines[place]).toMatch(new RegExp(`^line ${2 + 3 * place}: refuse`));
      expect(lines[place]).toMatch(reason);
      expect(lines[place]).not.toContain(sampleSecret);
    }
  });

  test('does what a killed import left undone when it is run again, and nothing twice', async () => {
    const { accountId, account, datasource } = newAccount();
    const total = 1000;
    const file = fileOf([account, ...Array.from({ length: total }, (_, number) => datasource(`d-${number}`))]);
    const stored = () =>
      onDatabase<{ total: number }>(database, 'SELECT COUNT(*) AS total FROM datasources WHERE account_id = ?', [
        accountId,
      ]).then(([row]) => Number(row?.total));
    const { child, ended } = await startCommand(['registry', 'import', file], env);
    while ((await stored()) === 0 && child.exitCode === null) await sleep(2);
    child.kill('SIGKILL');
    expect((await ended).code).toBeNull();
    const left = await stored();
    expect(left).toBeGreaterThan(0);
    expect(left).toBeLessThan(total);
    const additions = async () => (await eventsOf(accountId)).filter(({ operation }) => operation === 'addDatasource');
    expect(await additions()).toHaveLength(left);
    // Two at once, and a gateway that serves others meanwhile.
    const gateway = await startGateway({ ...env, AUTH: 'none' });
    try {
      const imports = Promise.all([1, 2].map(() => runCommand(['registry', 'import', file], env)));
      let isUnderWay = true;
      imports.finally(() => {
        isUnderWay = false;
      });
      const answers: unknown[] = [];
      for (let number = 0; isUnderWay; number += 1) {
        const body = { account_provider: 1, account_id: `beside-${accountId}-${number}`, region: 'eu-west-1' };
        answers.push((await gateway.legacy('add_account', body)).body.code);
      }
      for (const { code, stderr } of await imports) expect([code, stderr]).toEqual([0, '']);
      expect(answers.length).toBeGreaterThan(0);
      expect(new Set(answers)).toEqual(new Set([1001]));
    } finally {
      await gateway.close();
    }
    expect(await stored()).toBe(total);
    expect(await additions()).toHaveLength(total);
  });
});

describe('registry, credentials in a file', () => {
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeAll(async () => {
    database = await sqliteKind.create();
    env = { ...database.env, REGISTRY_PASSPHRASE: passphrase };
  });
  afterAll(() => database?.drop());
  const { imported, exported, stored } = commandsOn(() => ({ database, env }));

  test.each([2 ** 31 - 1, Number.MAX_SAFE_INTEGER])(
    'does not derive a key by %i iterations because a file says so: that takes half an hour at the least',
    async (p2c) => {
      const header = { alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c, p2s: 'c2FsdCBvZiBhIGZpbGU' };
      const part = (length: number) => Buffer.alloc(length).toString('base64url');
      const jwe = [Buffer.from(JSON.stringify(header)).toString('base64url'), part(40), part(12), part(32), part(16)];
      const { code } = await runRegistry(['import', fileOf([{ kind: 'credential_key', jwe: jwe.join('.') }])], env);
      expect(code).toBe('CredentialEncryptionError');
    },
  );

  test('opens the credentials of a file with its passphrase only, for its own datasources only', async () => {
    const { accountId, account, datasource } = newAccount();
    await imported([account, datasource('a'), datasource('b', { secret: 'another-5ecret' })]);
    const all = rowsOf(await exported('--with-credentials'));
    const [key = {}] = all;
    const [a = {}, b = {}] = all.filter((row) => row.account_id === accountId && row.kind === 'datasource');
    const before = await everything(database);
    const file = fileOf([key, account, { ...a, description: 'changed' }]);
    const words = ['import', file, '--on-error', 'skip'];
    const wrong = await runRegistry(words, { ...env, REGISTRY_PASSPHRASE: 'incorrect horse battery' });
    expect(wrong).toEqual({
      code: 'CredentialEncryptionError',
      lines: [],
      notes: [expect.stringMatching(/^The passphrase does not open/)],
    });
    const missing = await runRegistry(words, database.env);
    expect([missing.code, missing.lines]).toEqual(['CredentialEncryptionError', []]);
    const elsewhere = 'jdbc:mysql://elsewhere.example.com/orders';
    const changed = String(a.credentials).replace(/.(?=[\w-]{10}$)/, (letter) => (letter === 'A' ? 'B' : 'A'));
    const tampered: [Row, RegExp][] = [
      [{ ...a, credentials: b.credentials }, /were exported for another datasource/],
      [{ ...b, jdbc_connection_url: elsewhere }, /or for another URL/],
      [{ ...a, instance_id: 'c', credentials: changed }, /cannot be opened with the key of this file/],
      [{ ...a, instance_id: 'd', credentials: key.jwe }, /cannot be opened with the key of this file/],
      [{ ...a, instance_id: 'e', credentials: 17 }, /cannot be opened with the key of this file/],
    ];
    const { code, lines } = await imported([key, account, ...tampered.map(([row]) => row)], '--on-error', 'skip');
    expect([code, lines.at(-1)]).toEqual([1, done(0, 0, 0, 1, tampered.length)]);
    for (const [place, [, reason]] of tampered.entries()) expect(lines[place]).toMatch(reason);
    expect(await everything(database)).toEqual(before);
    const passphraseFile = fileWith('passphrase', `${passphrase}\n`);
    const right = await runRegistry([...words, '--passphrase-file', passphraseFile], database.env);
    expect([right.code, right.lines[0]]).toEqual([0, done(0, 0, 1, 1, 0)]);
  });

  test('no credential stands in what is printed, reported or exported', async () => {
    const word = `planted${randomBytes(8).toString('hex')}`;
    const { account, datasource } = newAccount();
    const planted = { secret: `${word}-secret`, master_username: 'crawler', password: `"${word}"` };
    const good = datasource('good', planted);
    const rows = [
      account,
      good,
      good,
      datasource('url', { ...planted, jdbc_connection_url: `jdbc:mysql://crawler:${word}@db.example.com/orders` }),
      datasource('long', { secret: word.repeat(100) }),
      datasource('list', { password: [word] }),
      datasource('region', { ...planted, region: ' eu-west-1' }),
      datasource('nowhere', { ...planted, region: 'eu-west-9' }),
      datasource('both', { ...planted, credentials: word }),
      { ...datasource('kind', planted), kind: word },
      JSON.stringify(datasource('cut', planted)).slice(0, -1),
    ];
    const report = join(directory, 'planted.jsonl');
    const file = fileOf(rows);
    const words = ['import', file, '--on-error', 'skip', '--report', report];
    const outcomes = [await runRegistry([...words, '--dry-run'], env), await runRegistry(words, env)];
    expect(outcomes[1]?.lines.at(-2)).toBe(done(1, 1, 0, 0, 9));
    const files = [
      report,
      await exported(),
      await exported('--with-credentials'),
      await exported('--kind', 'datasources', '--format', 'csv'),
    ];
    const forms = formsOf(word);
    expect(findings(forms, 'what is printed', JSON.stringify(outcomes))).toEqual([]);
    for (const path of files) expect(findings(forms, path, readFileSync(path))).toEqual([]);
    for (const [table, all] of Object.entries(await everything(database))) {
      expect(findings(forms, table, JSON.stringify(all))).toEqual([]);
    }
    expect(findings(forms, 'the file itself', readFileSync(file))).not.toEqual([]);
  });

  test('a stored credential that cannot be opened is left out, said so, and stops nothing else', async () => {
    const { accountId, account, datasource } = newAccount();
    await imported([account, datasource('broken'), datasource('whole')]);
    const broken = await stored('broken', accountId);
    const whole = await stored('whole', accountId);
    const sql = 'UPDATE datasources SET secret_sealed = ? WHERE id = ?';
    await onDatabase(database, sql, [Buffer.from(whole?.secret_sealed as Buffer), broken?.id as string]);
    const path = join(directory, 'broken.jsonl');
    const { code, notes } = await runRegistry(['export', '--output', path, '--with-credentials'], env);
    expect([code, notes[0]]).toEqual([1, expect.stringMatching(/^Without credentials, .*"broken"\]: /)]);
    const rows = rowsOf(path).filter((row) => row.account_id === accountId);
    expect(rows.map((row) => 'credentials' in row)).toEqual([false, false, true]);
    await onDatabase(database, sql, [Buffer.from(broken?.secret_sealed as Buffer), broken?.id as string]);
  });
});

describe('registry, CSV', () => {
  let database: TestDatabase;
  let env: Record<string, string>;
  const own = newAccount();

  beforeAll(async () => {
    database = await sqliteKind.create();
    env = { ...database.env, REGISTRY_PASSPHRASE: passphrase };
    const rows = [own.account, own.datasource('=a', { description: "'=b", network_sg_id: "'c" }), own.datasource('d')];
    expect((await runRegistry(['import', fileOf(rows)], env)).code).toBe(0);
  });
  afterAll(() => database?.drop());

  function imported(text: string | Buffer, kind = 'accounts') {
    return runRegistry(['import', fileWith('csv', text), '--kind', kind], env);
  }

  test('is written so that spreadsheet programs take no cell for a formula, and read back as it was', async () => {
    const { code, stdout } = await runCommand(['registry', 'export', '--format', 'csv', '--kind', 'datasources'], env);
    expect(code).toBe(0);
    const [header, first, second] = stdout.split('\n');
    expect(header).toMatch(/^instance_id,account_provider_id,account_id,region,description,/);
    expect(header).not.toMatch(/password|secret/);
    expect(first).toMatch(new RegExp(`^'=a,1,${own.accountId},eu-west-1,''=b,`));
    expect(first).toContain(",'c,");
    expect(second).toMatch(/^d,1,/);
    expect(await imported(stdout, 'datasources')).toEqual({ code: 0, lines: [done(0, 0, 0, 2, 0)], notes: [] });
    const edited = stdout.replace("''=b", '"+new, ""text"""');
    expect((await imported(edited, 'datasources')).lines[0]).toBe(done(0, 0, 1, 1, 0));
    const [row] = await onDatabase(
      database,
      "SELECT description, secret_sealed FROM datasources WHERE instance_id = '=a'",
    );
    expect(row).toEqual({ description: '+new, "text"', secret_sealed: expect.anything() });
  });

  test('may have its columns in any order, a mark at its start, CRLF, quotes and empty lines', async () => {
    const text =
      '\ufeffregion,account_id,account_provider\r\n"eu-west-1","x ""1""",1\r\n\r\neu-west-2,"with\r\nbreak",02\r\nxx,,1\n,y,1';
    const { code, lines } = await runRegistry(
      ['import', fileWith('csv', text), '--kind', 'accounts', '--on-error', 'skip'],
      env,
    );
    expect(code).toBe(1);
    expect(lines.slice(0, 3)).toEqual([
      expect.stringMatching(/^line 6: refuse: BAD_USER_INPUT: Invalid parameters: account_id is required/),
      expect.stringMatching(/^line 7: refuse: BAD_USER_INPUT: Invalid parameters: region is required/),
      done(2, 0, 0, 0, 2),
    ]);
    const rows = await onDatabase(database, 'SELECT account_id FROM accounts ORDER BY id');
    expect(rows.slice(1)).toEqual([{ account_id: 'x "1"' }, { account_id: 'with\r\nbreak' }]);
  });

  test('is refused as a whole where its columns are wrong, and from where it cannot be read', async () => {
    const before = await everything(database);
    const columns = 'account_provider,account_id,region';
    for (const [text, message, kind] of [
      ['', /The first row must name the columns/],
      [`${columns},provider\n1,z,r,1`, /There is no column "provider"/],
      [`${columns},__proto__\n1,z,r,1`, /There is no column "__proto__"/],
      [`${columns},region\n1,z,r,r`, /The column region is there twice/],
      ['1,z,eu-west-1\n', /There is no column "1"/],
      [`${columns.replaceAll(',', ';')}\n1;z;r`, /There is no column/],
      ['instance_id,password\na,b', /CSV carries no credentials: take the column password out/, 'datasources'],
      ['instance_id,secret\na,b', /CSV carries no credentials: take the column secret out/, 'datasources'],
      ['instance_id,credentials\na,b', /CSV carries no credentials/, 'datasources'],
      [`${columns}\n1,"z" x,r`, /line 2 has a quote where none may stand/],
      [`${columns}\n1,z"z,r`, /line 2 has a quote/],
      [`${columns}\n1,"z,r\n`, /line 2 has a quote/],
      [Buffer.from(`${columns}\n1,\u00ff,r\n`, 'latin1'), /must be in UTF-8/],
      [Buffer.from(`${columns}\n1,z,r\n`, 'utf16le'), /There is no column|must be in UTF-8/],
    ] as const) {
      const { code, lines, notes } = await imported(text, kind);
      expect([text, code, lines]).toEqual([text, 'FileFormatError', []]);
      expect(notes.join('\n')).toMatch(message);
    }
    const { code, lines } = await imported(`${columns}\n1,z\n`);
    expect([code, lines[0]]).toEqual([
      1,
      expect.stringMatching(/^line 2: refuse: .*has 2 cells; the first row names 3/),
    ]);
    expect(await everything(database)).toEqual(before);
    const half = await imported(`${columns}\n1,before,r\n1,"after" x,r\n1,behind,r\n`);
    expect(half.notes).toEqual([
      'All rows up to line 2 are done: they are left alone when the file is imported again.',
      expect.stringMatching(/^The row that begins on line 3 has a quote where none may stand/),
    ]);
    const added = await onDatabase(database, "SELECT account_id FROM accounts WHERE region = 'r'");
    expect(added).toEqual([{ account_id: 'before' }]);
  });
});

describe('registry, as it is called', () => {
  let database: TestDatabase;
  let env: Record<string, string>;

  beforeAll(async () => {
    database = await sqliteKind.create();
    env = database.env;
  });
  afterAll(() => database?.drop());

  test('says how it is called where it is called otherwise', async () => {
    const file = fileOf([]);
    for (const words of [
      [],
      ['exports'],
      ['export', 'stray'],
      ['export', '--passphrase', 'hunter2hunter2'],
      ['export', '--format', 'xml'],
      ['export', '--format', 'csv'],
      ['export', '--output', 'x.csv'],
      ['export', '--kind', 'toString'],
      ['export', '--format', 'csv', '--kind', 'datasources', '--with-credentials'],
      ['export', '--with-credentials'],
      ['import'],
      ['import', file, 'stray'],
      ['import', file, '--on-error', 'retry'],
      ['import', file, '--kind', 'accounts'],
      ['import', file, '--report', file],
      ['import', fileWith('csv', '')],
    ]) {
      const { code, lines, notes } = await runRegistry(words, env);
      expect([words, code, lines, notes[0]]).toEqual([words, 'UsageError', [], expect.stringContaining(registryUsage)]);
      expect(notes[0]).not.toContain('hunter2');
    }
    const { code, stdout, stderr } = await runCommand(['registry', 'import', file, 'stray'], env);
    expect([code, stdout, stderr]).toEqual([2, '', expect.stringContaining(registryUsage)]);
  });

  test('a file is there under its name only once it is whole, for its owner only, and in the place of no device', async () => {
    const folder = join(directory, 'exports');
    mkdirSync(folder);
    const path = join(folder, 'register.jsonl');
    expect((await runRegistry(['export', '--output', path], env)).code).toBe(0);
    expect([readdirSync(folder), statSync(path).mode & 0o777]).toEqual([['register.jsonl'], 0o600]);
    for (const output of ['/dev/null', folder, join(folder, 'nowhere/x.jsonl')]) {
      const { code, notes } = await runRegistry(['export', '--output', output], env);
      expect([output, code, notes[0]]).toEqual([output, 'CommandError', expect.stringContaining(output)]);
    }
    expect([readdirSync(folder), existsSync('/dev/null')]).toEqual([['register.jsonl'], true]);
    for (const input of ['/nowhere/x.jsonl', folder]) {
      const { code, notes } = await runRegistry(['import', input], env);
      expect([code, notes[0]]).toEqual(['CommandError', expect.stringContaining(input)]);
    }
  });
});
