import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { type GatewayProcess, startGatewayProcess } from '../support/process.js';
import { addDatasource, legacyAccount, newAccountKey, newDatasource } from '../support/register-samples.js';

const texts = ['description', 'jdbcDriverClassName', 'jdbcDriverJarUri', 'customJdbcCert', 'customJdbcCertString'];
const aliases = Array.from({ length: 15 }, (_, number) => `a${number}: ${texts[number % 3]}`).join(' ');
// Within the limits by what the fields may have: a little less than eight mebibytes.
const heaviest = JSON.stringify({
  query: `{ accounts(first: 2) { edges { node { datasources(first: 100) { edges { node { ${texts.join(' ')} ${aliases} } } } } } } }`,
});

/** What came of a request: the status of its answer, once all of that was read, or how it ended without one. */
type End = number | 'closed' | 'given up';
/** How a client reads its answer. */
type Reading = 'at once' | 'slowly' | 'not at all';

/** Sends the heaviest document. A client that does not read does not learn how it ends, and leaves after a while. */
function send(url: string, reading: Reading, patience = reading === 'not at all' ? 10_000 : 60_000): Promise<End> {
  return new Promise((resolve) => {
    const { hostname, port } = new URL(url);
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        `POST /graphql HTTP/1.1\r\nHost: ${hostname}\r\nContent-Type: application/json\r\nContent-Length: ${heaviest.length}\r\nConnection: close\r\n\r\n${heaviest}`,
      );
    });
    let head = '';
    let isWhole = false;
    const end = (how: End) => {
      clearTimeout(timer);
      socket.destroy();
      resolve(how);
    };
    const timer = setTimeout(() => end('given up'), patience);
    if (reading === 'not at all') socket.pause();
    socket.on('data', (data) => {
      if (head.length < 20) head += data.toString('latin1', 0, 20);
      isWhole = data.at(-1) === 10;
      if (reading === 'slowly') {
        socket.pause();
        setTimeout(() => socket.resume(), 20);
      }
    });
    socket.on('error', () => undefined);
    socket.on('close', () => end(isWhole || head.includes('503') ? Number(head.slice(9, 12)) : 'closed'));
  });
}

/** Asks how the gateway is, again and again, and says how long the longest answer took. */
function watch(gateway: GatewayProcess): { stop(): Promise<number> } {
  const state = { isWatching: true, longest: 0 };
  const watching = (async () => {
    while (state.isWatching) {
      const started = performance.now();
      const { status } = await fetch(`${gateway.url}/healthz`);
      expect(status).toBe(200);
      state.longest = Math.max(state.longest, performance.now() - started);
      await sleep(50);
    }
    return state.longest;
  })();
  return {
    stop: () => {
      state.isWatching = false;
      return watching;
    },
  };
}

async function fill(gateway: GatewayProcess, character: string): Promise<void> {
  const keys = [newAccountKey(), newAccountKey()];
  for (const key of keys) await gateway.legacy('add_account', legacyAccount(key));
  const long = (length: number) => character.repeat(length);
  for (let number = 0; number < 200; number += 1) {
    const input = {
      ...newDatasource(keys[number % 2] as (typeof keys)[0], `long ${number}`),
      description: long(2048),
      jdbcDriverClassName: long(2048),
      jdbcDriverJarUri: long(2048),
      customJdbcCert: long(1024),
      customJdbcCertString: long(1024),
    };
    const response = await fetch(`${gateway.url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ query: addDatasource, variables: { input } }),
    });
    expect(await response.json()).not.toHaveProperty('errors');
  }
}

async function answers(gateway: GatewayProcess): Promise<boolean> {
  const response = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: '{ datasources(first: 1) { totalCount } }' }),
  });
  return ((await response.json()) as { data?: unknown }).data !== undefined;
}

describe.each(databaseKinds)('the heaviest documents that are allowed, on $name, in a heap of 256 MB', (kind) => {
  test.each([
    ['one byte each', 'x'],
    ['six bytes each in JSON', '\u0001'],
    ['two units each in memory', '\u{1F600}'],
  ])('end in answers or 503, forty at once, with characters of %s', async (_, character) => {
    const database = await kind.create();
    const gateway = await startGatewayProcess({ ...database.env, NODE_OPTIONS: '--max-old-space-size=256' });
    try {
      await fill(gateway, character);
      const alone = await send(gateway.url, 'at once');
      expect(alone).toBe(200);
      const watching = watch(gateway);
      const readings: Reading[] = ['at once', 'slowly', 'not at all', 'slowly'];
      for (let round = 0; round < 3; round += 1) {
        const ends = await Promise.all(
          Array.from({ length: 40 }, (_, number) => send(gateway.url, readings[number % 4] as Reading)),
        );
        const read = ends.filter((_, number) => number % 4 === 0);
        process.stdout.write(`${kind.name}, round ${round}: ${JSON.stringify(ends)}\n`);
        expect(read.filter((end) => end !== 200 && end !== 503)).toEqual([]);
        expect(ends.filter((end, number) => number % 4 !== 2 && end === 'given up')).toEqual([]);
        expect(await answers(gateway)).toBe(true);
      }
      const longest = await watching.stop();
      process.stdout.write(`${kind.name}: /healthz answered within ${Math.round(longest)} ms\n`);
      expect(longest).toBeLessThan(1000);
      expect(gateway.child.exitCode).toBeNull();
    } finally {
      await gateway.kill('SIGKILL');
      await database.drop();
    }
  });

  test('two hundred at once: some are answered all the while, and what was given up is not executed', async () => {
    const database = await kind.create();
    const gateway = await startGatewayProcess({ ...database.env, NODE_OPTIONS: '--max-old-space-size=256' });
    try {
      await fill(gateway, 'x');
      const watching = watch(gateway);
      const started = performance.now();
      const ended: number[] = [];
      const ends = await Promise.all(
        Array.from({ length: 200 }, () =>
          send(gateway.url, 'at once', 3000).then((end) => {
            if (end !== 'given up') ended.push(performance.now() - started);
            return end;
          }),
        ),
      );
      const gaps = [0, ...ended].map((at, place) => (ended[place] ?? at) - at);
      const count = (how: End) => ends.filter((end) => end === how).length;
      process.stdout.write(
        `${kind.name}: ${count(200)} answered, ${count(503)} refused, ${count('given up')} gave up; longest gap ${Math.round(Math.max(...gaps))} ms\n`,
      );
      expect(count(200)).toBeGreaterThan(0);
      expect(Math.max(...gaps)).toBeLessThan(2000);
      const asked = performance.now();
      expect(await answers(gateway)).toBe(true);
      expect(performance.now() - asked).toBeLessThan(2000);
      expect(await watching.stop()).toBeLessThan(1000);
    } finally {
      await gateway.kill('SIGKILL');
      await database.drop();
    }
  });
});
