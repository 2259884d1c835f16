/**
 * Measures what a page costs in registers of several sizes, on MariaDB or MySQL and on SQLite:
 *
 *     npm run bench:growth [-- --sizes 1000,100000] [--only sqlite] [--rounds 31] [--database mysql://…] [--write]
 *
 * A register of a million datasources takes some minutes to fill, and 2 GB on the disk. With --write it says so in
 * docs/growth.md.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import mysql from 'mysql2/promise';
import { startDatabase } from '../speed/database.js';
import { median } from '../speed/report.js';
import { accountPages, datasourcePages, growing, lookUps, targetsOf } from './cases.js';
import { Register } from './register.js';
import { printReport, writeReport } from './report.js';
import { writesOf } from './writes.js';

const placeCounts = [10, 60, 300];

const { values: told } = parseArgs({
  options: {
    sizes: { type: 'string', default: '1000,100000,1000000' },
    only: { type: 'string' },
    rounds: { type: 'string', default: '31' },
    database: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const sizes = told.sizes.split(',').map(Number);
const rounds = Number(told.rounds);
const slowRounds = Math.min(3, rounds);
const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const reports = [];

try {
  if (told.only !== 'sqlite') await onMysql();
  if (told.only !== 'mysql') await onSqlite();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
printReport(reports, sizes);
if (told.write) writeReport(reports, sizes, rounds);

async function onMysql() {
  const server = await startDatabase(told.database, ['--innodb-buffer-pool-size=2G']);
  const admin = await mysql.createConnection(server.url);
  const names = [];
  const open = async (size, ...others) => {
    names.push(`${new URL(server.url).pathname.slice(1)}_${names.length}`);
    await admin.query(`CREATE DATABASE ${names.at(-1)}`);
    return new Register(server.url.replace(/[^/]*$/, names.at(-1)), size, ...others);
  };
  const indexBytes = async () => {
    const [rows] = await admin.query(
      "SELECT index_name AS name, stat_value * @@innodb_page_size AS bytes FROM mysql.innodb_index_stats WHERE database_name = ? AND table_name = 'datasources' AND stat_name = 'size'",
      [names[sizes.length - 1]],
    );
    return rows.map(({ name, bytes }) => ({ name, bytes: Number(bytes) }));
  };
  try {
    reports.push(await measured(server.version, open, server.pid, indexBytes));
  } finally {
    for (const name of names) await admin.query(`DROP DATABASE IF EXISTS ${name}`);
    await admin.end();
    await server.remove();
  }
}

async function onSqlite() {
  let count = 0;
  const open = async (...others) => {
    count += 1;
    return new Register(`sqlite:${join(directory, `${count}.sqlite`)}`, ...others);
  };
  reports.push(await measured('SQLite', open, process.pid));
}

async function measured(name, open, pid, indexBytes) {
  const registers = [];
  const indexSeconds = [];
  for (const size of sizes) {
    const register = await open(size);
    indexSeconds.push(await register.fill());
    registers.push(register);
    console.log(`${name}: ${size} datasources, the indexes by place in ${indexSeconds.at(-1).toFixed(1)} s`);
  }
  const targets = [];
  for (const register of registers) targets.push(await targetsOf(register));
  const times = (runs, count) => interleaved(registers, targets, runs, count);
  const report = {
    name,
    indexSeconds,
    datasources: await timesOfPages(times, datasourcePages),
    accounts: await timesOfPages(times, accountPages),
    lookUps: await timesOf(times, lookUps, rounds),
    growing: await timesOf(times, growing, slowRounds),
    indexBytes: await indexBytes?.(),
    writes: [],
  };
  for (const register of registers.slice(-2)) report.writes.push(await writesOf(register, pid));
  for (const register of registers) await register.database.close();
  report.places = await timesByPlaces(open);
  return report;
}

async function timesOfPages(times, cases) {
  const results = [];
  for (const { filter, property, runs } of cases) {
    results.push({ filter, property, ...(await times(runs, rounds)) });
  }
  return results;
}

async function timesOf(times, cases, count) {
  const results = [];
  for (const [title, run] of Object.entries(cases)) {
    const { medians } = await times([run], count);
    results.push({ title, medians: medians.map(([median]) => median) });
  }
  return results;
}

/**
 * Times runs on each register in turn, so that whatever else the machine does meets all of them.
 *
 * @returns of each register the median of each run, in milliseconds; how many rows its page has, and which indexes are named
 */
async function interleaved(registers, targets, runs, count) {
  const times = registers.map(() => runs.map(() => []));
  const rows = registers.map(() => runs.map(() => 0));
  const indexes = new Set();
  const sent = { statements: 0 };
  const note = (sql) => {
    sent.statements += 1;
    for (const [, name] of sql.matchAll(/(?:FORCE INDEX \(|INDEXED BY )(\w+)/g)) indexes.add(name);
  };
  for (let round = -2; round < count; round += 1) {
    for (let turn = 0; turn < registers.length; turn += 1) {
      const place = (turn + round + 2) % registers.length;
      for (const [number, run] of runs.entries()) {
        const started = performance.now();
        if (round >= 0) {
          await registers[place].database.read((session) => run(session, targets[place]));
          times[place][number].push(performance.now() - started);
          continue;
        }
        sent.statements = 0;
        const page = await registers[place].database.read((session) => run(noting(session, note), targets[place]));
        rows[place][number] = page?.rows?.length;
      }
    }
  }
  return { medians: times.map((of) => of.map(median)), rows, indexes: [...indexes], statementCount: sent.statements };
}

function noting(session, note) {
  return {
    dialect: session.dialect,
    rows: (sql, values) => {
      note(sql);
      return session.rows(sql, values);
    },
  };
}

async function timesByPlaces(open) {
  const size = Math.min(100_000, sizes.at(-1));
  const results = [];
  for (const count of placeCounts) {
    const register = await open(size, count / 2);
    await register.fill();
    const targets = await targetsOf(register);
    const { medians } = await interleaved(
      [register],
      [targets],
      [['region'], ['accountProviderId'], ['instanceId']].map(
        (filter) => datasourcePages.find((one) => String(one.filter) === String(filter)).runs[0],
      ),
      rounds,
    );
    results.push({ count, medians: medians[0] });
    await register.database.close();
  }
  return { size, results };
}
