import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { startGatewayProcess } from '../support/process.js';
import {
  addDatasource,
  legacyAccount,
  legacyDatasource,
  newAccountKey,
  newDatasource,
} from '../support/register-samples.js';

const load = fileURLToPath(new URL('open-load.js', import.meta.url));
const mebibyte = 1024 * 1024;

/** What the load says of itself. */
interface Load {
  readonly sent: number;
  readonly held: number;
  readonly good: number;
  readonly refused: number;
  readonly added: number;
  readonly p99: number;
  readonly problems: Readonly<Record<string, number>>;
}

test.each(databaseKinds)(
  'asked ten times for what it can do on $name, it does at least half of that, and soon',
  async (kind) => {
    const database = await kind.create();
    const gateway = await startGatewayProcess(database.env);
    let largest = 0;
    const watching = setInterval(() => {
      largest = Math.max(largest, memoryOf(gateway.child.pid as number));
    }, 100);
    try {
      const key = newAccountKey();
      await gateway.legacy('add_account', legacyAccount(key));
      await gateway.legacy('add-jdbc-conn', legacyDatasource(newDatasource(key, 'first')));
      const { accountProvider, ...rest } = key;
      const byKey = {
        query: 'query ($key: DatasourceKey!) { datasource(key: $key) { id instanceId account { id } } }',
        variables: { key: { ...rest, accountProviderId: accountProvider, instanceId: 'first' } },
      };
      const requests = [
        ['/data-source/add-jdbc-conn', legacyDatasource(newDatasource(key, 'UNIQUE'))],
        ['/graphql', byKey],
        ['/graphql', { query: addDatasource, variables: { input: newDatasource(key, 'UNIQUE') } }],
        ['/graphql', { query: '{ datasources(first: 20) { edges { node { id instanceId account { id } } } } }' }],
      ].map(([path, body]) => ({ path, body: JSON.stringify(body) }));
      const run = async (rate: number, connections: number, seconds: number): Promise<Load> => {
        const settings = JSON.stringify({ url: gateway.url, rate, connections, seconds, requests });
        return JSON.parse((await promisify(execFile)(process.execPath, [load, settings])).stdout);
      };
      await run(100_000, 16, 5);
      const normal = await run(100_000, 16, 10);
      const normalRate = normal.good / 10;
      largest = 0;
      const overload = await run(10 * normalRate, 800, 60);
      const ended = performance.now();
      expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
      expect((await gateway.legacy('delete-jdbc', { ...legacyAccount(key), instances: ['first'] })).body.code).toBe(
        1001,
      );
      const calm = performance.now() - ended;
      process.stdout.write(
        `${kind.name}: ${JSON.stringify({ normalRate, ...overload, rate: overload.good / 60, mebibytes: Math.round(largest / mebibyte), calm })}\n`,
      );
      expect([normal.problems, overload.problems]).toEqual([{}, {}]);
      expect(overload.refused).toBeGreaterThan(0);
      expect(overload.good / 60).toBeGreaterThan(normalRate / 2);
      expect(overload.p99).toBeLessThan(1000);
      expect(calm).toBeLessThan(2000);
      expect(largest).toBeLessThan(256 * mebibyte);
    } finally {
      clearInterval(watching);
      await gateway.kill('SIGKILL');
      await database.drop();
    }
  },
);

/** The resident memory of a process, in bytes. */
function memoryOf(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;
}
