import { setTimeout as sleep } from 'node:timers/promises';
import type { LegacyAnswer } from './gateway.js';
import { onDatabase, type StoredEvent, storedEvents } from './raw-database.js';
import { legacyAccount, legacyDatasource, newAccountKey, newDatasource } from './register-samples.js';
import type { AccountKey } from './samples.js';

/** What posts to a legacy route: a gateway, in this process or in one of its own. */
export interface LegacyCaller {
  legacy(route: string, body: object): Promise<LegacyAnswer>;
}

type Outcome = 'acknowledged' | 'refused' | 'unanswered';

interface Operation {
  readonly name: 'addAccount' | 'deleteAccount' | 'addDatasource' | 'editDatasource';
  readonly account: AccountKey;
  readonly instanceId?: string;
}

const pauseAfterRefusal = 20;
const instances = ['orders', 'sales', 'stock'];

/**
 * What clients were told, to be compared with what is stored. Its clients add accounts with datasources, edit them and
 * delete some of the accounts again; each asks for a thing once, so an outcome that is neither a success nor "not now" is
 * wrong, and so is anything that was done twice.
 */
export class RegisterLedger {
  readonly #operations: (Operation & { readonly outcome: Outcome })[] = [];
  readonly #wrong: string[] = [];
  #longest = 0;

  /** How many operations ended so. */
  count(outcome: Outcome): number {
    return this.#operations.filter((operation) => operation.outcome === outcome).length;
  }

  /** The longest time that a client waited for an answer, in milliseconds. */
  get longest(): number {
    return Math.round(this.#longest);
  }

  /** Forgets the longest wait. */
  forgetLongest(): void {
    this.#longest = 0;
  }

  /** The answers that were none of those that may be. */
  get wrongAnswers(): readonly string[] {
    return this.#wrong;
  }

  /**
   * Clients that write, one operation after the other, until they are told to stop.
   *
   * @param gateway which is asked next
   */
  async write(clients: number, gateway: (client: number) => LegacyCaller, isOver: () => boolean): Promise<void> {
    await Promise.all(
      Array.from({ length: clients }, async (_, client) => {
        for (let turn = 0; !isOver(); turn += 1) {
          const isDone = await this.#writeAccount(() => gateway(client), turn, isOver);
          if (!isDone) await sleep(pauseAfterRefusal);
        }
      }),
    );
  }

  /** Adds one account. */
  addAccount(gateway: LegacyCaller): Promise<Outcome> {
    const account = newAccountKey();
    return this.#ask(gateway, { name: 'addAccount', account }, 'add_account', legacyAccount(account));
  }

  /** What is stored against what was told, as sentences; none where all is well. */
  async problems(database: { readonly url: string }): Promise<string[]> {
    const accounts = await onDatabase<{ id: string }>(database, 'SELECT account_id AS id FROM accounts');
    const datasources = await onDatabase<{ id: string; name: string; version: number }>(
      database,
      'SELECT account_id AS id, instance_id AS name, version FROM datasources',
    );
    const events = countEvents(await storedEvents(database));
    const storedAccounts = new Set(accounts.map(({ id }) => id));
    const stored = new Map(datasources.map(({ id, name, version }) => [`${id} ${name}`, Number(version)]));
    const problems: string[] = [];
    const complain = (isWrong: boolean, what: string) => {
      if (isWrong) problems.push(what);
    };

    for (const id of new Set([...storedAccounts, ...events.accounts])) {
      const added = events.of('addAccount', id);
      const deleted = events.of('deleteAccount', id);
      complain(added > 1 || deleted > 1, `account ${id} was added ${added} times and deleted ${deleted} times`);
      complain(storedAccounts.has(id) !== (added === 1 && deleted === 0), `account ${id} and its audit do not agree`);
    }
    for (const key of new Set([...stored.keys(), ...events.datasources])) {
      const [id, name] = key.split(' ') as [string, string];
      const added = events.of('addDatasource', id, name);
      const isLeft = added === 1 && events.of('deleteAccount', id) === 0;
      complain(added > 1, `datasource ${key} was added ${added} times`);
      complain(stored.has(key) !== isLeft, `datasource ${key} and its audit do not agree`);
      complain(stored.has(key) && !storedAccounts.has(id), `datasource ${key} has no account`);
      const ended = events.of('deleteAccount', id, name);
      complain(ended !== (isLeft ? 0 : 1), `the end of datasource ${key} is ${ended} times in the audit`);
      const version = 1 + events.of('editDatasource', id, name);
      complain(stored.has(key) && stored.get(key) !== version, `datasource ${key} is not at version ${version}`);
    }
    for (const [id, count] of events.cascades) {
      const added = [...events.datasources].filter((key) => key.startsWith(`${id} `)).length;
      complain(count !== added, `account ${id} went with ${count} datasources of ${added}`);
    }
    for (const { name, account, instanceId, outcome } of this.#operations) {
      const isLost = outcome === 'acknowledged' && events.of(name, account.accountId, instanceId) === 0;
      complain(isLost, `${name} of ${account.accountId} ${instanceId ?? ''} was acknowledged and is not there`);
    }
    return problems;
  }

  /** @returns whether there is any use in going on at once */
  async #writeAccount(gateway: () => LegacyCaller, turn: number, isOver: () => boolean): Promise<boolean> {
    const account = newAccountKey();
    const key = legacyAccount(account);
    if ((await this.#ask(gateway(), { name: 'addAccount', account }, 'add_account', key)) !== 'acknowledged')
      return false;
    for (const instanceId of instances) {
      if (isOver()) return true;
      const body = legacyDatasource(newDatasource(account, instanceId));
      const added = await this.#ask(gateway(), { name: 'addDatasource', account, instanceId }, 'add-jdbc-conn', body);
      if (added !== 'acknowledged') return false;
    }
    const [instanceId] = instances as [string];
    const edit = { ...legacyDatasource(newDatasource(account, instanceId)), description: 'edited' };
    await this.#ask(gateway(), { name: 'editDatasource', account, instanceId }, 'update-jdbc-conn', edit);
    if (turn % 3 !== 0 && !isOver()) {
      await this.#ask(gateway(), { name: 'deleteAccount', account }, 'delete_account', key);
    }
    return true;
  }

  async #ask(gateway: LegacyCaller, operation: Operation, route: string, body: object): Promise<Outcome> {
    const started = performance.now();
    const answer = await gateway.legacy(route, body).catch(() => undefined);
    this.#longest = Math.max(this.#longest, performance.now() - started);
    const outcome = this.#outcome(operation, answer);
    this.#operations.push({ ...operation, outcome });
    return outcome;
  }

  #outcome({ name }: Operation, answer: LegacyAnswer | undefined): Outcome {
    if (answer === undefined) return 'unanswered';
    const { httpStatus, headers, body } = answer;
    if (httpStatus === 200 && body.code === 1001) return 'acknowledged';
    if (httpStatus !== 503 || body.code !== 1000 || !/^\d+$/.test(headers.get('retry-after') ?? '')) {
      this.#wrong.push(`${name}: ${httpStatus} ${JSON.stringify(body)}`);
    }
    return 'refused';
  }
}

function countEvents(stored: readonly StoredEvent[]) {
  const counts = new Map<string, number>();
  const accounts = new Set<string>();
  const datasources = new Set<string>();
  const cascades: [string, number][] = [];
  for (const { outcome, operation, accountId, instanceId, changes } of stored) {
    if (outcome !== 'done' || accountId === null) continue;
    const place = instanceId === null ? accountId : `${accountId} ${instanceId}`;
    const key = `${operation} ${place}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
    (instanceId === null ? accounts : datasources).add(place);
    if (operation === 'deleteAccount' && instanceId === null) cascades.push([accountId, Number(changes[0].from)]);
  }
  return {
    accounts,
    datasources,
    cascades,
    of: (operation: string, id: string, name?: string) =>
      counts.get(`${operation} ${name === undefined ? id : `${id} ${name}`}`) ?? 0,
  };
}
