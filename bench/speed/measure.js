/**
 * Measures the gateway against a plain server and a peer (plain.js, mercurius.js), case by case (cases.js):
 *
 *     npm run bench [-- --only add,find] [--connections 1,16] [--texts 1,new] [--rounds 5] [--seconds 2] [--workers 2]
 *                   [--database mysql://…] [--results FILE] [--write]
 *
 * It needs a build. What was measured is added to the file of the results, in the place of what it has of the same cases; with
 * --write all of it is put into docs/performance.md and drawn in docs/performance.svg.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cases } from './cases.js';
import { seed, startDatabase } from './database.js';
import { operations } from './operations.js';
import { printTable, startAndMemory, writeReport } from './report.js';
import { cpuOf, gatewayProgram, makeKey, mercuriusProgram, plainProgram, startServerProcess } from './servers.js';

const warmUpSeconds = 2;
const starts = 7;

const { values: told } = parseArgs({
  options: {
    only: { type: 'string' },
    connections: { type: 'string' },
    texts: { type: 'string' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    workers: { type: 'string' },
    database: { type: 'string' },
    results: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const seconds = Number(told.seconds);
const isTold = (list, value) => list === undefined || list.split(',').includes(String(value));
const chosen = cases.filter(
  ({ operation, connections, texts }) =>
    isTold(told.only, operation) && isTold(told.connections, connections) && isTold(told.texts, texts),
);

const [loadBefore] = loadavg();
const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const closing = [() => rmSync(directory, { recursive: true, force: true })];
try {
  const database = await startDatabase(told.database);
  closing.push(() => database.remove());
  const settings = { DATABASE_URL: database.url, SECRETS_KEY: randomBytes(32).toString('base64'), AUTH: 'keys' };
  const headers = { 'x-api-key': makeKey(settings, directory, 'read,write') };
  const startTimes = await measureStarts(settings);
  if (told.workers !== undefined) settings.WORKERS = told.workers;

  const servers = {};
  for (const [name, program] of [
    ['gateway', gatewayProgram],
    ['plain', plainProgram],
    ['mercurius', mercuriusProgram],
  ]) {
    servers[name] = await startServerProcess(program, settings, directory);
    closing.push(() => servers[name].stop());
  }
  await sleep(3000);
  const idleMemory = { gateway: servers.gateway.memory(), plain: servers.plain.memory() };
  await seed(servers.gateway.url, headers);

  const load = fork(fileURLToPath(new URL('load.js', import.meta.url)));
  closing.push(() => load.kill());
  const send = (order) =>
    new Promise((resolve, reject) => {
      load.once('message', ({ failure, ...seen }) =>
        failure === undefined ? resolve(seen) : reject(new Error(failure)),
      );
      load.send({ headers, ...order });
    });

  const ids = await idsOf(servers.gateway.url, headers);
  const results = [];
  for (const { goal, ...one } of chosen) {
    const { path, plainPath = `/${one.operation}`, isChange } = operations[one.operation];
    const sides = {
      plain: { server: servers.plain, path: plainPath },
      gateway: { server: servers.gateway, path },
      ...(isChange ? { audited: { server: servers.plain, path: `/audited/${one.operation}` } } : {}),
      ...(path === '/graphql' ? { mercurius: { server: servers.mercurius, path } } : {}),
    };
    const rounds = Object.fromEntries(Object.keys(sides).map((name) => [name, []]));
    const order = (side, duration) =>
      send({ ...one, ids, url: `${sides[side].server.url}${sides[side].path}`, seconds: duration });
    for (const side of Object.keys(sides)) await order(side, warmUpSeconds);
    for (let round = 0; round < Number(told.rounds); round += 1) {
      // Each goes first as often as any other.
      const names = Object.keys(sides);
      for (const side of [...names.slice(round % names.length), ...names.slice(0, round % names.length)]) {
        const { server } = sides[side];
        const [cpuBefore, databaseBefore] = [server.cpu(), cpuOf(database.pid)];
        const seen = await order(side, seconds);
        const perRequest = (after, before) => ((after - before) / seen.requests) * 1e6;
        rounds[side].push({
          ...seen,
          cpu: perRequest(server.cpu(), cpuBefore),
          databaseCpu: perRequest(cpuOf(database.pid), databaseBefore),
        });
      }
    }
    results.push({ ...one, rounds });
    printTable(results.slice(-1));
  }
  const loadedMemory = { gateway: servers.gateway.memory(), plain: servers.plain.memory() };

  const report = {
    results: merged(told.results, results),
    startTimes,
    idleMemory,
    loadedMemory,
    machine: {
      cpu: `${cpus().length} × ${cpus()[0].model.trim()}`,
      memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
      system: `Linux ${release()}`,
      node: process.version,
      database: `${database.version}, innodb_flush_log_at_trx_commit = ${database.durability}`,
      busy: loadBefore > 0.5 ? `, with a load of ${loadBefore.toFixed(1)} by others before it began` : '',
      workers: told.workers ?? '1',
      rounds: told.rounds,
      seconds,
      date: new Date().toISOString().slice(0, 10),
    },
  };
  printTable(report.results);
  console.log(startAndMemory(report).join('\n'));
  if (told.write) writeReport(report);
} finally {
  for (const close of closing.reverse()) await close();
}

/** The ids of some of the datasources that the register holds. */
async function idsOf(url, headers) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ query: '{ datasources(first: 100) { edges { node { id } } } }' }),
  });
  return (await response.json()).data.datasources.edges.map(({ node }) => node.id);
}

/** How long the gateway and the plain server take to start, in turns. */
async function measureStarts(settings) {
  const times = { plain: [], gateway: [] };
  // The first start makes the tables, which is not what a start usually does.
  for (let run = 0; run <= starts; run += 1) {
    for (const [name, program] of [
      ['gateway', gatewayProgram],
      ['plain', plainProgram],
    ]) {
      const server = await startServerProcess(program, settings, directory);
      if (run > 0) times[name].push(server.startMilliseconds);
      await server.stop();
    }
  }
  return times;
}

/** Adds what was measured to what a file has. */
function merged(file, results) {
  if (file === undefined) return results;
  const nameOf = ({ operation, connections, texts }) => `${operation} ${connections} ${texts}`;
  const before = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  const all = [...new Map([...before, ...results].map((one) => [nameOf(one), one])).values()];
  writeFileSync(file, JSON.stringify(all));
  return all;
}
