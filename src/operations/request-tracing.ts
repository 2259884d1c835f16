import {
  type Attributes,
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
import { succeeded } from '../operation-outcome.js';
import { fieldAccess } from '../security/access.js';

// Asked every few seconds by machines, and nobody looks for them.
const untraced = new Set(['/healthz', '/readyz', '/metrics']);
const ownFaults = new Set<unknown>([1000, 'INTERNAL_SERVER_ERROR', 'SERVICE_UNAVAILABLE']);
const longestUserAgent = 200;

interface RequestSpans {
  readonly request: Span;
  operation?: Span;
}

/**
 * Makes a span of every request, by the semantic conventions for HTTP, and in it one of the operation on either surface. It
 * belongs to the trace that the client names in `traceparent`. The request's log lines get the trace's id. Bodies, variables,
 * query strings, and headers but the user agent are not in them.
 */
export function traceRequests(http: FastifyInstance, tracer: Tracer): void {
  const spans = new WeakMap<FastifyRequest, RequestSpans>();

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
    spans.set(request, { request: span });
    const { traceId, spanId } = span.spanContext();
    request.log = request.log.child({ trace_id: traceId, span_id: spanId });
    reply.log = request.log;
    context.with(trace.setSpan(parent, span), done);
  });
  http.addHook('preHandler', (request, _, done) => {
    const known = spans.get(request);
    const surface = surfaceOf(request);
    if (known === undefined || surface === undefined) {
      done();
      return;
    }
    known.operation = tracer.startSpan(surface, { kind: SpanKind.INTERNAL });
    context.with(trace.setSpan(context.active(), known.operation), done);
  });
  http.addHook('onSend', (request, _, payload, done) => {
    const operation = spans.get(request)?.operation;
    if (operation?.isRecording()) endOperation(operation, request);
    done(null, payload);
  });
  http.addHook('onResponse', (request, reply, done) => {
    const span = spans.get(request)?.request;
    if (span?.isRecording()) {
      const { statusCode } = reply;
      span.setAttributes({ 'http.response.status_code': statusCode, ...outcomeOf(request) });
      if (request.call !== undefined) span.setAttribute('gateway.caller', request.call.caller.name);
      if (statusCode >= 500) {
        span.setAttribute('error.type', String(statusCode));
        span.setStatus({ code: SpanStatusCode.ERROR });
      }
      span.end();
    }
    done();
  });
  http.addHook('onRequestAbort', (request, done) => {
    const known = spans.get(request);
    for (const span of [known?.operation, known?.request]) {
      if (!span?.isRecording()) continue;
      span.setAttribute('error.type', 'client_closed_request');
      span.end();
    }
    done();
  });
}

function attributesOf(request: FastifyRequest): Attributes {
  const { url: route } = request.routeOptions;
  const [path = ''] = request.url.split('?', 1);
  const userAgent = request.headers['user-agent']?.slice(0, longestUserAgent);
  return {
    'http.request.method': request.method,
    'url.scheme': request.protocol,
    'url.path': path,
    'client.address': request.ip,
    'network.protocol.version': request.raw.httpVersion,
    'gateway.request_id': request.id,
    ...(route === undefined ? {} : { 'http.route': route }),
    ...(userAgent === undefined ? {} : { 'user_agent.original': userAgent }),
  };
}

function surfaceOf({ routeOptions: { url } }: FastifyRequest): 'graphql' | 'rest' | undefined {
  if (url === '/graphql') return 'graphql';
  return url?.startsWith('/data-source/') ? 'rest' : undefined;
}

/** What it was is known only when it is done: the fields that a document starts with, or the path. */
function endOperation(span: Span, request: FastifyRequest): void {
  const { operation, code } = request.outcome;
  if (operation) span.updateName(`${kindOf(request, operation)} ${operation}`);
  span.setAttributes(outcomeOf(request));
  if (code !== undefined && code !== succeeded.code) span.setAttribute('error.type', String(code));
  if (ownFaults.has(code)) span.setStatus({ code: SpanStatusCode.ERROR });
  span.end();
}

function kindOf(request: FastifyRequest, operation: string): string {
  if (surfaceOf(request) === 'rest') return 'rest';
  const [field = ''] = operation.split(',', 1);
  return fieldAccess.Mutation?.[field] === undefined ? 'query' : 'mutation';
}

function outcomeOf({ outcome: { operation, code } }: FastifyRequest): Attributes {
  return {
    ...(operation ? { 'gateway.operation': operation } : {}),
    ...(code === undefined ? {} : { 'gateway.code': String(code) }),
  };
}
