/**
 * Times refused callers, to see whether the time of an answer tells what its text does not: which keys there are or were,
 * and whether what a caller may not see is there. It needs a build: `npm run build && node bench/refusal-timing.js`. The
 * kinds are asked in turns of a random order, so that all have the same noise and any of the others before them; where
 * the quartiles of two overlap widely, they cannot be told apart.
 */
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const rounds = 3000;
const warmUp = 200;
const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const env = {
  PATH: process.env.PATH,
  PORT: '0',
  AUTH: 'keys',
  DATABASE_URL: process.env.DATABASE_URL ?? `sqlite:${join(directory, 'gateway.sqlite')}`,
  SECRETS_KEY: randomBytes(32).toString('base64'),
};
const child = spawn(process.execPath, [fileURLToPath(new URL('../dist/server.js', import.meta.url))], {
  env,
  stdio: ['ignore', 'pipe', 'inherit'],
});
try {
  const url = await listening();
  const revoked = newKey('revoked', 'read,write');
  keys('revoke', revoked.slice(0, 16));
  const reader = newKey('reader', 'read');
  const writer = newKey('writer', 'write');
  const unknown = Array.from(
    { length: rounds + warmUp },
    () => `dgk_${randomBytes(6).toString('hex')}_${'A'.repeat(43)}`,
  );
  const otherPart = `${reader.slice(0, 17)}${'A'.repeat(43)}`;
  const account = (region) => ({ accountProvider: 1, accountId: '123456789012', region });
  const add = 'mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }';
  await send(url, writer, add, { input: account('there') });
  const find = 'query ($key: AccountKey!) { account(key: $key) { id } }';
  const kinds = {
    'a key that never was': () => send(url, unknown.pop(), find),
    'a key with another secret part': () => send(url, otherPart, find),
    'a revoked key': () => send(url, revoked, find),
    'no permission, and it is there': () => send(url, writer, find, { key: account('there') }),
    'no permission, and it is not': () => send(url, writer, find, { key: account('away') }),
  };
  const times = Object.fromEntries(Object.keys(kinds).map((name) => [name, []]));
  for (let round = -warmUp; round < rounds; round += 1) {
    for (const [name, ask] of shuffled(Object.entries(kinds))) {
      const start = performance.now();
      const { errors } = await ask();
      if (errors === undefined) throw new Error(`${name} was not refused`);
      if (round >= 0) times[name].push(performance.now() - start);
    }
  }
  console.table(
    Object.fromEntries(
      Object.entries(times).map(([name, all]) => {
        all.sort((one, other) => one - other);
        const at = (part) => Math.round(all[Math.floor(part * all.length)] * 1000);
        return [name, { 'lower quartile, µs': at(0.25), 'median, µs': at(0.5), 'upper quartile, µs': at(0.75) }];
      }),
    ),
  );
} finally {
  child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}

function shuffled(list) {
  return list
    .map((one) => [Math.random(), one])
    .sort(([one], [other]) => one - other)
    .map(([, one]) => one);
}

function keys(...words) {
  const cli = fileURLToPath(new URL('../dist/cli.js', import.meta.url));
  return execFileSync(process.execPath, [cli, 'keys', ...words], { env, encoding: 'utf8' });
}

function newKey(name, permissions) {
  return /dgk_[0-9a-f]{12}_[\w-]{43}/.exec(keys('create', '--name', name, '--permissions', permissions))[0];
}

async function send(url, key, query, variables = { key: { accountProvider: 1, accountId: 'x', region: 'y' } }) {
  const response = await fetch(`${url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-api-key': key },
    body: JSON.stringify({ query, variables }),
  });
  return response.json();
}

async function listening() {
  for await (const chunk of child.stdout) {
    const address = /http:\/\/127\.0\.0\.1:\d+/.exec(chunk)?.[0];
    if (address !== undefined) return address;
  }
  throw new Error('the gateway did not start');
}
