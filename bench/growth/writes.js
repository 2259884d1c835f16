/** What the indexes by place cost an addition. */
import { readFileSync } from 'node:fs';
import { ulid } from 'ulid';
import { median } from '../speed/report.js';
import { statements } from './register.js';

const connections = 16;
const seconds = 6;
const turns = 3;
const ticksPerSecond = 100;

/**
 * Adds datasources with the indexes by place and without them, in turn.
 *
 * @param pid the server's process; undefined where it is not known
 * @returns of each the additions a second, and the server's processor time for each in microseconds
 */
export async function writesOf(register, pid) {
  const seen = { with: [], without: [] };
  let number = register.size;
  const next = () => {
    number += 1;
    return register.datasource(number);
  };
  for (let turn = 0; turn < turns; turn += 1) {
    seen.with.push(await additions(register.database, next, pid));
    await register.dropIndexesByPlace();
    seen.without.push(await additions(register.database, next, pid));
    await register.addIndexesByPlace();
  }
  const of = (list) => ({
    rate: median(list.map(({ rate }) => rate)),
    processor: median(list.map((one) => one.processor)),
  });
  return { size: register.size, with: of(seen.with), without: of(seen.without) };
}

async function additions(database, next, pid) {
  const processorBefore = processorSeconds(pid);
  const started = performance.now();
  let added = 0;
  const add = async () => {
    while (performance.now() - started < seconds * 1000) {
      const datasource = next();
      await database.change(async (session) => {
        await statements.insertDatasource(session, datasource);
        await statements.insertAuditEvents(session, [eventOf(datasource)]);
      });
      added += 1;
    }
  };
  await Promise.all(Array.from({ length: connections }, add));
  return {
    rate: (added * 1000) / (performance.now() - started),
    processor: ((processorSeconds(pid) - processorBefore) * 1e6) / added,
  };
}

function eventOf({ id, accountProviderId, accountId, region, instanceId }) {
  return {
    id: `E${ulid()}`,
    createdAt: new Date(),
    actor: 'crawler (dgk_0123456789ab)',
    means: 'key',
    surface: 'graphql',
    address: '10.0.0.1',
    requestId: ulid(),
    operation: 'addDatasource',
    outcome: 'done',
    accountProvider: accountProviderId,
    accountId,
    region,
    instanceId,
    targetId: id,
    version: 1,
    position: 0,
    changes: JSON.stringify([
      { field: 'jdbcConnectionUrl', from: null, to: 'jdbc:postgresql://db.example.com:5432/main' },
    ]),
  };
}

function processorSeconds(pid) {
  if (pid === undefined) return Number.NaN;
  // Behind the name, which may hold spaces: the user time is the 12th value, the system's the 13th.
  const values = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1].split(' ');
  return (Number(values[11]) + Number(values[12])) / ticksPerSecond;
}
