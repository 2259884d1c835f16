import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { type DestinationStream, type Logger, pino } from 'pino';
import { DatabaseError } from './database/database.js';
import { DomainError } from './errors.js';
import type { LogLevel } from './setting-values.js';

/** What a log line says of an error. */
export interface LoggedError {
  readonly type: string;
  readonly message?: string;
  readonly code?: string;
  readonly stack?: string;
  readonly cause?: LoggedError;
}

const deepestCause = 4;
const pipePiece = 4096;
const ownPiece = 16_384;
const maxDelay = 20;
const maxDrainTime = 500;
const secretNames: ReadonlySet<string> = new Set(['password', 'secret', 'authorization', 'cookie', 'x-api-key']);

/**
 * Makes the log: JSON lines. Credentials stay out of it by construction: bodies, variables and headers are never logged,
 * and of an error only what {@link loggedError} takes; the names below are a second net.
 */
export function createLog(level: LogLevel, destination?: DestinationStream): Logger {
  return pino(
    {
      level,
      base: undefined,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }), log: (line) => censored(line, true) },
      serializers: { err: loggedError },
    },
    destination ?? standardOutput('own'),
  );
}

/** Where log lines go. */
export interface LogOutput extends DestinationStream {
  /** Writes what waits, and waits until that is done, or for half a second: whoever reads it may have stopped. */
  drained(): Promise<void>;
}

/**
 * The standard output. Lines of a moment are written in one piece, since to write each by itself takes longer than to make
 * it. A process that is killed loses those of its last twenty milliseconds. One that fails writes them, but where the reader
 * is slow its last pieces may run into each other.
 *
 * Several processes that share the output write no more at once than a pipe takes as one piece, so that no line of up to 4096
 * bytes stands inside another.
 */
export function standardOutput(use: 'own' | 'shared'): LogOutput {
  const maxPieceBytes = use === 'shared' ? pipePiece : ownPiece;
  const output = pino.destination({ dest: 1, sync: false, ...(use === 'shared' ? { maxWrite: pipePiece } : {}) });
  let waiting = '';
  let bytes = 0;
  let isWriting = false;
  let timer: NodeJS.Timeout | undefined;
  const pass = () => {
    clearTimeout(timer);
    timer = undefined;
    if (waiting === '') return;
    isWriting = true;
    output.write(waiting);
    waiting = '';
    bytes = 0;
  };
  output.on('drain', () => {
    isWriting = false;
  });
  process.on('beforeExit', pass);
  // Before Pino's own listener, which writes out all that it was given by then.
  process.prependListener('exit', pass);
  return {
    write(line) {
      const length = Buffer.byteLength(line);
      if (bytes + length > maxPieceBytes) pass();
      waiting += line;
      bytes += length;
      timer ??= setTimeout(pass, maxDelay).unref();
    },
    async drained() {
      pass();
      // It fails where nobody reads any more; then there is nothing to wait for.
      const written = isWriting ? once(output, 'drain').catch(() => undefined) : undefined;
      await Promise.race([written, sleep(maxDrainTime, undefined, { ref: false })]);
    },
  };
}

/** Pino's own redaction costs as much as the rest of a line several times over. */
function censored(values: Record<string, unknown>, lookInside: boolean): Record<string, unknown> {
  let result = values;
  for (const name in values) {
    const value = values[name];
    let allowed = value;
    if (secretNames.has(name)) allowed = '[Redacted]';
    else if (lookInside && typeof value === 'object' && value !== null && !(value instanceof Error)) {
      allowed = censored(value as Record<string, unknown>, false);
    }
    if (allowed === value) continue;
    if (result === values) result = { ...values };
    result[name] = allowed;
  }
  return result;
}

/**
 * What may be logged of an error: its type, its code and where it was thrown; its message only where we or Node.js wrote
 * it. A driver's or a parser's message may repeat values that it was given.
 */
export function loggedError(error: unknown, depth = 0): LoggedError {
  if (!(error instanceof Error)) return { type: typeof error };
  const { code, errno, sqlState } = error as { code?: unknown; errno?: unknown; sqlState?: unknown };
  const codes = [code, errno, sqlState].filter((part) => typeof part === 'string' || typeof part === 'number');
  // The stack repeats the message, of which a line may look like a part of the stack.
  const stack = error.stack
    ?.replace(error.message, '')
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .join('\n');
  return {
    type: error.name,
    ...(isOurs(error) ? { message: error.message } : {}),
    ...(codes.length > 0 ? { code: codes.join(' ') } : {}),
    ...(stack ? { stack } : {}),
    ...(error.cause !== undefined && depth < deepestCause ? { cause: loggedError(error.cause, depth + 1) } : {}),
  };
}

function isOurs(error: Error): boolean {
  return (
    error instanceof DomainError ||
    error instanceof DatabaseError ||
    error.constructor === TypeError ||
    error.constructor === RangeError ||
    error.constructor === ReferenceError
  );
}
