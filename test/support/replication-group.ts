import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection, type RowDataPacket } from 'mysql2/promise';
import { findServer, freePort, onPath } from './database-server.js';
import type { ClusterNode } from './galera-cluster.js';

const maxJoinTime = 60_000;
const superUser = 'root';

/** A group of MySQL servers in single-primary mode on the loopback address. */
export interface ReplicationGroup {
  readonly nodes: readonly ClusterNode[];
  /** Runs a statement on a member, with every right. */
  query(node: number, sql: string): Promise<RowDataPacket[]>;
  /** Which member takes writes, as soon as one does, among some of them or all. */
  primary(among?: readonly number[]): Promise<number>;
  /** Makes a member take part again, after it was killed, frozen or stopped, and waits until it does. */
  join(node: number): Promise<void>;
  /** Stops all members and removes their data. */
  remove(): Promise<void>;
}

/** What is missing for a group of MySQL servers; undefined where nothing is. */
export function whyNoReplicationGroup(): string | undefined {
  const program = mysqlProgram();
  if (program === undefined) return 'no MySQL server, see CONTRIBUTING.md';
  const version = execFileSync(program, ['--version']).toString();
  return version.includes('MariaDB') ? 'the server is MariaDB, see CONTRIBUTING.md' : undefined;
}

/** The database and the user of the gateway: with no rights beyond the database, so that no server lets it write where others may not. */
export const groupDatabase = 'gateway_group';
export const groupUser = 'gateway:gateway';

/** Starts a group, one member after the other, with settings under which no commit is lost. */
export async function startReplicationGroup(size = 3): Promise<ReplicationGroup> {
  const program = mysqlProgram() as string;
  const directory = mkdtempSync(join(tmpdir(), 'gateway-group-'));
  const user = userInfo().username;
  const members = await Promise.all(
    Array.from({ length: size }, async () => ({ sql: await freePort(), group: await freePort() })),
  );
  const seeds = members.map(({ group }) => `127.0.0.1:${group}`).join(',');
  const processes: ChildProcess[] = [];
  const data = (node: number) => join(directory, `node-${node}`);

  // All begin as copies of one, without a binary log, so that none has a transaction that the others lack.
  const firstStatements = join(directory, 'first.sql');
  writeFileSync(
    firstStatements,
    [
      `CREATE USER '${superUser}'@'127.0.0.1';`,
      `GRANT ALL ON *.* TO '${superUser}'@'127.0.0.1' WITH GRANT OPTION;`,
      `CREATE DATABASE ${groupDatabase};`,
      "CREATE USER 'gateway'@'127.0.0.1' IDENTIFIED BY 'gateway';",
      `GRANT ALL ON ${groupDatabase}.* TO 'gateway'@'127.0.0.1';`,
    ].join('\n'),
  );
  execFileSync(
    program,
    [
      '--no-defaults',
      `--user=${user}`,
      '--initialize-insecure',
      '--skip-log-bin',
      `--init-file=${firstStatements}`,
      `--datadir=${data(0)}`,
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  rmSync(join(data(0), 'auto.cnf'), { force: true });
  for (const node of members.keys()) if (node > 0) cpSync(data(0), data(node), { recursive: true });

  function argumentsOf(node: number): string[] {
    const { sql, group } = members[node] as (typeof members)[number];
    return [
      '--no-defaults',
      `--user=${user}`,
      `--datadir=${data(node)}`,
      `--port=${sql}`,
      '--bind-address=127.0.0.1',
      `--socket=${join(directory, `${node}.s`)}`,
      `--pid-file=${join(directory, `${node}.pid`)}`,
      '--skip-name-resolve',
      '--mysqlx=OFF',
      '--secure-file-priv=NULL',
      '--max-connections=500',
      '--innodb-buffer-pool-size=64M',
      `--server-id=${node + 1}`,
      '--log-bin',
      '--gtid-mode=ON',
      '--enforce-gtid-consistency=ON',
      `--report-host=127.0.0.1`,
      `--report-port=${sql}`,
      '--plugin-load-add=group_replication.so',
      '--loose-group-replication-group-name=8e4d6f50-8c0b-4e6c-9a5b-2f1f3f2f0d11',
      `--loose-group-replication-local-address=127.0.0.1:${group}`,
      `--loose-group-replication-group-seeds=${seeds}`,
      '--loose-group-replication-ip-allowlist=127.0.0.1/8',
      '--loose-group-replication-single-primary-mode=ON',
      '--loose-group-replication-start-on-boot=OFF',
      '--loose-group-replication-recovery-get-public-key=ON',
      '--loose-group-replication-member-expel-timeout=0',
    ];
  }

  function launch(node: number): void {
    const log = openSync(join(directory, `${node}.log`), 'a');
    processes[node] = spawn(program, argumentsOf(node), { stdio: ['ignore', log, log] });
  }

  async function query(node: number, sql: string): Promise<RowDataPacket[]> {
    const { sql: port } = members[node] as (typeof members)[number];
    const connection = await createConnection({ host: '127.0.0.1', port, user: superUser, connectTimeout: 1000 });
    try {
      return (await connection.query<RowDataPacket[]>(sql))[0];
    } finally {
      connection.destroy();
    }
  }

  async function until(what: string, node: number, condition: () => Promise<boolean>): Promise<void> {
    for (const started = Date.now(); !(await condition().catch(() => false)); await sleep(100)) {
      const { exitCode, signalCode } = processes[node] as ChildProcess;
      if (exitCode !== null || signalCode !== null || Date.now() - started > maxJoinTime) {
        const log = readFileSync(join(directory, `${node}.log`), 'utf8');
        throw new Error(`node ${node} ${what}: ${log.slice(-3000)}`);
      }
    }
  }

  async function isOnline(node: number): Promise<boolean> {
    const [row] = await query(
      node,
      'SELECT MEMBER_STATE AS state FROM performance_schema.replication_group_members WHERE MEMBER_ID = @@server_uuid',
    );
    return row?.state === 'ONLINE';
  }

  async function takePart(node: number): Promise<void> {
    const child = processes[node] as ChildProcess;
    if (child.exitCode !== null || child.signalCode !== null) launch(node);
    else child.kill('SIGCONT');
    await until('does not answer', node, async () => (await query(node, 'SELECT 1')).length === 1);
    let failure: unknown;
    await until('does not join', node, async () => {
      if (await isOnline(node)) return true;
      // It may be at joining, or at leaving, already.
      await query(node, 'START GROUP_REPLICATION').catch((error: unknown) => {
        failure = error;
      });
      return isOnline(node);
    }).catch((error: Error) => {
      throw new Error(`${error.message}\n${failure}`);
    });
  }

  async function bootstrap(): Promise<void> {
    launch(0);
    await until('does not answer', 0, async () => (await query(0, 'SELECT 1')).length === 1);
    await recoverAs(0);
    await query(0, 'SET GLOBAL group_replication_bootstrap_group = ON');
    await query(0, 'START GROUP_REPLICATION');
    await query(0, 'SET GLOBAL group_replication_bootstrap_group = OFF');
  }

  /** How a member gets from the others what it has missed; it is kept in the member's data. */
  async function recoverAs(node: number): Promise<void> {
    await query(
      node,
      `CHANGE REPLICATION SOURCE TO SOURCE_USER = '${superUser}', SOURCE_PASSWORD = '' FOR CHANNEL 'group_replication_recovery'`,
    );
  }

  async function kill(node: number): Promise<void> {
    const child = processes[node];
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGCONT');
    child.kill('SIGKILL');
    await ended;
  }

  async function primary(among: readonly number[] = [...members.keys()]): Promise<number> {
    for (const started = Date.now(); Date.now() - started < maxJoinTime; await sleep(50)) {
      for (const node of among) {
        const rows = await query(node, 'SELECT @@read_only AS readOnly').catch(() => []);
        if (rows[0]?.readOnly === 0) return node;
      }
    }
    throw new Error('no member takes writes');
  }

  async function remove(): Promise<void> {
    await Promise.all([...members.keys()].map(kill));
    rmSync(directory, { recursive: true, force: true });
  }

  try {
    await bootstrap();
    for (const node of members.keys()) {
      if (node === 0) continue;
      launch(node);
      await until('does not answer', node, async () => (await query(node, 'SELECT 1')).length === 1);
      await recoverAs(node);
      await takePart(node);
    }
  } catch (error) {
    await remove();
    throw error;
  }
  return {
    nodes: members.map(({ sql }, node) => ({
      port: sql,
      get process() {
        return processes[node] as ChildProcess;
      },
      kill: () => kill(node),
      restart: () => takePart(node),
    })),
    query,
    primary,
    join: takePart,
    remove,
  };
}

/** The server: where the one that is installed is MariaDB, another one can be named. */
function mysqlProgram(): string | undefined {
  const named = process.env.TEST_MYSQLD;
  if (named) return existsSync(named) ? named : undefined;
  return onPath('mysqld') ?? findServer();
}
