import { connect, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { TestFailure } from './test-outcome.js';

const maxGreetingBytes = 4096;

/**
 * Connects to an address that was checked. The socket ends with the signal, whatever it is used for by then.
 *
 * @param address an IP address: nothing is resolved any more
 */
export function openSocket(address: string, port: number, signal: AbortSignal): Promise<Socket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host: address, port, autoSelectFamily: false, noDelay: true, lookup: lookUpNothing });
    const end = () => socket.destroy(signal.reason as Error);
    if (signal.aborted) end();
    else signal.addEventListener('abort', end, { once: true });
    socket.once('close', () => {
      signal.removeEventListener('abort', end);
      reject(endedBefore());
    });
    socket.once('connect', () => resolve(socket));
    // Kept for the socket's life: an error that nobody listens for ends the process.
    socket.on('error', reject);
  });
}

/** What is no address is a name, which was not checked. */
function lookUpNothing(
  _host: string,
  _options: object,
  found: (error: NodeJS.ErrnoException, address: string) => void,
) {
  found(new Error('only addresses are connected to'), '');
}

/**
 * Ends a test whose server sends more than so many bytes in all, those that TLS takes for itself included: of a handshake that
 * never ends nothing else is seen.
 *
 * @param end told why
 * @returns stops looking
 */
export function watchBytes(socket: Socket, limit: number, end: (failure: TestFailure) => void): () => void {
  const timer = setInterval(() => {
    if (socket.bytesRead > limit) end(tooMuch(limit));
  }, 20);
  return () => clearInterval(timer);
}

/** Ends a connection that brings more than so many bytes from here on. */
export function limitBytes(stream: Duplex, limit: number): void {
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limit) {
      stream.destroy(tooMuch(limit));
    }
  });
}

/**
 * Reads the first bytes that a server sends, before a driver takes over.
 *
 * @param isWhole whether they are all that is waited for
 * @throws TestFailure PROTOCOL_ERROR where the connection ends before, or brings more than a greeting may have
 */
export function readFirst(socket: Socket, isWhole: (bytes: Buffer) => boolean): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    let bytes = Buffer.alloc(0);
    const read = () => {
      for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) bytes = Buffer.concat([bytes, chunk]);
      if (isWhole(bytes)) {
        socket.off('readable', read);
        resolve(bytes);
      } else if (bytes.length > maxGreetingBytes) {
        socket.destroy(new TestFailure('PROTOCOL_ERROR', 'The server does not speak the protocol of this JDBC URL.'));
      }
    };
    socket.on('readable', read);
    socket.once('error', reject);
    socket.once('close', () => reject(endedBefore()));
    read();
  });
}

function tooMuch(limit: number): TestFailure {
  return new TestFailure('PROTOCOL_ERROR', `The server sent more than the ${limit} bytes that are read.`);
}

function endedBefore(): TestFailure {
  return new TestFailure('PROTOCOL_ERROR', 'The server ended the connection.');
}
