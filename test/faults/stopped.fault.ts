import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { createConnection } from 'mysql2/promise';
import { mysqlKind, type TestDatabase } from '../support/databases.js';
import { report } from '../support/figures.js';
import { type GatewayProcess, startGatewayProcess } from '../support/process.js';
import { onDatabase } from '../support/raw-database.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from '../support/register-samples.js';
import { onMysql } from '../support/suites.js';

const rounds = 5;
const heldRequests = 8;
const clients = 16;

interface Tally {
  acknowledged: string[];
  refused: number;
  /** Never answered. */
  dropped: number;
  wrong: string[];
}

onMysql.run(`a gateway that is told to stop under load on ${onMysql.name}`, () => {
  let database: TestDatabase;
  let gateway: GatewayProcess;

  beforeEach(async () => {
    database = await (mysqlKind as NonNullable<typeof mysqlKind>).create();
  });
  afterEach(async () => {
    await gateway?.kill('SIGKILL');
    await database.drop();
  });

  /** A client that keeps its connection, and sends a request as soon as the one before it is answered. */
  async function write(tally: Tally): Promise<void> {
    const { hostname, port } = new URL(gateway.url);
    const socket = connect(Number(port), hostname);
    const incoming = answersOn(socket);
    for (;;) {
      const account = newAccountKey();
      socket.write(post('add_account', legacyAccount(account)));
      const answer = await incoming.next();
      if (answer === undefined) {
        tally.dropped += 1;
        return;
      }
      if (/^HTTP\/1\.1 200 /.test(answer) && answer.includes('"code":1001')) {
        tally.acknowledged.push(account.accountId);
      } else if (/^HTTP\/1\.1 503 /.test(answer) && /\r\nconnection: close\r\n/i.test(answer)) {
        tally.refused += 1;
        return;
      } else {
        tally.wrong.push(answer);
      }
    }
  }

  test(`${rounds} times, with requests held by a row lock, drops none, refuses the new, and ends with 0 in ten seconds`, async () => {
    const sums = { acknowledged: 0, refused: 0, longest: 0 };
    for (let round = 0; round < rounds; round += 1) {
      gateway = await startGatewayProcess(database.env);
      const account = newAccountKey();
      const datasource = legacyDatasource(newDatasource(account, 'held'));
      await gateway.legacy('add_account', legacyAccount(account));
      await gateway.legacy('add-jdbc-conn', datasource);
      const other = await createConnection(database.url);
      await other.query('START TRANSACTION');
      await other.query('SELECT id FROM datasources WHERE account_id = ? FOR UPDATE', [account.accountId]);

      const tally: Tally = { acknowledged: [], refused: 0, dropped: 0, wrong: [] };
      const held = Array.from({ length: heldRequests }, () => gateway.legacy('update-jdbc-conn', datasource));
      const writing = Promise.all(Array.from({ length: clients }, () => write(tally)));
      await sleep(800);
      const told = performance.now();
      gateway.child.kill('SIGTERM');
      await sleep(1500);
      await other.query('COMMIT');
      await other.end();
      const answers = await Promise.all(held);
      expect(await gateway.ended).toEqual({ code: 0, signal: null });
      sums.longest = Math.max(sums.longest, Math.round(performance.now() - told));
      await writing;

      expect(answers.map(({ httpStatus, body }) => [httpStatus, body.code])).toEqual(
        Array(heldRequests).fill([200, 1001]),
      );
      expect(tally).toMatchObject({ refused: clients, dropped: 0, wrong: [] });
      const rows = await onDatabase<{ id: string }>(database, 'SELECT account_id AS id FROM accounts');
      const stored = new Set(rows.map(({ id }) => id));
      expect(tally.acknowledged.filter((id) => !stored.has(id))).toEqual([]);
      sums.acknowledged += tally.acknowledged.length;
      sums.refused += tally.refused;
    }
    report(`told to stop under load ${rounds} times`, {
      acknowledged: sums.acknowledged,
      held: rounds * heldRequests,
      refused: sums.refused,
      'longest until its end in ms': sums.longest,
    });
    expect(sums.longest).toBeLessThan(10_000);
  });
});

function post(route: string, body: object): string {
  const json = JSON.stringify(body);
  return `POST /data-source/${route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`;
}

/** The answers on a connection, one after the other; undefined once it is closed without one. */
function answersOn(socket: Socket) {
  const state: { text: string; isClosed: boolean; wake: () => void } = { text: '', isClosed: false, wake() {} };
  const changed = () => state.wake();
  socket.on('error', () => undefined);
  socket.on('data', (data) => {
    state.text += data;
    changed();
  });
  socket.on('close', () => {
    state.isClosed = true;
    changed();
  });
  return {
    async next(): Promise<string | undefined> {
      for (;;) {
        const head = state.text.indexOf('\r\n\r\n');
        const length = Number(/^content-length: (\d+)/im.exec(state.text.slice(0, head))?.[1]);
        const end = head + 4 + length;
        if (head >= 0 && state.text.length >= end) {
          const answer = state.text.slice(0, end);
          state.text = state.text.slice(end);
          return answer;
        }
        if (state.isClosed) return undefined;
        await new Promise<void>((resolve) => {
          state.wake = resolve;
        });
      }
    },
  };
}
