import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import type { FastifyInstance } from 'fastify';
import { OverloadedError } from '../errors.js';
import { headersOfEveryAnswer, requestIdOf } from './request-log.js';

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

/** What waits for its turn. */
interface Turn {
  readonly request: IncomingMessage;
  readonly since: number;
  admit(): void;
  refuse(): void;
}

// A burst is worked off. Where requests have waited without a break for longer than that, there are more than can be
// served, and a long queue would only make each answer late.
const longestBurst = 1000;
const longestWaitAfterwards = 250;
const mostRefusedAtOnce = 100;

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
  readonly #queue = new Queue<Turn>();
  #waitingSince = 0;
  #refusals = 0;
  #timer: NodeJS.Timeout | undefined;
  #admission: NodeJS.Immediate | undefined;

  constructor(limits: LoadLimits) {
    this.#limits = limits;
  }

  /** How much is under way now, and how many requests were refused since the start. */
  get use(): { inWork: number; waiting: number; refusals: number } {
    return { inWork: this.#inWork.size, waiting: this.#queue.length, refusals: this.#refusals };
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
          this.#enter({
            request,
            since,
            admit: () => handle(request, response),
            refuse: () => {
              // A page needs what the handler knows of origins to read its answer.
              if (request.headers.origin === undefined) return this.#refuse(request, response);
              this.#refused.add(request);
              return handle(request, response);
            },
          });
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
        this.#enter({ request: raw, since: performance.now(), admit: () => done(), refuse });
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
    if (!this.#inWork.delete(request) || this.#queue.length === 0) return;
    // Not at once: what has come in meanwhile is to be read first, or those that wait would keep it from being seen.
    this.#admission ??= setImmediate(() => this.#admitNext());
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

  #enter(turn: Turn): void {
    if (this.#inWork.size < this.#limits.inWork && this.#queue.length === 0) {
      this.#admit(turn);
      return;
    }
    if (this.#queue.length === 0) {
      this.#waitingSince = turn.since;
      this.#timer = setTimeout(() => this.#refuseLate(), longestBurst);
    }
    this.#queue.push(turn);
  }

  #admit(turn: Turn): void {
    this.#inWork.add(turn.request);
    turn.admit();
  }

  #admitNext(): void {
    this.#admission = undefined;
    this.#refuseLate();
    while (this.#inWork.size < this.#limits.inWork) {
      const turn = this.#queue.shift();
      if (turn === undefined) return;
      if (!turn.request.socket.destroyed) this.#admit(turn);
    }
  }

  #refuseLate(): void {
    clearTimeout(this.#timer);
    const now = performance.now();
    const late = now - (now - this.#waitingSince < longestBurst ? longestBurst : longestWaitAfterwards);
    for (let refused = 0; refused < mostRefusedAtOnce; refused += 1) {
      if ((this.#queue.first?.since ?? Number.POSITIVE_INFINITY) > late) break;
      const turn = this.#queue.shift() as Turn;
      if (turn.request.socket.destroyed) continue;
      this.#refusals += 1;
      this.#limits.onRefusal();
      turn.refuse();
    }
    const { first } = this.#queue;
    this.#timer = first && setTimeout(() => this.#refuseLate(), Math.max(1, first.since - late));
  }
}

/** First in, first out, in constant time. */
class Queue<T> {
  #entries: T[] = [];
  #next = 0;

  get length(): number {
    return this.#entries.length - this.#next;
  }

  get first(): T | undefined {
    return this.#entries[this.#next];
  }

  push(entry: T): void {
    this.#entries.push(entry);
  }

  shift(): T | undefined {
    const { first } = this;
    if (first !== undefined) this.#next += 1;
    if (this.#next * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#next);
      this.#next = 0;
    }
    return first;
  }
}
