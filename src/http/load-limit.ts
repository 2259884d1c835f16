import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { OverloadedError } from '../errors.js';
import { headersOfEveryAnswer, requestIdOf } from './request-log.js';
import { TurnQueue } from './turn-queue.js';

/** How much is taken on at once. */
export interface LoadLimits {
  /** Requests in work at the same time at most. */
  readonly inWork: number;
  /** Paths that are always served, whatever the load: they say how the gateway is. */
  readonly exempt: ReadonlySet<string>;
  /** The body that tells a client, in the form of the surface that a path belongs to. */
  readonly refusalOf: (path: string) => string;
  /** Told of each request that is refused. */
  readonly onRefusal: () => void;
}

/**
 * Bounds the requests in work. Others wait for their turn in the order they came, and are refused where it does not come in
 * time. To let them wait for a refusal also slows clients down that ask again at once.
 *
 * A request takes its turn when its body has come, so a client that sends it slowly keeps nobody waiting; it gives the turn
 * back before its answer is sent, so neither does one that reads slowly.
 */
export class LoadLimit {
  readonly #limits: LoadLimits;
  readonly #inWork = new Set<IncomingMessage>();
  readonly #refused = new WeakSet<IncomingMessage>();
  readonly #turns: TurnQueue;

  constructor(limits: LoadLimits) {
    this.#limits = limits;
    this.#turns = new TurnQueue(limits.inWork, limits.onRefusal);
  }

  /** How much is under way now, and how many requests were refused since the start. */
  get use(): { inWork: number; waiting: number; refusals: number } {
    return { inWork: this.#inWork.size, waiting: this.#turns.waiting, refusals: this.#turns.refusals };
  }

  /** Keeps requests from a handler until it is their turn. */
  before(handle: RequestListener): RequestListener {
    return (request, response) => {
      if (this.#isExempt(request)) {
        handle(request, response);
        return;
      }
      // From here, and not from where it is looked at first: what is done meanwhile is what it waits for.
      const since = performance.now();
      // Most bodies come in one piece with their headers: by the end of this turn of the event loop they are there.
      setImmediate(() => {
        if (!request.complete) handle(request, response);
        else {
          const refuse = () => {
            // A page needs what the handler knows of origins to read its answer.
            if (request.headers.origin === undefined) return this.#refuse(request, response);
            this.#refused.add(request);
            return handle(request, response);
          };
          this.#enter(request, since, () => handle(request, response), refuse);
        }
      });
    };
  }

  /** Takes the turns of requests whose bodies came later, and gives all turns back. */
  register(http: FastifyInstance): void {
    http.addHook('preHandler', (request, _, done) => {
      const { raw } = request;
      if (this.#inWork.has(raw) || this.#isExempt(raw)) done();
      else {
        const refuse = () => done(new OverloadedError());
        this.#enter(raw, performance.now(), () => done(), refuse);
      }
    });
    http.addHook('onSend', (request, _, payload, done) => {
      done(null, payload);
      this.leave(request.raw);
    });
  }

  /**
   * Makes sure that a request was not refused.
   *
   * @throws OverloadedError
   */
  check(request: IncomingMessage): void {
    if (this.#refused.has(request)) throw new OverloadedError();
  }

  /** Gives a request's turn back, if it has one. */
  leave(request: IncomingMessage): void {
    if (this.#inWork.delete(request)) this.#turns.leave(1);
  }

  /** By the shortest way: what refusals take is taken from those that are served. */
  #refuse(request: IncomingMessage, response: ServerResponse): void {
    const body = this.#limits.refusalOf(request.url ?? '');
    response.writeHead(503, {
      ...headersOfEveryAnswer(requestIdOf(request.headers['x-request-id'])),
      'content-type': 'application/json; charset=utf-8',
      'content-length': Buffer.byteLength(body),
      'retry-after': '1',
    });
    response.end(body);
  }

  #isExempt({ url = '' }: IncomingMessage): boolean {
    return this.#limits.exempt.has(url);
  }

  #enter(request: IncomingMessage, since: number, admit: () => void, refuse: () => void): void {
    this.#turns.enter({
      share: 1,
      since,
      isAbandoned: () => request.socket.destroyed,
      admit: () => {
        this.#inWork.add(request);
        admit();
      },
      refuse,
    });
  }
}
