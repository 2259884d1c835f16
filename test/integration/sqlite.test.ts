import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { DatabaseError } from '../../src/database/database.js';
import { SqliteDatabase } from '../../src/database/sqlite.database.js';
import { lockSqliteFile, SqliteFileInUseError } from '../../src/database/sqlite-lock.js';
import { AbandonedError, UnavailableError } from '../../src/errors.js';
import { startGateway } from '../support/gateway.js';
import { launchGateway, startGatewayProcess, temporaryDirectory } from '../support/process.js';
import { legacyAccount, newAccountKey } from '../support/register-samples.js';

let directory: string;
let file: string;
let url: string;

beforeEach(() => {
  directory = temporaryDirectory();
  file = join(directory, 'gateway.sqlite');
  url = `sqlite:${file}`;
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe('units of work', () => {
  let database: SqliteDatabase;

  beforeEach(async () => {
    database = new SqliteDatabase(file, { timeout: 1000, queueLimit: 20 });
    await database.change((session) => session.run('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)'));
  });
  afterEach(() => database.close());

  async function notes(): Promise<string[]> {
    const rows = await database.read((session) => session.rows<{ text: string }>('SELECT text FROM notes ORDER BY id'));
    return rows.map(({ text }) => text);
  }

  const insert = 'INSERT INTO notes (text) VALUES (?)';

  test('that roll back take nothing of those with them that were acknowledged meanwhile', async () => {
    const acknowledged: string[] = [];
    const failing = Array.from({ length: 5 }, (_, index) =>
      database.change(async (session) => {
        await session.run(insert, [`lost ${index}`]);
        await sleep(10);
        await session.run(insert, [`lost too ${index}`]);
        await sleep(10);
        throw new Error('changed its mind');
      }),
    );
    const holding = Array.from({ length: 10 }, async (_, index) => {
      await sleep(index * 5);
      await database.change(async (session) => {
        await session.run(insert, [`kept ${index}`]);
        await sleep(index % 3);
      });
      acknowledged.push(`kept ${index}`);
    });
    const outcomes = await Promise.allSettled(failing);
    await Promise.all(holding);
    expect(outcomes.map(({ status }) => status)).toEqual(Array(5).fill('rejected'));
    expect(acknowledged).toHaveLength(10);
    expect((await notes()).sort()).toEqual(acknowledged.sort());
  });

  test('do not see what another has not committed', async () => {
    const writing = database.change(async (session) => {
      await session.run(insert, ['first']);
      await sleep(30);
      await session.run(insert, ['second']);
    });
    await sleep(10);
    expect(await notes()).toEqual(['first', 'second']);
    await writing;
  });

  test('for which nobody waits any more when their turn comes are not begun', async () => {
    const asker = { isGone: false };
    const options = { isAbandoned: () => asker.isGone };
    const begun: string[] = [];
    const held = database.change(() => sleep(30));
    const waiting = [
      database.read(async () => begun.push('read'), options),
      database.change((session) => session.run(insert, ['given up']), options),
      database.read(async () => begun.push('another')),
    ];
    asker.isGone = true;
    await held;
    const outcomes = await Promise.allSettled(waiting);
    expect(outcomes.map((outcome) => (outcome.status === 'rejected' ? outcome.reason : 'done'))).toEqual([
      expect.any(AbandonedError),
      expect.any(AbandonedError),
      'done',
    ]);
    expect([begun, await notes()]).toEqual([['another'], []]);
  });

  test('let the event loop turn between them, however many wait', async () => {
    const busy = () => {
      for (const until = performance.now() + 15; performance.now() < until; );
    };
    const ended: string[] = [];
    const units = Array.from({ length: 10 }, () =>
      database.read(async () => {
        busy();
        ended.push('unit');
      }),
    );
    setTimeout(() => ended.push('clock'), 20);
    await Promise.all(units);
    expect(ended.indexOf('clock')).toBeGreaterThan(0);
    expect(ended.indexOf('clock')).toBeLessThan(5);
  });

  test('beyond the limit of the queue are refused at once', async () => {
    const held = database.change(() => sleep(100));
    const waiting = Array.from({ length: 19 }, () => database.read(async () => 'served'));
    const started = performance.now();
    await expect(database.read(async () => 'served')).rejects.toBeInstanceOf(UnavailableError);
    expect(performance.now() - started).toBeLessThan(90);
    await held;
    expect(await Promise.all(waiting)).toEqual(Array(19).fill('served'));
    await expect(database.read(async () => 'served')).resolves.toBe('served');
  });

  test('whose turn comes after their deadline are refused, and nothing of them is done', async () => {
    const held = database.change(() => sleep(1100));
    const late = database.change((session) => session.run(insert, ['late']));
    await expect(late).rejects.toBeInstanceOf(UnavailableError);
    await held;
    expect(await notes()).toEqual([]);
  });

  test('that are refused leave the next as it should be', async () => {
    await expect(
      database.change((session) => session.run('INSERT INTO notes (id, text) VALUES (1, NULL)')),
    ).rejects.toMatchObject({ name: 'DatabaseError', reason: 'other' });
    await database.change((session) => session.run('INSERT INTO notes (id, text) VALUES (1, ?)', ['one']));
    const again = database.change((session) => session.run('INSERT INTO notes (id, text) VALUES (1, ?)', ['two']));
    await expect(again).rejects.toMatchObject({ reason: 'duplicate' });
    await expect(database.read((session) => session.rows('SELECT nothing FROM nowhere'))).rejects.toBeInstanceOf(
      DatabaseError,
    );
    expect(await notes()).toEqual(['one']);
  });

  test('that are under way end before the database is closed, and later ones are refused', async () => {
    const writing = database.change(async (session) => {
      await sleep(30);
      await session.run(insert, ['last']);
    });
    const closing = database.close();
    await expect(database.read(async () => 'served')).rejects.toBeInstanceOf(UnavailableError);
    await Promise.all([writing, closing]);
    database = new SqliteDatabase(file, { timeout: 1000, queueLimit: 20 });
    expect(await notes()).toEqual(['last']);
  });

  test('are written through to the disk: WAL with synchronous FULL, and foreign keys are held', async () => {
    const settings = await database.read(async (session) => ({
      ...(await session.rows<object>('PRAGMA journal_mode'))[0],
      ...(await session.rows<object>('PRAGMA synchronous'))[0],
      ...(await session.rows<object>('PRAGMA foreign_keys'))[0],
    }));
    expect(settings).toEqual({ journal_mode: 'wal', synchronous: 2, foreign_keys: 1 });
  });

  test('wait for another process that writes the file, and are then done', async () => {
    const writer = await holdWriteLock(400);
    const started = performance.now();
    await database.change((session) => session.run(insert, ['mine']));
    expect(performance.now() - started).toBeGreaterThan(150);
    await writer.ended;
    expect((await notes()).sort()).toEqual(['mine', 'theirs']);
  });

  test('are refused when another process holds the file beyond the deadline, and done once it has gone', async () => {
    const writer = await holdWriteLock(60_000);
    const started = performance.now();
    const outcomes = await Promise.allSettled(
      Array.from({ length: 5 }, () => database.change((session) => session.run(insert, ['mine']))),
    );
    expect(performance.now() - started).toBeLessThan(1900);
    for (const outcome of outcomes) {
      expect(outcome).toMatchObject({ status: 'rejected', reason: { errorName: 'SERVICE_UNAVAILABLE' } });
    }
    expect(await notes()).toEqual([]);
    writer.child.kill('SIGKILL');
    await writer.ended;
    await database.change((session) => session.run(insert, ['mine']));
    expect(await notes()).toEqual(['mine']);
  });
});

describe('the file', () => {
  test('and all that stands beside it can be read and written by their owner alone, whatever the umask', async () => {
    const old = process.umask(0);
    try {
      const gateway = await startGateway({ DATABASE_URL: url });
      await gateway.legacy('add_account', legacyAccount(newAccountKey()));
      const modes = readdirSync(directory).map((name) => [
        name,
        (statSync(join(directory, name)).mode & 0o777).toString(8),
      ]);
      await gateway.close();
      expect(Object.fromEntries(modes)).toEqual({
        'gateway.sqlite-gateway-lock': '600',
        'gateway.sqlite-gateway-lock-journal': '600',
        'gateway.sqlite': '600',
        'gateway.sqlite-wal': '600',
        'gateway.sqlite-shm': '600',
        'gateway.sqlite.key': '600',
      });
    } finally {
      process.umask(old);
    }
  });

  test('is made with the folders above it', async () => {
    const deep = join(directory, 'a/b/gateway.sqlite');
    const gateway = await startGateway({ DATABASE_URL: `sqlite:${deep}` });
    await gateway.close();
    expect(statSync(deep).isFile()).toBe(true);
  });

  test('may be locked by one at a time, and again after it was released', () => {
    const lock = lockSqliteFile(file);
    expect(() => lockSqliteFile(file)).toThrow(SqliteFileInUseError);
    lock.release();
    lockSqliteFile(file).release();
  });

  test('may be locked where another process writes it', async () => {
    lockSqliteFile(file).release();
    const database = new SqliteDatabase(file, { timeout: 1000, queueLimit: 20 });
    await database.change((session) => session.run('CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT NOT NULL)'));
    await database.close();
    const writer = await holdWriteLock(60_000);
    expect(() => lockSqliteFile(file).release()).not.toThrow();
    writer.child.kill('SIGKILL');
    await writer.ended;
  });
});

describe('a second gateway on the same file', () => {
  test('ends with 1 and says which file is in use, and serves once the first was killed', async () => {
    const first = await startGatewayProcess({ DATABASE_URL: url });
    const refused = await launchGateway({ DATABASE_URL: url });
    expect(await refused.ended).toEqual({ code: 1, signal: null });
    expect(refused.stderr).toBe(`${new SqliteFileInUseError(file).message}\n`);
    expect(refused.stdout).toBe('');
    const key = newAccountKey();
    expect((await first.legacy('add_account', legacyAccount(key))).body.code).toBe(1001);
    await first.kill('SIGKILL');
    const second = await startGatewayProcess({ DATABASE_URL: url });
    expect((await second.legacy('add_account', legacyAccount(key))).body.code).toBe(1230);
    await second.kill('SIGKILL');
  });

  test('is refused by another path to it as well', async () => {
    mkdirSync(join(directory, 'data'));
    const first = await startGatewayProcess({}, directory);
    const refused = await launchGateway({ DATABASE_URL: `sqlite:${join(directory, 'data/../data/gateway.sqlite')}` });
    expect((await refused.ended).code).toBe(1);
    expect(refused.stderr).toMatch(/^Another gateway is serving the SQLite file /);
    await first.kill('SIGKILL');
  });

  test('and a third are refused where they start at once on no file', async () => {
    for (let round = 0; round < 2; round += 1) {
      const target = `sqlite:${join(directory, `round-${round}.sqlite`)}`;
      const gateways = await Promise.all(Array.from({ length: 3 }, () => launchGateway({ DATABASE_URL: target })));
      const outcomes = await Promise.all(
        gateways.map((gateway) =>
          gateway.ready().then(
            () => 'ready',
            () => gateway.stderr,
          ),
        ),
      );
      await Promise.all(gateways.map((gateway) => gateway.kill('SIGKILL')));
      expect(outcomes.filter((outcome) => outcome === 'ready')).toHaveLength(1);
      for (const outcome of outcomes.filter((text) => text !== 'ready')) {
        expect(outcome).toMatch(/^Another gateway is serving the SQLite file /);
      }
    }
  }, 180_000);

  test('is told of a file that it cannot open in another way than of one in use', async () => {
    const closed = join(directory, 'closed');
    mkdirSync(closed);
    const gateway = await launchGateway({ DATABASE_URL: `sqlite:${closed}` });
    expect((await gateway.ended).code).toBe(1);
    expect(gateway.stderr).not.toMatch(/Another gateway/);
    chmodSync(closed, 0o700);
  });
});

test('a gateway that is killed amid writes loses nothing that it has acknowledged', async () => {
  const acknowledged: string[] = [];
  for (let round = 0; round < 4; round += 1) {
    const gateway = await startGatewayProcess({ DATABASE_URL: url });
    const writers = Array.from({ length: 6 }, async () => {
      for (;;) {
        const key = newAccountKey();
        const answer = await gateway.legacy('add_account', legacyAccount(key)).catch(() => undefined);
        if (answer === undefined) return;
        if (answer.body.code === 1001) acknowledged.push(key.accountId);
      }
    });
    await sleep(150 + 50 * round);
    await gateway.kill('SIGKILL');
    await Promise.all(writers);
  }
  expect(acknowledged.length).toBeGreaterThan(20);
  const database = new SqliteDatabase(file, { timeout: 1000, queueLimit: 20 });
  const rows = await database.read((session) => session.rows<{ id: string }>('SELECT account_id AS id FROM accounts'));
  const [check] = await database.read((session) => session.rows<{ integrity_check: string }>('PRAGMA integrity_check'));
  await database.close();
  const stored = new Set(rows.map(({ id }) => id));
  expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
  expect(check?.integrity_check).toBe('ok');
}, 180_000);

/** Another process takes the file's write lock for so long, and then adds a row to `notes`. */
async function holdWriteLock(milliseconds: number): Promise<{ child: ChildProcess; ended: Promise<unknown> }> {
  const program = `
    import { DatabaseSync } from '@photostructure/sqlite';
    const database = new DatabaseSync(${JSON.stringify(file)});
    database.exec('BEGIN IMMEDIATE');
    database.exec("INSERT INTO notes (text) VALUES ('theirs')");
    console.log('locked');
    setTimeout(() => { database.exec('COMMIT'); database.close(); }, ${milliseconds});`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', program], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  await new Promise((resolve) => child.stdout?.once('data', resolve));
  return { child, ended };
}
