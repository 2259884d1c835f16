import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { ClusterGateways, maxAnswerTime } from '../support/cluster-gateways.js';
import { report } from '../support/figures.js';
import { type GaleraCluster, startGaleraCluster, whyNoGalera } from '../support/galera-cluster.js';
import { onDatabase } from '../support/raw-database.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from '../support/register-samples.js';
import { suite } from '../support/suites.js';

const onCluster = suite('a Galera cluster of three', whyNoGalera());
const clients = 9;

onCluster.run(`three gateways on ${onCluster.name}`, () => {
  let cluster: GaleraCluster;
  let gateways: ClusterGateways;

  beforeAll(async () => {
    cluster = await startGaleraCluster();
    const connection = await createConnection({ host: '127.0.0.1', port: cluster.nodes[0]?.port, user: 'root' });
    await connection.query('CREATE DATABASE gateway_galera');
    await connection.end();
    gateways = await ClusterGateways.start({
      nodes: cluster.nodes,
      user: 'root',
      database: 'gateway_galera',
      freshReads: 'SET SESSION wsrep_sync_wait = 7',
    });
  });
  afterAll(async () => {
    await gateways?.stop();
    await cluster?.remove();
  });

  async function conflictsSoFar(): Promise<number> {
    const counts = await Promise.all(
      cluster.nodes.map(async (_, node) => {
        const rows = await onDatabase<{ Variable_name: string; Value: string }>(
          gateways.databaseOn(node),
          "SHOW STATUS WHERE Variable_name IN ('wsrep_local_cert_failures', 'wsrep_local_bf_aborts')",
        );
        return rows.reduce((sum, { Value }) => sum + Number(Value), 0);
      }),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  }

  test('see at once what was written through another node', async () => {
    const rounds = 100;
    const seen: string[] = [];
    await gateways.whileWriting(async () => {
      for (let round = 0; round < rounds; round += 1) seen.push(await gateways.readBack(round));
    });
    expect(seen).toEqual(Array(rounds).fill('found'));
    await gateways.expectNothingLost(`${2 * rounds} reads after writes through other nodes`, [0, 1, 2]);
  });

  test('wait for what their node has still to take over from the others', async () => {
    // Under this lock a node goes on answering, and takes nothing over.
    const lock = await createConnection(gateways.databaseOn(2).url);
    for (let round = 0; round < 5; round += 1) {
      await lock.query('FLUSH TABLES WITH READ LOCK');
      const account = newAccountKey();
      expect((await gateways.at(0).legacy('add_account', legacyAccount(account))).body.code).toBe(1001);
      const seen = gateways.look(2, account);
      await sleep(500);
      await lock.query('UNLOCK TABLES');
      expect(await seen).toMatchObject({ account: { accountId: account.accountId } });
    }
    await lock.end();
  });

  test('that write the same rows through different nodes show no conflict to a client', async () => {
    const account = newAccountKey();
    expect((await gateways.at(0).legacy('add_account', legacyAccount(account))).body.code).toBe(1001);
    const datasource = newDatasource(account, 'hot');
    expect((await gateways.at(0).legacy('add-jdbc-conn', legacyDatasource(datasource))).body.code).toBe(1001);
    const before = await conflictsSoFar();
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
    const conflicts = (await conflictsSoFar()) - before;
    report(`${clients * edits} edits of one row through three nodes`, {
      conflicts,
      'longest answer in ms': Math.round(longest.milliseconds),
    });
    expect(conflicts).toBeGreaterThan(0);
    expect(longest.milliseconds).toBeLessThan(maxAnswerTime);
    for (const node of [0, 1, 2]) {
      await gateways.untilApplied(node);
      const [row] = await onDatabase<Record<string, unknown>>(
        gateways.databaseOn(node),
        'SELECT version, description, network_sg_id AS sg FROM datasources WHERE account_id = ?',
        [account.accountId],
      );
      expect(row).toEqual({ version: 1 + clients * edits, description: row?.description, sg: row?.description });
    }
  });

  test('that add the same key through different nodes at once add it once, and lose no edit that expects a version', async () => {
    for (let round = 0; round < 15; round += 1) {
      const account = newAccountKey();
      const added = await Promise.all(
        Array.from({ length: clients }, (_, turn) => gateways.at(turn).legacy('add_account', legacyAccount(account))),
      );
      expect(added.map(({ body }) => body.code).sort()).toEqual([1001, ...Array(clients - 1).fill(1230)]);
      const datasource = legacyDatasource(newDatasource(account, 'orders'));
      expect((await gateways.at(round).legacy('add-jdbc-conn', datasource)).body.code).toBe(1001);
      const edited = await Promise.all(
        Array.from({ length: clients }, (_, turn) =>
          gateways.at(turn).legacy('update-jdbc-conn', { ...datasource, expected_version: 1 }),
        ),
      );
      expect(edited.map(({ body }) => body.code).sort()).toEqual([1001, ...Array(clients - 1).fill(1901)]);
      const deleted = await Promise.all(
        Array.from({ length: clients }, (_, turn) =>
          turn === 4
            ? gateways.at(turn).legacy('delete_account', legacyAccount(account))
            : gateways.at(turn).legacy('add-jdbc-conn', legacyDatasource(newDatasource(account, `orders-${turn}`))),
        ),
      );
      expect(deleted[4]?.body.code).toBe(1001);
      expect(deleted.map(({ body }) => body.code).filter((code) => code !== 1001 && code !== 1222)).toEqual([]);
    }
    const orphans = await onDatabase(
      gateways.databaseOn(0),
      'SELECT d.id FROM datasources d LEFT JOIN accounts a ON a.account_provider = d.account_provider AND a.account_id = d.account_id AND a.region = d.region WHERE a.id IS NULL',
    );
    expect(orphans).toEqual([]);
  });

  test('lose nothing when a node is killed, and serve on with the others', async () => {
    for (let round = 0; round < 3; round += 1) {
      const node = round % cluster.nodes.length;
      const acknowledged = gateways.ledger.count('acknowledged');
      await gateways.whileWriting(async () => {
        await sleep(700);
        await cluster.nodes[node]?.kill();
        await sleep(8000);
      });
      const others = [0, 1, 2].filter((other) => other !== node);
      expect(gateways.ledger.count('acknowledged')).toBeGreaterThan(acknowledged + 100);
      await gateways.expectNothingLost(`node ${node} killed`, others);
      await cluster.nodes[node]?.restart();
      await sleep(1500);
      await gateways.whileWriting(() => sleep(500));
      await gateways.expectNothingLost(`node ${node} back`, [0, 1, 2]);
    }
  });

  test('turn away from a node that has lost its cluster, and are ready again with it', async () => {
    // Two of three are frozen, so the third is no longer sure to have what they may have.
    const started = performance.now();
    await gateways.whileWriting(async () => {
      await sleep(300);
      cluster.nodes[0]?.process.kill('SIGSTOP');
      cluster.nodes[1]?.process.kill('SIGSTOP');
      for (;;) {
        const answers = await gateways.readiness();
        if (answers.every((status) => status === 503) && performance.now() - started > 9000) break;
        expect(performance.now() - started).toBeLessThan(20_000);
        await sleep(200);
      }
      expect(await gateways.ledger.addAccount(gateways.at(2))).toBe('refused');
      cluster.nodes[0]?.process.kill('SIGCONT');
      cluster.nodes[1]?.process.kill('SIGCONT');
      const thawed = performance.now();
      for (const one of gateways.all) {
        while ((await fetch(`${one.url}/readyz`)).status !== 200) await sleep(100);
      }
      report('two nodes frozen, and thawed', { 'ready after ms': Math.round(performance.now() - thawed) });
    });
    await gateways.expectNothingLost('a node without its cluster', [0, 1, 2]);
  });

  test('lose nothing when all nodes are killed, and serve again without a restart', async () => {
    await gateways.whileWriting(async () => {
      await sleep(700);
      await Promise.all(cluster.nodes.map((node) => node.kill()));
      await sleep(500);
    });
    expect(await gateways.readiness()).toEqual([503, 503, 503]);
    await cluster.bootstrap();
    const there = performance.now();
    for (const one of gateways.all) {
      while ((await gateways.ledger.addAccount(one)) !== 'acknowledged') await sleep(50);
    }
    report('all nodes killed, and started anew', { 'serving after ms': Math.round(performance.now() - there) });
    expect(performance.now() - there).toBeLessThan(2000);
    await gateways.expectNothingLost('all nodes killed', [0, 1, 2]);
  });
});
