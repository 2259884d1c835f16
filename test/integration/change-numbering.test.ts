import 'reflect-metadata';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { insertAuditEvents } from '../../src/audit/audit.statements.js';
import type { AuditEvent } from '../../src/audit/audit-event.entity.js';
import { ChangeService } from '../../src/changes/change.service.js';
import type { RecordedChange } from '../../src/changes/change.statements.js';
import { ChangeNumbering, inOrder } from '../../src/changes/change-numbering.js';
import { loadConfig } from '../../src/config.js';
import type { Database } from '../../src/database/database.js';
import { MysqlDatabase } from '../../src/database/mysql.database.js';
import { newId } from '../../src/global-id.js';
import { openBareDatabase } from '../support/bare-database.js';
import { databaseKinds, type TestDatabase } from '../support/databases.js';

const fail = (error: unknown) => {
  throw error;
};

describe.each(databaseKinds)('the numbering of changes on $name', (kind) => {
  let made: TestDatabase;
  let database: Database;
  let feed: ChangeService;

  beforeEach(async () => {
    made = await kind.create();
    database = await openBareDatabase(made);
    feed = new ChangeService(database);
  });
  afterEach(async () => {
    await database.close();
    await made.drop();
  });

  const store = (...events: AuditEvent[]) => database.change((session) => insertAuditEvents(session, events));

  async function all(): Promise<readonly RecordedChange[]> {
    const found: RecordedChange[] = [];
    for (let cursor: Parameters<ChangeService['pageFrom']>[0]; ; ) {
      const page = await feed.pageFrom(cursor, 1000);
      found.push(...page.changes);
      if (!page.hasMore) return found;
      cursor = page.cursor;
    }
  }

  /** Looks so often that one that is passive takes over. */
  async function look(numbering: ChangeNumbering): Promise<void> {
    await numbering.look();
    await numbering.look();
  }

  test('gives each its place once, without a gap, however many gateways do it at once', async () => {
    const numberings = Array.from({ length: 5 }, () => new ChangeNumbering(database, fail));
    const events = Array.from({ length: 600 }, () => eventOf(newId('D'), 1));
    const rounds = Array.from({ length: 30 }, (_, round) => events.slice(round * 20, round * 20 + 20));
    await Promise.all([
      (async () => {
        for (const round of rounds) await store(...round);
      })(),
      ...numberings.map(async (numbering) => {
        for (let turn = 0; turn < 40; turn += 1) await numbering.look();
      }),
    ]);
    for (const numbering of numberings) await look(numbering);
    const changes = await all();
    expect(changes.map(({ position }) => position)).toEqual(Array.from({ length: 600 }, (_, place) => place + 1));
    expect(changes.map(({ id }) => id).sort()).toEqual(events.map(({ id }) => id).sort());
  });

  test('goes by versions where the clocks of two gateways differ', async () => {
    const [one, other] = [newId('D'), newId('D')];
    const ids = Array.from({ length: 6 }, () => newId('E'));
    const at = (place: number, target: string, version: number) => ({
      ...eventOf(target, version),
      id: ids[place] as string,
    });
    await store(at(5, one, 1), at(0, one, 3), at(2, one, 2), at(1, other, 2), at(3, other, 1), at(4, other, 3));
    await look(new ChangeNumbering(database, fail));
    const told = await all();
    const versionsOf = (target: string) =>
      told.flatMap(({ targetId, version }) => (targetId === target ? version : []));
    expect([versionsOf(one), versionsOf(other)]).toEqual([
      [1, 2, 3],
      [1, 2, 3],
    ]);
  });

  test('takes many thousands that wait at once, such as of an account that is deleted', async () => {
    const numbering = new ChangeNumbering(database, fail);
    const events = Array.from({ length: 9_000 }, () => eventOf(newId('D'), 1));
    for (let start = 0; start < events.length; start += 500) await store(...events.slice(start, start + 500));
    await look(numbering);
    expect((await all()).map(({ id }) => id)).toEqual(events.map(({ id }) => id));
  });

  test('is left to the one that is at it, and taken over where that one has stopped', async () => {
    const [first, second] = [new ChangeNumbering(database, fail), new ChangeNumbering(database, fail)];
    await store(eventOf(newId('D'), 1));
    await first.look();
    expect(await all()).toHaveLength(0);
    await first.look();
    expect(await all()).toHaveLength(1);
    for (let turn = 2; turn < 5; turn += 1) {
      await store(eventOf(newId('D'), 1));
      await second.look();
      expect(await all()).toHaveLength(turn - 1);
      await first.look();
      expect(await all()).toHaveLength(turn);
    }
    await store(eventOf(newId('D'), 1));
    await second.look();
    await second.look();
    expect(await all()).toHaveLength(5);
    // It sees that another has gone on, and leaves it to that one.
    await store(eventOf(newId('D'), 1));
    await first.look();
    expect(await all()).toHaveLength(5);
    await second.look();
    expect(await all()).toHaveLength(6);
  });

  test('does not miss what commits late, behind what came later', async () => {
    if (!(database instanceof MysqlDatabase)) return;
    const numbering = new ChangeNumbering(database, fail);
    const config = loadConfig(made.env);
    if (config.database.kind !== 'mysql') throw new Error('this is MySQL');
    const late = eventOf(newId('D'), 1);
    const others = [eventOf(newId('D'), 1), eventOf(newId('D'), 1)];
    const committed = database.change(async (session) => {
      await insertAuditEvents(session, [late]);
      await store(...others);
      await look(numbering);
      expect((await all()).map(({ id }) => id)).toEqual(others.map(({ id }) => id));
    });
    const { cursor } = await committed.then(() => feed.pageFrom(undefined, 100));
    await look(numbering);
    expect((await feed.pageFrom(cursor, 100)).changes.map(({ id }) => id)).toEqual([late.id]);
  });
});

test('changes are in the order of their ids, but those of one target as they came', () => {
  const change = (id: string, targetId: string | null, version: number | null, operation = 'updateDatasource') => {
    return { id, targetId, version, operation };
  };
  const changes = [
    change('1', 'A', null, 'deleteAccount'),
    change('2', 'D', 3),
    change('3', null, null),
    change('4', 'D', 1),
    change('5', 'E', 7),
    change('6', 'A', null, 'addAccount'),
    change('7', 'D', 2),
  ];
  expect(inOrder(changes).map(({ id }) => id)).toEqual(['6', '4', '3', '7', '5', '1', '2']);
});

function eventOf(targetId: string, version: number): AuditEvent {
  return {
    id: newId('E'),
    createdAt: new Date(),
    actor: 'somebody',
    means: 'key',
    surface: 'graphql',
    address: null,
    requestId: 'request',
    operation: 'updateDatasource',
    outcome: 'done',
    accountProvider: 1,
    accountId: 'account',
    region: 'region',
    instanceId: targetId,
    targetId,
    version,
    position: 0,
    changes: null,
  };
}
