/**
 * Measures `registry import` and `registry export` as processes: rows a second, and the most memory that each held.
 *
 *     npm run build && node bench/registry-transfer.js [--rows 100000] [--credentials]
 *
 * The database is that of DATABASE_URL (with SECRETS_KEY), which must be empty; an SQLite file of its own where it is not set.
 * With --credentials the export is also made with encrypted credentials, and read back.
 */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createWriteStream, mkdtempSync, openSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const program = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
const { values } = parseArgs({ options: { rows: { type: 'string' }, credentials: { type: 'boolean' } } });
const rows = Number(values.rows ?? 100_000);
const rowsPerAccount = 100;
const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const env = {
  PATH: process.env.PATH,
  DATABASE_URL: process.env.DATABASE_URL ?? `sqlite:${join(directory, 'gateway.sqlite')}`,
  ...(process.env.SECRETS_KEY ? { SECRETS_KEY: process.env.SECRETS_KEY } : {}),
  REGISTRY_PASSPHRASE: randomBytes(16).toString('hex'),
};

try {
  const source = join(directory, 'source.jsonl');
  await writeSource(source);
  const [copy, table, withCredentials] = ['copy.jsonl', 'table.csv', 'credentials.jsonl'].map((name) =>
    join(directory, name),
  );
  await measured('import, all new', ['import', source]);
  await measured('import again, all unchanged', ['import', source]);
  await measured('import, dry run', ['import', source, '--dry-run']);
  await measured('export, JSON Lines', ['export', '--output', copy]);
  await measured('export, CSV', ['export', '--output', table, '--kind', 'datasources']);
  await measured('import, CSV, all unchanged', ['import', table, '--kind', 'datasources']);
  if (values.credentials) {
    await measured('export with credentials', ['export', '--output', withCredentials, '--with-credentials']);
    await measured('import with credentials, all unchanged', ['import', withCredentials]);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}

async function writeSource(path) {
  const file = createWriteStream(path);
  const write = (row) => file.write(`${JSON.stringify(row)}\n`) || new Promise((done) => file.once('drain', done));
  for (let row = 0; row < rows; row += 1) {
    const account = 100_000_000_000 + Math.floor(row / rowsPerAccount);
    const place = { account_id: String(account), region: 'eu-west-1' };
    if (row % rowsPerAccount === 0) await write({ kind: 'account', account_provider: 1, ...place });
    await write({
      kind: 'datasource',
      instance_id: `orders-${row}`,
      account_provider_id: 1,
      ...place,
      description: `The orders of shop ${row}, read by the nightly crawler`,
      jdbc_connection_url: `jdbc:postgresql://db-${row}.example.com:5432/orders?ssl=true`,
      jdbc_connection_schema: 'public',
      jdbc_enforce_ssl: true,
      master_username: 'crawler',
      password: `password-${row}`,
      network_availability_zone: 'eu-west-1a',
      network_subnet_id: 'subnet-0123456789abcdef0',
      network_sg_id: 'sg-0123456789abcdef0',
      glue_crawler_last_updated: '2024-02-29T13:05:00.000Z',
      create_type: 1,
    });
  }
  await new Promise((done) => file.end(done));
  console.log(`${rows} datasources, ${(statSync(path).size / 2 ** 20).toFixed(0)} MiB of JSON Lines`);
}

async function measured(what, words) {
  const started = performance.now();
  const output = openSync(join(directory, 'output'), 'w');
  const child = spawn(process.execPath, [program, 'registry', ...words], { env, stdio: ['ignore', output, 'inherit'] });
  let peak = 0;
  const look = setInterval(() => {
    peak = Math.max(peak, peakMemory(child.pid) ?? 0);
  }, 50);
  const code = await new Promise((done) => child.on('exit', done));
  clearInterval(look);
  const seconds = (performance.now() - started) / 1000;
  const perSecond = Math.round(rows / seconds).toLocaleString('en');
  console.log(
    `${what}: ${seconds.toFixed(1)} s, ${perSecond} datasources a second, ${(peak / 1024).toFixed(0)} MiB at most`,
  );
  if (code !== 0)
    throw new Error(`It ended with ${code}: ${readFileSync(join(directory, 'output'), 'utf8').slice(-2000)}`);
}

/** The most memory that a process held, in KiB, as Linux counts it; undefined elsewhere. */
function peakMemory(pid) {
  try {
    const [, memory] = /VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8')) ?? [];
    return memory === undefined ? undefined : Number(memory);
  } catch {
    return undefined;
  }
}
