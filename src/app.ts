import 'reflect-metadata';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from 'fastify';
import type { DestinationStream, Logger } from 'pino';
import { AccountService } from './accounts/account.service.js';
import { AccountIdService } from './accounts/account-id.service.js';
import { startAuditRetention } from './audit/audit-retention.js';
import { AuditTrail } from './audit/audit-trail.js';
import { ChangeService } from './changes/change.service.js';
import { ChangeBroadcast } from './changes/change-broadcast.js';
import { subscribeToChanges } from './changes/change-events.js';
import { ChangeNumbering } from './changes/change-numbering.js';
import { type Config, ConfigError } from './config.js';
import { ConnectionTestService } from './connection-test/connection-test.service.js';
import { ownEndpoints } from './connection-test/own-endpoints.js';
import { CredentialSeal } from './datasources/credential-seal.js';
import { DatasourceService } from './datasources/datasource.service.js';
import type { TestOutcome } from './datasources/test-outcome.js';
import { registerOpenApi } from './documentation/openapi.routes.js';
import { OverloadedError } from './errors.js';
import { type ChangingServices, createGatewaySchema, type Services } from './gateway-schema.js';
import { registerGraphQL } from './graphql/graphql.routes.js';
import { registerPlayground } from './graphql/playground.routes.js';
import { formatGraphQLError } from './graphql/response/errors.js';
import { HistoryService } from './history/history.service.js';
import { registerClientAddress } from './http/client-address.js';
import { ConnectionLimit } from './http/connection-limit.js';
import { refuseContentEncodings } from './http/content-encoding.js';
import { transportFailure } from './http/failure-envelope.js';
import { createHttpServer, refuseConnection, registerLingeringClose } from './http/http-server.js';
import { LoadLimit } from './http/load-limit.js';
import { registerRequestGuard } from './http/request-guard.js';
import { registerRequestLog, requestIdOf } from './http/request-log.js';
import { legacyApi, legacyDocumentations } from './legacy-api.js';
import { createLog } from './log.js';
import { registerHealth } from './operations/health.routes.js';
import { Metrics, type RegisterSize } from './operations/metrics.js';
import { countRequests, registerMetrics } from './operations/metrics.routes.js';
import { countingRarely } from './operations/register-size.js';
import type { Tracing } from './operations/tracing.js';
import { version } from './operations/version.js';
import type { Portal } from './portal/portal.js';
import type { PortalSwitch } from './portal/portal-switch.js';
import { Register } from './register.js';
import { Performance } from './rehearsal/performance.js';
import { failureOf } from './rest/envelope.js';
import { legacyErrorHandler, registerLegacyRoutes } from './rest/legacy-routes.js';
import { ApiKeys } from './security/api-keys.js';
import { type Authenticators, authenticate, isOpen } from './security/authentication.js';
import { TokenVerifier } from './security/token-verifier.js';

/** The gateway, put together and not listening yet. */
export interface App {
  /** The HTTP server. Closing it lets requests that are under way end, and closes the database. */
  readonly http: FastifyInstance;
  /**
   * Brings the register to where it can serve; until then requests are answered with 503.
   *
   * @throws SealingKeyError where the sealing keys are not the register's
   */
  prepare(): Promise<void>;
  /** From now on answers each new request with 503, and closes its connection with that; those under way are not touched. */
  refuseRequests(): void;
}

const alwaysServed: ReadonlySet<string> = new Set(['/healthz', '/readyz', '/metrics']);

const overloaded = {
  graphql: JSON.stringify({ errors: [formatGraphQLError(new OverloadedError(), '', console)] }),
  rest: JSON.stringify(failureOf(new OverloadedError()).envelope),
};

/**
 * Puts the gateway together. This is the only place that knows all of its parts; each is made before what needs it.
 *
 * @param logDestination where log lines go; standard output unless told
 * @throws ConfigError where the portal file is wrong
 * @throws SqliteFileInUseError where another gateway serves the same SQLite file
 */
export async function createApp(config: Config, logDestination?: DestinationStream): Promise<App> {
  const log = createLog(config.logLevel, logDestination);
  const portalModules = await loadPortal(config);
  const tracing = await loadTracing(config, log);
  const metrics = new Metrics(version);
  const limits = createLimits(config, log);
  const http = createHttp(config, log, limits);

  const register = openRegister(config, log, metrics, tracing);
  const refuseRequests = () => register.beginClosing();
  http.addHook('preClose', async () => refuseRequests());
  http.addHook('onClose', () => register.close());
  http.addHook('onClose', async () => tracing?.stop());

  const audit = createAudit(register, log, metrics);
  const portalSwitch = portalModules && new portalModules.PortalSwitch(new AccountIdService(register), log);
  const services = createServices(config, { register, audit, metrics, portalSwitch, http });
  const portal =
    portalModules && portalSwitch && new portalModules.Portal({ ...services, file: portalModules.file, portalSwitch });
  const authenticators = createAuthenticators(config, log, register, tracing);
  metrics.watch({
    databaseUse: () => register.use,
    load: () => limits.load.use,
    registerSize: countingRarely(() => sizeOf(services)),
  });

  http.setErrorHandler(legacyErrorHandler((error) => portal?.codeOf(error)));
  http.setNotFoundHandler(nothingThere);
  await addRequestHooks(http, config, { ...limits, register, authenticators, audit, metrics, tracing });
  addOperationsRoutes(http, { register, portalSwitch, metrics, authenticators });
  await addGraphQL(http, config, { ...limits, ...services, authenticators, metrics });
  addLegacyApi(http, config, services, portal);
  startBackgroundWork(http, config, log, { register, audit });
  http.addHook('onClose', async () => portalSwitch?.close());
  const prepare = async () => {
    await register.prepare();
    await portalSwitch?.start();
  };
  return { http, prepare, refuseRequests };
}

/**
 * What serves the web portal is loaded only where there is one.
 *
 * @throws ConfigError where its file is wrong
 */
async function loadPortal({ portalFile }: Config) {
  if (portalFile === undefined) return undefined;
  const [{ Portal }, { PortalSwitch }, { readPortalFile }] = await Promise.all([
    import('./portal/portal.js'),
    import('./portal/portal-switch.js'),
    import('./portal/portal-file.js'),
  ]);
  const file = readPortalFile(portalFile);
  if ('problems' in file) throw new ConfigError(file.problems.map((problem) => `PORTAL_FILE: ${problem}.`));
  return { Portal, PortalSwitch, file };
}

/** The SDK is loaded only where traces are wanted. */
async function loadTracing({ tracesEndpoint }: Config, log: Logger): Promise<Tracing | undefined> {
  if (tracesEndpoint === undefined) return undefined;
  const { startTracing } = await import('./operations/tracing.js');
  return startTracing(version, (error) => log.warn({ err: error }, 'failed to export traces, they are lost'));
}

/** What bounds the requests and the connections, and is told of those that are refused. */
interface Limits {
  readonly load: LoadLimit;
  readonly connections: ConnectionLimit;
  readonly onRefusal: () => void;
}

function createLimits(config: Config, log: Logger): Limits {
  const refusal = { exempt: alwaysServed, refusalOf: overloadedAt };
  const onRefusal = countingRefusals((refused) =>
    log.warn({ refused }, 'overloaded: requests were refused within the last second'),
  );
  const onGuest = countingRefusals((refused, address) =>
    log.warn({ refused, address }, 'connections were refused within the last second: see CONNECTION_LIMIT'),
  );
  return {
    load: new LoadLimit({ inWork: config.requestLimit, ...refusal, onRefusal }),
    connections: new ConnectionLimit({
      perClient: config.connectionLimit,
      trustProxy: config.trustProxy,
      ...refusal,
      onGuest,
    }),
    onRefusal,
  };
}

function createHttp(
  config: Config,
  log: Logger,
  { load, connections }: Pick<Limits, 'load' | 'connections'>,
): FastifyInstance {
  return fastify({
    loggerInstance: log,
    logController: new LogController({ requestIdLogLabel: 'requestId', disableRequestLogging: true }),
    bodyLimit: config.bodyLimit,
    trustProxy: trustedProxies(config.trustProxy),
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    // Answered by the guard, in the form of the surface.
    return503OnClosing: false,
    serverFactory: (handle) => {
      const server = createHttpServer(connections.before(load.before(handle)), config.databaseTimeout);
      connections.register(server);
      return server;
    },
    clientErrorHandler: refuseConnection,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    // No hook would see a path that cannot be decoded.
    rewriteUrl: ({ url = '/' }) => (isDecodable(url) ? url : '/undecodable'),
  }) as unknown as FastifyInstance;
}

function openRegister(config: Config, log: Logger, metrics: Metrics, tracing: Tracing | undefined): Register {
  return new Register(config, log, 'gateway', {
    unitEnded: (kind, milliseconds) => metrics.unitEnded(kind, milliseconds),
    statement: tracing?.statement(config.database.kind),
  });
}

function createAudit(register: Register, log: Logger, metrics: Metrics): AuditTrail {
  return new AuditTrail(register, {
    onRefusal: (reason) => metrics.callerRefused(reason),
    onLoss: (error) => log.error({ err: error }, 'failed to record a refusal in the audit'),
  });
}

interface ServiceParts {
  readonly register: Register;
  readonly audit: AuditTrail;
  readonly metrics: Metrics;
  /** While it is not known to be off, an account id can be registered only once. */
  readonly portalSwitch: PortalSwitch | undefined;
  /** Where the gateway listens is never connected to by a test. */
  readonly http: FastifyInstance;
}

function createServices(
  { database, connectionTests, host, port }: Config,
  { register, audit, metrics, portalSwitch, http }: ServiceParts,
): Services {
  const credentials = new CredentialSeal(() => register.sealingKeys);
  const operations = new Performance<ChangingServices>(register, (over) => {
    const areIdsUnique = () => portalSwitch !== undefined && portalSwitch.state !== 'off';
    const datasources = new DatasourceService(over, credentials, audit, () => metrics.credentialsRead());
    return {
      accounts: new AccountService(over, audit, areIdsUnique),
      datasources,
      history: new HistoryService(over, datasources),
    };
  });
  const tests = {
    database: register,
    credentials,
    audit,
    ownEndpoints: () => ownEndpoints(database, { host, port: portOf(http) ?? port }),
    onOutcome: (outcome: TestOutcome) => metrics.connectionTested(outcome),
  };
  return {
    ...operations.services,
    operations,
    changes: new ChangeService(register),
    audit,
    connectionTests: new ConnectionTestService(tests, connectionTests),
  };
}

async function sizeOf({ accounts, datasources }: Services): Promise<RegisterSize> {
  return { accounts: await accounts.count({}), datasources: await datasources.count({}) };
}

/** What knows the callers that are let in by keys and by tokens; without either, everyone is let in. */
function createAuthenticators(
  { authentication: { keys, tokens, isOpenByDefault } }: Config,
  log: Logger,
  register: Register,
  tracing: Tracing | undefined,
): Authenticators {
  if (isOpenByDefault) {
    log.warn('everyone who can reach this gateway may use it: set AUTH to let in only known callers');
  }
  const onUsageFailure = (error: unknown) => log.warn({ err: error }, 'failed to record when an API key was last used');
  const onStaleKeys = (error: unknown) => log.warn({ err: error }, 'OIDC issuer unreachable, using cached keys');
  return {
    keys: keys ? new ApiKeys(register, onUsageFailure) : undefined,
    tokens: tokens === undefined ? undefined : new TokenVerifier(tokens, onStaleKeys, undefined, tracing?.fetch),
  };
}

interface HookParts extends Limits {
  readonly register: Register;
  readonly authenticators: Authenticators;
  readonly audit: AuditTrail;
  readonly metrics: Metrics;
  readonly tracing: Tracing | undefined;
}

/** What happens to every request, in this order. */
async function addRequestHooks(
  http: FastifyInstance,
  config: Config,
  { load, register, authenticators, audit, metrics, tracing }: HookParts,
): Promise<void> {
  registerClientAddress(http);
  registerRequestLog(http);
  tracing?.requests(http);
  countRequests(http, metrics);
  const isClosing = () => register.isClosing;
  await registerRequestGuard(http, config, { authenticators, refusals: audit, load, isClosing });
  http.addHook('onClose', async () => authenticators.keys?.close());
  refuseContentEncodings(http);
  tracing?.operations(http);
  load.register(http);
  registerLingeringClose(http);
}

interface OperationsParts extends Pick<HookParts, 'register' | 'metrics' | 'authenticators'> {
  readonly portalSwitch: PortalSwitch | undefined;
}

function addOperationsRoutes(
  http: FastifyInstance,
  { register, portalSwitch, metrics, authenticators }: OperationsParts,
): void {
  registerHealth(http, version, {
    missing: async () => {
      const missing = await register.missing();
      return portalSwitch?.state === 'unknown' ? [...missing, 'the account ids were not looked at yet'] : missing;
    },
  });
  registerMetrics(http, metrics, isOpen(authenticators));
}

async function addGraphQL(
  http: FastifyInstance,
  config: Config,
  parts: Services & Limits & { readonly authenticators: Authenticators; readonly metrics: Metrics },
): Promise<void> {
  const { load, onRefusal, audit, changes, authenticators, metrics } = parts;
  const broadcast = new ChangeBroadcast(changes);
  http.get('/', (_, reply) => reply.redirect('/graphql'));
  const openStreams = await registerGraphQL(http, createGatewaySchema(parts), {
    playground: config.playground ? registerPlayground(http) : undefined,
    introspection: config.introspection,
    limits: config.documentLimits,
    refusals: audit,
    subscribe: (_, { after }, subscriber) =>
      subscribeToChanges(broadcast, after as string | null | undefined, subscriber),
    authenticate: ({ headers }) => authenticate(authenticators, headers, true),
    load,
    onRefusal,
  });
  metrics.watchStreams(openStreams);
}

function addLegacyApi(
  http: FastifyInstance,
  config: Config,
  { accounts, datasources }: Services,
  portal: Portal | undefined,
): void {
  const { operations, questions } = legacyApi(accounts, datasources, portal);
  registerLegacyRoutes(http, operations, questions);
  if (!config.openApi) return;
  const described = portal?.described(legacyDocumentations) ?? legacyDocumentations;
  registerOpenApi(http, version, described, portal?.additions);
}

/** What is done beside requests, until the gateway stops. */
function startBackgroundWork(
  http: FastifyInstance,
  { auditRetentionDays }: Config,
  log: Logger,
  { register, audit }: Pick<HookParts, 'register' | 'audit'>,
): void {
  const numbering = new ChangeNumbering(register, (error) =>
    log.warn({ err: error }, 'changes could not be given their places in the feed; it is tried again'),
  );
  numbering.start();
  http.addHook('preClose', async () => numbering.stop());
  if (auditRetentionDays === undefined) return;
  const stopRetention = startAuditRetention(audit, auditRetentionDays, log);
  http.addHook('onClose', async () => stopRetention());
}

/** Where it listens; undefined before it does. */
function portOf({ server }: FastifyInstance): number | undefined {
  const address = server.address();
  return typeof address === 'object' ? address?.port : undefined;
}

/** Counts what is refused, to tell of all of a second at once, with the address of the first: there may be thousands. */
function countingRefusals(tell: (refused: number, address: string | undefined) => void) {
  let refused = 0;
  return (address?: string) => {
    refused += 1;
    if (refused > 1) return;
    setTimeout(() => {
      tell(refused, address);
      refused = 0;
    }, 1000).unref();
  };
}

function overloadedAt(path: string): string {
  return path.startsWith('/graphql') ? overloaded.graphql : overloaded.rest;
}

function isDecodable(url: string): boolean {
  if (!url.includes('%')) return true;
  try {
    decodeURIComponent(url.split('?', 1)[0] as string);
    return true;
  } catch {
    return false;
  }
}

function nothingThere(request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const { httpStatus, envelope } = transportFailure(404, 'There is nothing at this path.');
  request.outcome = { ...request.outcome, code: httpStatus };
  return reply.code(httpStatus).send(envelope);
}

function trustedProxies(trusted: Config['trustProxy']) {
  return typeof trusted === 'number' ? (_address: string, hop: number) => hop < trusted : trusted;
}
