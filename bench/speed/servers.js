/** The processes that are measured, each with its CPU, its memory and its start. */
import { execFileSync, spawn } from 'node:child_process';
import { closeSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const pageKilobytes = 4;

/** The gateway as it is built. */
export const gatewayProgram = fileURLToPath(new URL('../../dist/server.js', import.meta.url));
const commandLine = fileURLToPath(new URL('../../dist/cli.js', import.meta.url));
/** The plain server that it is compared with, and its peer. */
export const plainProgram = fileURLToPath(new URL('plain.js', import.meta.url));
export const mercuriusProgram = fileURLToPath(new URL('mercurius.js', import.meta.url));

/** Starts a server with these settings and no others, and waits until it is ready; its output goes to a file. */
export async function startServerProcess(program, env, directory, nodeArguments = []) {
  const output = join(directory, `${Math.random().toString(36).slice(2)}.log`);
  const file = openSync(output, 'w');
  const started = performance.now();
  const child = spawn(process.execPath, [...nodeArguments, program], {
    cwd: directory,
    env: { PATH: process.env.PATH, NODE_ENV: 'production', PORT: '0', ...env },
    stdio: ['ignore', file, file],
  });
  closeSync(file);
  const ended = new Promise((resolve) => child.once('exit', resolve));
  const url = await ready(child, output);
  return {
    url,
    startMilliseconds: performance.now() - started,
    /** CPU seconds since its start, those of its worker processes included. */
    cpu: () => processesOf(child.pid).reduce((sum, pid) => sum + cpuSeconds(pid), 0),
    /** CPU seconds of its main thread alone. */
    mainThreadCpu: () => nanosecondsOf(`/proc/${child.pid}/task/${child.pid}/schedstat`) / 1e9,
    /** Resident memory in MiB, as above. */
    memory: () => processesOf(child.pid).reduce((sum, pid) => sum + residentMebibytes(pid), 0),
    async stop() {
      child.kill('SIGTERM');
      await ended;
    },
  };
}

/** Makes an API key with these permissions, separated by commas, in the register of these settings. */
export function makeKey(settings, directory, permissions) {
  const given = ['keys', 'create', '--name', 'bench', '--permissions', permissions];
  const env = { PATH: process.env.PATH, ...settings };
  const output = execFileSync(process.execPath, [commandLine, ...given], { env, cwd: directory }).toString();
  const key = /dgk_[0-9a-f]{12}_[\w-]{43}/.exec(output)?.[0];
  if (key === undefined) throw new Error(`No key was made: ${output}`);
  return key;
}

/** CPU seconds of a process so far; undefined where it is none of ours. */
export function cpuOf(pid) {
  return pid === undefined ? undefined : cpuSeconds(pid);
}

async function ready(child, output) {
  for (;;) {
    if (child.exitCode !== null) throw new Error(`A server ended: ${readFileSync(output)}`);
    const url = /Server listening at (http:\/\/[\d.]+:\d+)/.exec(readFileSync(output, 'utf8'))?.[1];
    if (url !== undefined && (await isReady(url))) return url;
    await sleep(2);
  }
}

async function isReady(url) {
  const response = await fetch(`${url}/readyz`, { headers: { connection: 'close' } }).catch(() => undefined);
  await response?.arrayBuffer();
  return response?.status === 200;
}

function processesOf(pid) {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean);
  return [pid, ...children];
}

/** Of every thread, those of the garbage collector and the compiler among them. */
function cpuSeconds(pid) {
  const threads = readdirSync(`/proc/${pid}/task`);
  return threads.reduce((sum, thread) => sum + nanosecondsOf(`/proc/${pid}/task/${thread}/schedstat`) / 1e9, 0);
}

function nanosecondsOf(file) {
  return Number(readFileSync(file, 'utf8').split(' ')[0]);
}

function residentMebibytes(pid) {
  return (Number(readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1]) * pageKilobytes) / 1024;
}
