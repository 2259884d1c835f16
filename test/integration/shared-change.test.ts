import 'reflect-metadata';
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { type Connection, createConnection } from 'mysql2/promise';
import { AccountService } from '../../src/accounts/account.service.js';
import type { AccountIdentity } from '../../src/accounts/account.statements.js';
import { AuditTrail } from '../../src/audit/audit-trail.js';
import { loadConfig } from '../../src/config.js';
import type { Database } from '../../src/database/database.js';
import type { MysqlLocation } from '../../src/database/database-url.js';
import { MysqlDatabase } from '../../src/database/mysql.database.js';
import { maxTogether } from '../../src/database/shared-change.js';
import { CredentialSeal } from '../../src/datasources/credential-seal.js';
import type { AddDatasourceInput } from '../../src/datasources/datasource.input.js';
import { DatasourceService } from '../../src/datasources/datasource.service.js';
import { DomainError, UnavailableError } from '../../src/errors.js';
import type { Call } from '../../src/security/call.js';
import { anonymous } from '../../src/security/caller.js';
import { parseSealingKey, type SealingKey } from '../../src/security/sealing-key.js';
import { openBareDatabase } from '../support/bare-database.js';
import { startCuttingProxy } from '../support/cutting-proxy.js';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { onDatabase, refuseAudit, storedEvents } from '../support/raw-database.js';
import { newAccountKey, newDatasource } from '../support/register-samples.js';

const seal = new CredentialSeal(() => [parseSealingKey(randomBytes(32).toString('base64')) as SealingKey]);
const call: Call = { caller: anonymous, surface: 'rest', address: null, requestId: 'test' };

describe.each(databaseKinds)('changes of datasources on $name that come in together', (kind) => {
  let made: TestDatabase;
  let database: Database;
  let transactions: number;
  let datasources: DatasourceService;
  let account: AccountIdentity;
  let absent: AccountIdentity;

  beforeAll(async () => {
    made = await kind.create();
    database = await openBareDatabase(made);
    transactions = 0;
    const counted: Database = {
      dialect: database.dialect,
      isObserved: false,
      limits: database.limits,
      read: (work) => database.read(work),
      scan: (work, options) => database.scan(work, options),
      change: (work, options) => {
        transactions += 1;
        return database.change(work, options);
      },
      close: () => database.close(),
    };
    datasources = serviceOn(counted);
    absent = newAccountKey();
    account = await newAccount();
  });
  afterAll(async () => {
    await database?.close();
    await made?.drop();
  });

  function serviceOn(on: Database): DatasourceService {
    return new DatasourceService(on, seal, new AuditTrail(on));
  }

  async function newAccount(): Promise<AccountIdentity> {
    const key = newAccountKey();
    await new AccountService(database, new AuditTrail(database)).add(key, call);
    return key;
  }

  function add(instanceId: string, changes: Partial<AddDatasourceInput> = {}, to = account): Promise<unknown> {
    return outcomeOf(datasources.add({ ...newDatasource(to, instanceId), ...changes }, call));
  }

  function edit(instanceId: string, expectedVersion?: number, of = account): Promise<unknown> {
    return outcomeOf(datasources.edit({ ...newDatasource(of, instanceId), expectedVersion }, call));
  }

  async function versionOf(instanceId: string, of = account): Promise<number | undefined> {
    return (await datasources.byKey(newDatasource(of, instanceId)))?.version;
  }

  /** The version where it was done, the code where it was refused. */
  function outcomeOf(done: Promise<{ readonly version: number }>): Promise<unknown> {
    return done.then(
      ({ version }) => version,
      (error) => (error instanceof DomainError ? error.errorName : error),
    );
  }

  function names(count: number, prefix: string): string[] {
    return Array.from({ length: count }, (_, place) => `${prefix}-${place}`);
  }

  async function eventsOf(id: string): Promise<string[]> {
    const events = (await storedEvents(made)).filter(({ accountId }) => accountId === id);
    return events
      .sort((one, other) => (one.id < other.id ? -1 : 1))
      .map(({ operation, instanceId }) => `${operation} ${instanceId}`);
  }

  test('share transactions, and their lines stand in the audit in the order in which they came', async () => {
    const own = await newAccount();
    const added = names(70, 'shared');
    const before = transactions;
    expect(await Promise.all(added.map((name) => add(name, {}, own)))).toEqual(added.map(() => 1));
    // Those that come first are alone.
    expect(transactions - before).toBeLessThanOrEqual(2 + Math.ceil(70 / maxTogether));
    expect(await Promise.all(added.map((name) => edit(name, undefined, own)))).toEqual(added.map(() => 2));
    expect(transactions - before).toBeLessThanOrEqual(4 + 2 * Math.ceil(70 / maxTogether));
    expect(await Promise.all(added.map((name) => versionOf(name, own)))).toEqual(added.map(() => 2));
    const expected = ['addDatasource', 'editDatasource'].flatMap((what) => added.map((name) => `${what} ${name}`));
    const events = (await eventsOf(own.accountId)).slice(1);
    expect([...events].sort()).toEqual([...expected].sort());
    // Only transactions that are under way at the same time may change places.
    const places = events.map((event) => expected.indexOf(event));
    const steps = places.filter((place, at) => at > 0 && place !== (places[at - 1] as number) + 1);
    expect(steps.length).toBeLessThan(2 * (transactions - before));
  });

  test('each have an outcome of their own', async () => {
    await Promise.all(['there', 'edited', 'stale'].map((name) => add(name)));
    const busy = names(6, 'busy').map((name) => add(name));
    const outcomes = await Promise.all([
      add('new'),
      add('there'),
      add('new'),
      add('homeless', {}, absent),
      edit('edited'),
      edit('stale', 7),
      edit('absent'),
      add('invalid', { jdbcConnectionUrl: 'http://' }),
      add('bare', { secret: null, password: null }),
      add('last'),
      edit('edited', 2),
      edit('homeless', undefined, absent),
    ]);
    expect(await Promise.all(busy)).toEqual(busy.map(() => 1));
    expect(outcomes).toEqual([
      1,
      'DATASOURCE_ALREADY_EXISTS',
      'DATASOURCE_ALREADY_EXISTS',
      'ACCOUNT_NOT_FOUND',
      2,
      'VERSION_CONFLICT',
      'DATASOURCE_NOT_FOUND',
      'INVALID_JDBC_URL',
      'CREDENTIAL_REQUIRED',
      1,
      3,
      'DATASOURCE_NOT_FOUND',
    ]);
    expect(await Promise.all(['new', 'last', 'edited', 'stale'].map((name) => versionOf(name)))).toEqual([1, 1, 3, 1]);
  });

  test('that are refused cost a transaction each, and those beside them none', async () => {
    const before = transactions;
    const outcomes = await Promise.all(
      names(60, 'mixed').map((name, place) => (place % 3 === 0 ? add(name, {}, absent) : add(name))),
    );
    expect(outcomes).toEqual(outcomes.map((_, place) => (place % 3 === 0 ? 'ACCOUNT_NOT_FOUND' : 1)));
    expect(transactions - before).toBeLessThanOrEqual(20 + 4);
  });

  test('do what they would do one after the other, in the order in which they came', async () => {
    const written = fc.record({
      what: fc.constantFrom('add', 'edit', 'update'),
      name: fc.constantFrom('a', 'b', 'c', 'd', 'e'),
      isHomeless: fc.boolean(),
      expectedVersion: fc.option(fc.integer({ min: 1, max: 3 }), { nil: undefined }),
      description: fc.constantFrom('one', 'two'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(written, { maxLength: 40 }), { minLength: 1, maxLength: 3 }),
        async (waves) => {
          const own = await newAccount();
          const model = new Map<string, { version: number; description: string | null }>();
          for (const wave of waves) {
            const expected = wave.map(({ what, name, isHomeless, expectedVersion, description }) => {
              const current = isHomeless ? undefined : model.get(name);
              if (what === 'add') {
                if (isHomeless) return 'ACCOUNT_NOT_FOUND';
                if (current !== undefined) return 'DATASOURCE_ALREADY_EXISTS';
                model.set(name, { version: 1, description });
                return 1;
              }
              if (current === undefined) return 'DATASOURCE_NOT_FOUND';
              if (current.version !== (expectedVersion ?? current.version)) return 'VERSION_CONFLICT';
              if (what === 'update' && current.description === description) return current.version;
              current.version += 1;
              current.description = description;
              return current.version;
            });
            const outcomes = await Promise.all(
              wave.map(({ what, name, isHomeless, expectedVersion, description }) => {
                const input = { ...newDatasource(isHomeless ? absent : own, name), description };
                if (what === 'add') return outcomeOf(datasources.add(input, call));
                if (what === 'edit') return outcomeOf(datasources.edit({ ...input, expectedVersion }, call));
                const { accountProviderId, accountId, region, instanceId } = input;
                const key = { accountProviderId, accountId, region, instanceId };
                return outcomeOf(datasources.update({ ...key, description, expectedVersion }, call));
              }),
            );
            expect(outcomes).toEqual(expected);
          }
          const stored = await onDatabase(
            made,
            'SELECT instance_id AS name, version, description FROM datasources WHERE account_id = ? ORDER BY instance_id',
            [own.accountId],
          );
          const sorted = [...model].sort(([one], [other]) => (one < other ? -1 : 1));
          expect(stored).toEqual(sorted.map(([name, one]) => ({ name, ...one })));
          const versions = sorted.reduce((sum, [, { version }]) => sum + version, 0);
          expect(await eventsOf(own.accountId)).toHaveLength(1 + versions);
        },
      ),
      { numRuns: 25 },
    );
  });

  test('hold with their line in the audit, or not at all', async () => {
    const accept = await refuseAudit(made);
    const refused = await Promise.all(names(20, 'unrecorded').map((name) => add(name)));
    await accept();
    expect(refused.map((error) => (error as Error).name)).toEqual(refused.map(() => 'DatabaseError'));
    expect(await Promise.all(names(20, 'unrecorded').map((name) => versionOf(name)))).toEqual(
      refused.map(() => undefined),
    );
    expect(await Promise.all(names(20, 'unrecorded').map((name) => add(name)))).toEqual(refused.map(() => 1));
  });

  test('have a transaction each where statements are observed', async () => {
    const sent: string[] = [];
    const observed = await openBareDatabase(made, (sql, run) => {
      sent.push(sql);
      return run();
    });
    const service = serviceOn(observed);
    await Promise.all(names(5, 'observed').map((name) => service.add(newDatasource(account, name), call)));
    await observed.close();
    expect(sent.filter((sql) => sql === 'COMMIT')).toHaveLength(5);
  });

  if (kind.name === 'MySQL') {
    /** Something of another's, that is not committed while `meanwhile` goes on. */
    async function whileAnother<T>(does: (other: Connection) => Promise<unknown>, meanwhile: () => Promise<T>) {
      const other = await createConnection(made.url);
      try {
        await other.query('START TRANSACTION');
        await does(other);
        return await meanwhile();
      } finally {
        await other.query('ROLLBACK');
        await other.end();
      }
    }

    test('wait for nobody else, whatever rows of theirs another has locked', async () => {
      const lockedAccount = await newAccount();
      await add('locked');
      const many = new MysqlDatabase(locationOf(made.url).location, { timeout: 20_000, poolSize: 8, queueLimit: 100 });
      const service = serviceOn(many);
      const addWith = (name: string, to = account) => outcomeOf(service.add(newDatasource(to, name), call));
      const rowOf = (id: string) => `account_id = '${id}' FOR UPDATE`;
      const { waiting } = await whileAnother(
        async (other) => {
          await other.query(
            `SELECT * FROM accounts FORCE INDEX (uq_accounts_key) WHERE account_provider = 1 AND region = 'eu-west-1' AND ${rowOf(lockedAccount.accountId)}`,
          );
          await other.query(`SELECT * FROM datasources WHERE instance_id = 'locked' AND ${rowOf(account.accountId)}`);
        },
        async () => {
          const settled = { late: 0 };
          const count = (outcome: unknown) => {
            settled.late += 1;
            return outcome;
          };
          const waiting = [
            outcomeOf(service.edit(newDatasource(account, 'locked'), call)),
            addWith('kept-out', lockedAccount),
          ].map((one) => one.then(count));
          for (let wave = 0; wave < 3; wave += 1) {
            const others = names(10, `free-${wave}`).map((name) => addWith(name));
            expect(await Promise.all(others)).toEqual(others.map(() => 1));
          }
          expect(settled.late).toBe(0);
          return { waiting };
        },
      );
      expect(await Promise.all(waiting)).toEqual([2, 1]);
      await many.close();
    });

    test('whose deadline has passed are unavailable, they alone, and nothing of them holds', async () => {
      const { location } = locationOf(made.url);
      const limited = new MysqlDatabase(location, { timeout: 800, poolSize: 4, queueLimit: 100 });
      const service = serviceOn(limited);
      await add('late');
      const outcomes = await whileAnother(
        (other) => other.query("SELECT * FROM datasources WHERE instance_id = 'late' FOR UPDATE"),
        () =>
          Promise.all(
            names(8, 'in-time')
              .map((name) => outcomeOf(service.add(newDatasource(account, name), call)))
              .concat(outcomeOf(service.edit(newDatasource(account, 'late'), call))),
          ),
      );
      await sleep(300);
      await limited.close();
      expect(outcomes).toEqual([...Array(8).fill(1), 'SERVICE_UNAVAILABLE']);
      expect(await versionOf('late')).toBe(1);
    });

    test('that deadlock with another are made again, and no caller learns of it', async () => {
      const other = await createConnection(made.url);
      // The server gives up the one that has written less.
      await other.query('CREATE TABLE heavy (id INT PRIMARY KEY) ENGINE=InnoDB');
      const insert = (name: string) =>
        other.query(
          'INSERT INTO datasources (id, account_provider, account_id, region, instance_id, jdbc_connection_url, jdbc_connection_schema, network_availability_zone, network_subnet_id, network_sg_id, create_type, version, created_at, updated_at) VALUES (?, ?, ?, ?, ?, "", "", "", "", "", 1, 1, 1, 1)',
          [randomBytes(8).toString('hex'), account.accountProvider, account.accountId, account.region, name],
        );
      await other.query('START TRANSACTION');
      await other.query(`INSERT INTO heavy VALUES ${Array.from({ length: 500 }, (_, id) => `(${id})`).join(', ')}`);
      await insert('crossing-5');
      const added = Promise.all(names(10, 'crossing').map((name) => add(name)));
      await sleep(200);
      // A row that the others of the transaction have written already.
      await insert('crossing-3').catch((error: unknown) => error);
      await other.query('ROLLBACK');
      await other.end();
      expect(await added).toEqual(Array(10).fill(1));
    });

    test.each(['beforeCommit', 'withCommit', 'afterCommit'] as const)(
      'whose connection is cut %s are acknowledged only where they hold, and made once',
      async (cut) => {
        const { location, target } = locationOf(made.url);
        const proxy = await startCuttingProxy(target);
        const through = new MysqlDatabase(
          { ...location, hosts: [{ host: '127.0.0.1', port: proxy.port }] },
          { timeout: 1500, poolSize: 4, queueLimit: 100 },
        );
        const service = serviceOn(through);
        const own = await newAccount();
        for (let round = 0; round < 6; round += 1) {
          const added = names(12, `${cut}-${round}`).map((name) =>
            outcomeOf(service.add(newDatasource(own, name), call)).then((outcome) => {
              // Those behind the first are together.
              if (proxy.cuts === round) proxy.cutNext(cut);
              return outcome;
            }),
          );
          for (const [place, outcome] of (await Promise.all(added)).entries()) {
            const version = await versionOf(`${cut}-${round}-${place}`, own);
            if (outcome === 1) expect(version).toBe(1);
            else expect(outcome).toBe('SERVICE_UNAVAILABLE');
            if (cut === 'afterCommit') expect(outcome).toBe(1);
            if (cut === 'beforeCommit') expect(version).toBe(outcome === 1 ? 1 : undefined);
          }
        }
        // What is cut last may come too late for any COMMIT.
        expect(proxy.cuts).toBeGreaterThanOrEqual(5);
        const added = (await eventsOf(own.accountId)).slice(1);
        expect(new Set(added).size).toBe(added.length);
        await through.close();
        await proxy.close();
      },
    );

    test('beyond the limit of those that may wait are refused at once', async () => {
      const limited = new MysqlDatabase(locationOf(made.url).location, { timeout: 5000, poolSize: 4, queueLimit: 5 });
      const service = serviceOn(limited);
      const outcomes = await Promise.allSettled(
        names(20, 'crowd').map((name) => service.add(newDatasource(account, name), call)),
      );
      await limited.close();
      const refused = outcomes.flatMap((outcome) => (outcome.status === 'rejected' ? outcome.reason : []));
      expect(refused).toHaveLength(14);
      for (const error of refused) expect(error).toBeInstanceOf(UnavailableError);
    });
  }
});

function locationOf(url: string) {
  const config = loadConfig({ DATABASE_URL: url, SECRETS_KEY: randomBytes(32).toString('base64') });
  const location = config.database as MysqlLocation;
  return { location, target: location.hosts[0] as { host: string; port: number } };
}
