import 'reflect-metadata';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from 'fastify';
import type { DestinationStream, Logger } from 'pino';
import { AccountService } from './accounts/account.service.js';
import { startAuditRetention } from './audit/audit-retention.js';
import { AuditTrail } from './audit/audit-trail.js';
import { ChangeService } from './changes/change.service.js';
import { ChangeBroadcast } from './changes/change-broadcast.js';
import { changeEvents } from './changes/change-events.js';
import { ChangeNumbering } from './changes/change-numbering.js';
import { type Config, ConfigError } from './config.js';
import { ConnectionTestService } from './connection-test/connection-test.service.js';
import { ownEndpoints } from './connection-test/own-endpoints.js';
import { CredentialSeal } from './datasources/credential-seal.js';
import { DatasourceService } from './datasources/datasource.service.js';
import { registerOpenApi } from './documentation/openapi.routes.js';
import { OverloadedError } from './errors.js';
import { createGatewaySchema } from './gateway-schema.js';
import { formatGraphQLError } from './graphql/answer/errors.js';
import { registerGraphQL } from './graphql/graphql.routes.js';
import { registerPlayground } from './graphql/playground.routes.js';
import { HistoryService } from './history/history.service.js';
import { registerClientAddress } from './http/client-address.js';
import { ConnectionLimit } from './http/connection-limit.js';
import { refuseContentEncodings } from './http/content-encoding.js';
import { transportFailure } from './http/failure-envelope.js';
import { createHttpServer, refuseConnection, registerGentleRefusal } from './http/http-server.js';
import { LoadLimit } from './http/load-limit.js';
import { registerRequestGuard } from './http/request-guard.js';
import { registerRequestLog, requestIdOf } from './http/request-log.js';
import { legacyApi, legacyDocumentations } from './legacy-api.js';
import { createLog } from './log.js';
import { registerHealth } from './operations/health.routes.js';
import { Metrics } from './operations/metrics.js';
import { countRequests, registerMetrics } from './operations/metrics.routes.js';
import { countingRarely } from './operations/register-size.js';
import type { Tracing } from './operations/tracing.js';
import { version } from './operations/version.js';
import { Register } from './register.js';
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
 * Puts the gateway together. This is the only place that knows all of its parts.
 *
 * @param logDestination where log lines go; standard output unless told
 * @throws SqliteFileInUseError where another gateway serves the same SQLite file
 */
export async function createApp(config: Config, logDestination?: DestinationStream): Promise<App> {
  const log = createLog(config.logLevel, logDestination);
  const tracing = config.tracesEndpoint === undefined ? undefined : await loadTracing(log);
  const metrics = new Metrics(version);
  const register = new Register(config, log, 'gateway', {
    unitEnded: (kind, milliseconds) => metrics.unitEnded(kind, milliseconds),
    statement: tracing?.statement(config.database.kind),
  });
  const audit = new AuditTrail(register, {
    onRefusal: (reason) => metrics.callerRefused(reason),
    onLoss: (error) => log.error({ err: error }, 'failed to record a refusal in the audit'),
  });
  const accounts = new AccountService(register, audit, () => profile !== undefined && profile.state !== 'off');
  const seal = new CredentialSeal(() => register.sealingKeys);
  const datasources = new DatasourceService(register, seal, audit, () => metrics.credentialsRead());
  const changes = new ChangeService(register);
  const broadcast = new ChangeBroadcast(changes);
  const history = new HistoryService(register, datasources);
  const connectionTests = new ConnectionTestService(
    {
      database: register,
      credentials: seal,
      audit,
      ownEndpoints: () => ownEndpoints(config.database, { host: config.host, port: portOf(http) ?? config.port }),
      onOutcome: (outcome) => metrics.connectionTested(outcome),
    },
    config.connectionTests,
  );
  const { portal, profile } = await loadPortal(config, log, { accounts, datasources, connectionTests });
  const authenticators = createAuthenticators(config, register, log, tracing);
  if (config.authentication.isOpenByDefault) {
    log.warn('everyone who can reach this gateway may use it: set AUTH to let in only known callers');
  }

  const refusal = { exempt: alwaysServed, refusalOf: overloadedAt };
  const onRefusal = countingRefusals((refused) =>
    log.warn({ refused }, 'overloaded: requests were refused within the last second'),
  );
  const load = new LoadLimit({ inWork: config.requestLimit, ...refusal, onRefusal });
  const connections = new ConnectionLimit({
    perClient: config.connectionLimit,
    trustProxy: config.trustProxy,
    ...refusal,
    onGuest: countingRefusals((refused, address) =>
      log.warn({ refused, address }, 'connections were refused within the last second: see CONNECTION_LIMIT'),
    ),
  });
  metrics.watch({
    databaseUse: () => register.use,
    load: () => load.use,
    registerSize: countingRarely(async () => ({
      accounts: await accounts.count({}),
      datasources: await datasources.count({}),
    })),
  });
  const http = createHttp(
    config,
    log,
    { load, connections },
    legacyErrorHandler((error) => portal?.codeOf(error)),
  );
  const closing = { begun: false };
  const refuseRequests = () => {
    closing.begun = true;
    register.beginClosing();
  };
  http.addHook('preClose', async () => refuseRequests());
  http.addHook('onClose', async () => authenticators.keys?.close());
  http.addHook('onClose', () => register.close());
  http.addHook('onClose', async () => tracing?.stop());
  registerClientAddress(http);
  registerRequestLog(http);
  tracing?.requests(http);
  countRequests(http, metrics);
  await registerRequestGuard(http, config, { authenticators, refusals: audit, load, isClosing: () => closing.begun });
  refuseContentEncodings(http);
  tracing?.operations(http);
  load.register(http);
  registerGentleRefusal(http);
  registerHealth(http, version, {
    missing: async () => {
      const missing = await register.missing();
      return profile?.state === 'unknown' ? [...missing, 'the account ids were not looked at yet'] : missing;
    },
  });
  registerMetrics(http, metrics, isOpen(authenticators));
  http.get('/', (_, reply) => reply.redirect('/graphql'));
  await registerGraphQL(
    http,
    createGatewaySchema({ accounts, datasources, history, changes, audit, connectionTests }),
    {
      playground: config.playground ? registerPlayground(http) : undefined,
      introspection: config.introspection,
      limits: config.documentLimits,
      refusals: audit,
      subscribe: (_, { after }, signal, idle) =>
        changeEvents(broadcast, after as string | null | undefined, signal, idle),
      authenticate: ({ headers }) => authenticate(authenticators, headers, true),
      load,
      onRefusal,
    },
  );
  const { operations, questions } = legacyApi(accounts, datasources, portal);
  registerLegacyRoutes(http, operations, questions);
  if (config.openApi) {
    const described = portal?.described(legacyDocumentations) ?? legacyDocumentations;
    registerOpenApi(http, version, described, portal?.additions);
  }
  const numbering = new ChangeNumbering(register, (error) =>
    log.warn({ err: error }, 'changes could not be given their places in the feed; it is tried again'),
  );
  numbering.start();
  http.addHook('preClose', async () => numbering.stop());
  const { auditRetentionDays } = config;
  if (auditRetentionDays !== undefined) {
    const stopRetention = startAuditRetention(audit, auditRetentionDays, log);
    http.addHook('onClose', async () => stopRetention());
  }
  http.addHook('onClose', async () => profile?.close());
  const prepare = async () => {
    await register.prepare();
    await profile?.start();
  };
  return { http, prepare, refuseRequests };
}

/**
 * The profile for the web portal is loaded only where there is one.
 *
 * @throws ConfigError where its file is wrong
 */
async function loadPortal(
  { portalFile }: Config,
  log: Logger,
  services: { accounts: AccountService; datasources: DatasourceService; connectionTests: ConnectionTestService },
) {
  if (portalFile === undefined) return {};
  const [{ Portal }, { PortalSwitch }, { readPortalFile }] = await Promise.all([
    import('./portal/portal.js'),
    import('./portal/portal-switch.js'),
    import('./portal/portal-file.js'),
  ]);
  const file = readPortalFile(portalFile);
  if ('problems' in file) throw new ConfigError(file.problems.map((problem) => `PORTAL_FILE: ${problem}.`));
  const profile = new PortalSwitch(services.accounts, log);
  return { profile, portal: new Portal({ ...services, file, profile }) };
}

/** What knows the callers that are let in by keys and by tokens; without either, everyone is let in. */
function createAuthenticators(
  { authentication: { keys, tokens } }: Config,
  register: Register,
  log: Logger,
  tracing: Tracing | undefined,
): Authenticators {
  const onUsageFailure = (error: unknown) => log.warn({ err: error }, 'failed to record when an API key was last used');
  const onStaleKeys = (error: unknown) => log.warn({ err: error }, 'OIDC issuer unreachable, using cached keys');
  return {
    keys: keys ? new ApiKeys(register, onUsageFailure) : undefined,
    tokens: tokens === undefined ? undefined : new TokenVerifier(tokens, onStaleKeys, undefined, tracing?.fetch),
  };
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

/** The SDK is loaded only where traces are wanted. */
async function loadTracing(log: Logger): Promise<Tracing> {
  const { startTracing } = await import('./operations/tracing.js');
  return startTracing(version, (error) => log.warn({ err: error }, 'failed to export traces, they are lost'));
}

function createHttp(
  config: Config,
  log: Logger,
  { load, connections }: { readonly load: LoadLimit; readonly connections: ConnectionLimit },
  answerError: ReturnType<typeof legacyErrorHandler>,
): FastifyInstance {
  const http = fastify({
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
  http.setErrorHandler(answerError);
  http.setNotFoundHandler(nothingThere);
  return http;
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
