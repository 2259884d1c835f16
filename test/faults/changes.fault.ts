import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { startServer } from '../support/database-server.js';
import { mysqlKind, sqliteKind } from '../support/databases.js';
import { report } from '../support/figures.js';
import { startGaleraCluster, whyNoGalera } from '../support/galera-cluster.js';
import { type GatewayProcess, startGatewayProcess } from '../support/process.js';
import { newAccountKey, newDatasource } from '../support/register-samples.js';
import { onMysql, onPrivateServer, suite } from '../support/suites.js';

const wanted = Number(process.env.CHANGES ?? 10_000);
const clients = 24;
const readers = 6;
// Seldom enough that it gets on, and often enough that each reader is killed many times.
const killedEach = 15;
// In milliseconds: three times what is promised.
const longestNumbering = 3_000;

/** A database for gateways. */
interface Place {
  /** The settings of each gateway. */
  readonly env: readonly Record<string, string>[];
  /** Kills the database, or a node of it, and starts it again. */
  killDatabase?(): Promise<void>;
  remove(): Promise<void>;
}

/** One entry of the feed, as a reader keeps it. */
interface Entry {
  readonly cursor: string;
  readonly operation: string;
  readonly id: string;
  readonly version: number | null;
}

/** The gateways of a place, of which some may be away. */
class Gateways {
  readonly #env: readonly Record<string, string>[];
  #running: GatewayProcess[] = [];

  constructor(env: readonly Record<string, string>[]) {
    this.#env = env;
  }

  async start(): Promise<void> {
    this.#running = await Promise.all(this.#env.map((env) => startGatewayProcess(env)));
  }

  /** Kills one, and starts another in its place. */
  async kill(place: number): Promise<void> {
    await this.#running[place]?.kill('SIGKILL');
    this.#running[place] = await startGatewayProcess(this.#env[place] as Record<string, string>);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#running.map((gateway) => gateway.kill('SIGKILL')));
  }

  /** @returns the data of the answer; undefined where there was none, or an error */
  async ask<Data>(turn: number, query: string, variables: object, signal?: AbortSignal): Promise<Data | undefined> {
    const { url } = this.#running[turn % this.#running.length] as GatewayProcess;
    try {
      const answer = await fetch(`${url}/graphql`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ query, variables }),
        ...(signal === undefined ? {} : { signal }),
      });
      return ((await answer.json()) as { data?: Data }).data ?? undefined;
    } catch {
      return undefined;
    }
  }
}

/** Reads the feed on and on, through any gateway, and is killed now and then: it then goes on from the last page that it has kept. */
class Reader {
  readonly entries: Entry[] = [];
  #cursor: string | undefined;
  #kills = 0;

  get kills(): number {
    return this.#kills;
  }

  async read(gateways: Gateways, isOver: () => boolean): Promise<void> {
    const query =
      'query ($after: String) { changes(after: $after, first: 100) { cursor hasMore changes { cursor operation id version } } }';
    for (let turn = Math.floor(Math.random() * 3); ; turn += 1) {
      const isLast = isOver();
      const killed = new AbortController();
      if (turn % killedEach === 0) setTimeout(() => killed.abort(), Math.random() * 20);
      const data = await gateways.ask<{ changes: { cursor: string; hasMore: boolean; changes: Entry[] } }>(
        turn,
        query,
        { after: this.#cursor },
        killed.signal,
      );
      if (killed.signal.aborted) this.#kills += 1;
      if (data?.changes) {
        this.entries.push(...data.changes.changes);
        this.#cursor = data.changes.cursor;
      }
      if (isLast && data?.changes && data.changes.changes.length === 0) return;
      if (!data?.changes?.hasMore) await sleep(100);
    }
  }
}

/** Has clients add datasources and edit them until enough changes were acknowledged, of each of which it keeps the version. */
async function write(gateways: Gateways, acknowledged: Map<string, number[]>, isEnough: () => boolean): Promise<void> {
  const add = 'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { datasource { id version } } }';
  const edit =
    'mutation ($input: UpdateDatasourceInput!) { updateDatasource(input: $input) { datasource { id version } } }';
  type Answer = Record<string, { datasource: { id: string; version: number } } | null>;
  const shared = newAccountKey();
  const addAccount = 'mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }';
  while ((await gateways.ask(0, addAccount, { input: shared })) === undefined) await sleep(50);
  await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      for (let turn = 0; !isEnough(); turn += 1) {
        const input = newDatasource(shared, `client-${client}-${turn}`);
        const note = (data: Answer | undefined) => {
          const made = Object.values(data ?? {})[0]?.datasource;
          if (made !== undefined) acknowledged.set(made.id, [...(acknowledged.get(made.id) ?? []), made.version]);
          return made !== undefined;
        };
        if (!note(await gateways.ask<Answer>(client + turn, add, { input }))) {
          await sleep(50);
          continue;
        }
        const { instanceId, accountProviderId, accountId, region } = input;
        for (let change = 1; change <= 12 && !isEnough(); change += 1) {
          const patch = { instanceId, accountProviderId, accountId, region, description: `change ${change}` };
          // Through another gateway each time, so that no one's clock orders them.
          if (!note(await gateways.ask<Answer>(client + change, edit, { input: patch }))) await sleep(50);
        }
      }
    }),
  );
}

/** Has changes written and read while what serves them is killed, and compares what each reader has with what was acknowledged. */
async function expectEachOnce(name: string, place: Place): Promise<void> {
  const gateways = new Gateways(place.env);
  await gateways.start();
  try {
    const acknowledged = new Map<string, number[]>();
    const count = () => [...acknowledged.values()].reduce((sum, versions) => sum + versions.length, 0);
    const state = { isOver: false };
    const all: Reader[] = [];
    const reading: Promise<void>[] = [];
    const come = () => {
      const reader = new Reader();
      all.push(reader);
      reading.push(reader.read(gateways, () => state.isOver));
    };
    const started = performance.now();
    const writing = write(gateways, acknowledged, () => count() >= wanted);
    const until = async (share: number) => {
      while (count() < share * wanted) await sleep(20);
    };
    for (let reader = 0; reader < readers / 2; reader += 1) come();
    await until(0.25);
    await gateways.kill(0);
    come();
    await until(0.5);
    await place.killDatabase?.();
    come();
    await until(0.75);
    await gateways.kill(place.env.length - 1);
    await writing;
    const seconds = (performance.now() - started) / 1000;
    come();
    // A change may come a second after its commit, and what nobody was told of may have been committed in the end.
    await sleep(longestNumbering);
    state.isOver = true;
    await Promise.all(reading);
    report(`changes on ${name}`, {
      acknowledged: count(),
      'in a second': Math.round(count() / seconds),
      readers: all.length,
      'kills of readers': all.reduce((sum, { kills }) => sum + kills, 0),
    });

    const [first, ...others] = all as [Reader, ...Reader[]];
    for (const { entries } of others) expect(entries).toEqual(first.entries);
    const told = new Map<string, number[]>();
    for (const { id, version } of first.entries) {
      if (version !== null) told.set(id, [...(told.get(id) ?? []), version]);
    }
    const missing = [...acknowledged].filter(([id, versions]) => versions.some((one) => !told.get(id)?.includes(one)));
    expect(missing).toEqual([]);
    // Each once, and those of one datasource in their order: 1, 2, 3 and so on.
    const wrong = [...told].filter(([, versions]) => versions.some((version, turn) => version !== turn + 1));
    expect(wrong).toEqual([]);
  } finally {
    await gateways.stop();
    await place.remove();
  }
}

function three(url: string | readonly string[]): Record<string, string>[] {
  const key = randomBytes(32).toString('base64');
  const urls = typeof url === 'string' ? [url, url, url] : url;
  return urls.map((one) => ({ DATABASE_URL: one, SECRETS_KEY: key }));
}

async function createDatabase(port: number): Promise<void> {
  const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
  await connection.query('CREATE DATABASE gateway_changes');
  await connection.end();
}

onPrivateServer.run(`readers of the feed on ${onPrivateServer.name}`, () => {
  test('have each acknowledged change once, in one order, whatever is killed', async () => {
    const server = await startServer(['--innodb-flush-log-at-trx-commit=1']);
    await createDatabase(server.port);
    await expectEachOnce('a server of its own', {
      env: three(`${server.url}/gateway_changes`),
      killDatabase: () => server.restart(),
      remove: () => server.remove(),
    });
  });
});

const onCluster = suite('a Galera cluster of three', whyNoGalera());

onCluster.run(`readers of the feed on ${onCluster.name}`, () => {
  test('have each acknowledged change once, in one order, whatever is killed', async () => {
    const cluster = await startGaleraCluster();
    await createDatabase(cluster.nodes[0]?.port as number);
    const urls = cluster.nodes.map((_, first) => {
      const ports = cluster.nodes.map((_, node) => cluster.nodes[(first + node) % 3]?.port);
      return `mysql://root@${ports.map((port) => `127.0.0.1:${port}`).join(',')}/gateway_changes`;
    });
    await expectEachOnce('a Galera cluster', {
      env: three(urls),
      killDatabase: async () => {
        await cluster.nodes[1]?.kill();
        await cluster.nodes[1]?.restart();
      },
      remove: () => cluster.remove(),
    });
  });
});

onMysql.run(`readers of the feed on ${onMysql.name}`, () => {
  test('have each acknowledged change once, in one order, whichever gateways are killed', async () => {
    const made = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
    await expectEachOnce('the server of the tests', { env: three(made.url), remove: () => made.drop() });
  });
});

test('readers of the feed on SQLite have each acknowledged change once, in one order, whenever the gateway is killed', async () => {
  const made = await sqliteKind.create();
  await expectEachOnce('SQLite', {
    env: [{ ...made.env }],
    remove: () => made.drop(),
  });
});
