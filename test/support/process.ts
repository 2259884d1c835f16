import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll } from '@jest/globals';
import type { LegacyAnswer } from './gateway.js';

const root = fileURLToPath(new URL('../..', import.meta.url));
const builds = join(root, 'node_modules/.cache/gateway-test-builds');
// Far more than a start takes: the tests may share the machine with much else.
const maxStartTime = 60_000;
let built: Promise<string> | undefined;
const running = new Set<ChildProcess>();

// A test that fails does not come to where it stops its gateways.
afterAll(() => {
  for (const child of running) child.kill('SIGKILL');
});

/** How a process ended. */
export interface ProcessEnd {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** A gateway in a process of its own, built from the sources as they are. */
export interface GatewayProcess {
  readonly child: ChildProcess;
  /** Where it listens; empty until it does. */
  readonly url: string;
  readonly stdout: string;
  readonly stderr: string;
  /** When it has ended, and how. */
  readonly ended: Promise<ProcessEnd>;
  /** Waits until it listens. It throws where the process ends before. */
  listening(): Promise<void>;
  /** Waits until `/readyz` answers 200. It throws where the process ends before. */
  ready(): Promise<void>;
  /** Waits until its standard output has a text: lines of the log are written some at a time. */
  says(text: string): Promise<void>;
  /** Sends a signal, and waits for the end. */
  kill(signal: NodeJS.Signals): Promise<ProcessEnd>;
  /** Posts to a legacy route. */
  legacy(route: string, body: object): Promise<LegacyAnswer>;
}

/** Starts a gateway with these settings and no others, listening on a free port, and does not wait for it. */
export async function launchGateway(env: Readonly<Record<string, string>>, cwd = tmpdir()): Promise<GatewayProcess> {
  const server = join(await builtGateway(), 'server.js');
  const child = spawn(process.execPath, [server], {
    cwd,
    env: { PATH: process.env.PATH, HOST: '127.0.0.1', PORT: '0', ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => {
    output.stdout += data;
  });
  child.stderr.on('data', (data) => {
    output.stderr += data;
  });
  running.add(child);
  const state = { hasEnded: false };
  const ended = new Promise<ProcessEnd>((resolve) => {
    child.once('close', (code, signal) => {
      state.hasEnded = true;
      running.delete(child);
      resolve({ code, signal });
    });
  });
  const urlOf = () => /Server listening at (http:\/\/127\.0\.0\.1:\d+)/.exec(output.stdout)?.[1] ?? '';

  async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
    for (const started = Date.now(); !(await condition()); await sleep(15)) {
      if (state.hasEnded) throw new Error(`The gateway ended: ${output.stderr}${output.stdout}`);
      if (Date.now() - started > maxStartTime) throw new Error(`Not there in time: ${output.stderr}${output.stdout}`);
    }
  }

  return {
    child,
    ended,
    get url() {
      return urlOf();
    },
    get stdout() {
      return output.stdout;
    },
    get stderr() {
      return output.stderr;
    },
    listening: () => until(() => urlOf() !== ''),
    ready: () => until(async () => urlOf() !== '' && (await isReady(urlOf()))),
    says: (text) => until(() => output.stdout.includes(text)),
    async kill(signal) {
      child.kill(signal);
      return ended;
    },
    async legacy(route, body) {
      const response = await fetch(`${urlOf()}/data-source/${route}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      });
      return { httpStatus: response.status, headers: response.headers, body: await response.json() };
    },
  };
}

/** Starts a gateway and waits until it is ready. */
export async function startGatewayProcess(env: Readonly<Record<string, string>>, cwd?: string) {
  const gateway = await launchGateway(env, cwd);
  await gateway.ready();
  return gateway;
}

/** Makes an empty directory of the test's own. */
export function temporaryDirectory(): string {
  return mkdtempSync(join(tmpdir(), 'gateway-test-'));
}

async function isReady(url: string): Promise<boolean> {
  return fetch(`${url}/readyz`).then(
    (response) => response.status === 200,
    () => false,
  );
}

/**
 * The folder of the gateway built from the sources as they are, as the build makes it but for the pages. A build is made once
 * for the same sources, whichever test comes first, inside node_modules so that what it imports is found.
 */
export function builtGateway(): Promise<string> {
  built ??= build();
  return built;
}

async function build(): Promise<string> {
  const hash = createHash('sha256');
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => join('src', file));
  for (const file of [...sources.sort(), 'build/gateway.js', 'package-lock.json']) {
    hash.update(file).update(readFileSync(join(root, file)));
  }
  const finished = join(builds, hash.digest('hex').slice(0, 16));
  const dist = join(finished, 'dist');
  if (existsSync(dist)) return dist;
  const unfinished = join(builds, `unfinished-${randomBytes(6).toString('hex')}`);
  mkdirSync(unfinished, { recursive: true });
  cpSync(join(root, 'package.json'), join(unfinished, 'package.json'));
  await promisify(execFile)(process.execPath, [join(root, 'build/gateway.js'), join(unfinished, 'dist')]);
  try {
    renameSync(unfinished, finished);
  } catch {
    // Another test made the same build meanwhile.
    rmSync(unfinished, { recursive: true, force: true });
  }
  return dist;
}
