import type { FastifyInstance } from 'fastify';

/** A body is sent in a coding, such as gzip, that the gateway does not undo. */
export class ContentEncodingError extends Error {
  readonly statusCode = 415;

  constructor() {
    super('Send the body without a Content-Encoding: the gateway takes no compressed ones.');
  }
}

/** Refuses bodies in a coding, which would be read as if they were in none. */
export function refuseContentEncodings(http: FastifyInstance): void {
  http.addHook('preParsing', (request, reply, payload, done) => {
    const coding = request.headers['content-encoding'];
    if (request.method !== 'POST' || coding === undefined || /^\s*(?:identity\s*)?$/i.test(coding)) {
      done(null, payload);
      return;
    }
    reply.header('accept-encoding', 'identity');
    done(new ContentEncodingError());
  });
}
