import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError } from '../errors.js';
import { ContentEncodingError } from '../http/content-encoding.js';
import { type Failure, transportFailure } from '../http/failure-envelope.js';
import type { LegacyPath } from '../http/legacy-path.js';
import { decoderOf, type LegacyBody, parseLegacyBody } from '../input/legacy-body.js';
import { succeeded } from '../operation-outcome.js';
import { failureOf, internalFailure } from './envelope.js';

/** Does what a body asks for. What it returns is not shown: legacy clients get the same envelope for every success. */
export type LegacyOperation = (body: LegacyBody, request: FastifyRequest) => Promise<unknown>;

/** The operations by their path. */
export type LegacyOperations = Readonly<Record<LegacyPath, LegacyOperation>>;

/** A question, whose answer is shown as `data` of the envelope. Of GET, the parameters in the path are what it is asked with. */
export interface LegacyQuestion {
  readonly method: 'GET' | 'POST';
  readonly ask: LegacyOperation;
}

/** The questions by their path. */
export type LegacyQuestions = Readonly<Record<`/${string}`, LegacyQuestion>>;

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'TRACE'];

/**
 * Adds the POST routes of the legacy API, each answering with the envelope of its document.
 *
 * @param questions routes besides, of which the answer is shown
 */
export function registerLegacyRoutes(
  app: FastifyInstance,
  operations: LegacyOperations,
  questions: LegacyQuestions = {},
): void {
  app.register(async (routes) => {
    routes.removeAllContentTypeParsers();
    routes.addContentTypeParser<Buffer>('*', { parseAs: 'buffer' }, async (request: FastifyRequest, bytes: Buffer) =>
      parseLegacyBody(bytes, charsetOf(request)),
    );
    for (const [path, operation] of Object.entries(operations)) {
      routes.post(path, async (request) => {
        request.outcome = { operation: path };
        await operation(bodyOf(request), request);
        request.outcome = { operation: path, code: succeeded.code };
        return succeeded;
      });
      refuseOtherMethods(routes, path, 'POST');
    }
    for (const [path, { method, ask }] of Object.entries(questions)) {
      routes.route({
        method,
        url: path,
        handler: async (request) => {
          request.outcome = { operation: path };
          const data = await ask(method === 'GET' ? (request.query as LegacyBody) : bodyOf(request), request);
          request.outcome = { operation: path, code: succeeded.code };
          return { ...succeeded, data };
        },
      });
      refuseOtherMethods(routes, path, method);
    }
  });
}

/** Answers with an error's envelope; anything that the domain does not know is logged and told by the request's id only. */
export const answerLegacyError = legacyErrorHandler();

/**
 * Makes what answers with an error's envelope.
 *
 * @param codeOf the code for an error where it is another than the document's; undefined where it is not
 */
export function legacyErrorHandler(codeOf: (error: DomainError) => number | undefined = () => undefined) {
  return (thrown: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply => {
    // A caller that may not ask is not told what is wrong with its body.
    const error = request.refusal ?? thrown;
    return answer(error, legacyFailure(error, request, codeOf), request, reply);
  };
}

function answer(error: unknown, failure: Failure, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  request.outcome = { ...request.outcome, code: failure.envelope.code };
  if (error instanceof DomainError && error.retryAfter !== undefined) reply.header('retry-after', error.retryAfter);
  return reply.code(failure.httpStatus).send(failure.envelope);
}

function legacyFailure(
  error: unknown,
  request: FastifyRequest,
  codeOf: (error: DomainError) => number | undefined,
): Failure {
  if (error instanceof DomainError) {
    // One without a cause was refused for the load alone, and as many more may be.
    if (error.errorName === 'SERVICE_UNAVAILABLE' && error.cause) request.log.warn({ err: error }, 'could not serve');
    return failureOf(error, codeOf(error));
  }
  const { statusCode } = error as { statusCode?: number };
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) {
    const message = error instanceof ContentEncodingError ? error.message : transportMessage(statusCode, request);
    return transportFailure(statusCode, message);
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

/** Before a body is read, which would be refused for other reasons. */
function refuseOtherMethods(routes: FastifyInstance, path: string, allowed: 'GET' | 'POST'): void {
  const refuse = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    request.outcome = { ...request.outcome, code: 405 };
    const { envelope } = transportFailure(405, `This route takes ${allowed} only.`);
    return reply.code(405).header('allow', allowed).send(envelope);
  };
  const method = methods.filter((other) => other !== allowed && !(allowed === 'GET' && other === 'HEAD'));
  routes.route({ method, url: path, config: { isOpen: () => true }, onRequest: refuse, handler: refuse });
}
