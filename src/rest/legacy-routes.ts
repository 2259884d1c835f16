import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../errors.js';
import { succeeded } from '../operation-outcome.js';
import { type Failure, failureOf, internalFailure, transportFailure } from './envelope.js';
import { decoderOf, type LegacyBody, parseLegacyBody } from './legacy-body.js';

/** Does what a body asks for. What it returns is not shown: legacy clients get the same envelope for every success. */
export type LegacyOperation = (body: LegacyBody, request: FastifyRequest) => Promise<unknown>;

/** The operations by their path. */
export type LegacyOperations = Readonly<Record<`/data-source/${string}`, LegacyOperation>>;

const otherMethods = ['GET', 'HEAD', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

/** Adds the POST routes of the legacy API, each answering with the envelope of its document. */
export function registerLegacyRoutes(app: FastifyInstance, operations: LegacyOperations): void {
  app.register(async (routes) => {
    routes.removeAllContentTypeParsers();
    routes.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) =>
      parseLegacyBody(bytes, charsetOf(request)),
    );
    routes.setErrorHandler(answerLegacyError);
    for (const [path, operation] of Object.entries(operations)) {
      routes.post(path, async (request) => {
        request.outcome = { operation: path };
        await operation(bodyOf(request), request);
        request.outcome = { operation: path, code: succeeded.code };
        return succeeded;
      });
      // Refused before a body is read, which would be refused for other reasons.
      const refusal = { config: { isOpen: () => true }, onRequest: refuseMethod, handler: refuseMethod };
      routes.route({ method: otherMethods, url: path, ...refusal });
    }
  });
}

/** Answers with an error's envelope; anything that the domain does not know is logged and told by the request's id only. */
export function answerLegacyError(thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  // A caller that may not ask is not told what is wrong with its body.
  const error = request.refusal ?? thrown;
  const failure = legacyFailure(error, request);
  request.outcome = { ...request.outcome, code: failure.envelope.code };
  if (error instanceof DomainError && error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
  return reply.code(failure.httpStatus).send(failure.envelope);
}

function legacyFailure(error: unknown, request: FastifyRequest): Failure {
  if (error instanceof DomainError) {
    // One without a cause was refused for the load alone, and as many more may be.
    if (error.errorName === 'SERVICE_UNAVAILABLE' && error.cause) request.log.warn({ err: error }, 'could not serve');
    return failureOf(error);
  }
  const { statusCode } = error as { statusCode?: number };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    return transportFailure(statusCode, transportMessage(statusCode, request));
  }
  request.log.error({ err: error }, 'failed to answer');
  return internalFailure(request.id);
}

function transportMessage(httpStatus: number, request: FastifyRequest): string {
  switch (httpStatus) {
    case 413:
      return `The body is too large: it may have at most ${request.routeOptions.bodyLimit ?? 0} bytes.`;
    case 415:
      return 'The Content-Type must be application/json.';
    default:
      return 'The request is not well-formed HTTP.';
  }
}

function bodyOf(request: FastifyRequest): LegacyBody {
  // A request without a body is not given to the parser.
  return (request.body as LegacyBody | undefined) ?? parseLegacyBody(Buffer.alloc(0), 'utf-8');
}

class UnsupportedMediaTypeError extends Error {
  readonly statusCode = 415;
}

/** The charset of a body that is JSON. An absent type is taken for JSON, as the legacy API does. */
function charsetOf(request: FastifyRequest): string {
  const [type, ...parameters] = (request.headers['content-type'] || 'application/json').split(';');
  const charset = parameters
    .map((parameter) => /^\s*charset\s*=\s*"?([^"\s]+)"?\s*$/i.exec(parameter)?.[1])
    .find(Boolean);
  if (type?.trim().toLowerCase() !== 'application/json' || !isCharset(charset ?? 'utf-8')) {
    throw new UnsupportedMediaTypeError();
  }
  return charset ?? 'utf-8';
}

function isCharset(label: string): boolean {
  try {
    return decoderOf(label) !== undefined;
  } catch {
    return false;
  }
}

async function refuseMethod(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  request.outcome = { ...request.outcome, code: 405 };
  const { envelope } = transportFailure(405, 'This route takes POST only.');
  return reply.code(405).header('allow', 'POST').send(envelope);
}
