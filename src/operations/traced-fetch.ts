import { context, propagation, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';

/** As the global `fetch`, with a span by the semantic conventions for HTTP, and with `traceparent` for the other side. */
export function tracedFetch(tracer: Tracer): typeof fetch {
  return async (input, init) => {
    const url = new URL(input instanceof Request ? input.url : input);
    const method = init?.method ?? 'GET';
    const span = tracer.startSpan(method, {
      kind: SpanKind.CLIENT,
      attributes: {
        'http.request.method': method,
        'server.address': url.hostname,
        'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
        'url.full': `${url.origin}${url.pathname}`,
      },
    });
    const headers = new Headers(init?.headers);
    propagation.inject(trace.setSpan(context.active(), span), headers, {
      set: (carrier, name, value) => carrier.set(name, value),
    });
    try {
      const response = await fetch(input, { ...init, headers });
      span.setAttribute('http.response.status_code', response.status);
      if (!response.ok) fail(String(response.status));
      return response;
    } catch (error) {
      fail(error instanceof Error ? error.name : typeof error);
      throw error;
    } finally {
      span.end();
    }

    function fail(type: string): void {
      span.setAttribute('error.type', type);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
  };
}
