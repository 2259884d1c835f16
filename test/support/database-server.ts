import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { accessSync, constants, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createConnection } from 'mysql2/promise';

/** How to get a server where none is found. */
export const howToGetServer =
  'Install MariaDB (Debian: apt-get install mariadb-server) or MySQL, or set TEST_DATABASE_URL to mysql://user:password@host:port/ of a server on which databases may be made.';

/** A private server that a test may stop, freeze and kill. */
export interface DatabaseServer {
  /** `mysql://root@127.0.0.1:port`, to which `/name` is added. */
  readonly url: string;
  readonly port: number;
  /** The server's process, for signals. */
  readonly process: ChildProcess;
  /** Starts it again on the same port and data. */
  restart(): Promise<void>;
  /** Stops it and removes its data. */
  remove(): Promise<void>;
}

/** The path of the server of TEST_MYSQLD, or of an installed one; undefined where there is none. */
export function findServer(): string | undefined {
  return process.env.TEST_MYSQLD || (onPath('mariadbd') ?? onPath('mysqld'));
}

/** MySQL's own server, which TEST_MYSQLD names where the one that is installed is MariaDB; undefined where there is none. */
export function findMysqlServer(): string | undefined {
  const named = process.env.TEST_MYSQLD;
  if (named) return existsSync(named) ? named : undefined;
  return onPath('mariadbd') === undefined ? onPath('mysqld') : undefined;
}

/** Starts a private server with its durable settings, on a free port of the loopback address. */
export async function startServer(
  extraArguments: readonly string[] = [],
  program = findServer(),
): Promise<DatabaseServer> {
  if (program === undefined) throw new Error(`There is no database server to test on. ${howToGetServer}`);
  const directory = mkdtempSync(join(tmpdir(), 'gateway-mysql-'));
  const data = join(directory, 'data');
  const port = await freePort();
  const isMariaDb = execFileSync(program, ['--version']).toString().includes('MariaDB');
  const user = userInfo().username;
  if (isMariaDb) {
    const install = onPath('mariadb-install-db') ?? onPath('mysql_install_db') ?? 'mariadb-install-db';
    execFileSync(
      install,
      [
        '--no-defaults',
        `--datadir=${data}`,
        `--user=${user}`,
        '--auth-root-authentication-method=normal',
        '--skip-test-db',
      ],
      // What it says of its own failure becomes part of the error's message.
      { stdio: ['ignore', 'ignore', 'pipe'] },
    );
  } else {
    execFileSync(program, ['--no-defaults', `--user=${user}`, '--initialize-insecure', `--datadir=${data}`], {
      stdio: 'ignore',
    });
  }
  const serverArguments = [
    '--no-defaults',
    `--user=${user}`,
    `--datadir=${data}`,
    `--port=${port}`,
    '--bind-address=127.0.0.1',
    `--socket=${join(directory, 's')}`,
    `--pid-file=${join(directory, 'pid')}`,
    '--max-connections=500',
    // The one user of a new MySQL is that of localhost, which is 127.0.0.1 only where names are looked up.
    ...(isMariaDb ? ['--skip-name-resolve'] : ['--mysqlx=OFF', '--skip-log-bin']),
    ...extraArguments,
  ];
  const launch = () => spawn(program, serverArguments, { stdio: 'ignore' });
  const state = { process: launch() };
  await untilReachable(port);
  return {
    url: `mysql://root@127.0.0.1:${port}`,
    port,
    get process() {
      return state.process;
    },
    async restart() {
      await stop(state.process);
      state.process = launch();
      await untilReachable(port);
    },
    async remove() {
      await stop(state.process);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** A port that nothing listens on. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function untilReachable(port: number): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    try {
      const connection = await createConnection({ host: '127.0.0.1', port, user: 'root' });
      await connection.end();
      return;
    } catch {
      await sleep(100);
    }
  }
  throw new Error('The database server does not answer.');
}

async function stop(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGCONT');
  server.kill('SIGKILL');
  await ended;
}

/** The path of a program, also of one that only administrators have on theirs. */
export function onPath(program: string): string | undefined {
  const directories = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
  return directories
    .map((directory) => join(directory, program))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}
