import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { mysqlKind, type TestDatabase } from '../support/databases.js';
import { report } from '../support/figures.js';
import { type GatewayProcess, startGatewayProcess } from '../support/process.js';
import { onDatabase, storedEvents } from '../support/raw-database.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from '../support/register-samples.js';
import { onMysql } from '../support/suites.js';

const crowd = 24;
const keys = 100;

onMysql.run(`four gateways on one database on ${onMysql.name}`, () => {
  let database: TestDatabase;
  let gateways: GatewayProcess[];
  const longest = { milliseconds: 0 };

  beforeAll(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    gateways = await Promise.all(Array.from({ length: 4 }, () => startGatewayProcess(database.env)));
  });
  afterAll(async () => {
    await Promise.all((gateways ?? []).map((gateway) => gateway.kill('SIGKILL')));
    await database?.drop();
  });

  async function ask(turn: number, route: string, body: object) {
    const started = performance.now();
    const answer = await (gateways[turn % gateways.length] as GatewayProcess).legacy(route, body);
    longest.milliseconds = Math.max(longest.milliseconds, performance.now() - started);
    return answer.body;
  }

  function atOnce(count: number, route: string, body: (turn: number) => object) {
    return Promise.all(Array.from({ length: count }, (_, turn) => ask(turn, route, body(turn))));
  }

  async function number(sql: string): Promise<number> {
    const [row] = await onDatabase<{ number: number }>(database, sql);
    return Number(row?.number);
  }

  function told(what: string): void {
    report(what, { 'longest answer in ms': Math.round(longest.milliseconds) });
    expect(longest.milliseconds).toBeLessThan(5000);
    longest.milliseconds = 0;
  }

  test(`asked ${crowd} times at once to add the same key, for ${keys} accounts and as many datasources, add each once`, async () => {
    for (let round = 0; round < keys; round += 1) {
      const account = newAccountKey();
      for (const [route, body, code] of [
        ['add_account', legacyAccount(account), 1230],
        ['add-jdbc-conn', legacyDatasource(newDatasource(account, 'orders')), 1234],
      ] as const) {
        const answers = await atOnce(crowd, route, () => body);
        const failures = answers.filter((answer) => answer.code !== 1001);
        expect(answers.length - failures.length).toBe(1);
        expect(failures.filter((failure) => failure.code !== code)).toEqual([]);
        expect(new Set(failures.map(({ message }) => message)).size).toBe(1);
      }
    }
    expect(await number('SELECT COUNT(*) AS number FROM accounts')).toBe(keys);
    expect(await number('SELECT COUNT(*) AS number FROM datasources')).toBe(keys);
    expect(await number("SELECT COUNT(*) AS number FROM audit_events WHERE outcome = 'done'")).toBe(2 * keys);
    told(`${2 * keys} keys added by ${crowd} at once`);
  });

  test('lose no edit where each expects the version that it has read', async () => {
    const account = newAccountKey();
    const datasource = newDatasource(account, 'counter', { description: '0' });
    await ask(0, 'add_account', legacyAccount(account));
    await ask(0, 'add-jdbc-conn', legacyDatasource(datasource));
    const clients = 8;
    const edits = 10;
    const conflicts = { count: 0 };
    await Promise.all(
      Array.from({ length: clients }, async (_, client) => {
        for (let done = 0; done < edits; ) {
          const [row] = await onDatabase<{ version: number; description: string }>(
            database,
            'SELECT version, description FROM datasources WHERE account_id = ?',
            [account.accountId],
          );
          const answer = await ask(client, 'update-jdbc-conn', {
            ...legacyDatasource({ ...datasource, description: String(Number(row?.description) + 1) }),
            expected_version: row?.version,
          });
          if (answer.code === 1001) done += 1;
          else expect(answer.code).toBe(1901);
          if (answer.code === 1901) conflicts.count += 1;
        }
      }),
    );
    const [row] = await onDatabase(database, 'SELECT version, description FROM datasources WHERE account_id = ?', [
      account.accountId,
    ]);
    expect(row).toEqual({ version: 1 + clients * edits, description: String(clients * edits) });
    report(`${clients * edits} edits of one row`, { conflicts: conflicts.count });
    told('edits that expect a version');
  });

  test('leave a row that is one of the edits, whole, where none expects a version', async () => {
    const account = newAccountKey();
    await ask(0, 'add_account', legacyAccount(account));
    await ask(0, 'add-jdbc-conn', legacyDatasource(newDatasource(account, 'orders')));
    for (let round = 1; round <= 20; round += 1) {
      const answers = await atOnce(crowd, 'update-jdbc-conn', (turn) =>
        legacyDatasource(
          newDatasource(account, 'orders', {
            description: `by ${turn}`,
            customJdbcCert: `by ${turn}`,
            networkSgId: `by ${turn}`,
          }),
        ),
      );
      expect(new Set(answers.map(({ code }) => code))).toEqual(new Set([1001]));
      const [row] = await onDatabase<Record<string, unknown>>(
        database,
        'SELECT version, description, custom_jdbc_cert AS cert, network_sg_id AS sg FROM datasources WHERE account_id = ?',
        [account.accountId],
      );
      expect(row).toEqual({
        version: 1 + round * crowd,
        description: row?.description,
        cert: row?.description,
        sg: row?.description,
      });
    }
    told(`${20 * crowd} edits that expect none`);
  });

  test('leave no datasource without its account where an account is deleted while others add to it', async () => {
    const rounds = 60;
    const sums = { added: 0, late: 0 };
    for (let round = 0; round < rounds; round += 1) {
      const account = newAccountKey();
      await ask(round, 'add_account', legacyAccount(account));
      const answers = await Promise.all(
        Array.from({ length: crowd }, (_, turn) =>
          turn === round % crowd
            ? ask(turn, 'delete_account', legacyAccount(account))
            : ask(turn, 'add-jdbc-conn', legacyDatasource(newDatasource(account, `orders-${turn}`))),
        ),
      );
      const codes = answers.map(({ code }) => code);
      expect(codes[round % crowd]).toBe(1001);
      expect(codes.filter((code) => code !== 1001 && code !== 1222)).toEqual([]);
      const added = codes.filter((code) => code === 1001).length - 1;
      sums.added += added;
      sums.late += crowd - 1 - added;
      const events = (await storedEvents(database)).filter(({ accountId }) => accountId === account.accountId);
      const deletion = events.find(({ operation, instanceId }) => operation === 'deleteAccount' && instanceId === null);
      expect(deletion?.changes).toEqual([{ field: 'datasources', from: added, to: 0 }]);
    }
    const orphans =
      'SELECT COUNT(*) AS number FROM datasources d LEFT JOIN accounts a ON a.account_provider = d.account_provider AND a.account_id = d.account_id AND a.region = d.region WHERE a.id IS NULL';
    expect(await number(orphans)).toBe(0);
    report(`${rounds} accounts deleted while ${crowd - 1} added to each`, sums);
    told('deletions against additions');
  });
});
