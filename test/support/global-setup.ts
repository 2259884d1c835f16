import { type DatabaseServer, findServer, howToGetServer, startServer } from './database-server.ts';

/** Starts one private MySQL or MariaDB server for all tests, or takes the one that TEST_DATABASE_URL names. */
export default async function globalSetup(): Promise<void> {
  if (process.env.TEST_DATABASE_URL) {
    process.env.GATEWAY_TEST_SERVER = process.env.TEST_DATABASE_URL.replace(/\/[^/]*$/, '');
    return;
  }
  if (findServer() === undefined) {
    if (process.env.CI) throw new Error(`There is no MySQL or MariaDB server to test on. ${howToGetServer}`);
    process.stderr.write(`The tests on MySQL and MariaDB are skipped: there is no server. ${howToGetServer}\n`);
    return;
  }
  const server: DatabaseServer = await startServer();
  process.env.GATEWAY_TEST_SERVER = server.url;
  (globalThis as { gatewayTestServer?: DatabaseServer }).gatewayTestServer = server;
}
