import { setMaxListeners } from 'node:events';
import { createSecureContext, rootCertificates, type SecureContext } from 'node:tls';
import type { AuditedOperation, AuditTarget, AuditTrail } from '../audit/audit-trail.js';
import type { Database } from '../database/database.js';
import type { CredentialSeal } from '../datasources/credential-seal.js';
import type { AddDatasourceInput } from '../datasources/datasource.input.js';
import {
  type DatasourceIdentity,
  lockSealedDatasource,
  type SealedDatasource,
  selectSealedDatasources,
} from '../datasources/datasource.statements.js';
import { isSameConnection } from '../datasources/datasource-changes.js';
import { datasourceNotFound } from '../datasources/datasource-writes.js';
import { type JdbcUrl, parseJdbcUrl } from '../datasources/jdbc-url.js';
import { type LastTestRow, putLastTest, selectLastTests } from '../datasources/last-test.statements.js';
import { type TestOutcome, testOutcomes } from '../datasources/test-outcome.js';
import { DomainError, OverloadedError, RateLimitedError, UnavailableError } from '../errors.js';
import type { Call } from '../security/call.js';
import { SealBrokenError } from '../security/sealing.js';
import { CallerAllowance } from './caller-allowance.js';
import { maxDatabases } from './database-names.statements.js';
import { NameLookups, type Resolve } from './name-lookups.js';
import { NetworkPolicy } from './network-policy.js';
import type { OwnEndpoint } from './own-endpoints.js';
import {
  type CheckedServer,
  checkServer,
  type EndedTest,
  systemResolve,
  type TestRules,
  testServer,
} from './server-test.js';
import { isPlainName } from './server-words.js';
import { type ConnectionTest, TestFailure } from './test-outcome.js';
import { type ConnectionDescription, maxServers, type TestTarget, testTargets } from './test-target.js';

/** What bounds connection tests. */
export interface ConnectionTestLimits {
  /** The networks that may be connected to, in CIDR notation; none where nothing is tested. */
  readonly networks: readonly string[];
  /** How long a test may take in all, in milliseconds. */
  readonly timeout: number;
  /** Servers that one caller may have tested in a minute. */
  readonly rateLimit: number;
  /** PEM of authorities that are trusted besides those that Node.js trusts. */
  readonly certificateAuthority: string | undefined;
}

/** What a connection test needs of others. */
export interface ConnectionTestParts {
  readonly database: Database;
  readonly credentials: CredentialSeal;
  readonly audit: AuditTrail;
  /** What is the gateway's own, and never tested. */
  readonly ownEndpoints: () => readonly OwnEndpoint[];
  /** Told of the outcome of each test, as it is kept. */
  readonly onOutcome?: (outcome: TestOutcome) => void;
  /** Finds the addresses of a name; the system's resolver unless told. */
  readonly resolve?: Resolve;
}

/** The names of the databases that a credential sees. */
export interface DatabaseNames {
  readonly outcome: TestOutcome;
  readonly message: string;
  /** At most 1000, in order; none where the test did not come so far. */
  readonly names: readonly string[];
  /** Whether there are more. */
  readonly hasMore: boolean;
}

/** What came of the last test of a datasource. */
export interface LastTestOutcome {
  readonly outcome: TestOutcome;
  readonly testedAt: Date;
}

const maxAtOnce = 8;
const notConnected = { outcome: 'NOT_TESTED', message: 'Rehearsed: nothing was connected to.' } as const;

/** What one test is made of. */
interface Work {
  readonly operation: AuditedOperation;
  readonly target: AuditTarget | undefined;
  readonly connection: ConnectionDescription;
  readonly listsDatabases: boolean;
}

/** Tests connections to databases: whether they can be reached, and whether their credentials are taken. */
export class ConnectionTestService {
  readonly #parts: ConnectionTestParts;
  readonly #timeout: number;
  readonly #policy: NetworkPolicy;
  readonly #allowance: CallerAllowance;
  readonly #names: NameLookups;
  readonly #rateLimit: number;
  readonly #certificateAuthority: string | undefined;
  #secureContext: SecureContext | undefined;
  #underWay = 0;

  constructor(parts: ConnectionTestParts, limits: ConnectionTestLimits) {
    this.#parts = parts;
    this.#timeout = limits.timeout;
    this.#names = new NameLookups(parts.resolve ?? systemResolve);
    this.#policy = new NetworkPolicy(limits.networks);
    this.#rateLimit = limits.rateLimit;
    this.#allowance = new CallerAllowance(limits.rateLimit);
    this.#certificateAuthority = limits.certificateAuthority;
  }

  /** Whether connections may be tested here. */
  get isOn(): boolean {
    return !this.#policy.isEmpty;
  }

  /**
   * Tests a datasource that is registered, with the credential that is stored, and keeps what came of it.
   *
   * @param signal ends the test, where nobody waits for it any more
   * @throws DomainError CONNECTION_TESTS_OFF, DATASOURCE_NOT_FOUND; RateLimitedError, OverloadedError, UnavailableError
   */
  async testDatasource(key: DatasourceIdentity, call: Call, signal: AbortSignal): Promise<ConnectionTest> {
    const target = targetOf(key);
    this.#admit('testDatasource', target, call);
    const [datasource] = await this.#parts.database.read((session) => selectSealedDatasources(session, [key]));
    if (datasource === undefined) throw datasourceNotFound();
    const connection = { ...datasource, password: this.#openedPassword(datasource) };
    const { test } = await this.#run(
      { operation: 'testDatasource', target, connection, listsDatabases: false },
      call,
      signal,
    );
    await this.#keep(datasource, test);
    return test;
  }

  /**
   * Tests a datasource that is not registered. Nothing is kept of it but a line in the audit.
   *
   * @param signal ends the test, where nobody waits for it any more
   * @throws DomainError CONNECTION_TESTS_OFF, INVALID_JDBC_URL; RateLimitedError, OverloadedError, UnavailableError
   */
  async testConnection(input: AddDatasourceInput, call: Call, signal: AbortSignal): Promise<ConnectionTest> {
    const target = targetOf(input);
    this.#admit('testConnection', target, call);
    const work = { operation: 'testConnection', target, connection: input, listsDatabases: false } as const;
    return (await this.#run(work, call, signal)).test;
  }

  /**
   * Checks what a test of a registered datasource needs, and tells what it would begin with. Nothing is looked up by its name or
   * connected to, so nothing is in the audit.
   *
   * @throws as {@link testDatasource}
   */
  async rehearseTestOfDatasource(key: DatasourceIdentity, call: Call): Promise<ConnectionTest> {
    const target = targetOf(key);
    this.#admit('testDatasource', target, call);
    const [datasource] = await this.#parts.database.read((session) => selectSealedDatasources(session, [key]));
    if (datasource === undefined) throw datasourceNotFound();
    const connection = { ...datasource, password: this.#openedPassword(datasource) };
    return this.#rehearsed({ operation: 'testDatasource', target, connection, listsDatabases: false }, call);
  }

  /** As {@link rehearseTestOfDatasource}, of a datasource that is not registered. */
  rehearseTestOfConnection(input: AddDatasourceInput, call: Call): ConnectionTest {
    const target = targetOf(input);
    this.#admit('testConnection', target, call);
    return this.#rehearsed({ operation: 'testConnection', target, connection: input, listsDatabases: false }, call);
  }

  /**
   * Finds the names of the databases that a credential sees, of a server of MySQL, MariaDB, PostgreSQL or Redshift. The server
   * that answers first is asked.
   *
   * @param signal ends it, where nobody waits for it any more
   * @throws DomainError CONNECTION_TESTS_OFF, INVALID_JDBC_URL; RateLimitedError, OverloadedError, UnavailableError
   */
  async databases(connection: ConnectionDescription, call: Call, signal: AbortSignal): Promise<DatabaseNames> {
    this.#admit('databases', undefined, call);
    const work = { operation: 'databases', target: undefined, connection, listsDatabases: true } as const;
    const { test, databases = [] } = await this.#run(work, call, signal);
    return {
      outcome: test.outcome,
      message: test.message,
      names: databases.slice(0, maxDatabases).filter(isPlainName),
      hasMore: databases.length > maxDatabases,
    };
  }

  /** What came of the last test of each of several datasources, in their order; null of those that were not tested. */
  async lastTests(datasourceIds: readonly string[]): Promise<(LastTestOutcome | null)[]> {
    const rows = await this.#parts.database.read((session) => selectLastTests(session, datasourceIds));
    const found = new Map(rows.map((row) => [row.datasourceId, row as LastTestRow & LastTestOutcome]));
    return datasourceIds.map((id) => found.get(id) ?? null);
  }

  /** @throws DomainError CONNECTION_TESTS_OFF; OverloadedError */
  #admit(operation: AuditedOperation, target: AuditTarget | undefined, call: Call): void {
    if (!this.isOn) {
      this.#parts.audit.recordRefusal(call, [{ operation, target }], 'CONNECTION_TESTS_OFF');
      throw new DomainError(
        'CONNECTION_TESTS_OFF',
        'Connections are not tested here. Set CONNECTION_TEST_NETWORKS to the networks that may be connected to.',
      );
    }
    // Without a cause, which would be a line in the log with a stack for each.
    if (this.#underWay >= maxAtOnce) throw new OverloadedError();
  }

  async #run(
    work: Work,
    call: Call,
    signal: AbortSignal,
  ): Promise<{ test: ConnectionTest; databases?: readonly unknown[] | undefined }> {
    const { connection, listsDatabases } = work;
    const url = urlOf(connection);
    const testedAt = new Date();
    const started = performance.now();
    const summed = (test: Pick<ConnectionTest, 'outcome' | 'message' | 'servers'>): ConnectionTest => {
      this.#parts.onOutcome?.(keptOutcome(test.outcome));
      return { ...test, milliseconds: performance.now() - started, testedAt };
    };
    const targets = targetsOf(url, connection);
    if (targets instanceof TestFailure) {
      return { test: summed({ outcome: targets.outcome, message: targets.message, servers: [] }) };
    }
    this.#expectAllowance(work, call, this.#allowance.take(call, targets.length));
    // Whatever was admitted meanwhile.
    if (this.#underWay >= maxAtOnce) throw new OverloadedError();
    this.#underWay += 1;
    const lookups: Promise<unknown>[] = [];
    const whole = new AbortController();
    // Each server looks its name up, and the gateway's own.
    setMaxListeners(4 * maxServers, whole.signal);
    const timer = setTimeout(() => whole.abort(tooLate()), this.#timeout);
    const forward = () => whole.abort(new UnavailableError(new Error('nobody waits for the connection test any more')));
    signal.addEventListener('abort', forward, { once: true });
    if (signal.aborted) forward();
    try {
      const rules = this.#rules(lookups, whole.signal);
      const checked = await Promise.all(targets.map((one) => checkServer(one, rules, whole.signal)));
      await this.#record(work, call, checked);
      const ended: EndedTest[] = [];
      for (const [place, server] of checked.entries()) {
        const time = (this.#timeout - (performance.now() - started)) / (checked.length - place);
        const showsWhyUnreached = call.caller.permissions.has('admin');
        const mayTryAnother = () => this.#allowance.take(call, 1) === 0;
        const options = { listsDatabases, showsWhyUnreached, mayTryAnother, time };
        ended.push(await testServer(server, rules, options, whole.signal));
        if (listsDatabases && ended.at(-1)?.databases !== undefined) break;
      }
      const isCut = url.hosts.length > maxServers;
      return { test: summed(summary(ended, isCut)), databases: ended.at(-1)?.databases };
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', forward);
      // A look-up cannot be called off: as long as it is under way, it takes a place.
      void Promise.allSettled(lookups).then(() => {
        this.#underWay -= 1;
      });
    }
  }

  #rehearsed(work: Work, call: Call): ConnectionTest {
    const targets = targetsOf(urlOf(work.connection), work.connection);
    const { outcome, message } = targets instanceof TestFailure ? targets : notConnected;
    if (!(targets instanceof TestFailure)) {
      this.#expectAllowance(work, call, this.#allowance.waitFor(call, targets.length));
    }
    return { outcome, message, servers: [], milliseconds: 0, testedAt: new Date() };
  }

  /** @throws RateLimitedError where there is something to wait for, which is recorded */
  #expectAllowance({ operation, target }: Work, call: Call, wait: number): void {
    if (wait === 0) return;
    this.#parts.audit.recordRefusal(call, [{ operation, target }], 'RATE_LIMITED');
    throw new RateLimitedError(this.#rateLimit, wait);
  }

  #rules(lookups: Promise<unknown>[], signal: AbortSignal): TestRules {
    const { ownEndpoints } = this.#parts;
    return {
      policy: this.#policy,
      ownEndpoints,
      resolve: (host) => {
        const lookup = this.#names.lookUp(host, signal);
        lookups.push(lookup);
        return lookup;
      },
      secureContext: () => {
        this.#secureContext ??= createSecureContext(
          this.#certificateAuthority === undefined ? {} : { ca: [...rootCertificates, this.#certificateAuthority] },
        );
        return this.#secureContext;
      },
    };
  }

  /** It is in the audit before anything is connected to: where that cannot be written, nothing is. */
  async #record({ operation, target, connection }: Work, call: Call, checked: readonly CheckedServer[]): Promise<void> {
    const addresses = checked.map(
      ({ target: { host, port }, addresses: found, refusal }) =>
        `${host} port ${port}: ${refusal?.outcome ?? found.join(', ')}`,
    );
    const changes = [
      { field: 'jdbcConnectionUrl', from: null, to: connection.jdbcConnectionUrl },
      { field: 'servers', from: null, to: addresses.join('; ') },
    ];
    const isRefused = checked.every(({ refusal }) => refusal?.outcome === 'NOT_ALLOWED');
    await this.#parts.database.change((session) =>
      this.#parts.audit.record(session, call, operation, target, changes, isRefused ? 'NOT_ALLOWED' : 'done'),
    );
  }

  /** Unless the connection was changed while it was tested. */
  #keep(tested: SealedDatasource, { outcome, testedAt }: ConnectionTest): Promise<void> {
    return this.#parts.database.change(async (session) => {
      const current = await lockSealedDatasource(session, tested);
      if (current === undefined || current.id !== tested.id || !isSameConnection(current, tested)) return;
      await putLastTest(session, { datasourceId: tested.id, outcome: keptOutcome(outcome), testedAt });
    });
  }

  #openedPassword(datasource: SealedDatasource): string | null {
    try {
      return this.#parts.credentials.opened(datasource, 'password', datasource.passwordSealed);
    } catch (error) {
      if (!(error instanceof SealBrokenError)) throw error;
      throw new DomainError(
        'INTERNAL_SERVER_ERROR',
        'The stored password cannot be opened with the keys that are set. Give the datasource its credential again.',
        error,
      );
    }
  }
}

/** @throws DomainError INVALID_JDBC_URL */
function urlOf({ jdbcConnectionUrl }: ConnectionDescription): JdbcUrl {
  const url = parseJdbcUrl(jdbcConnectionUrl);
  if (!url.ok) throw new DomainError('INVALID_JDBC_URL', url.problem);
  return url.url;
}

/** The servers to test; why there are none, where there are none. */
function targetsOf(url: JdbcUrl, connection: ConnectionDescription): TestTarget[] | TestFailure {
  try {
    return testTargets(url, connection);
  } catch (error) {
    if (!(error instanceof TestFailure)) throw error;
    return error;
  }
}

function targetOf({ accountProviderId, accountId, region, instanceId }: DatasourceIdentity): AuditTarget {
  return { accountProvider: accountProviderId, accountId, region, instanceId };
}

/** What is kept is read by callers who may not know why a server is not reached. */
function keptOutcome(outcome: TestOutcome): TestOutcome {
  return outcome === 'NOT_ALLOWED' ? 'UNREACHABLE' : outcome;
}

function summary(ended: readonly EndedTest[], isCut: boolean): Pick<ConnectionTest, 'outcome' | 'message' | 'servers'> {
  const servers = ended.map(({ server }) => server);
  const [best = servers[0]] = [...servers].sort(
    (a, b) => testOutcomes.indexOf(a.outcome) - testOutcomes.indexOf(b.outcome),
  );
  if (best === undefined) throw new Error('a test has a server');
  const same = servers.filter(({ outcome }) => outcome === best.outcome).length;
  const message = servers.length === 1 ? best.message : `${same} of ${servers.length} servers: ${best.message}`;
  const cut = isCut ? ` Only the first ${maxServers} servers of the URL were tried.` : '';
  return { outcome: best.outcome, message: `${message}${cut}`, servers };
}

function tooLate(): TestFailure {
  return new TestFailure('TIMED_OUT', 'The test did not end in time.');
}
