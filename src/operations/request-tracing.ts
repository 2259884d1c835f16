import {
  type Attributes,
  type Context,
  context,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  SpanStatusCode,
  type Tracer,
  trace,
} from '@opentelemetry/api';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { isLegacyPath } from '../http/legacy-path.js';
import { onRequestEnd } from '../http/request-end.js';
import { succeeded } from '../operation-outcome.js';

// Asked every few seconds by machines, and nobody looks for them.
const untraced = new Set(['/healthz', '/readyz', '/metrics']);
const ownFaults = new Set<unknown>([1000, 'INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE']);
const maxUserAgentLength = 200;

interface TracedRequest {
  readonly span: Span;
  readonly context: Context;
  operation?: Span;
}

const traced = new WeakMap<FastifyRequest, TracedRequest>();

/**
 * Makes a span of every request, by the semantic conventions for HTTP. It belongs to the trace that the client names in
 * `traceparent`. The request's log lines get the trace's id. Bodies, variables, query strings, and headers but the user
 * agent are not in it.
 */
export function traceRequests(http: FastifyInstance, tracer: Tracer): void {
  // With callbacks: what follows in a request is run by them, and so within its context.
  http.addHook('onRequest', (request, reply, done) => {
    const route = request.routeOptions.url;
    if (route !== undefined && untraced.has(route)) {
      done();
      return;
    }
    const parent = propagation.extract(ROOT_CONTEXT, request.headers);
    const name = route === undefined ? request.method : `${request.method} ${route}`;
    const span = tracer.startSpan(name, { kind: SpanKind.SERVER, attributes: attributesOf(request) }, parent);
    const own = { span, context: trace.setSpan(parent, span) };
    traced.set(request, own);
    const { traceId, spanId } = span.spanContext();
    request.log = request.log.child({ trace_id: traceId, span_id: spanId });
    reply.log = request.log;
    context.with(own.context, done);
  });
  onRequestEnd(http, (request, { statusCode }, isAnswered) => {
    const { span, operation } = traced.get(request) ?? {};
    if (span === undefined) return;
    // A stream is sent past Fastify, and has no end before this. Of anything else what is done may go on without its client.
    if (operation?.isRecording() && request.outcome.begunAfter !== undefined) endOperation(operation, request);
    span.setAttributes(outcomeOf(request));
    if (request.call !== undefined) span.setAttribute('gateway.caller', request.call.caller.name);
    if (isAnswered) span.setAttribute('http.response.status_code', statusCode);
    else span.setAttribute('error.type', 'client_gone');
    if (isAnswered && statusCode >= 500) {
      span.setAttribute('error.type', String(statusCode));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  });
}

/** Makes a span of the operation in a request, on either surface: what is done for it once it has its turn. */
export function traceOperations(http: FastifyInstance, tracer: Tracer): void {
  http.addHook('preHandler', (request, _, done) => {
    const known = traced.get(request);
    const surface = surfaceOf(request);
    if (known === undefined || surface === undefined) {
      done();
      return;
    }
    known.operation = tracer.startSpan(surface, { kind: SpanKind.INTERNAL }, known.context);
    // What has let the request go on may have been another one, and so run in its context.
    context.with(trace.setSpan(known.context, known.operation), done);
  });
  http.addHook('onSend', (request, _, payload, done) => {
    const operation = traced.get(request)?.operation;
    if (operation?.isRecording()) endOperation(operation, request);
    done(null, payload);
  });
}

function attributesOf(request: FastifyRequest): Attributes {
  const { url: route } = request.routeOptions;
  const userAgent = request.headers['user-agent']?.slice(0, maxUserAgentLength);
  return {
    'http.request.method': request.method,
    // What a trusted proxy says of it may be any text.
    'url.scheme': request.protocol === 'https' ? 'https' : 'http',
    'network.protocol.version': request.raw.httpVersion,
    'gateway.request_id': request.id,
    // No route has a part that varies, and a path that is no route's may hold anything.
    ...(route === undefined ? {} : { 'http.route': route, 'url.path': route }),
    ...(request.clientAddress === null ? {} : { 'client.address': request.clientAddress }),
    ...(userAgent === undefined ? {} : { 'user_agent.original': userAgent }),
  };
}

function surfaceOf({ routeOptions: { url } }: FastifyRequest): 'graphql' | 'rest' | undefined {
  if (url === '/graphql') return 'graphql';
  return isLegacyPath(url) ? 'rest' : undefined;
}

/** What it was is known only when it is done: the fields that a document starts with, or the path. */
function endOperation(span: Span, request: FastifyRequest): void {
  const { operation, kind = surfaceOf(request), code } = request.outcome;
  if (operation) span.updateName(`${kind} ${operation}`);
  span.setAttributes(outcomeOf(request));
  if (code !== undefined && code !== succeeded.code) span.setAttribute('error.type', String(code));
  if (ownFaults.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function outcomeOf({ outcome: { operation, code } }: FastifyRequest): Attributes {
  return {
    ...(operation ? { 'gateway.operation': operation } : {}),
    ...(code === undefined ? {} : { 'gateway.code': String(code) }),
  };
}
