import { ApolloServer, type ApolloServerPlugin, HeaderMap } from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyBaseLogger, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLFormattedError, GraphQLSchema } from 'graphql';
import type { AuditTrail } from '../audit/audit-trail.js';
import { DomainError } from '../errors.js';
import type { BundledPage } from '../http/bundled-page.js';
import { ContentEncodingError } from '../http/content-encoding.js';
import { accessPlugin } from './access.plugin.js';
import { answerPlugin } from './answer.plugin.js';
import { statusOfCode, statusOfRequestError } from './answer-status.js';
import { DocumentGate } from './document-gate.js';
import type { DocumentLimits } from './document-limits.js';
import { formatGraphQLError } from './errors.js';
import { acceptsEvents, type EventStreamParts, EventStreams, sendAsEvents } from './event-streams.js';
import { answerKnownOperation, mediaTypeFor } from './known-operation-answer.js';
import { KnownOperations } from './known-operations.js';
import { type OperationParameters, readOperationParameters } from './operation-parameters.js';
import { prefersPlayground } from './playground.routes.js';
import { Loaders, type RequestContext } from './request-context.js';
import { TransportError } from './transport-error.js';
import { hasQuery } from './url-parameters.js';

const path = '/graphql';
const utf8 = new TextDecoder('utf-8', { fatal: true });

/** How the GraphQL surface is set up. */
export interface GraphQLOptions {
  /** The playground's page; undefined where it is not served. */
  readonly playground: BundledPage | undefined;
  /** Whether the schema may be asked for; where not, errors do not suggest its names either. */
  readonly introspection: boolean;
  readonly limits: DocumentLimits;
  /** What keeps the record of callers that were refused. */
  readonly audit: AuditTrail;
  readonly subscribe: EventStreamParts['subscribe'];
  readonly authenticate: EventStreamParts['authenticate'];
}

/** Adds the GraphQL surface: `POST /graphql` and, for queries and the playground, `GET /graphql`. */
export async function registerGraphQL(
  app: FastifyInstance,
  schema: GraphQLSchema,
  { playground, introspection, limits, audit, subscribe, authenticate }: GraphQLOptions,
): Promise<void> {
  const known = new KnownOperations(schema);
  const plugins = [accessPlugin(audit, known), answerPlugin(introspection)];
  const server = createServer(schema, app.log, introspection, plugins);
  const streams = new EventStreams({ schema, audit, subscribe, authenticate });
  const surface: GraphQLSurface = { schema, audit, gate: new DocumentGate(limits), known, server, streams };
  app.addHook('preClose', async () => streams.endAll());
  await server.start();
  app.addHook('onClose', () => server.stop());
  await app.register(async (routes) => {
    routes.removeAllContentTypeParsers();
    routes.addContentTypeParser<Buffer>(
      ['application/json', 'application/graphql+json'],
      { parseAs: 'buffer' },
      async (_: FastifyRequest, bytes: Buffer) => parseBody(bytes),
    );
    routes.setErrorHandler(answerGraphQLError);
    const isForPlayground = (request: FastifyRequest) =>
      playground !== undefined && prefersPlayground(request.headers.accept, hasQuery(request.url));
    routes.get(path, { config: { isOpen: isForPlayground } }, async (request, reply) => {
      if (playground !== undefined && isForPlayground(request)) {
        return reply.headers(playground.headers).send(playground.html);
      }
      return execute(surface, request, reply);
    });
    routes.post(path, (request, reply) => execute(surface, request, reply));
    routes.route({
      method: ['PUT', 'PATCH', 'DELETE', 'OPTIONS'],
      url: path,
      config: { isOpen: () => true },
      // Refused before a body is read, which would be refused for other reasons.
      onRequest: async (_, reply) => {
        reply.header('allow', 'GET, POST');
        throw new TransportError(405, 'METHOD_NOT_ALLOWED', 'Use GET or POST for GraphQL.');
      },
      handler: async () => undefined,
    });
  });
}

/** Answers an error that came before GraphQL was reached, or instead of it. */
export function answerGraphQLError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  if (error instanceof DomainError) {
    const formatted = formatGraphQLError(error, request.id, request.log);
    const code = formatted.extensions?.code as string;
    const statusCode = statusOfCode.get(code) ?? 200;
    request.outcome = { ...request.outcome, code };
    if (error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
    return reply.code(statusCode).send({ errors: [formatted] });
  }
  const failure = transportError(error, request);
  request.outcome = { ...request.outcome, code: failure.code };
  const formatted: GraphQLFormattedError = { message: failure.message, extensions: { code: failure.code } };
  return reply.code(failure.statusCode).send({ errors: [formatted] });
}

function createServer(
  schema: GraphQLSchema,
  log: FastifyBaseLogger,
  introspection: boolean,
  plugins: ApolloServerPlugin<RequestContext>[],
): ApolloServer<RequestContext> {
  return new ApolloServer<RequestContext>({
    schema,
    logger: quiet(log),
    introspection,
    // Requests of other sites are refused before they come here, by Sec-Fetch-Site and Origin.
    csrfPrevention: false,
    persistedQueries: false,
    // It holds documents by the size of their JSON, 30 MiB of it, of which each byte takes several in memory.
    documentStore: null,
    includeStacktraceInErrorResponses: false,
    stopOnTerminationSignals: false,
    formatError: formatOutsideOfRequest,
    plugins: [
      ...plugins,
      ApolloServerPluginCacheControlDisabled(),
      ApolloServerPluginInlineTraceDisabled(),
      ApolloServerPluginLandingPageDisabled(),
      ApolloServerPluginSchemaReportingDisabled(),
      ApolloServerPluginUsageReportingDisabled(),
    ],
  });
}

/** The errors of a request are made by the plugin, which knows the request; these come before there is one. */
function formatOutsideOfRequest(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const code = formatted.extensions?.code;
  return code === 'BAD_REQUEST'
    ? { message: formatted.message, extensions: { code } }
    : { message: 'The service failed to answer.', extensions: { code: 'INTERNAL_SERVER_ERROR' } };
}

/** Apollo Server's own lines may repeat messages of errors, so only that there was one is logged. */
function quiet(log: FastifyBaseLogger) {
  const line = (level: 'warn' | 'error') => () => log[level]('Apollo Server reported a problem');
  return { debug: () => undefined, info: () => undefined, warn: line('warn'), error: line('error') };
}

/** What a request for an operation passes through. */
interface GraphQLSurface {
  readonly schema: GraphQLSchema;
  readonly audit: AuditTrail;
  readonly gate: DocumentGate;
  readonly known: KnownOperations;
  readonly server: ApolloServer<RequestContext>;
  readonly streams: EventStreams;
}

async function execute(surface: GraphQLSurface, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { id: requestId, log, outcome, call } = request;
  const { accept } = request.headers;
  const parameters = readOperationParameters(request);
  const context: RequestContext = { requestId, log, outcome, call, loaders: new Loaders() };
  if (acceptsEvents(accept)) return answerAsEvents(surface, parameters, context, request, reply);
  const tooLarge = surface.gate.refusalOf(parameters);
  if (tooLarge !== undefined) {
    outcome.code = tooLarge.extensions.code as string;
    const formatted = { message: tooLarge.message, extensions: tooLarge.extensions };
    return reply.code(statusOfRequestError(accept)).send({ errors: [formatted] });
  }
  const known = request.method === 'POST' ? surface.known.find(parameters) : undefined;
  const mediaType = known && mediaTypeFor(accept);
  if (known !== undefined && mediaType !== undefined) {
    const { variables } = parameters as { variables?: Record<string, unknown> | null };
    const answer = await answerKnownOperation(surface, known, variables ?? {}, context, accept);
    if (answer.retryAfter !== undefined) reply.header('retry-after', answer.retryAfter);
    return reply.code(answer.status).header('content-type', mediaType).send(answer.body);
  }
  return executeByApolloServer(surface.server, parameters, context, request, reply);
}

/** What comes before a subscription begins is told as events too: an EventSource cannot read an answer of another kind. */
async function answerAsEvents(
  surface: GraphQLSurface,
  parameters: OperationParameters,
  context: RequestContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const tooLarge = surface.gate.refusalOf(parameters);
  if (tooLarge !== undefined) {
    context.outcome.code = tooLarge.extensions.code as string;
    const { message, extensions } = tooLarge;
    return sendAsEvents(reply, JSON.stringify({ errors: [{ message, extensions }] }));
  }
  try {
    const subscription = surface.streams.subscriptionOf(parameters, context);
    if (subscription !== undefined) return surface.streams.open(subscription, request, reply);
  } catch (error) {
    const formatted = formatGraphQLError(error, request.id, request.log);
    context.outcome.code = formatted.extensions?.code as string;
    return sendAsEvents(reply, JSON.stringify({ errors: [formatted] }));
  }
  const { body } = await askApolloServer(surface.server, parameters, context, request, 'application/json');
  return sendAsEvents(reply, body);
}

async function executeByApolloServer(
  server: ApolloServer<RequestContext>,
  parameters: OperationParameters,
  context: RequestContext,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<FastifyReply> {
  const { headers, status, body } = await askApolloServer(server, parameters, context, request, request.headers.accept);
  for (const [name, value] of headers) reply.header(name, value);
  return reply.code(status ?? 200).send(body);
}

async function askApolloServer(
  server: ApolloServer<RequestContext>,
  parameters: OperationParameters,
  context: RequestContext,
  request: FastifyRequest,
  accept: string | undefined,
) {
  const answer = await server.executeHTTPGraphQLRequest({
    httpGraphQLRequest: {
      method: request.method,
      headers: headerMap(request, accept),
      body: parameters,
      search: request.method === 'POST' ? '' : searchFrom(parameters),
    },
    context: async () => context,
  });
  if (answer.body.kind !== 'complete') throw new Error('an answer in several parts is not supported');
  return { headers: answer.headers, status: answer.status, body: answer.body.string };
}

/** Apollo Server reads the parameters of a GET from a text, which is made of what was read before. */
function searchFrom({ query, operationName, variables, extensions }: OperationParameters): string {
  const written = { query, operationName, variables: asJson(variables), extensions: asJson(extensions) };
  return new URLSearchParams(
    Object.entries(written).filter((one): one is [string, string] => one[1] !== undefined),
  ).toString();
}

function asJson(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

/** The headers that Apollo Server looks at. */
function headerMap(
  { headers: { 'content-type': contentType } }: FastifyRequest,
  accept: string | undefined,
): HeaderMap {
  const headers = new HeaderMap();
  if (accept !== undefined) headers.set('accept', accept);
  if (contentType !== undefined) headers.set('content-type', contentType);
  return headers;
}

function parseBody(bytes: Buffer): unknown {
  try {
    return JSON.parse(utf8.decode(bytes));
  } catch {
    // The parser's own message repeats a part of the body, which may be a credential.
    throw new TransportError(400, 'BAD_REQUEST', 'The body must be JSON in UTF-8; it is not well-formed.');
  }
}

function transportError(error: unknown, request: FastifyRequest): TransportError {
  if (error instanceof TransportError) return error;
  if (error instanceof ContentEncodingError) {
    return new TransportError(error.statusCode, 'UNSUPPORTED_MEDIA_TYPE', error.message);
  }
  const { statusCode } = error as { statusCode?: number };
  switch (statusCode) {
    case 413:
      return new TransportError(
        413,
        'PAYLOAD_TOO_LARGE',
        `The body is too large: it may have at most ${request.routeOptions.bodyLimit} bytes.`,
      );
    case 415:
      return new TransportError(415, 'UNSUPPORTED_MEDIA_TYPE', 'The Content-Type must be application/json.');
    default:
      if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
        return new TransportError(statusCode, 'BAD_REQUEST', 'The request is not well-formed HTTP.');
      }
      request.log.error({ err: error }, 'failed to answer');
      return new TransportError(
        500,
        'INTERNAL_SERVER_ERROR',
        `The service failed to answer. Report it with the request id ${request.id}.`,
      );
  }
}
