import cors from '@fastify/cors';
import rateLimit from '@fastify/rate-limit';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { DomainError, RateLimitedError, UnavailableError } from '../errors.js';
import { requestedTarget } from '../input/requested-target.js';
import { type Access, routeAccess } from '../security/access.js';
import { type Authenticators, authenticate } from '../security/authentication.js';
import { isCrossSite, isLoopbackAddress, isLoopbackHost } from '../security/browser-origin.js';
import type { Surface } from '../security/call.js';
import { anonymous, type Caller } from '../security/caller.js';
import { clientNetwork } from '../security/client-network.js';
import type { Refusals } from '../security/refusals.js';
import { RefusedCallerError } from '../security/refused-caller.js';
import { transportFailure } from './failure-envelope.js';
import { isLegacyPath } from './legacy-path.js';
import type { LoadLimit } from './load-limit.js';

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Tells of a request that it needs less than its route: a page that shows nothing, an answer that only refuses. */
    isOpen?: (request: FastifyRequest) => boolean;
    /** Lets in a caller with a key that was good a while ago where the database cannot be asked now. */
    allowsStaleKeys?: boolean;
  }

  interface FastifyRequest {
    /** Why a known caller is refused, where that waits for the body, so that the audit can say what it asked for. */
    refusal: DomainError | undefined;
  }
}

/** The settings that the guard goes by. */
export interface GuardSettings {
  readonly host: string;
  readonly corsOrigins: readonly string[];
  /** Requests of one caller in a minute at most; undefined for any number. */
  readonly rateLimit: number | undefined;
}

/** What the guard asks. */
export interface GuardParts {
  readonly authenticators: Authenticators;
  readonly refusals: Refusals;
  /** What bounds the requests in work. */
  readonly load: LoadLimit;
  /** Whether the gateway is stopping, and takes nothing new. */
  readonly isClosing: () => boolean;
}

/** Refuses, before a body is read, what may not be asked: by its origin, its host, its caller, or how often. */
export async function registerRequestGuard(
  http: FastifyInstance,
  config: GuardSettings,
  parts: GuardParts,
): Promise<void> {
  const allowedOrigins = new Set(config.corsOrigins);
  const isOpen = parts.authenticators.keys === undefined && parts.authenticators.tokens === undefined;
  const isOpenOnLoopback = isOpen && isLoopbackAddress(config.host);
  const count = await rateCounter(http, config.rateLimit, (request) => {
    parts.refusals.recordRefusal(request.call, [{ operation: routeOf(request) }], 'RATE_LIMITED');
  });
  http.decorateRequest('call', null as never);
  http.decorateRequest('refusal', undefined);

  http.addHook('onRequest', (request, reply, done) => {
    // By the route: a path may be written with percent signs.
    const path = request.routeOptions.url ?? request.url;
    const surface: Surface = isLegacyPath(path) ? 'rest' : 'graphql';
    request.call = {
      surface,
      address: request.clientAddress,
      requestId: request.id,
      caller: anonymous,
      isAbandoned: () => request.raw.socket.destroyed,
    };
    if (parts.isClosing()) {
      reply.header('connection', 'close');
      done(new UnavailableError(new Error('the gateway is stopping')));
      return;
    }
    const message = isCrossSite(request.headers, allowedOrigins)
      ? 'Pages of other sites may not call the gateway, except those in CORS_ORIGINS.'
      : isOpenOnLoopback && !isLoopbackHost(request.headers.host)
        ? 'This gateway accepts calls from its own machine only: use a loopback host name, such as localhost.'
        : undefined;
    if (message === undefined) {
      done();
      return;
    }
    parts.refusals.recordRefusal(request.call, [{ operation: routeOf(request) }], 'FORBIDDEN');
    refuse(request, reply, message);
  });
  // Between the two, so that a page of another site is refused first, and a listed one can read why it is refused as a caller.
  if (config.corsOrigins.length > 0) {
    await http.register(cors, {
      origin: [...config.corsOrigins],
      methods: ['GET', 'POST'],
      exposedHeaders: ['retry-after', 'x-request-id'],
      strictPreflight: false,
    });
  }
  http.addHook('onRequest', async (request, reply) => {
    parts.load.check(request.raw);
    const { call } = request;
    const access = accessOf(request);
    if (access === 'open') return;
    try {
      const caller = await authenticate(
        parts.authenticators,
        request.headers,
        request.routeOptions.config.allowsStaleKeys,
      );
      request.call = { ...call, caller };
      await count(request, caller);
      if (access !== 'known') checkPermission(caller, access);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      if (error instanceof RefusedCallerError) request.call = { ...call, caller: error.caller };
      if (error.errorName === 'FORBIDDEN' && call.surface === 'rest') {
        request.refusal = error;
        // Fastify's own hooks do not tell of a client that goes away before it is answered.
        reply.raw.once('close', () => {
          const asked = { operation: routeOf(request), target: requestedTarget(request.body) };
          parts.refusals.recordRefusal(request.call, [asked], error.errorName);
        });
        return;
      }
      // A caller that is known was counted as itself.
      if (error.errorName !== 'FORBIDDEN') await count(request, undefined);
      parts.refusals.recordRefusal(request.call, [{ operation: routeOf(request) }], error.errorName);
      throw error;
    }
  });
  http.addHook('preValidation', (request, _, done) => done(request.refusal));
}

/**
 * Makes sure that a caller has a permission.
 *
 * @throws DomainError FORBIDDEN
 */
export function checkPermission(caller: Caller, permission: Exclude<Access, 'open' | 'known'>): void {
  if (caller.permissions.has(permission)) return;
  throw new DomainError('FORBIDDEN', `This operation needs the permission ${permission}.`);
}

/** A route that the table does not name needs what nobody has by accident. */
function accessOf(request: FastifyRequest): Access {
  const { url, config } = request.routeOptions;
  if (url === undefined || request.is404 || config.isOpen?.(request)) return 'open';
  const method = request.method === 'HEAD' ? 'GET' : request.method;
  return routeAccess[`${method} ${url}`] ?? routeAccess[`${method} ${pageOf(url)}`] ?? 'admin';
}

/** The files of a page are one. */
function pageOf(url: string): string {
  return url.replace(/^\/(playground|docs)\/.*$/, '/$1/*');
}

function isRefusal(error: unknown): error is DomainError {
  return (
    error instanceof DomainError && ['UNAUTHENTICATED', 'CREDENTIAL_EXPIRED', 'FORBIDDEN'].includes(error.errorName)
  );
}

const maxTold = 10_000;

type Count = (request: FastifyRequest, caller: Caller | undefined) => Promise<void>;

/** @param onFirstRefusal told of the first request in a caller's window that is one too many, and not of those behind it */
async function rateCounter(
  http: FastifyInstance,
  limit: number | undefined,
  onFirstRefusal: (request: FastifyRequest) => void,
): Promise<Count> {
  if (limit === undefined) return async () => undefined;
  await http.register(rateLimit, { global: false });
  const callers = new WeakMap<FastifyRequest, Caller>();
  const toldUntil = new Map<string, number>();
  const check = http.createRateLimit({
    max: limit,
    timeWindow: 60_000,
    keyGenerator: (request) => {
      const caller = callers.get(request);
      return caller === undefined || caller.means === 'anonymous'
        ? `network ${request.clientAddress === null ? '' : clientNetwork(request.clientAddress)}`
        : `${caller.means} ${caller.name}`;
    },
  });
  return async (request, caller) => {
    if (caller === undefined) callers.delete(request);
    else callers.set(request, caller);
    const state = await check(request);
    if (state.isAllowed || !state.isExceeded) return;
    const now = Date.now();
    if (now >= (toldUntil.get(state.key) ?? 0)) {
      if (toldUntil.size >= maxTold) toldUntil.clear();
      toldUntil.set(state.key, now + state.ttl);
      onFirstRefusal(request);
    }
    throw new RateLimitedError(limit, state.ttlInSeconds);
  };
}

/** By its pattern: a path that is no route's may hold anything. */
function routeOf(request: FastifyRequest): string {
  return request.routeOptions.url ?? 'no route';
}

function refuse(request: FastifyRequest, reply: FastifyReply, message: string): void {
  request.outcome.code = 403;
  const { httpStatus, envelope } = transportFailure(403, message);
  reply.code(httpStatus).send(envelope);
}
