import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { report } from './figures.js';
import type { ClusterNode } from './galera-cluster.js';
import { type GatewayProcess, startGatewayProcess } from './process.js';
import { RegisterLedger } from './register-ledger.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from './register-samples.js';
import type { AccountKey } from './samples.js';

const clients = 9;
/** How long a client waits for its answer at most, in milliseconds. */
export const maxAnswerTime = 5000;

/** What gateways need to know of a cluster to use it, and a test to look at it. */
export interface ClusterAccess {
  readonly nodes: readonly ClusterNode[];
  /** `user` or `user:password`. */
  readonly user: string;
  readonly database: string;
  /** Sets up a connection so that it reads what was committed on every node. */
  readonly freshReads: string;
}

/** A gateway for each node of a cluster, which prefers that node, and clients that write through all of them. */
export class ClusterGateways {
  readonly ledger = new RegisterLedger();
  readonly #cluster: ClusterAccess;
  readonly #gateways: readonly GatewayProcess[];

  private constructor(
    cluster: ClusterAccess,
    gateways: readonly GatewayProcess[],
    /** What all of them seal credentials with. */
    readonly sealingKey: string,
  ) {
    this.#cluster = cluster;
    this.#gateways = gateways;
  }

  /** Starts them, and waits until they are ready. */
  static async start(cluster: ClusterAccess): Promise<ClusterGateways> {
    const sealingKey = randomBytes(32).toString('base64');
    const gateways = cluster.nodes.map((_, first) => {
      const order = cluster.nodes.map((__, node) => (first + node) % cluster.nodes.length);
      return startGatewayProcess({ DATABASE_URL: clusterUrl(cluster, order), SECRETS_KEY: sealingKey });
    });
    return new ClusterGateways(cluster, await Promise.all(gateways), sealingKey);
  }

  get all(): readonly GatewayProcess[] {
    return this.#gateways;
  }

  /** The gateways in turn. */
  at(turn: number): GatewayProcess {
    return this.#gateways[turn % this.#gateways.length] as GatewayProcess;
  }

  /** The database through one node alone. */
  databaseOn(node: number): { readonly url: string } {
    return { url: clusterUrl(this.#cluster, [node]) };
  }

  /** The statuses of `/readyz`. */
  readiness(): Promise<number[]> {
    return Promise.all(this.#gateways.map(async ({ url }) => (await fetch(`${url}/readyz`)).status));
  }

  /** Lets clients write through all gateways while something happens. */
  async whileWriting<T>(happens: () => Promise<T>): Promise<T> {
    this.ledger.forgetLongest();
    const state = { isOver: false };
    const writing = this.ledger.write(
      clients,
      (turn) => this.at(turn),
      () => state.isOver,
    );
    try {
      return await happens();
    } finally {
      state.isOver = true;
      await writing;
    }
  }

  /**
   * Adds an account through one gateway and a datasource through the next, and looks for both through the third.
   *
   * @returns what was seen; unavailable where one of the three could not answer
   */
  async readBack(turn: number): Promise<'found' | 'stale' | 'unavailable'> {
    const account = newAccountKey();
    const datasource = newDatasource(account, 'orders');
    for (const [gateway, route, body] of [
      [this.at(turn), 'add_account', legacyAccount(account)],
      [this.at(turn + 1), 'add-jdbc-conn', legacyDatasource(datasource)],
    ] as const) {
      const added = await gateway.legacy(route, body);
      if (added.httpStatus === 503) return 'unavailable';
      // The account is there, since that was acknowledged.
      if (added.body.code !== 1001) return 'stale';
    }
    const seen = await this.look(turn + 2, account, 'orders');
    if (seen === undefined) return 'unavailable';
    return seen.account === null || seen.datasource === null ? 'stale' : 'found';
  }

  /** Looks for an account and a datasource of it through a gateway; undefined where it cannot answer. */
  async look(turn: number, account: AccountKey, instanceId = 'none') {
    const { accountProvider, accountId, region } = account;
    const response = await fetch(`${this.at(turn).url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({
        query:
          'query ($key: DatasourceKey!, $account: AccountKey!) { datasource(key: $key) { version } account(key: $account) { accountId } }',
        variables: { key: { accountProviderId: accountProvider, accountId, region, instanceId }, account },
      }),
    });
    if (response.status === 503) return undefined;
    const { data } = (await response.json()) as { data: { datasource: unknown; account: unknown } };
    return data;
  }

  /** Compares what clients were told with what each of these nodes has. */
  async expectNothingLost(what: string, on: readonly number[]): Promise<void> {
    report(what, {
      acknowledged: this.ledger.count('acknowledged'),
      refused: this.ledger.count('refused'),
      'longest answer in ms': this.ledger.longest,
    });
    expect(this.ledger.wrongAnswers).toEqual([]);
    expect(this.ledger.count('unanswered')).toBe(0);
    expect(this.ledger.longest).toBeLessThan(maxAnswerTime);
    for (const node of on) {
      await this.untilApplied(node);
      expect(await this.ledger.problems(this.databaseOn(node))).toEqual([]);
    }
  }

  /**
   * Waits until a node has what was committed on the others: a connection of another does not wait for it by itself. A node
   * that was away needs a while until it knows.
   */
  async untilApplied(node: number): Promise<void> {
    const connection = await createConnection(this.databaseOn(node).url);
    await connection.query(this.#cluster.freshReads);
    const isApplied = () =>
      connection.query('SELECT COUNT(*) FROM accounts').then(
        () => true,
        () => false,
      );
    for (let turn = 0; turn < 100 && !(await isApplied()); turn += 1) await sleep(100);
    await connection.end();
  }

  /** Kills them. */
  async stop(): Promise<void> {
    await Promise.all(this.#gateways.map((gateway) => gateway.kill('SIGKILL')));
  }
}

/** What DATABASE_URL is set to, for some of the nodes, the first first. */
export function clusterUrl({ nodes, user, database }: ClusterAccess, order: readonly number[]): string {
  return `mysql://${user}@${order.map((node) => `127.0.0.1:${nodes[node]?.port}`).join(',')}/${database}`;
}
