import 'reflect-metadata';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import cors from '@fastify/cors';
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify, LogController } from 'fastify';
import type { DestinationStream } from 'pino';
import { addAccountOperation, deleteAccountOperation } from './accounts/account.routes.js';
import { AccountService } from './accounts/account.service.js';
import type { Config } from './config.js';
import {
  addDatasourceOperation,
  deleteAccountPathOperation,
  deleteDatasourcesOperation,
  editDatasourceOperation,
} from './datasources/datasource.routes.js';
import { DatasourceService } from './datasources/datasource.service.js';
import { UnavailableError } from './errors.js';
import { registerGraphQL } from './graphql/graphql.routes.js';
import { registerPlayground } from './graphql/playground.routes.js';
import { createSchema } from './graphql/schema.js';
import { createLog } from './log.js';
import { registerHealth } from './operations/health.routes.js';
import { Register } from './register.js';
import { transportFailure } from './rest/envelope.js';
import { answerLegacyError, registerLegacyRoutes } from './rest/legacy-routes.js';
import { isFromForeignPage, isLoopbackAddress, isLoopbackHost } from './security/browser-origin.js';
import { CredentialSeal } from './security/credential-seal.js';

/** The largest body that is read, in bytes. */
const bodyLimit = 2 * 1024 * 1024;
const saneRequestId = /^[\w.:-]{1,128}$/;

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
}

/**
 * Puts the gateway together. This is the only place that knows all of its parts.
 *
 * @param logDestination where log lines go; standard output unless told
 * @throws SqliteFileInUseError where another gateway serves the same SQLite file
 */
export async function createApp(config: Config, logDestination?: DestinationStream): Promise<App> {
  const log = createLog(config.logLevel, logDestination);
  const register = new Register(config, log);
  const http = fastify({
    loggerInstance: log,
    bodyLimit,
    genReqId: (request) => requestIdOf(request.headers['x-request-id']),
    logController: new LogController({ requestIdLogLabel: 'requestId', disableRequestLogging: true }),
    return503OnClosing: false,
    requestTimeout: 15_000,
    connectionTimeout: 0,
    keepAliveTimeout: 65_000,
    forceCloseConnections: 'idle',
    exposeHeadRoutes: true,
    frameworkErrors: answerLegacyError,
  }) as unknown as FastifyInstance;
  const closing = { begun: false };
  http.addHook('preClose', async () => {
    closing.begun = true;
    register.beginClosing();
  });
  http.addHook('onClose', () => register.close());
  addRequestHooks(http, config, closing);

  const accounts = new AccountService(register);
  const datasources = new DatasourceService(register, new CredentialSeal(() => register.sealingKey));
  registerHealth(http, version(), register);
  http.get('/', (_, reply) => reply.redirect('/graphql'));
  await registerGraphQL(http, createSchema({ accounts, datasources }), registerPlayground(http));
  registerLegacyRoutes(http, {
    '/data-source/add_account': addAccountOperation(accounts),
    '/data-source/delete_account': deleteAccountPathOperation(datasources, deleteAccountOperation(accounts)),
    '/data-source/add-jdbc-conn': addDatasourceOperation(datasources),
    '/data-source/update-jdbc-conn': editDatasourceOperation(datasources),
    '/data-source/delete-jdbc': deleteDatasourcesOperation(datasources),
  });
  return { http, prepare: () => register.prepare() };
}

/** What holds for every route: the request's id, who may ask from a browser, no caching, one line in the log. */
function addRequestHooks(http: FastifyInstance, config: Config, closing: { begun: boolean }): void {
  const allowedOrigins = new Set(config.corsOrigins);
  const isOpenOnLoopback = isLoopbackAddress(config.host);
  http.decorateRequest('outcome', null as never);
  http.setErrorHandler(answerLegacyError);
  http.setNotFoundHandler((request, reply) => answer(request, reply, 404, 'There is nothing at this path.'));
  http.addHook('onRequest', async (request, reply) => {
    request.outcome = {};
    reply.headers({
      'x-request-id': request.id,
      'cache-control': 'no-store',
      'x-content-type-options': 'nosniff',
    });
    if (closing.begun) {
      reply.header('connection', 'close');
      throw new UnavailableError(new Error('the gateway is stopping'));
    }
    if (isFromForeignPage(request.headers, allowedOrigins)) {
      return answer(request, reply, 403, 'Pages of other sites may not call the gateway, save those in CORS_ORIGINS.');
    }
    if (isOpenOnLoopback && !isLoopbackHost(request.headers.host)) {
      return answer(request, reply, 403, 'This gateway is open to its own machine only: call it by a loopback name.');
    }
    return undefined;
  });
  if (config.corsOrigins.length > 0) {
    http.register(cors, { origin: [...config.corsOrigins], methods: ['GET', 'POST'], strictPreflight: false });
  }
  http.addHook('onResponse', async (request, reply) => {
    request.log.info(
      {
        method: request.method,
        path: request.url.split('?', 1)[0],
        httpStatus: reply.statusCode,
        ...request.outcome,
        address: request.ip,
        milliseconds: Math.round(reply.elapsedTime * 10) / 10,
      },
      'request',
    );
  });
}

function answer(request: FastifyRequest, reply: FastifyReply, httpStatus: number, message: string): FastifyReply {
  request.outcome = { ...request.outcome, code: httpStatus };
  const { envelope } = transportFailure(httpStatus, message);
  return reply.code(httpStatus).send(envelope);
}

function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && saneRequestId.test(given) ? given : randomUUID();
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    version: string;
  };
  return version;
}
