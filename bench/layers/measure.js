/**
 * Measures in which layer of the gateway the time of a request goes, by a CPU profile of it under load:
 *
 *     npm run bench:layers [-- --only add,find] [--seconds 8] [--write]
 *
 * It needs a build. With --write it says so in docs/performance.md.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { seed, startDatabase } from '../speed/database.js';
import { operations } from '../speed/operations.js';
import { gatewayProgram, makeKey, startServerProcess } from '../speed/servers.js';
import { layers } from './layers.js';
import { timeByLayer } from './profile.js';

const connections = 16;
const warmUp = 4000;
const interval = 100;
const document = new URL('../../docs/performance.md', import.meta.url);

const { values: told } = parseArgs({
  options: {
    only: { type: 'string', default: 'add,find-account,list-account,add-rest' },
    seconds: { type: 'string', default: '8' },
    write: { type: 'boolean', default: false },
  },
});
const names = told.only.split(',');

const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const closing = [() => rmSync(directory, { recursive: true, force: true })];
try {
  const database = await startDatabase();
  closing.push(() => database.remove());
  const settings = { DATABASE_URL: database.url, SECRETS_KEY: randomBytes(32).toString('base64'), AUTH: 'keys' };
  const headers = { 'x-api-key': makeKey(settings, directory, 'read,write') };
  const profiling = ['--cpu-prof', `--cpu-prof-dir=${directory}/profile`, `--cpu-prof-interval=${interval}`];
  const gateway = await startServerProcess(gatewayProgram, settings, directory, profiling);
  const stretches = await load(gateway, headers).finally(() => gateway.stop());
  const found = timeByLayer(join(directory, 'profile'), stretches);
  const sampled = found.map((times) => [...times.values()].reduce((sum, time) => sum + time, 0));
  // A sample is taken of what the thread was at also while it waited for a processor, so samples count as parts of its CPU.
  const rows = layers.map((layer) => [
    layer,
    ...found.map((times, at) => (times.get(layer) / sampled[at]) * stretches[at].cpu),
  ]);
  const sums = ['in all', ...stretches.map(({ cpu }) => cpu)];
  const table = tableOf([...rows.filter((row) => row.slice(1).some((time) => time >= 0.05)), sums]);
  console.log(table);
  if (told.write) write(table);
} finally {
  for (const close of closing.reverse()) await close();
}

async function load(gateway, headers) {
  await seed(gateway.url, headers);
  const process = fork(fileURLToPath(new URL('../speed/load.js', import.meta.url)));
  const send = (order) =>
    new Promise((resolve, reject) => {
      process.once('message', ({ failure, ...seen }) =>
        failure === undefined ? resolve(seen) : reject(new Error(failure)),
      );
      process.send({ connections, headers, ...order });
    });
  try {
    const stretches = [];
    for (const name of names) {
      const order = { operation: name, url: `${gateway.url}${operations[name].path}` };
      await send({ ...order, amount: warmUp });
      const from = now();
      const before = gateway.mainThreadCpu();
      const { requests } = await send({ ...order, seconds: Number(told.seconds) });
      const cpu = ((gateway.mainThreadCpu() - before) / requests) * 1e6;
      stretches.push({ from, until: now(), cpu });
    }
    return stretches;
  } finally {
    process.kill();
  }
}

/** The clock of the profile. */
function now() {
  return Number(globalThis.process.hrtime.bigint() / 1000n);
}

function tableOf(rows) {
  const line = (cells) => `| ${cells.join(' | ')} |`;
  const head = ['µs of a request', ...names.map((name) => operations[name].title)];
  const figures = rows.map(([layer, ...times]) => line([layer, ...times.map((time) => time.toFixed(1))]));
  return [line(head), line(head.map((_, at) => (at === 0 ? '---' : '--:'))), ...figures].join('\n');
}

function write(table) {
  const marks = /(<!-- layers -->\n)[\s\S]*?(<!-- \/layers -->)/;
  const text = readFileSync(document, 'utf8');
  writeFileSync(
    document,
    text.replace(marks, (_, start, end) => `${start}\n${table}\n\n${end}`),
  );
}
