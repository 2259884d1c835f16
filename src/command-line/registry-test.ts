import { setTimeout as sleep } from 'node:timers/promises';
import type { ConnectionTestService } from '../connection-test/connection-test.service.js';
import { cursorOf } from '../database/page.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import type { ShownDatasource } from '../datasources/datasource.statements.js';
import type { TestOutcome } from '../datasources/test-outcome.js';
import { DomainError, OverloadedError } from '../errors.js';
import type { Call } from '../security/call.js';
import { printable } from '../transfer/row.js';
import { CommandError, type Print } from './command.js';
import { Progress } from './progress.js';
import type { TestArguments } from './registry-arguments.js';

/** What the command works on. */
export interface RegistryTestParts {
  readonly datasources: DatasourceService;
  readonly connectionTests: ConnectionTestService;
  readonly call: Call;
  readonly print: Print;
}

interface Row {
  readonly datasource: ShownDatasource;
  readonly outcome: TestOutcome | DomainError['errorName'];
  readonly message: string;
  readonly milliseconds: number;
  readonly servers: readonly object[];
}

const atOnce = 8;
const pageSize = 100;
const pause = 100;
const good: ReadonlySet<string> = new Set(['CONNECTED', 'REACHED', 'NOT_TESTED']);

/**
 * Tests the registered datasources, some at a time, and keeps what came of each.
 *
 * @returns the exit code: 0, or 1 where one failed
 * @throws CommandError where connections are not tested here
 */
export async function testRegister(words: TestArguments, parts: RegistryTestParts): Promise<number> {
  const { datasources, connectionTests, call, print } = parts;
  if (!connectionTests.isOn) {
    throw new CommandError(
      'Connections are not tested here. Set CONNECTION_TEST_NETWORKS to the networks that may be connected to.',
    );
  }
  const signal = new AbortController().signal;
  const progress = new Progress(process.stderr, await datasources.count(words.account));
  const rows: Row[] = [];
  const counts = new Map<string, number>();
  const upcoming = datasourcesOf(datasources, words.account, call);
  const work = async () => {
    for (let next = await upcoming.next(); !next.done; next = await upcoming.next()) {
      const row = await tested(next.value, connectionTests, call, signal);
      progress.add(1);
      counts.set(row.outcome, (counts.get(row.outcome) ?? 0) + 1);
      if (words.format === 'table') rows.push(row);
      else {
        progress.clear();
        print(lineOf(row));
      }
    }
  };
  try {
    await Promise.all(Array.from({ length: atOnce }, work));
  } finally {
    progress.clear();
  }
  if (words.format === 'table') for (const line of tableOf(rows, counts)) print(line);
  return [...counts.keys()].every((outcome) => good.has(outcome)) ? 0 : 1;
}

async function* datasourcesOf(
  datasources: DatasourceService,
  conditions: TestArguments['account'],
  call: Call,
): AsyncGenerator<ShownDatasource> {
  const ordering = { property: 'createdAt', descending: false } as const;
  let after: string | undefined;
  for (;;) {
    const page = await datasources.page(conditions, ordering, { first: pageSize, after }, call);
    yield* page.rows;
    const last = page.rows.at(-1);
    if (last === undefined || !page.hasNextPage) return;
    after = cursorOf(last, page.order);
  }
}

async function tested(
  datasource: ShownDatasource,
  connectionTests: ConnectionTestService,
  call: Call,
  signal: AbortSignal,
): Promise<Row> {
  const started = performance.now();
  try {
    const { outcome, message, milliseconds, servers } = await connectionTests.testDatasource(datasource, call, signal);
    return { datasource, outcome, message, milliseconds, servers };
  } catch (error) {
    // A name that is still looked up takes a place for longer than its test.
    if (error instanceof OverloadedError) {
      await sleep(pause);
      return tested(datasource, connectionTests, call, signal);
    }
    // Of this datasource alone: it was deleted meanwhile, or its credential does not open.
    if (!(error instanceof DomainError) || error.retryAfter !== undefined) throw error;
    const milliseconds = performance.now() - started;
    return { datasource, outcome: error.errorName, message: error.message, milliseconds, servers: [] };
  }
}

function lineOf({ datasource, milliseconds, ...row }: Row): string {
  const { accountProviderId, accountId, region, instanceId } = datasource;
  return JSON.stringify({
    accountProviderId,
    accountId,
    region,
    instanceId,
    ...row,
    milliseconds: Math.round(milliseconds),
  });
}

function tableOf(rows: readonly Row[], counts: ReadonlyMap<string, number>): string[] {
  const cells = rows
    .toSorted((a, b) => Number(good.has(b.outcome)) - Number(good.has(a.outcome)))
    .map(({ datasource: { accountProviderId, accountId, region, instanceId }, outcome, milliseconds, message }) => [
      outcome,
      `${Math.round(milliseconds)} ms`,
      printable(`${accountProviderId} ${accountId} ${region} ${instanceId}`),
      message,
    ]);
  const widths = [0, 1, 2].map((column) => Math.max(0, ...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join('  '));
  const summed = [...counts].map(([outcome, count]) => `${outcome} ${count}`).join(', ');
  return [...lines, `Tested ${rows.length}${summed === '' ? '' : `: ${summed}`}.`];
}
