import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';

/**
 * Tells of the end of every request from here on, once: when its answer has been sent, or when its client has gone away
 * before that, of which Fastify's own hooks do not tell.
 *
 * @param ended must not throw
 */
export function onRequestEnd(
  http: FastifyInstance,
  ended: (request: FastifyRequest, reply: FastifyReply, isAnswered: boolean) => void,
): void {
  http.addHook('onRequest', (request, reply, done) => {
    reply.raw.once('close', () => ended(request, reply, isAnswered(request, reply)));
    done();
  });
}

/** What goes on for as long as its client stays is ended by the client, mostly. */
function isAnswered({ outcome }: FastifyRequest, { raw }: FastifyReply): boolean {
  return raw.writableFinished || outcome?.begunAfter !== undefined;
}
