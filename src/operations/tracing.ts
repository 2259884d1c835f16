import { context, propagation, trace } from '@opentelemetry/api';
import { setGlobalErrorHandler, W3CTraceContextPropagator } from '@opentelemetry/core';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import {
  defaultResource,
  detectResources,
  envDetector,
  resourceFromAttributes,
  serviceInstanceIdDetector,
} from '@opentelemetry/resources';
import { BatchSpanProcessor, NodeTracerProvider } from '@opentelemetry/sdk-trace-node';
import type { FastifyInstance } from 'fastify';
import type { StatementObserver } from '../database/database.js';
import { traceOperations, traceRequests } from './request-tracing.js';
import { traced } from './statement-tracing.js';
import { tracedFetch } from './traced-fetch.js';

const maxFlushTime = 3_000;
const failurePause = 60_000;

/** What makes traces. It is imported only where they are wanted: nothing of OpenTelemetry's SDK is loaded otherwise. */
export interface Tracing {
  /** Makes a span of every statement of a request. */
  readonly statement: (system: 'mysql' | 'sqlite') => StatementObserver;
  /** As the global `fetch`, with a span of its own, and telling the other side of the trace. */
  readonly fetch: typeof fetch;
  /** Makes spans of the requests to every route that is added from here on. */
  readonly requests: (http: FastifyInstance) => void;
  /** Makes spans of the operations of the routes that are added from here on; behind all that may let a request wait. */
  readonly operations: (http: FastifyInstance) => void;
  /** Sends what was not sent yet, and stops. */
  readonly stop: () => Promise<void>;
}

/**
 * Starts to make traces and to send them by OTLP. Where to, which of them, and under what name is read from the environment
 * by OpenTelemetry itself (`OTEL_…`). There is one such start in the life of a process.
 *
 * @param version the gateway's version
 * @param onFailure told where spans could not be sent, once a minute at most; they are lost
 */
export function startTracing(version: string, onFailure: (error: unknown) => void): Tracing {
  const tellOfFailure = onceInAWhile(onFailure);
  setGlobalErrorHandler(tellOfFailure);
  const resource = defaultResource()
    .merge(resourceFromAttributes({ 'service.name': 'datasource-gateway', 'service.version': version }))
    .merge(detectResources({ detectors: [serviceInstanceIdDetector, envDetector] }));
  const provider = new NodeTracerProvider({
    resource,
    spanProcessors: [new BatchSpanProcessor(new OTLPTraceExporter())],
  });
  // What others send as baggage is not passed on: it is text of theirs.
  provider.register({ propagator: new W3CTraceContextPropagator() });
  const tracer = trace.getTracer('datasource-gateway', version);
  return {
    statement: (system) => traced(tracer, system),
    fetch: tracedFetch(tracer),
    requests: (http) => traceRequests(http, tracer),
    operations: (http) => traceOperations(http, tracer),
    async stop() {
      const flushed = provider.shutdown().catch(tellOfFailure);
      await Promise.race([flushed, new Promise((resolve) => setTimeout(resolve, maxFlushTime).unref())]);
      for (const part of [trace, context, propagation]) part.disable();
    },
  };
}

function onceInAWhile(tell: (error: unknown) => void): (error: unknown) => void {
  let toldAt = Number.NEGATIVE_INFINITY;
  return (error) => {
    const now = performance.now();
    if (now - toldAt < failurePause) return;
    toldAt = now;
    tell(error);
  };
}
