import type { GraphQLFormattedError } from 'graphql';
import Negotiator from 'negotiator';

const json = 'application/json';
const graphqlJson = 'application/graphql-response+json';

/** What an error's code means for the HTTP status of the whole answer; the first that is met decides. */
export const statusOfCode: ReadonlyMap<string, number> = new Map([
  ['UNAUTHENTICATED', 401],
  ['SERVICE_UNAVAILABLE', 503],
  ['RATE_LIMITED', 429],
]);

/** How an answer with errors is sent. */
export interface ResponseStatus {
  readonly status: number;
  /** After how many seconds the same may succeed. */
  readonly retryAfter?: number;
  /** By which methods it may be asked for. */
  readonly allow?: string;
}

/**
 * The status of an answer by its errors alone.
 *
 * @returns undefined where they leave it as it is
 */
export function statusOfErrors(errors: readonly GraphQLFormattedError[]): ResponseStatus | undefined {
  const special = [...statusOfCode].find(([code]) => errors.some(({ extensions }) => extensions?.code === code));
  if (special === undefined) return undefined;
  const [, status] = special;
  return status === 503 ? { status, retryAfter: 1 } : { status };
}

/**
 * The status of a document that was not executed: 200 where the client accepts `application/json`, and 400 for
 * `application/graphql-response+json` (GraphQL over HTTP, https://graphql.github.io/graphql-over-http/draft/).
 */
export function statusOfRequestError(accept: string | undefined): 200 | 400 {
  const mediaType = new Negotiator({ headers: { accept } }).mediaType([json, graphqlJson]);
  return mediaType === graphqlJson ? 400 : 200;
}
