import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, type ErrorName } from '../errors.js';
import { isLegacyPath } from '../http/legacy-path.js';
import { onRequestEnd } from '../http/request-end.js';
import { answerLegacyError } from '../rest/legacy-routes.js';
import type { Metrics } from './metrics.js';

/** Who watches goes by the status: it does not read envelopes. */
const refusalStatuses: Partial<Record<ErrorName, number>> = {
  UNAUTHENTICATED: 401,
  CREDENTIAL_EXPIRED: 401,
  FORBIDDEN: 403,
};

/** Counts every request from here on, when it ends. */
export function countRequests(http: FastifyInstance, metrics: Metrics): void {
  onRequestEnd(http, (request, reply, isAnswered) => {
    const { surface, operation } = whatWasAsked(request);
    const code = isAnswered ? String(request.outcome.code ?? reply.statusCode) : 'CLIENT_GONE';
    metrics.requestEnded({
      surface,
      operation,
      code,
      seconds: (request.outcome.begunAfter ?? reply.elapsedTime) / 1000,
    });
    // Set where the route has taken the request up: one that was refused before has not used it.
    if (surface === 'rest' && request.outcome.operation !== undefined) {
      metrics.legacyRouteUsed(operation, request.call.caller.name, request.headers['user-agent']);
    }
  });
}

/**
 * Adds `GET /metrics`, for callers with the permission `admin`.
 *
 * @param isOpen whether everyone is let in, so that everyone may see them
 */
export function registerMetrics(http: FastifyInstance, metrics: Metrics, isOpen: boolean): void {
  // Whoever watches must see something on the day when the database is away, too.
  const config = { isOpen: () => isOpen, allowsStaleKeys: true };
  http.get('/metrics', { config, errorHandler: answerRefusal }, async (_, reply) =>
    reply.type(metrics.contentType).send(await metrics.text()),
  );
}

function answerRefusal(error: unknown, request: FastifyRequest, reply: FastifyReply): FastifyReply {
  const status = error instanceof DomainError ? refusalStatuses[error.errorName] : undefined;
  if (!(error instanceof DomainError) || status === undefined) return answerLegacyError(error, request, reply);
  request.outcome.code = error.errorName;
  return reply.code(status).type('text/plain').send(`${error.message}\n`);
}

function whatWasAsked({ routeOptions, outcome }: FastifyRequest) {
  const path = routeOptions.url;
  if (path === '/graphql') return { surface: 'graphql', operation: rootField(outcome.operation) } as const;
  if (isLegacyPath(path)) return { surface: 'rest', operation: path } as const;
  // The files of a page are one.
  return { surface: 'other', operation: path?.replace(/^\/(playground|docs)\/.*$/, '/$1/*') ?? 'none' } as const;
}

/** The one field that a document asks for; where it asks for more, there would be no end to what that could be called. */
function rootField(names: string | undefined): string {
  if (names === undefined || names === '') return 'none';
  // Those of a document that was refused are not named, so each is a field of the schema.
  return /^\w+$/.test(names) ? names : 'several';
}
