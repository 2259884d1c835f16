import type { Caller } from './caller.js';

/** Where a call came in. */
export type Surface = 'graphql' | 'rest' | 'command line';

/** Who asks for an operation, and how: what the audit keeps of it. */
export interface Call {
  readonly caller: Caller;
  readonly surface: Surface;
  /** The client's network address; null on the command line. */
  readonly address: string | null;
  /** The id of the request, as in the log. */
  readonly requestId: string;
  /** Whether who asked has gone away, and does not wait for the answer any more; absent where that cannot be. */
  readonly isAbandoned?: () => boolean;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Who sent the request; set before its body is read. */
    call: Call;
  }
}
