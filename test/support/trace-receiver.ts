import { createServer, type IncomingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** A span as it was received, with what of it tests look at. */
export interface ReceivedSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId: string | undefined;
  readonly name: string;
  /** 1 internal, 2 server, 3 client. */
  readonly kind: number;
  readonly attributes: Readonly<Record<string, unknown>>;
  /** 0 unset, 2 error. */
  readonly status: number;
  readonly resource: Readonly<Record<string, unknown>>;
}

/** A small receiver of traces by OTLP over HTTP, on a loopback address. */
export interface TraceReceiver {
  readonly url: string;
  readonly spans: readonly ReceivedSpan[];
  /** All that was received, as it came. */
  readonly received: Buffer;
  /** The headers of every delivery. */
  readonly headers: readonly IncomingHttpHeaders[];
  /** Answers every delivery with this status from now on. */
  answerWith(status: number): void;
  /** Waits until a span is there for which the condition holds, and returns it. */
  span(condition: (span: ReceivedSpan) => boolean): Promise<ReceivedSpan>;
  close(): Promise<void>;
}

// Far more than the exporter waits.
const maxWait = 30_000;

type KeyValue = { key: string; value: Record<string, unknown> };

/** Starts a receiver on a free port. */
export async function startTraceReceiver(): Promise<TraceReceiver> {
  const spans: ReceivedSpan[] = [];
  const parts: Buffer[] = [];
  const headers: IncomingHttpHeaders[] = [];
  const answer = { status: 200 };
  const server = createServer((request, response) => {
    const body: Buffer[] = [];
    request.on('data', (part: Buffer) => body.push(part));
    request.on('end', () => {
      const bytes = Buffer.concat(body);
      parts.push(bytes);
      headers.push(request.headers);
      if (answer.status === 200 && request.url === '/v1/traces') spans.push(...spansIn(bytes));
      response.writeHead(answer.status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    spans,
    headers,
    get received() {
      return Buffer.concat(parts);
    },
    answerWith(status) {
      answer.status = status;
    },
    async span(condition) {
      for (const started = Date.now(); ; await sleep(20)) {
        const found = spans.find(condition);
        if (found !== undefined) return found;
        if (Date.now() - started > maxWait) {
          throw new Error(`the span did not come; those that did: ${spans.map(({ name }) => name).join(', ')}`);
        }
      }
    },
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

function spansIn(bytes: Buffer): ReceivedSpan[] {
  const { resourceSpans } = JSON.parse(bytes.toString());
  // biome-ignore lint/suspicious/noExplicitAny: the shape is OTLP's, and only what is looked at counts
  return resourceSpans.flatMap(({ resource, scopeSpans }: any) =>
    // biome-ignore lint/suspicious/noExplicitAny: as above
    scopeSpans.flatMap((scope: any) =>
      // biome-ignore lint/suspicious/noExplicitAny: as above
      scope.spans.map((span: any) => ({
        traceId: span.traceId,
        spanId: span.spanId,
        parentSpanId: span.parentSpanId || undefined,
        name: span.name,
        kind: span.kind,
        attributes: plain(span.attributes),
        status: span.status?.code ?? 0,
        resource: plain(resource.attributes),
      })),
    ),
  );
}

function plain(attributes: readonly KeyValue[]): Record<string, unknown> {
  return Object.fromEntries(attributes.map(({ key, value }) => [key, Object.values(value)[0]]));
}
