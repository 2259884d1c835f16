import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { type Connection, createConnection } from 'mysql2/promise';
import { type DatabaseServer, startServer } from '../support/database-server.js';
import { startGateway } from '../support/gateway.js';
import { onPrivateServer } from '../support/suites.js';

onPrivateServer.run(`a gateway that starts on ${onPrivateServer.name}`, () => {
  let server: DatabaseServer;
  let administrator: Connection;

  beforeAll(async () => {
    server = await startServer(['--server-id=1', '--log-bin=binlog']);
    administrator = await createConnection(server.url);
    await administrator.query('CREATE DATABASE gateway_durability');
  });
  afterAll(async () => {
    await administrator?.end();
    await server?.remove();
  });

  async function warnings(flush: number, syncBinlog: number): Promise<unknown[]> {
    await administrator.query(`SET GLOBAL innodb_flush_log_at_trx_commit = ${flush}`);
    await administrator.query(`SET GLOBAL sync_binlog = ${syncBinlog}`);
    const gateway = await startGateway({
      DATABASE_URL: `${server.url}/gateway_durability`,
      SECRETS_KEY: sealingKey,
    });
    await gateway.close();
    return gateway.log
      .map((line) => JSON.parse(line))
      .filter(({ needed }) => needed !== undefined)
      .map(({ level, setting, value, msg }) => ({ level, setting, value, msg }));
  }
  const sealingKey = randomBytes(32).toString('base64');

  function warningOf(setting: string, value: string) {
    const msg = `when its machine crashes, the database server loses what it has acknowledged: set ${setting} = 1 there`;
    return { level: 'warn', setting, value, msg };
  }

  test('warns where that would lose a commit in a crash, and says what to set', async () => {
    expect(await warnings(2, 1)).toEqual([warningOf('innodb_flush_log_at_trx_commit', '2')]);
    expect(await warnings(1, 0)).toEqual([warningOf('sync_binlog', '0')]);
    expect(await warnings(0, 100)).toEqual([
      warningOf('innodb_flush_log_at_trx_commit', '0'),
      warningOf('sync_binlog', '100'),
    ]);
  });

  test('warns of nothing where it keeps every commit', async () => {
    expect(await warnings(1, 1)).toEqual([]);
  });
});
