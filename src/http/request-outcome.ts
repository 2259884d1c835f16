/** What came of a request, for its log line. */
export interface RequestOutcome {
  /** The operation: a path of the legacy API, or the names of a document's root fields. */
  operation?: string;
  /** Of a GraphQL operation, whether it is a query or a mutation. */
  kind?: string;
  /** Of an answer that goes on for as long as its client stays, after how many milliseconds it began. */
  begunAfter?: number;
  /** Whether a mutation was only rehearsed. */
  isRehearsed?: boolean;
  /** The code that the client got. */
  code?: number | string;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** Set while the request is worked on. */
    outcome: RequestOutcome;
  }
}
