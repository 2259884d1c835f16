import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { DatabaseUse } from '../database/database.js';
import type { ErrorName } from '../errors.js';
import { LegacyUse } from './legacy-use.js';

/** What is said of a request that has ended. Each value is one of a few: none is free text. */
export interface EndedRequest {
  readonly surface: 'graphql' | 'rest' | 'other';
  /** A root field of the schema, a path of the legacy API, or the pattern of another route. */
  readonly operation: string;
  /** The code that the client got; `CLIENT_GONE` where it did not wait for it. */
  readonly code: string;
  readonly seconds: number;
}

/** How many there are in the register. */
export interface RegisterSize {
  readonly accounts: number;
  readonly datasources: number;
}

/** How much is under way. */
export interface LoadUse {
  /** Requests in work now. */
  readonly inWork: number;
  /** Requests that wait for their turn now. */
  readonly waiting: number;
  /** Requests that were turned away since the start because too much was under way. */
  readonly refusals: number;
}

/** What is asked when metrics are. */
export interface MetricsSources {
  /** How the database is used now. */
  readonly databaseUse: () => DatabaseUse;
  /** How large the register is; undefined where that is not known. */
  readonly registerSize: () => Promise<RegisterSize | undefined>;
  /** How much is under way; undefined where that is not bounded. */
  readonly load?: () => LoadUse;
}

const refusals: readonly ErrorName[] = ['UNAUTHENTICATED', 'CREDENTIAL_EXPIRED', 'FORBIDDEN', 'RATE_LIMITED'];
const requestBuckets = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const databaseBuckets = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5];

/** What the gateway counts and measures of itself, for Prometheus. */
export class Metrics {
  readonly #registry = new Registry();
  readonly #registers = [this.#registry];
  readonly #requests = new Counter({
    name: 'gateway_requests_total',
    help: 'Requests that have ended, by the code that the client got.',
    labelNames: ['surface', 'operation', 'code'],
    registers: this.#registers,
  });
  readonly #requestDuration = new Histogram({
    name: 'gateway_request_duration_seconds',
    help: 'How long requests took, from their headers to their end.',
    labelNames: ['surface', 'operation'],
    buckets: requestBuckets,
    registers: this.#registers,
  });
  readonly #legacyRequests = new Counter({
    name: 'gateway_legacy_requests_total',
    help: 'Requests that a legacy route took up, by who sent them with what; beyond a number of callers and user agents, "other".',
    labelNames: ['route', 'caller', 'user_agent'],
    registers: this.#registers,
  });
  readonly #refusals = new Counter({
    name: 'gateway_refused_callers_total',
    help: 'Callers that were refused, as they are in the audit.',
    labelNames: ['reason'],
    registers: this.#registers,
  });
  readonly #credentialReads = new Counter({
    name: 'gateway_credential_reads_total',
    help: 'Datasources whose credentials were given to a caller in clear.',
    registers: this.#registers,
  });
  readonly #connectionTests = new Counter({
    name: 'gateway_connection_tests_total',
    help: 'Connection tests that have ended, by what came of them; NOT_ALLOWED counts as UNREACHABLE.',
    labelNames: ['outcome'],
    registers: this.#registers,
  });
  readonly #databaseDuration = new Histogram({
    name: 'gateway_database_duration_seconds',
    help: 'How long units of work in the database took, their wait for a connection included.',
    labelNames: ['kind'],
    buckets: databaseBuckets,
    registers: this.#registers,
  });
  readonly #legacyUse = new LegacyUse();

  /** @param version the gateway's version */
  constructor(version: string) {
    new Gauge({
      name: 'gateway_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node'],
      aggregator: 'first',
      registers: this.#registers,
    }).set({ version, node: process.version }, 1);
    // Those that are to be seen rise from 0 are there from the start.
    for (const reason of refusals) this.#refusals.inc({ reason }, 0);
    collectDefaultMetrics({ register: this.#registry, eventLoopMonitoringPrecision: 20 });
  }

  /** Measures what is not counted but asked, whenever the metrics are; called once. */
  watch({ databaseUse, registerSize, load }: MetricsSources): void {
    this.#watchDatabase(databaseUse);
    this.#watchRegister(registerSize);
    this.#watchLoad(load);
  }

  /** Measures how many streams of events are open, whenever the metrics are asked; called once. */
  watchStreams(open: () => number): void {
    this.#gauge('gateway_event_streams', 'Subscriptions that are open.', (gauge) => gauge.set(open()));
  }

  /** Says what the metrics are, in the text format of Prometheus. */
  text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The media type of {@link text}. */
  get contentType(): string {
    return this.#registry.contentType;
  }

  /** Counts a request that has ended. */
  requestEnded({ surface, operation, code, seconds }: EndedRequest): void {
    this.#requests.inc({ surface, operation, code });
    this.#requestDuration.observe({ surface, operation }, seconds);
  }

  /** Counts a request that a legacy route took up. */
  legacyRouteUsed(route: string, caller: string, userAgent: string | undefined): void {
    this.#legacyRequests.inc({ route, ...this.#legacyUse.labelsOf(caller, userAgent) });
  }

  /** Counts a caller that was refused. */
  callerRefused(reason: ErrorName): void {
    this.#refusals.inc({ reason });
  }

  /** Counts a datasource whose credentials were given in clear. */
  credentialsRead(): void {
    this.#credentialReads.inc();
  }

  /** Counts a connection test that has ended. */
  connectionTested(outcome: string): void {
    this.#connectionTests.inc({ outcome });
  }

  /** Measures a unit of work in the database. */
  unitEnded(kind: 'read' | 'change', milliseconds: number): void {
    this.#databaseDuration.observe({ kind }, milliseconds / 1000);
  }

  #watchDatabase(databaseUse: MetricsSources['databaseUse']): void {
    this.#gauge('gateway_database_connections_limit', 'Connections to the database at most.', (gauge) =>
      gauge.set(databaseUse().limit),
    );
    this.#gauge('gateway_database_connections_in_use', 'Connections that are at work.', (gauge) =>
      gauge.set(databaseUse().inUse),
    );
    this.#gauge('gateway_database_waiting', 'Units of work that wait for a connection.', (gauge) =>
      gauge.set(databaseUse().waiting),
    );
    new Counter({
      name: 'gateway_database_retries_total',
      help: 'Units of work that were run again for a conflict or a lost server, and commits whose answer was lost.',
      labelNames: ['reason'],
      registers: this.#registers,
      collect() {
        this.reset();
        for (const [reason, count] of Object.entries(databaseUse().retries)) this.inc({ reason }, count);
      },
    });
  }

  #watchRegister(registerSize: MetricsSources['registerSize']): void {
    const datasources = new Gauge({
      name: 'gateway_datasources',
      help: 'Datasources in the register, counted once a minute at most; every gateway of a register says the same.',
      aggregator: 'max',
      registers: this.#registers,
    });
    datasources.remove();
    const accounts = new Gauge({
      name: 'gateway_accounts',
      help: 'Accounts in the register, counted once a minute at most; every gateway of a register says the same.',
      aggregator: 'max',
      registers: this.#registers,
      async collect() {
        const size = await registerSize();
        if (size === undefined) return;
        accounts.set(size.accounts);
        datasources.set(size.datasources);
      },
    });
    // Not 0 before they are counted.
    accounts.remove();
  }

  #watchLoad(load: MetricsSources['load']): void {
    if (load !== undefined) {
      this.#gauge('gateway_requests_in_work', 'Requests that are worked on.', (gauge) => gauge.set(load().inWork));
      this.#gauge('gateway_requests_waiting', 'Requests that wait for a turn.', (gauge) => gauge.set(load().waiting));
    }
    new Counter({
      name: 'gateway_shed_requests_total',
      help: 'Requests that were answered with 503 because too much was under way.',
      registers: this.#registers,
      collect() {
        this.reset();
        this.inc(load?.().refusals ?? 0);
      },
    });
  }

  #gauge(name: string, help: string, collect: (gauge: Gauge) => void): void {
    new Gauge({
      name,
      help,
      registers: this.#registers,
      collect() {
        collect(this);
      },
    });
  }
}
