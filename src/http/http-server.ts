import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { FastifyInstance } from 'fastify';
import { transportFailure } from './failure-envelope.js';
import { headersOfEveryAnswer, requestIdOf } from './request-log.js';

/**
 * How long clients may take, in milliseconds. A connection is looked at once in `connectionsCheckingInterval`, and Node.js
 * does so twice a minute unless told: with these, a client that sends a byte at a time is closed within 15 seconds.
 */
const timeLimits = {
  headersTimeout: 8_000,
  requestTimeout: 13_000,
  connectionsCheckingInterval: 1_000,
  // Longer than those of the usual proxies, so that these are the ones to close: else one may send into a closed connection.
  keepAliveTimeout: 65_000,
};

// A client that takes nothing of its answer for so long, the time for the answer apart.
const maxStandstill = 15_000;
const maxLingerTime = 2_000;

/** What Node.js knows of the answer that a connection is at. */
type HttpSocket = Socket & { _httpMessage?: ServerResponse | null };

/**
 * Makes the server that carries everything, with limits on what a client may take.
 *
 * @param maxAnswerTime how long a handler may take, in milliseconds
 */
export function createHttpServer(handle: RequestListener, maxAnswerTime: number): Server {
  const server = createServer(timeLimits, handle);
  server.timeout = maxAnswerTime + maxStandstill;
  return server;
}

/**
 * Answers what is not HTTP, too long in its headers or too late, and closes the connection. An answer that is due to an
 * earlier request is not given this one's instead: then the connection is closed without a word.
 */
export function refuseConnection(error: Error & { code?: string }, socket: HttpSocket): void {
  const due = socket._httpMessage;
  const isDueToAnother = due && (due.headersSent || due.req.complete);
  if (socket.writable && !isDueToAnother && error.code !== 'ECONNRESET') socket.end(refusal(error.code));
  socket.destroySoon();
}

/** Lets clients read why their body is refused while they still send it: closed at once, their systems throw the answer away. */
export function registerLingeringClose(http: FastifyInstance): void {
  http.addHook('onSend', (request, reply, payload, done) => {
    if (reply.statusCode === 413) lingeringClose(request.raw.socket);
    done(null, payload);
  });
}

/** Lets a client read its answer while it still sends, before its connection is closed. */
export function lingeringClose(socket: Socket): void {
  // What Node.js calls when the last answer of a connection is sent.
  socket.destroySoon = () => {
    socket.end();
    setTimeout(() => socket.destroy(), maxLingerTime).unref();
  };
}

function refusal(code: string | undefined): string {
  const [status, message] = reasonFor(code);
  const body = JSON.stringify(transportFailure(Number.parseInt(status, 10), message).envelope);
  const headers = {
    ...headersOfEveryAnswer(requestIdOf(undefined)),
    'content-type': 'application/json; charset=utf-8',
    'content-length': Buffer.byteLength(body),
    connection: 'close',
  };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${status}\r\n${lines.join('')}\r\n${body}`;
}

function reasonFor(code: string | undefined): [status: string, message: string] {
  switch (code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return ['408 Request Timeout', 'The request did not come in time.'];
    case 'HPE_HEADER_OVERFLOW':
      return ['431 Request Header Fields Too Large', 'The headers are too large.'];
    default:
      return ['400 Bad Request', 'The request is not well-formed HTTP.'];
  }
}
