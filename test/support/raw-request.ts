import { type OutgoingHttpHeaders, request } from 'node:http';

/** An answer as it came. */
export interface RawAnswer {
  readonly httpStatus: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** What to send. */
export interface RawRequest {
  readonly method?: string;
  readonly headers?: OutgoingHttpHeaders;
  /** One piece with its length in front, or several in chunks. */
  readonly body?: Buffer | string | readonly (Buffer | string)[];
}

/**
 * Sends a request with just these headers: unlike `fetch` it adds no Content-Type, takes any method and can send in chunks.
 * An answer that comes before the whole body was sent counts.
 */
export function sendRaw(url: string, { method = 'POST', headers = {}, body }: RawRequest): Promise<RawAnswer> {
  return new Promise((resolve, reject) => {
    const pieces = Array.isArray(body) ? (body as readonly (Buffer | string)[]) : undefined;
    const whole = body === undefined || pieces !== undefined ? undefined : Buffer.from(body as string);
    const length = whole === undefined ? {} : { 'content-length': whole.length };
    const framing = pieces === undefined ? length : { 'transfer-encoding': 'chunked' };
    let isAnswered = false;
    const outgoing = request(url, { method, headers: { ...framing, ...headers }, agent: false }, (incoming) => {
      isAnswered = true;
      const parts: Buffer[] = [];
      incoming.on('data', (part: Buffer) => parts.push(part));
      incoming.on('error', reject);
      incoming.on('end', () => {
        outgoing.destroy();
        resolve({
          httpStatus: incoming.statusCode ?? 0,
          headers: incoming.headers,
          text: Buffer.concat(parts).toString(),
        });
      });
    });
    outgoing.on('error', (error) => {
      if (!isAnswered) reject(error);
    });
    for (const piece of pieces ?? []) outgoing.write(piece);
    outgoing.end(whole);
  });
}
