import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { type ContentReader, openContentReader } from '../support/database-content.js';
import { databaseKinds } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import type { GraphQLAnswer } from '../support/gateway.js';
import { storedEvents } from '../support/raw-database.js';
import { datasourceInput } from '../support/samples.js';

const steps = 300;
const seed = Number(process.env.REHEARSAL_SEED ?? 20_261_125);

type Values = Record<string, unknown>;

/** A mutation: the type of its input, and what it answers beside what all do. */
const mutations = {
  addAccount: ['AddAccountInput', 'account { id accountProvider accountId region }'],
  deleteAccount: ['DeleteAccountInput', 'deletedAccountId deletedDatasourceCount'],
  addDatasource: ['AddDatasourceInput', 'datasource { ...shown }'],
  editDatasource: ['EditDatasourceInput', 'datasource { ...shown }'],
  updateDatasource: ['UpdateDatasourceInput', 'datasource { ...shown }'],
  revertDatasource: ['RevertDatasourceInput', 'datasource { ...shown }'],
  deleteDatasources: ['DeleteDatasourcesInput', 'deletedInstanceIds'],
} as const;

type Mutation = keyof typeof mutations;

const shown =
  'fragment shown on Datasource { id instanceId description jdbcConnectionUrl jdbcEnforceSsl masterUsername hasPassword hasSecret glueCrawlerLastUpdated version }';
const rehearsal =
  'rehearsal(first: 100) { hasMore changes { operation accountProvider accountId region instanceId version fields { field from to } } }';

function documentOf(name: Mutation): string {
  const [input, own] = mutations[name];
  return `mutation ($input: ${input}!, $dryRun: Boolean!) { done: ${name}(input: $input, dryRun: $dryRun) { status code message rehearsed ${own} ${rehearsal} } } ${own.includes('shown') ? shown : ''}`;
}

/** The same numbers for the same seed (mulberry32). */
function randomFrom(start: number): () => number {
  let state = start;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Makes up mutations of a few accounts and datasources, so that many of them meet, and some are wrong. */
class Inventor {
  readonly #random: () => number;

  constructor(random: () => number) {
    this.#random = random;
  }

  chance(share: number): boolean {
    return this.#random() < share;
  }

  next(): { readonly name: Mutation; readonly input: Values } {
    const name = this.#one<Mutation>([
      ...Array<Mutation>(6).fill('updateDatasource'),
      ...Array<Mutation>(5).fill('revertDatasource'),
      ...Array<Mutation>(4).fill('addDatasource'),
      ...(['addAccount', 'addAccount', 'editDatasource', 'editDatasource'] as const),
      ...(['deleteDatasources', 'deleteAccount'] as const),
    ]);
    return { name, input: this.#inputOf(name) };
  }

  #one<T>(of: readonly T[]): T {
    return of[Math.floor(this.#random() * of.length)] as T;
  }

  /** Seldom there, so that it is given in one of so many cases. */
  #maybe(share: number, values: () => Values): Values {
    return this.chance(share) ? values() : {};
  }

  #inputOf(name: Mutation): Values {
    const { accountProvider, accountId, region } = this.#account();
    if (name === 'addAccount' || name === 'deleteAccount') return { accountProvider, accountId, region };
    if (name === 'deleteDatasources') {
      const instances = Array.from({ length: 1 + Math.floor(this.#random() * 2) }, () => this.#instance());
      return { accountProvider, accountId, region, instances };
    }
    const key = { instanceId: this.#instance(), accountProviderId: accountProvider, accountId, region };
    const expected = this.#maybe(0.2, () => ({ expectedVersion: 1 + Math.floor(this.#random() * 3) }));
    if (name === 'revertDatasource') {
      return { ...key, ...expected, toVersion: 1 + Math.floor(this.#random() * 4), ...this.#maybe(0.2, this.#secret) };
    }
    const values = {
      ...this.#maybe(0.6, () => ({ description: this.#one(['one', 'two', '', null, 'three']) })),
      ...this.#maybe(0.3, () => ({ jdbcConnectionUrl: this.#url() })),
      ...this.#maybe(0.3, () => ({ jdbcEnforceSsl: this.#one([true, false, null]) })),
      ...this.#maybe(0.3, () => ({ masterUsername: this.#one(['reader', null]) })),
      ...this.#maybe(0.3, () => ({ password: this.#one(['pw-1', 'pw-2', null]) })),
      ...this.#maybe(0.3, this.#secret),
      ...this.#maybe(0.2, () => ({ glueCrawlerLastUpdated: this.#one(['2026-01-02T03:04:05.006Z', null]) })),
      ...this.#maybe(0.05, () => ({ networkSgId: this.#one(['', ' ', 'x'.repeat(256)]) })),
    };
    if (name === 'updateDatasource') return { ...key, ...expected, ...values };
    const whole = datasourceInput(key.instanceId, { ...key, ...values });
    return name === 'editDatasource' ? { ...whole, ...expected } : whole;
  }

  readonly #secret = (): Values => ({ secret: this.#one(['secret-1', 'secret-2', null]) });

  #account() {
    return { accountProvider: 1, accountId: this.#one(['one', 'one', 'one', 'two']), region: 'here' };
  }

  #instance(): string {
    return this.#one(['orders', 'sales']);
  }

  #url(): string {
    return this.#one(['jdbc:mysql://one.example.com/a', 'jdbc:mysql://two.example.com/b', 'jdbc:mysql://x?password=y']);
  }
}

/** What an answer tells, without what differs between a rehearsal and the real call: that it was one, and ids. */
function told({ data, errors }: GraphQLAnswer): unknown {
  if (errors !== undefined) return errors.map(({ message, extensions }) => ({ message, code: extensions.code }));
  const { status, code, message, rehearsed, rehearsal, deletedAccountId, ...own } = data.done;
  return JSON.parse(JSON.stringify(own), (name, value) => (name === 'id' ? undefined : value));
}

/** The lines of the audit behind the first so many, as a rehearsal tells them. */
async function recordedBehind(url: string, count: number): Promise<Values[]> {
  const events = (await storedEvents({ url })).slice(count);
  return events.map(({ operation, accountProvider, accountId, region, instanceId, changes }) => ({
    ...{ operation, accountProvider, accountId, region, instanceId },
    fields: (changes ?? []).map(({ field, from = null, to = null }: Values) => ({
      field,
      from: from === null ? null : JSON.stringify(from),
      to: to === null ? null : JSON.stringify(to),
    })),
  }));
}

function byText(one: unknown, other: unknown): number {
  return JSON.stringify(one) < JSON.stringify(other) ? -1 : 1;
}

// The places of earlier changes in the feed are given behind the answers to them.
const numbering = new Set(['change_feed', 'audit_events.position']);

describe.each(databaseKinds)('a rehearsal on $name', (kind) => {
  const { database, gateway } = useGateway(kind);
  let content: ContentReader;

  beforeAll(async () => {
    content = await openContentReader(database);
  });
  afterAll(() => content?.close());

  /** Waits until all changes have their place in the feed. */
  async function settled(): Promise<void> {
    const isNumbered = async () =>
      ((await content.read()).audit_events ?? []).every((row) => !/\["position",0\]/.test(row));
    while (!(await isNumbered())) await sleep(50);
    // Whoever numbers has then found that there is no more.
    await sleep(400);
  }

  test(`tells what the real call then does, refuses what it refuses, and leaves nothing (seed ${seed})`, async () => {
    const inventor = new Inventor(randomFrom(seed));
    const seen: Record<string, number> = {};
    let count = 0;
    for (let step = 0; step < steps; step += 1) {
      const isWhole = step % 30 === 29;
      if (isWhole) await settled();
      const leftOut = isWhole ? undefined : numbering;
      const { name, input } = inventor.next();
      const before = await content.read(leftOut);
      const rehearsed = await gateway.graphql(documentOf(name), { input, dryRun: true });
      const context = `step ${step}: ${name} ${JSON.stringify(input)}`;
      expect([context, await content.read(leftOut)]).toEqual([context, before]);
      if (rehearsed.errors === undefined) {
        expect(rehearsed.data.done).toMatchObject({ status: 'rehearsed', code: 1905, rehearsed: true });
      }
      if (!inventor.chance(0.8)) continue;
      const real = await gateway.graphql(documentOf(name), { input, dryRun: false });
      expect([context, told(real)]).toEqual([context, told(rehearsed)]);
      const recorded = await recordedBehind(database.url, count);
      count += recorded.length;
      const changes = (rehearsed.data?.done.rehearsal.changes ?? []).map(({ version, ...change }: Values) => change);
      expect([context, changes.sort(byText)]).toEqual([context, recorded.sort(byText)]);
      if (real.errors === undefined) {
        expect(real.data.done).toMatchObject({ status: 'success', code: 1001, rehearsed: false, rehearsal: null });
        const versions = rehearsed.data.done.rehearsal.changes.map(({ version }: Values) => version);
        if (recorded.length === 1 && real.data.done.datasource) {
          expect(versions).toEqual([real.data.done.datasource.version]);
        }
      }
      const outcome = `${name} ${real.errors?.[0].extensions.code ?? 'done'}`;
      seen[outcome] = (seen[outcome] ?? 0) + 1;
    }
    // What was made up is worth something only if most of what can happen has happened.
    expect(seen).toMatchObject(
      Object.fromEntries(Object.keys(mutations).map((name) => [`${name} done`, expect.any(Number)])),
    );
    expect(Object.keys(seen).filter((outcome) => !outcome.endsWith(' done')).length).toBeGreaterThan(10);
    // The feed has what was done, and nothing of what was rehearsed.
    await settled();
    const { data } = await gateway.graphql('{ changes(first: 100) { changes { operation } hasMore } }');
    const { length } = await storedEvents(database);
    expect(length).toBe(count);
    expect(data.changes.changes.length).toBe(Math.min(100, count));
  }, 120_000);

  test('changes nothing where many come beside real changes, which all hold', async () => {
    const account = { accountProvider: 1, accountId: 'busy', region: 'here' };
    await gateway.graphql(documentOf('addAccount'), { input: account, dryRun: false });
    const add = (instanceId: string, dryRun: boolean) =>
      gateway.graphql(documentOf('addDatasource'), {
        input: datasourceInput(instanceId, { accountId: 'busy', region: 'here' }),
        dryRun,
      });
    const names = Array.from({ length: 60 }, (_, number) => `name-${number}`);
    const both = (name: string, number: number) => [
      add(name, number % 2 === 0),
      add(`other-${name}`, number % 2 === 1),
    ];
    // More at once would be refused as too many on a busy machine.
    for (let first = 0; first < names.length; first += 12) {
      const answers = await Promise.all(names.slice(first, first + 12).flatMap(both));
      expect(answers.filter(({ errors }) => errors !== undefined)).toEqual([]);
    }
    const { data } = await gateway.graphql(
      '{ account(key: { accountProvider: 1, accountId: "busy", region: "here" }) { datasources(first: 100) { totalCount edges { node { instanceId } } } } }',
    );
    expect(data.account.datasources.totalCount).toBe(60);
    const kept = data.account.datasources.edges.map(({ node }: { node: { instanceId: string } }) => node.instanceId);
    const real = names.flatMap((name, number) => [number % 2 === 0 ? `other-${name}` : name]);
    expect(kept.sort()).toEqual(real.sort());
  });
});
