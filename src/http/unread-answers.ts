import type { ServerResponse } from 'node:http';
import type { FastifyBaseLogger, FastifyInstance } from 'fastify';

interface UnreadAnswer {
  readonly bytes: number;
  readonly log: FastifyBaseLogger;
}

// Less than that is taken by the system's own buffers, whether the client reads it or not.
const leastBytes = 65_536;

/**
 * Bounds what is held for clients that do not read their answers, over all connections: where that is too much, the one that
 * has waited for its client the longest is dropped, with its connection.
 */
export class UnreadAnswers {
  readonly #maxBytes: number;
  // In the order in which they were sent.
  readonly #answers = new Map<ServerResponse, UnreadAnswer>();
  #bytes = 0;

  /** @param maxBytes how many bytes may be held */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Watches the answers of a server. */
  register(http: FastifyInstance): void {
    http.addHook('onSend', (request, reply, payload, done) => {
      const bytes = typeof payload === 'string' || Buffer.isBuffer(payload) ? payload.length : 0;
      if (bytes >= leastBytes) this.#add(reply.raw, { bytes, log: request.log });
      done(null, payload);
    });
  }

  #add(response: ServerResponse, answer: UnreadAnswer): void {
    this.#answers.set(response, answer);
    this.#bytes += answer.bytes;
    response.once('close', () => this.#remove(response));
    for (const [oldest, { bytes, log }] of this.#answers) {
      if (this.#bytes <= this.#maxBytes) break;
      log.warn({ bytes }, 'an answer was not read while others waited for the memory: its connection is closed');
      this.#remove(oldest);
      oldest.destroy();
    }
  }

  #remove(response: ServerResponse): void {
    this.#bytes -= this.#answers.get(response)?.bytes ?? 0;
    this.#answers.delete(response);
  }
}
