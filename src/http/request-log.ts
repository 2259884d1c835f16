import { randomUUID } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { onRequestEnd } from './request-end.js';

const saneRequestId = /^[\w.:-]{1,128}$/;

/** The id of a request: the one that was sent with it where it is sane, else a new one. */
export function requestIdOf(given: string | string[] | undefined): string {
  return typeof given === 'string' && saneRequestId.test(given) ? given : randomUUID();
}

/** What every answer has, whatever it is. */
export function headersOfEveryAnswer(requestId: string): Record<string, string> {
  return { 'x-request-id': requestId, 'cache-control': 'no-store', 'x-content-type-options': 'nosniff' };
}

/**
 * Gives every answer the request's id and keeps it out of caches, and writes one line in the log for every request, those
 * that their client has abandoned included.
 */
export function registerRequestLog(http: FastifyInstance): void {
  http.decorateRequest('outcome', null as never);
  http.addHook('onRequest', (request, reply, done) => {
    request.outcome = {};
    reply.headers(headersOfEveryAnswer(request.id));
    done();
  });
  onRequestEnd(http, (request, reply, isAnswered) => {
    request.log.info(
      {
        method: request.method,
        // Its pattern: a path that is no route's may hold anything, a credential that was meant for a header too.
        route: request.routeOptions.url,
        ...(isAnswered ? { httpStatus: reply.statusCode } : { isAbandoned: true }),
        ...request.outcome,
        caller: request.call?.caller.name,
        address: request.clientAddress,
        milliseconds: Math.round(reply.elapsedTime * 10) / 10,
      },
      'request',
    );
  });
}
