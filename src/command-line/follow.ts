import { setTimeout as sleep } from 'node:timers/promises';
import { recordedChanges } from '../audit/recorded-changes.js';
import { ChangeService } from '../changes/change.service.js';
import type { RecordedChange } from '../changes/change.statements.js';
import { readCursor, writeCursor } from '../changes/change-cursor.js';
import { ChangeNumbering } from '../changes/change-numbering.js';
import type { Database } from '../database/database.js';
import { DomainError, UnavailableError } from '../errors.js';
import { CommandError, type Print, UsageError } from './command.js';
import { standardOutput } from './output.js';
import { type FollowArguments, registryUsage } from './registry-arguments.js';

const changesAtOnce = 500;
const pauses = { betweenLooks: 250, whileAway: 1_000, beforeTakeover: 300 };

/**
 * Writes the changes of the register to standard output as JSON Lines, one after the other, until it is stopped or, where that was
 * asked for, until there are no more.
 *
 * @param printNote where to say what keeps it waiting
 * @returns the exit code
 * @throws UsageError, CommandError
 */
export async function followChanges(args: FollowArguments, database: Database, printNote: Print): Promise<number> {
  const feed = new ChangeService(database);
  const output = standardOutput();
  let cursor = args.after === undefined ? undefined : readCursor(args.after);
  if (args.after !== undefined && cursor === undefined) {
    throw new UsageError(`--after must be a cursor that the feed gave.\n${registryUsage}`);
  }
  // Gateways do it, and there may be none.
  const numbering = new ChangeNumbering(database, () => printNote('Changes could not be numbered; it is tried again.'));
  if (args.once) await numberAll(numbering);
  else numbering.start();
  try {
    for (let isAway = false; ; ) {
      try {
        const page = await feed.pageFrom(cursor, changesAtOnce);
        isAway = false;
        await output.write(page.changes.map(lineOf).join(''));
        cursor = page.cursor;
        if (args.once && !page.hasMore) return 0;
        if (!page.hasMore) await sleep(pauses.betweenLooks);
      } catch (error) {
        if (args.once || !(error instanceof UnavailableError)) throw error;
        if (!isAway) printNote('The database does not answer: waiting for it.');
        isAway = true;
        await sleep(pauses.whileAway);
      }
    }
  } catch (error) {
    if (error instanceof DomainError && error.errorName === 'CURSOR_TOO_OLD') throw new CommandError(error.message);
    throw error;
  } finally {
    numbering.stop();
  }
}

/** Numbers what waits, unless a gateway is at it. */
async function numberAll(numbering: ChangeNumbering): Promise<void> {
  await numbering.look();
  await sleep(pauses.beforeTakeover);
  await numbering.look();
}

function lineOf(change: RecordedChange): string {
  const { operation, targetId, accountProvider, accountId, region, instanceId, version, createdAt } = change;
  const line = {
    cursor: writeCursor(change),
    operation,
    id: targetId,
    accountProvider,
    accountId,
    region,
    instanceId,
    version,
    time: createdAt,
    fields: recordedChanges(change.changes) ?? [],
  };
  return `${JSON.stringify(line)}\n`;
}
