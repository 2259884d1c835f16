import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import pg from 'pg';
import type { ServerCertificate } from './certificates.js';
import { freePort, onPath } from './database-server.js';

/** A private PostgreSQL server. */
export interface PostgresqlServer {
  readonly port: number;
  /** Runs statements as the superuser, over the server's socket. */
  run(sql: string): Promise<void>;
  remove(): Promise<void>;
}

const packaged = '/usr/lib/postgresql';

/** The folder of PostgreSQL's programs; undefined where it is not installed. */
export function findPostgresql(): string | undefined {
  const program = onPath('postgres');
  if (program !== undefined && onPath('initdb') !== undefined) return join(program, '..');
  const versions = existsSync(packaged) ? readdirSync(packaged).sort((a, b) => Number(b) - Number(a)) : [];
  return versions.map((version) => join(packaged, version, 'bin')).find((path) => existsSync(join(path, 'postgres')));
}

/**
 * Starts a private server on a free port of the loopback address.
 *
 * @param rules lines of `pg_hba.conf` for connections over TCP
 * @param certificate with which it offers TLS
 */
export async function startPostgresql(
  rules: readonly string[],
  certificate?: ServerCertificate,
): Promise<PostgresqlServer> {
  const programs = findPostgresql();
  if (programs === undefined) throw new Error('PostgreSQL is not installed.');
  const directory = mkdtempSync(join(tmpdir(), 'gateway-postgresql-'));
  const user = ownUser();
  chmodSync(directory, 0o755);
  if (user.uid !== undefined) chownSync(directory, user.uid, user.gid as number);
  const data = join(directory, 'data');
  const options = { ...user, stdio: 'pipe', cwd: directory } as const;
  execFileSync(join(programs, 'initdb'), ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync'], options);
  writeFileSync(join(data, 'pg_hba.conf'), ['local all postgres trust', ...rules, ''].join('\n'));
  const own = (path: string) => {
    if (user.uid !== undefined) chownSync(path, user.uid, user.gid as number);
    chmodSync(path, 0o600);
    return path;
  };
  const tls: string[] = [];
  if (certificate !== undefined) {
    copyFileSync(certificate.certificate, join(data, 'server.crt'));
    copyFileSync(certificate.key, join(data, 'server.key'));
    for (const name of ['server.crt', 'server.key']) own(join(data, name));
    tls.push('-c', 'ssl=on');
  }
  const port = await freePort();
  const server = spawn(
    join(programs, 'postgres'),
    ['-D', data, '-p', String(port), '-k', directory, '-h', '127.0.0.1', '-c', 'fsync=off', ...tls],
    { ...user, cwd: directory, stdio: 'ignore' },
  );
  const run = async (sql: string) => {
    const client = new pg.Client({ host: directory, port, user: 'postgres', database: 'postgres', password: '' });
    await client.connect();
    try {
      await client.query(sql);
    } finally {
      await client.end();
    }
  };
  for (let attempt = 0; ; attempt += 1) {
    try {
      await run('SELECT 1');
      break;
    } catch (error) {
      if (attempt === 300 || server.exitCode !== null) throw error;
      await sleep(100);
    }
  }
  return {
    port,
    run,
    async remove() {
      await stopped(server);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** The server refuses to run as root. */
function ownUser(): { uid?: number; gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string) => Number(execFileSync('id', [flag, 'postgres']).toString());
  return { uid: id('-u'), gid: id('-g') };
}

async function stopped(server: ChildProcess): Promise<void> {
  if (server.exitCode !== null || server.signalCode !== null) return;
  const ended = new Promise((resolve) => server.once('exit', resolve));
  server.kill('SIGQUIT');
  await ended;
}
