/**
 * Loads the gateway for an hour, and sees whether its memory, its answers or its start become worse:
 *
 *     npm run bench:endurance [-- --minutes 60] [--rate 400] [--database mysql://…] [--write]
 *
 * It needs a build. With --write it says so in docs/performance.md.
 */

import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { seed, startDatabase } from '../speed/database.js';
import { median } from '../speed/report.js';
import { gatewayProgram, makeKey, plainProgram, startServerProcess } from '../speed/servers.js';
import { anyRequest } from './mix.js';

const connections = 16;
const starts = 9;
// In percent. What grows without end grows by more than that within an hour of a hundred thousand changes.
const tolerated = 5;
const samples = 60;
const settling = 10_000;
const document = new URL('../../docs/performance.md', import.meta.url);

const { values: told } = parseArgs({
  options: {
    minutes: { type: 'string', default: '60' },
    rate: { type: 'string', default: '400' },
    database: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
});
const minutes = Number(told.minutes);
const rate = Number(told.rate);

const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const closing = [() => rmSync(directory, { recursive: true, force: true })];
try {
  const database = await startDatabase(told.database);
  closing.push(() => database.remove());
  const settings = { DATABASE_URL: database.url, SECRETS_KEY: randomBytes(32).toString('base64'), AUTH: 'keys' };
  const key = makeKey(settings, directory, 'read,write,credentials,admin');
  const startBefore = await startRatio(settings);

  const gateway = await startServerProcess(gatewayProgram, settings, directory);
  closing.push(() => gateway.stop());
  await seed(gateway.url, { 'x-api-key': key });
  await sleep(settling);
  const idleBefore = gateway.memory();
  const seen = await load(gateway, key);
  await sleep(settling);
  const idleAfter = gateway.memory();
  const startAfter = await startRatio(settings);

  const found = { ...seen, startBefore, startAfter, idleBefore, idleAfter };
  const report = reportOf(found);
  console.log(report.lines.join('\n'));
  if (told.write) write(report, database);
  if (seen.wrong > 0 || report.grown.length > 0) process.exitCode = 1;
} finally {
  for (const close of closing.reverse()) await close();
}

/** Sends the mix at the rate, each connection one request at a time, and takes samples of the gateway meanwhile. */
async function load(gateway, key) {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const state = { requests: 0, wrong: 0, times: [], isOver: false };
  const headers = { 'content-type': 'application/json', 'x-api-key': key };
  const end = performance.now() + minutes * 60_000;

  async function connection() {
    for (let due = performance.now(); !state.isOver; due += (connections / rate) * 1000) {
      const wait = due - performance.now();
      if (wait > 0) await sleep(wait);
      // Where the gateway was slower than that, what was missed is not caught up with.
      else due = performance.now();
      for (let one = anyRequest(); one !== undefined; one = one.next) await ask(one);
    }
  }

  async function ask(one) {
    const own = 'key' in one ? { ...headers, 'x-api-key': one.key } : headers;
    if (own['x-api-key'] === undefined) delete own['x-api-key'];
    const started = performance.now();
    const { status, text } = await send(`${gateway.url}${one.path}`, { agent, headers: own, ...one });
    state.requests += 1;
    if (one.patience === undefined) state.times.push(performance.now() - started);
    if (one.isRight(status, text)) return;
    state.wrong += 1;
    if (state.wrong <= 5) console.error(`A wrong answer: ${status} ${text.slice(0, 300)} to ${one.body.slice(0, 300)}`);
  }

  const running = Array.from({ length: connections }, connection);
  const taken = [];
  while (performance.now() < end) {
    taken.push(await sample(gateway, key, state, (minutes * 60_000) / samples));
    console.log(lineOf(taken.at(-1), taken.length));
  }
  state.isOver = true;
  await Promise.all(running);
  agent.destroy();
  return { taken, requests: state.requests, wrong: state.wrong };
}

/**
 * One part of the time: the median of the resident memory, the least heap that was in use (what garbage there is comes on top),
 * and the times of the requests.
 */
async function sample(gateway, key, state, milliseconds) {
  state.times.length = 0;
  const looks = { memory: [], heap: [], lag: [], files: [] };
  for (const end = performance.now() + milliseconds; performance.now() < end; ) {
    await sleep(Math.min(1000, milliseconds));
    const { text } = await send(`${gateway.url}/metrics`, { method: 'GET', headers: { 'x-api-key': key } });
    const value = (name) => Number(new RegExp(`^${name} (\\S+)`, 'm').exec(text)?.[1]);
    looks.memory.push(value('process_resident_memory_bytes') / 2 ** 20);
    looks.heap.push(value('nodejs_heap_size_used_bytes') / 2 ** 20);
    looks.lag.push(value('nodejs_eventloop_lag_p99_seconds') * 1000);
    looks.files.push(value('process_open_fds'));
  }
  const times = state.times.toSorted((one, other) => one - other);
  return {
    memory: median(looks.memory),
    heap: Math.min(...looks.heap),
    lag: median(looks.lag),
    files: median(looks.files),
    p50: times[Math.floor(times.length / 2)],
    p99: times[Math.floor(times.length * 0.99)],
    rate: times.length / (milliseconds / 1000),
  };
}

function send(url, { method = 'POST', headers, body, agent, patience }) {
  return new Promise((resolve) => {
    const gone = (error) => resolve({ status: 0, text: error.message });
    const sent = request(url, { method, headers, agent }, (response) => {
      const pieces = [];
      response.on('data', (piece) => pieces.push(piece));
      response.on('end', () => resolve({ status: response.statusCode, text: Buffer.concat(pieces).toString() }));
      response.on('error', gone);
    });
    sent.on('error', gone);
    if (patience !== undefined) setTimeout(() => sent.destroy(new Error('gone')), patience);
    sent.end(body);
  });
}

/** How long a gateway and the floor take to start, in turns, and the memory of that gateway. */
async function startRatio(settings) {
  const took = { floor: [], gateway: [] };
  // The first start makes the tables, and brings the files into the system's memory.
  for (let run = 0; run <= starts; run += 1) {
    for (const [name, program] of [
      ['floor', plainProgram],
      ['gateway', gatewayProgram],
    ]) {
      const server = await startServerProcess(program, settings, directory);
      if (run > 0) took[name].push(server.startMilliseconds);
      await server.stop();
    }
  }
  const [floor, gateway] = [median(took.floor), median(took.gateway)];
  return { floor, gateway, ratio: gateway / floor };
}

function lineOf({ memory, heap, lag, files, p50, p99, rate: reached }, number) {
  const at = `${String(number).padStart(3)}/${samples}`;
  return `${at}: ${memory.toFixed(0)} MiB resident, heap ${heap.toFixed(1)} MiB, ${files} files, lag ${lag.toFixed(1)} ms, p50 ${p50.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms, ${reached.toFixed(0)}/s`;
}

function reportOf({ taken, requests, wrong, startBefore, startAfter, idleBefore, idleAfter }) {
  const quarter = Math.max(1, Math.floor(taken.length / 4));
  const compared = (name, unit, digits) => {
    const [first, last] = [taken.slice(0, quarter), taken.slice(-quarter)].map((part) =>
      median(part.map((one) => one[name])),
    );
    return { first, last, text: `${first.toFixed(digits)} / ${last.toFixed(digits)}${unit}` };
  };
  const rows = {
    'resident memory': compared('memory', ' MiB', 0),
    'least heap in use': compared('heap', ' MiB', 1),
    'open files': compared('files', '', 0),
    'delay of the event loop, p99': compared('lag', ' ms', 1),
    'answer, p50': compared('p50', ' ms', 1),
    'answer, p99': compared('p99', ' ms', 1),
  };
  const start = ({ floor, gateway, ratio }) =>
    `${Math.round(gateway)} ms, ${ratio.toFixed(2)} times the floor's ${Math.round(floor)} ms`;
  const grown = ['resident memory', 'least heap in use', 'open files'].filter(
    (name) => rows[name].last > rows[name].first * (1 + tolerated / 100),
  );
  if (startAfter.ratio > startBefore.ratio * 1.2) grown.push('start');
  const lines = [
    `${requests} requests in ${minutes} minutes, of which ${wrong} were answered wrongly. First quarter / last quarter:`,
    '',
    ...Object.entries(rows).map(([name, { text }]) => `- ${name}: ${text}`),
    `- ready after: ${start(startBefore)} before; ${start(startAfter)} after`,
    `- resident memory when idle: ${idleBefore.toFixed(0)} MiB before, ${idleAfter.toFixed(0)} MiB after`,
    '',
    grown.length === 0 ? 'Nothing grew.' : `Grown: ${grown.join(', ')}.`,
  ];
  return { lines, grown };
}

function write({ lines }, { version }) {
  const text = `Measured on ${new Date().toISOString().slice(0, 10)}: up to ${rate} requests a second for ${minutes} minutes over ${connections} connections, Node.js ${process.version}, ${version}. ${lines.join('\n')}`;
  const marks = /(<!-- endurance -->\n)[\s\S]*?(<!-- \/endurance -->)/;
  writeFileSync(
    document,
    readFileSync(document, 'utf8').replace(marks, (_, first, last) => `${first}\n${text}\n\n${last}`),
  );
}
