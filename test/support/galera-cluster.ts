import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { findServer, freePort, onPath } from './database-server.js';

const providers = ['/usr/lib/galera/libgalera_smm.so', '/usr/lib64/galera-4/libgalera_smm.so'];
const maxJoinTime = 180_000;

/** One server of a cluster, which a test may stop, freeze and kill. */
export interface ClusterNode {
  readonly port: number;
  /** The server's process, for signals. */
  readonly process: ChildProcess;
  /** Kills it as a crash of its machine would, and waits until it is gone. */
  kill(): Promise<void>;
  /** Starts it again, and waits until it is in the cluster. */
  restart(): Promise<void>;
}

/** A Galera cluster of servers on the loopback address. */
export interface GaleraCluster {
  readonly nodes: readonly ClusterNode[];
  /** Starts the cluster anew after all nodes were killed: first the node that has the most, then the others. */
  bootstrap(): Promise<void>;
  /** Stops all nodes and removes their data. */
  remove(): Promise<void>;
}

/** What is missing for a cluster of MariaDB servers; undefined where nothing is. */
export function whyNoGalera(): string | undefined {
  const program = findServer();
  if (program === undefined || !execFileSync(program, ['--version']).toString().includes('MariaDB')) {
    return 'MariaDB is not installed';
  }
  if (galeraProvider() === undefined) return 'galera-4 is not installed';
  return onPath('rsync') === undefined ? 'rsync is not installed' : undefined;
}

/** Starts a cluster, one node after the other, with settings under which no commit is lost. */
export async function startGaleraCluster(size = 3): Promise<GaleraCluster> {
  const directory = mkdtempSync(join(tmpdir(), 'gateway-galera-'));
  // The copying of the data to a new node gives up root's rights, so the servers must not have them.
  const user = userInfo().username === 'root' ? 'mysql' : userInfo().username;
  const own = (path: string) => user === 'mysql' && execFileSync('chown', ['-R', user, path]);
  const ports = await Promise.all(
    Array.from({ length: size }, async () => ({
      sql: await freePort(),
      group: await freePort(),
      ist: await freePort(),
      sst: await freePort(),
    })),
  );
  const address = `gcomm://${ports.map(({ group }) => `127.0.0.1:${group}`).join(',')}`;
  const processes: ChildProcess[] = [];

  const data = (node: number) => join(directory, `node-${node}`);
  for (const node of ports.keys()) mkdirSync(data(node));
  execFileSync(
    onPath('mariadb-install-db') ?? 'mariadb-install-db',
    ['--no-defaults', `--datadir=${data(0)}`, '--auth-root-authentication-method=normal', '--skip-test-db'],
    { stdio: 'ignore' },
  );
  own(directory);

  function argumentsOf(node: number): string[] {
    const { sql, group, ist, sst } = ports[node] as (typeof ports)[number];
    return [
      '--no-defaults',
      `--user=${user}`,
      `--datadir=${data(node)}`,
      `--port=${sql}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(directory, `${node}.s`)}`,
      `--pid-file=${join(directory, `${node}.pid`)}`,
      '--skip-name-resolve',
      '--max-connections=500',
      '--binlog-format=ROW',
      '--innodb-autoinc-lock-mode=2',
      '--innodb-flush-log-at-trx-commit=1',
      '--innodb-buffer-pool-size=64M',
      '--wsrep-on=ON',
      `--wsrep-provider=${galeraProvider()}`,
      '--wsrep-cluster-name=gateway',
      `--wsrep-cluster-address=${address}`,
      `--wsrep-node-name=node-${node}`,
      '--wsrep-node-address=127.0.0.1',
      '--wsrep-sst-method=rsync',
      `--wsrep-sst-receive-address=127.0.0.1:${sst}`,
      `--wsrep-provider-options=base_port=${group};gmcast.listen_addr=tcp://127.0.0.1:${group};ist.recv_addr=127.0.0.1:${ist};gcache.size=32M`,
    ];
  }

  function launch(node: number, others: readonly string[] = []): void {
    const log = openSync(join(directory, `${node}.log`), 'a');
    processes[node] = spawn(findServer() as string, [...argumentsOf(node), ...others], {
      stdio: ['ignore', log, log],
    });
  }

  async function start(node: number, others: readonly string[] = []): Promise<void> {
    launch(node, others);
    const { sql } = ports[node] as (typeof ports)[number];
    for (const started = Date.now(); !(await isSynced(sql)); await sleep(100)) {
      const { exitCode, signalCode } = processes[node] as ChildProcess;
      if (exitCode !== null || signalCode !== null || Date.now() - started > maxJoinTime) {
        throw new Error(
          `node ${node} does not join: ${readFileSync(join(directory, `${node}.log`))
            .toString()
            .slice(-3000)}`,
        );
      }
    }
  }

  async function kill(node: number): Promise<void> {
    const child = processes[node];
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended;
  }

  /** Up to which transaction a node that is not running has everything. */
  function positionOf(node: number): number {
    const recovery = join(directory, `${node}.recovery`);
    execFileSync(findServer() as string, [...argumentsOf(node), '--wsrep-recover', `--log-error=${recovery}`], {
      stdio: 'ignore',
    });
    const position = /Recovered position: [0-9a-f-]+:(-?\d+)/.exec(readFileSync(recovery, 'utf8'));
    rmSync(recovery);
    return Number(position?.[1] ?? -1);
  }

  async function bootstrap(): Promise<void> {
    const positions = [...ports.keys()].map(positionOf);
    const first = positions.indexOf(Math.max(...positions));
    const state = join(data(first), 'grastate.dat');
    if (existsSync(state)) {
      writeFileSync(state, readFileSync(state, 'utf8').replace('safe_to_bootstrap: 0', 'safe_to_bootstrap: 1'));
    }
    await start(first, ['--wsrep-new-cluster']);
    for (const node of ports.keys()) if (node !== first) await start(node);
  }

  async function remove(): Promise<void> {
    await Promise.all([...ports.keys()].map(kill));
    rmSync(directory, { recursive: true, force: true });
  }

  try {
    await start(0, ['--wsrep-new-cluster']);
    for (const node of ports.keys()) if (node > 0) await start(node);
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    nodes: ports.map(({ sql }, node) => ({
      port: sql,
      get process() {
        return processes[node] as ChildProcess;
      },
      kill: () => kill(node),
      restart: () => start(node),
    })),
    bootstrap,
    remove,
  };
}

function galeraProvider(): string | undefined {
  return providers.find((path) => existsSync(path));
}

async function isSynced(port: number): Promise<boolean> {
  try {
    const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
    try {
      const [rows] = await connection.query<RowDataPacket[]>("SHOW STATUS LIKE 'wsrep_local_state'");
      return rows[0]?.Value === '4';
    } finally {
      await connection.end();
    }
  } catch {
    return false;
  }
}
