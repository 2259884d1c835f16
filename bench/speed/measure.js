/**
 * Measures the gateway against the floor (floor.js):
 *
 *     npm run bench [-- --only add,find] [--rounds 7] [--seconds 4] [--workers 2] [--connections 16] [--database mysql://…] [--write]
 *
 * It needs a build. With --write it says so in docs/performance.md and draws docs/performance.svg.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { gatewayStatements, seed, startDatabase } from './database.js';
import { operations } from './operations.js';
import { printTable, writeReport } from './report.js';
import { floorProgram, gatewayProgram, makeKey, startServerProcess } from './servers.js';

const warmUp = 4000;
const starts = 7;

const { values: told } = parseArgs({
  options: {
    only: { type: 'string' },
    rounds: { type: 'string', default: '7' },
    seconds: { type: 'string', default: '4' },
    workers: { type: 'string' },
    connections: { type: 'string', default: '16' },
    database: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const seconds = Number(told.seconds);
const connections = Number(told.connections);
const names = told.only?.split(',') ?? Object.keys(operations);

const [loadBefore] = loadavg();
const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const closing = [() => rmSync(directory, { recursive: true, force: true })];
try {
  const database = await startDatabase(told.database);
  closing.push(() => database.remove());
  const settings = { DATABASE_URL: database.url, SECRETS_KEY: randomBytes(32).toString('base64'), AUTH: 'keys' };
  const floorSettings = { DATABASE_URL: database.url, STATEMENTS: JSON.stringify(await gatewayStatements()) };
  const headers = { 'x-api-key': makeKey(settings, directory, 'read,write') };

  const startTimes = { gateway: [], floor: [] };
  const start = async (name, ...others) => {
    const server = await startServerProcess(...others);
    startTimes[name].push(server.startMilliseconds);
    return server;
  };
  const startGateway = () => start('gateway', gatewayProgram, settings, directory);
  const startFloor = () => start('floor', floorProgram, floorSettings, directory);
  // The first start makes the tables, which is not what a start usually does.
  await (await startGateway()).stop();
  startTimes.gateway.length = 0;
  for (let run = 0; run < starts; run += 1) {
    await (await startFloor()).stop();
    await (await startGateway()).stop();
  }

  if (told.workers !== undefined) settings.WORKERS = told.workers;
  const gateway = await startGateway();
  startTimes.gateway.length = starts;
  closing.push(() => gateway.stop());
  const floor = await startFloor();
  startTimes.floor.length = starts;
  closing.push(() => floor.stop());
  await sleep(3000);
  const idleMemory = { gateway: gateway.memory(), floor: floor.memory() };
  await seed(gateway.url, headers);

  const load = fork(fileURLToPath(new URL('load.js', import.meta.url)));
  closing.push(() => load.kill());
  const send = (order) =>
    new Promise((resolve, reject) => {
      load.once('message', ({ failure, ...seen }) =>
        failure === undefined ? resolve(seen) : reject(new Error(failure)),
      );
      load.send({ connections, headers, ...order });
    });

  const results = [];
  for (const name of names) {
    const { path } = operations[name];
    const sides = {
      floor: { server: floor, url: `${floor.url}/${name}`, rounds: [] },
      gateway: { server: gateway, url: `${gateway.url}${path}`, rounds: [] },
    };
    for (const { url } of Object.values(sides)) await send({ operation: name, url, amount: warmUp });
    for (let round = 0; round < Number(told.rounds); round += 1) {
      // Each goes first as often as the other.
      const order = round % 2 === 0 ? ['floor', 'gateway'] : ['gateway', 'floor'];
      for (const { server, url, rounds } of order.map((side) => sides[side])) {
        const before = server.cpu();
        const seen = await send({ operation: name, url, seconds });
        rounds.push({ ...seen, cpu: ((server.cpu() - before) / seen.requests) * 1e6 });
      }
    }
    results.push({ name, floor: sides.floor.rounds, gateway: sides.gateway.rounds });
    printTable(results.slice(-1));
  }
  const loadedMemory = { gateway: gateway.memory(), floor: floor.memory() };

  const report = {
    results,
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
      connections,
      warmUp,
      date: new Date().toISOString().slice(0, 10),
    },
  };
  printTable(results, report);
  if (told.write) writeReport(report);
} finally {
  for (const close of closing.reverse()) await close();
}
