import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { type ClusterAccess, ClusterGateways, clusterUrl, maxAnswerTime } from '../support/cluster-gateways.js';
import { report } from '../support/figures.js';
import { type GatewayProcess, launchGateway } from '../support/process.js';
import { onDatabase } from '../support/raw-database.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from '../support/register-samples.js';
import {
  groupDatabase,
  groupUser,
  type ReplicationGroup,
  startReplicationGroup,
  whyNoReplicationGroup,
} from '../support/replication-group.js';
import { suite } from '../support/suites.js';

const onGroup = suite('a replication group of three', whyNoReplicationGroup());
const clients = 9;
const nodes = [0, 1, 2];

onGroup.run(`three gateways on ${onGroup.name}`, () => {
  let group: ReplicationGroup;
  let access: ClusterAccess;
  let gateways: ClusterGateways;

  beforeAll(async () => {
    group = await startReplicationGroup();
    access = {
      nodes: group.nodes,
      user: groupUser,
      database: groupDatabase,
      freshReads: "SET SESSION group_replication_consistency = 'BEFORE'",
    };
    gateways = await ClusterGateways.start(access);
  });
  afterAll(async () => {
    await gateways?.stop();
    await group?.remove();
  });
  // What one test has left behind must not make the next one fail.
  beforeEach(async () => {
    for (const node of nodes) await group.join(node);
    while ((await gateways.readiness()).some((status) => status !== 200)) await sleep(100);
  });

  /** Reads back what was just written, over and over, until something has happened and was got over. */
  async function whileReadingBack<T>(happens: () => Promise<T>): Promise<T> {
    const state = { isOver: false };
    const counts = { found: 0, stale: 0, unavailable: 0 };
    const reading = nodes.map(async (reader) => {
      for (let turn = reader; !state.isOver; turn += 1) {
        const seen = await gateways.readBack(turn);
        counts[seen] += 1;
        if (seen === 'unavailable') await sleep(20);
      }
    });
    try {
      return await happens();
    } finally {
      state.isOver = true;
      await Promise.all(reading);
      report('    what was just written was', counts);
      expect(counts.stale).toBe(0);
    }
  }

  /** The time until changes are acknowledged through every gateway. */
  async function untilServing(): Promise<number> {
    const started = performance.now();
    await Promise.all(
      gateways.all.map(async (gateway) => {
        while ((await gateways.ledger.addAccount(gateway)) !== 'acknowledged') await sleep(20);
      }),
    );
    return Math.round(performance.now() - started);
  }

  async function missing({ url }: GatewayProcess): Promise<readonly string[] | undefined> {
    return ((await (await fetch(`${url}/readyz`)).json()) as { missing?: string[] }).missing;
  }

  async function makePrimary(node: number): Promise<void> {
    const [row] = await group.query(node, 'SELECT @@server_uuid AS id');
    const current = await group.primary();
    await group.query(current, `SELECT group_replication_set_as_primary('${row?.id}')`);
  }

  test('see at once what was written through another gateway', async () => {
    const rounds = 30;
    const seen: string[] = [];
    await gateways.whileWriting(async () => {
      for (let round = 0; round < rounds; round += 1) seen.push(await gateways.readBack(round));
    });
    expect(seen).toEqual(Array(rounds).fill('found'));
    await gateways.expectNothingLost(`${2 * rounds} reads after writes through other gateways`, nodes);
  });

  test('do not read from a member that takes no writes, though they prefer it', async () => {
    const secondary = nodes.find((node) => node > 0) as number;
    await makePrimary(0);
    // Under this lock a member goes on answering, and takes nothing over.
    const lock = await createConnection({
      host: '127.0.0.1',
      port: group.nodes[secondary]?.port as number,
      user: 'root',
    });
    await lock.query('FLUSH TABLES WITH READ LOCK');
    try {
      // For long enough to look back at the preferred host several times.
      for (let round = 0; round < 40; round += 1) {
        const account = newAccountKey();
        expect((await gateways.at(0).legacy('add_account', legacyAccount(account))).body.code).toBe(1001);
        const started = performance.now();
        expect(await gateways.look(secondary, account)).toMatchObject({ account: { accountId: account.accountId } });
        expect(performance.now() - started).toBeLessThan(1000);
        await sleep(100);
      }
    } finally {
      await lock.end();
    }
  });

  test('that write the same rows show no conflict to a client', async () => {
    const account = newAccountKey();
    expect((await gateways.at(0).legacy('add_account', legacyAccount(account))).body.code).toBe(1001);
    const datasource = newDatasource(account, 'hot');
    expect((await gateways.at(0).legacy('add-jdbc-conn', legacyDatasource(datasource))).body.code).toBe(1001);
    const edits = 30;
    const longest = { milliseconds: 0 };
    await Promise.all(
      Array.from({ length: clients }, async (_, client) => {
        for (let edit = 0; edit < edits; edit += 1) {
          const text = `by ${client}, ${edit}`;
          const started = performance.now();
          const { httpStatus, body } = await gateways
            .at(client)
            .legacy('update-jdbc-conn', legacyDatasource({ ...datasource, description: text, networkSgId: text }));
          longest.milliseconds = Math.max(longest.milliseconds, performance.now() - started);
          expect({ httpStatus, code: body.code }).toEqual({ httpStatus: 200, code: 1001 });
        }
      }),
    );
    report(`${clients * edits} edits of one row`, { 'longest answer in ms': Math.round(longest.milliseconds) });
    expect(longest.milliseconds).toBeLessThan(maxAnswerTime);
    for (const node of nodes) {
      await gateways.untilApplied(node);
      const [row] = await onDatabase<Record<string, unknown>>(
        gateways.databaseOn(node),
        'SELECT version, description, network_sg_id AS sg FROM datasources WHERE account_id = ?',
        [account.accountId],
      );
      expect(row).toEqual({ version: 1 + clients * edits, description: row?.description, sg: row?.description });
    }
  });

  test('lose nothing at a planned switchover, and go on with the new primary', async () => {
    for (const next of [1, 2, 0]) {
      await gateways.whileWriting(() =>
        whileReadingBack(async () => {
          await sleep(700);
          const started = performance.now();
          await makePrimary(next);
          const switched = Math.round(performance.now() - started);
          report(`switched to node ${next}`, { 'in ms': switched, 'serving after ms': await untilServing() });
          await sleep(2500);
        }),
      );
      await gateways.expectNothingLost(`a planned switchover to node ${next}`, nodes);
    }
  });

  test('lose nothing when the primary leaves the group, and take nothing from it any more', async () => {
    for (let round = 0; round < 3; round += 1) {
      const left = await group.primary();
      const others = nodes.filter((node) => node !== left);
      await gateways.whileWriting(() =>
        whileReadingBack(async () => {
          await sleep(700);
          const started = performance.now();
          await group.query(left, 'STOP GROUP_REPLICATION');
          await group.primary(others);
          const elected = Math.round(performance.now() - started);
          report(`node ${left} left`, { 'new primary after ms': elected, 'serving after ms': await untilServing() });
          await sleep(2500);
        }),
      );
      await gateways.expectNothingLost(`the primary, node ${left}, has left the group`, others);
      await group.join(left);
    }
  });

  test('read nothing from a primary that has left while nobody wrote', async () => {
    for (let round = 0; round < 3; round += 1) {
      const left = await group.primary();
      const others = nodes.filter((node) => node !== left);
      await group.query(left, 'STOP GROUP_REPLICATION');
      const next = await group.primary(others);
      // Gateways that were told nothing yet are asked for what another client has written meanwhile.
      const account = newAccountKey();
      const alone = await launchGateway({
        DATABASE_URL: clusterUrl(access, [next]),
        SECRETS_KEY: gateways.sealingKey,
      });
      await alone.ready();
      expect((await alone.legacy('add_account', legacyAccount(account))).body.code).toBe(1001);
      const seen = await Promise.all(nodes.map((gateway) => gateways.look(gateway, account)));
      const added = await Promise.all(
        nodes.map((gateway) =>
          gateways.at(gateway).legacy('add-jdbc-conn', legacyDatasource(newDatasource(account, `orders-${gateway}`))),
        ),
      );
      await alone.kill('SIGKILL');
      for (const data of seen) expect(data).toMatchObject({ account: { accountId: account.accountId } });
      expect(added.map(({ body }) => body.code)).toEqual([1001, 1001, 1001]);
      await group.join(left);
    }
  });

  test('lose nothing when the primary is killed, and serve on when the group has another', async () => {
    for (const expelTimeout of [0, 0, 5]) {
      const killed = await group.primary();
      const others = nodes.filter((node) => node !== killed);
      for (const node of nodes)
        await group.query(node, `SET GLOBAL group_replication_member_expel_timeout = ${expelTimeout}`);
      await gateways.whileWriting(() =>
        whileReadingBack(async () => {
          await sleep(700);
          const started = performance.now();
          await group.nodes[killed]?.kill();
          await group.primary(others);
          const elected = Math.round(performance.now() - started);
          const serving = await untilServing();
          report(`node ${killed} killed, expelled after ${expelTimeout} s`, {
            'new primary after ms': elected,
            'serving after ms': serving,
          });
          expect(serving).toBeLessThan(maxAnswerTime);
          await sleep(500);
        }),
      );
      await gateways.expectNothingLost(`the primary, node ${killed}, killed`, others);
      await group.nodes[killed]?.restart();
    }
    for (const node of nodes) await group.query(node, 'SET GLOBAL group_replication_member_expel_timeout = 0');
  });

  test('lose nothing when the primary is frozen, and read nothing from it when it goes on', async () => {
    for (let round = 0; round < 2; round += 1) {
      const frozen = await group.primary();
      const others = nodes.filter((node) => node !== frozen);
      await gateways.whileWriting(() =>
        whileReadingBack(async () => {
          await sleep(700);
          const started = performance.now();
          group.nodes[frozen]?.process.kill('SIGSTOP');
          await group.primary(others);
          const elected = Math.round(performance.now() - started);
          report(`node ${frozen} frozen`, {
            'new primary after ms': elected,
            'serving after ms': await untilServing(),
          });
          await sleep(1500);
          group.nodes[frozen]?.process.kill('SIGCONT');
          await sleep(4000);
        }),
      );
      await gateways.expectNothingLost(`the primary, node ${frozen}, frozen and thawed`, others);
      await group.join(frozen);
    }
  });

  test('say that they cannot serve while the majority is away, and serve again with it', async () => {
    const primary = await group.primary();
    const others = nodes.filter((node) => node !== primary);
    const started = performance.now();
    await gateways.whileWriting(async () => {
      await sleep(300);
      for (const node of others) group.nodes[node]?.process.kill('SIGSTOP');
      for (;;) {
        const answers = await gateways.readiness();
        if (answers.every((status) => status === 503) && performance.now() - started > 9000) break;
        expect(performance.now() - started).toBeLessThan(20_000);
        await sleep(200);
      }
      expect(await gateways.ledger.addAccount(gateways.at(primary))).toBe('refused');
      for (const node of others) group.nodes[node]?.process.kill('SIGCONT');
      report('two members frozen, and thawed', { 'serving after ms': await untilServing() });
    });
    for (const node of nodes) await group.join(node);
    await gateways.expectNothingLost('a primary without its group', nodes);
  });

  test('that reach only members that take no writes say so, and serve as soon as one does', async () => {
    const reachable = [1, 2];
    await makePrimary(1);
    const gateway = await launchGateway({
      DATABASE_URL: clusterUrl(access, reachable),
      SECRETS_KEY: gateways.sealingKey,
    });
    await gateway.ready();
    await makePrimary(0);
    const account = newAccountKey();
    const refused = await gateway.legacy('add_account', legacyAccount(account));
    expect({ status: refused.httpStatus, code: refused.body.code }).toEqual({ status: 503, code: 1000 });
    expect(await missing(gateway)).toEqual([expect.stringContaining('read-only')]);
    // One that starts there says the same.
    const late = await launchGateway({ DATABASE_URL: clusterUrl(access, reachable), SECRETS_KEY: gateways.sealingKey });
    await late.listening();
    while ((await missing(late))?.[0]?.includes('read-only') !== true) await sleep(100);
    await makePrimary(2);
    await Promise.all([gateway.ready(), late.ready()]);
    for (const one of [gateway, late]) {
      expect((await one.legacy('add_account', legacyAccount(newAccountKey()))).body.code).toBe(1001);
      await one.kill('SIGKILL');
    }
  });
});
