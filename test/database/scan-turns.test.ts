import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from '@jest/globals';
import type { Database, Reader, Session } from '../../src/database/database.js';
import { ScanTurns } from '../../src/database/scan-turns.js';
import { AbandonedError, OverloadedError } from '../../src/errors.js';

const narrowing = 'Give an account id.';

/** A database whose statements take a while. */
function slowly(milliseconds: number, timeout: number) {
  const seen = { atOnce: 0, most: 0, statements: 0 };
  const rows = async () => {
    seen.statements += 1;
    seen.atOnce += 1;
    seen.most = Math.max(seen.most, seen.atOnce);
    await sleep(milliseconds);
    seen.atOnce -= 1;
    return [];
  };
  const database = {
    limits: { timeout, poolSize: 10, queueLimit: 10 },
    read: (work: (session: Session) => Promise<unknown>) => work({ rows } as unknown as Session),
  } as unknown as Database;
  return { seen, turns: new ScanTurns(database) };
}

const scanning = (statements: number) => async (reader: Reader) => {
  for (let sent = 0; sent < statements; sent += 1) await reader.rows('SELECT 1');
  return statements;
};

describe('reads that go through many rows', () => {
  test('take turns, two at a time, and one that soon has what it looks for is not held up by the others', async () => {
    const { seen, turns } = slowly(5, 60_000);
    const long = Array.from({ length: 6 }, () => turns.run(scanning(60), { narrowing }));
    await sleep(50);
    seen.most = 0;
    const before = seen.statements;
    await turns.run(scanning(8), { narrowing });
    // A turn of each of the others for each of its own statements.
    expect(seen.statements - before).toBeLessThan(8 * 7);
    await Promise.all(long);
    expect(seen.most).toBeLessThanOrEqual(3);
  });

  test('do not wait for a turn where the first statements find what they look for', async () => {
    const { turns } = slowly(1, 60_000);
    const long = Array.from({ length: 18 }, () => turns.run(scanning(30), { narrowing }));
    await sleep(20);
    await expect(turns.run(scanning(5), { narrowing })).rejects.toBeInstanceOf(OverloadedError);
    await expect(turns.run(scanning(4), { narrowing })).resolves.toBe(4);
    await Promise.all(long);
    await expect(turns.run(scanning(5), { narrowing })).resolves.toBe(5);
  });

  test('end before the time is over that a request has, and say what to narrow', async () => {
    const { seen, turns } = slowly(5, 400);
    const started = performance.now();
    const outcome = await turns.run(scanning(10_000), { narrowing }).catch((error: unknown) => error);
    expect(outcome).toMatchObject({
      errorName: 'SEARCH_TOO_BROAD',
      code: 1906,
      message: expect.stringMatching(narrowing),
    });
    expect(performance.now() - started).toBeLessThan(400);
    const { statements } = seen;
    await sleep(50);
    expect(seen.statements).toBe(statements);
  });

  test('stop when nobody waits for them any more', async () => {
    const { seen, turns } = slowly(5, 60_000);
    let isGone = false;
    const scans = Array.from({ length: 5 }, () =>
      turns.run(scanning(10_000), { narrowing, isAbandoned: () => isGone }),
    );
    await sleep(50);
    isGone = true;
    for (const scan of scans) await expect(scan).rejects.toBeInstanceOf(AbandonedError);
    const { statements } = seen;
    await sleep(50);
    expect(seen.statements).toBe(statements);
  });
});
