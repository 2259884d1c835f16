import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { GraphQLFormattedError, GraphQLSchema } from 'graphql';
import { DomainError } from '../errors.js';
import type { BundledPage } from '../http/bundled-page.js';
import { ContentEncodingError } from '../http/content-encoding.js';
import type { LoadLimit } from '../http/load-limit.js';
import { UnreadAnswers } from '../http/unread-answers.js';
import type { Refusals } from '../security/refusals.js';
import { ApolloExecutor } from './apollo-server.js';
import type { DocumentLimits } from './document/document-limits.js';
import { prefersPlayground } from './playground.routes.js';
import { type EventStreamParts, EventStreams } from './request/event-streams.js';
import { type HandlerParts, heldAnswers, OperationHandler } from './request/operation-handler.js';
import { TransportError } from './request/transport-error.js';
import { hasQuery } from './request/url-parameters.js';
import { formatGraphQLError } from './response/errors.js';
import { ResponseFormatter } from './response/response-formatter.js';
import { statusOfCode } from './response/response-status.js';

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
  readonly refusals: Refusals;
  readonly subscribe: EventStreamParts['subscribe'];
  readonly authenticate: EventStreamParts['authenticate'];
  /** What bounds the requests in work. */
  readonly load: Pick<LoadLimit, 'leave'>;
  /** Told of each request that is refused because too much is held for others. */
  readonly onRefusal: () => void;
}

/**
 * Adds the GraphQL surface: `POST /graphql` and, for queries and the playground, `GET /graphql`.
 *
 * @returns what says how many subscriptions are open
 */
export async function registerGraphQL(
  app: FastifyInstance,
  schema: GraphQLSchema,
  { playground, introspection, limits, refusals, load, onRefusal, subscribe, authenticate }: GraphQLOptions,
): Promise<() => number> {
  const formatter = new ResponseFormatter(schema, introspection);
  const apollo = new ApolloExecutor({
    schema,
    log: app.log,
    introspection,
    maxBytes: limits.maxBytes,
    refusals,
    formatter,
  });
  const apolloServer: HandlerParts['apolloServer'] = (...asked) => apollo.execute(...asked);
  const streams = new EventStreams({ schema, refusals, subscribe, authenticate });
  app.addHook('preClose', async () => streams.endAll());
  const handler = new OperationHandler({
    ...{ schema, limits, introspection, refusals, formatter, load, onRefusal, streams, apolloServer },
  });
  await apollo.start();
  app.addHook('onClose', () => apollo.stop());
  new UnreadAnswers(heldAnswers * limits.maxBytes).register(app);
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
      return handler.handle(request, reply);
    });
    routes.post(path, (request, reply) => handler.handle(request, reply));
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
  return () => streams.count;
}

/** Answers an error that came before GraphQL was reached, or instead of it. */
function answerGraphQLError(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
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
