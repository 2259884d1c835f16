import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { mysqlGreeting, startHostileServer } from '../support/hostile-server.js';
import { startGatewayProcess } from '../support/process.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from '../support/register-samples.js';

const load = fileURLToPath(new URL('open-load.js', import.meta.url));
const seconds = 15;
// Below that, twice as long is what the machine does by itself.
const least = 20;

test.each(databaseKinds)(
  '200 connection tests at once leave the p99 of others within twice, on $name',
  async (kind) => {
    const database = await kind.create();
    const gateway = await startGatewayProcess({
      ...database.env,
      CONNECTION_TEST_NETWORKS: '127.0.0.0/8',
      CONNECTION_TEST_TIMEOUT_MS: '1000',
      CONNECTION_TEST_RATE_LIMIT: '10000',
    });
    const servers = [
      await startHostileServer(() => undefined),
      await startHostileServer((socket) => socket.write(mysqlGreeting())),
      await startHostileServer((socket) => socket.end()),
    ];
    try {
      const key = newAccountKey();
      await gateway.legacy('add_account', legacyAccount(key));
      await gateway.legacy('add-jdbc-conn', legacyDatasource(newDatasource(key, 'first')));
      const { accountProvider, ...rest } = key;
      const query = 'query ($key: DatasourceKey!) { datasource(key: $key) { id instanceId account { id } } }';
      const variables = { key: { ...rest, accountProviderId: accountProvider, instanceId: 'first' } };
      const requests = [
        { path: '/data-source/add-jdbc-conn', body: JSON.stringify(legacyDatasource(newDatasource(key, 'UNIQUE'))) },
        { path: '/graphql', body: JSON.stringify({ query, variables }) },
      ];
      const run = async () => {
        const settings = JSON.stringify({ url: gateway.url, rate: 100, connections: 32, seconds, requests });
        return JSON.parse((await promisify(execFile)(process.execPath, [load, settings])).stdout);
      };
      await run();
      const alone = await run();
      const state = { isOver: false, tested: 0, refused: 0 };
      const testers = Array.from({ length: 200 }, async (_, place) => {
        const server = servers[place % servers.length];
        const input = newDatasource(key, 'tested', {
          jdbcConnectionUrl: `jdbc:mysql://127.0.0.1:${server?.port}/d`,
          masterUsername: 'reader',
          password: 'pw-5ecret-pw',
        });
        const document =
          'mutation ($input: AddDatasourceInput!) { testConnection(input: $input) { test { outcome } } }';
        // All are there at once, and none waits for another: in step they would come as one burst a second.
        await sleep(place * 5);
        while (!state.isOver) {
          const response = await fetch(`${gateway.url}/graphql`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify({ query: document, variables: { input } }),
          });
          const { data, errors } = (await response.json()) as { data?: object; errors?: object[] };
          if (errors === undefined && data !== undefined) state.tested += 1;
          else state.refused += 1;
          await sleep(1000);
        }
      });
      const beside = await run();
      state.isOver = true;
      await Promise.all(testers);
      process.stdout.write(`${kind.name}: ${JSON.stringify({ alone, beside, ...state })}\n`);
      expect([alone.problems, beside.problems]).toEqual([{}, {}]);
      expect(state.tested).toBeGreaterThan(50);
      expect(beside.p99).toBeLessThan(2 * Math.max(least, alone.p99));
    } finally {
      for (const server of servers) await server.close();
      await gateway.kill('SIGKILL');
      await database.drop();
    }
  },
);
