import type { Socket } from 'node:net';
import type { SecureContext } from 'node:tls';
import type { TestStepName } from './test-outcome.js';
import type { TestTarget } from './test-target.js';

/** What the part of a test that speaks a server's protocol is given. */
export interface ServerSession {
  /** Connected to the address that was checked; it is closed when the test ends. */
  readonly socket: Socket;
  readonly target: TestTarget;
  /** The authorities whose certificates are trusted. */
  readonly secureContext: () => SecureContext;
  /** Whether the names of the databases are asked for, which a user who is let in may see. */
  readonly listsDatabases: boolean;
  /** Told of each step that was taken. */
  readonly took: (step: TestStepName) => void;
  /** Told what the server says it is, in words that are not cleaned. */
  readonly says: (product: string, version: string) => void;
}

/** How a conversation with a server that went well ended. */
export interface SessionEnd {
  /** Whether the user was let in. */
  readonly isLoggedIn: boolean;
  /** Whether TLS was used. */
  readonly isEncrypted: boolean;
  /** The names of the databases, one more than {@link maxDatabases} where there are more; undefined where not asked for. */
  readonly databases?: readonly unknown[];
}

/** What is read from a server at most, in bytes: of a test, and of one that asks for the names of the databases. */
export function maxBytesOf({ listsDatabases }: ServerSession): number {
  return listsDatabases ? 512 * 1024 : 32 * 1024;
}
