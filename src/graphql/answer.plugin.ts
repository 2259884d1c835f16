import type { ApolloServerPlugin, GraphQLRequestContext, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import { type GraphQLError, type GraphQLFormattedError, Kind } from 'graphql';
import Negotiator from 'negotiator';
import type { ParameterProblem } from '../errors.js';
import { succeeded } from '../operation-outcome.js';
import { formatGraphQLError, inputError } from './errors.js';
import { isAboutInput, literalProblems } from './input-problems.js';
import type { RequestContext } from './request-context.js';

const json = 'application/json';
const graphqlJson = 'application/graphql-response+json';

/** What an error's code means for the HTTP status of the whole answer; the first that is met decides. */
export const statusOfCode: ReadonlyMap<string, number> = new Map([
  ['UNAUTHENTICATED', 401],
  ['SERVICE_UNAVAILABLE', 503],
  ['RATE_LIMITED', 429],
]);

/**
 * Makes the errors of an answer, its HTTP status, and what the log says of it.
 *
 * @param introspection whether the schema may be asked for; where not, errors do not suggest its names either
 */
export function answerPlugin(introspection: boolean): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async willSendResponse(request) {
          const errors = errorsOf(request).map((error) => (introspection ? error : withoutSuggestion(error)));
          const { outcome } = request.contextValue;
          outcome.operation = operationName(request);
          outcome.code = (errors[0]?.extensions?.code as string | undefined) ?? succeeded.code;
          if (errors.length === 0 || request.response.body.kind !== 'single') return;
          const { singleResult } = request.response.body;
          singleResult.errors = errors;
          setStatus(request, errors, singleResult.data === undefined);
        },
      };
    },
  };
}

function withoutSuggestion(error: GraphQLFormattedError): GraphQLFormattedError {
  return { ...error, message: error.message.replace(/ Did you mean .*\?$/s, '') };
}

function errorsOf(request: GraphQLRequestContextWillSendResponse<RequestContext>): GraphQLFormattedError[] {
  const errors = request.errors ?? [];
  const { requestId, log } = request.contextValue;
  // A resolver's own errors have a path; these are about what the client wrote.
  const aboutInput = errors.filter((error) => error.path === undefined && isAboutInput(error));
  const others = errors.filter((error) => !aboutInput.includes(error));
  const formatted = others.map((error) => formatGraphQLError(error, requestId, log));
  return aboutInput.length === 0 ? formatted : [inputError(problemsOf(request, aboutInput)), ...formatted];
}

function problemsOf(
  request: GraphQLRequestContext<RequestContext>,
  errors: readonly GraphQLError[],
): ParameterProblem[] {
  const { schema, document } = request;
  return document === undefined ? [] : literalProblems(schema, document, errors, request.request.variables ?? {});
}

function operationName({ operation }: GraphQLRequestContext<RequestContext>): string {
  return (operation?.selectionSet.selections ?? [])
    .map((selection) => (selection.kind === Kind.FIELD ? selection.name.value : '...'))
    .slice(0, 10)
    .join(',');
}

function setStatus(
  { request, response }: GraphQLRequestContextWillSendResponse<RequestContext>,
  errors: readonly GraphQLFormattedError[],
  isRequestError: boolean,
): void {
  const special = [...statusOfCode].find(([code]) => errors.some(({ extensions }) => extensions?.code === code));
  if (special !== undefined) {
    response.http.status = special[1];
    if (special[1] === 503) response.http.headers.set('retry-after', '1');
  } else if (isRequestError && !errors.some(({ extensions }) => extensions?.code === 'BAD_REQUEST')) {
    // A request without a document, or a mutation by GET, keeps the status that Apollo Server gave it.
    response.http.status = statusOfRequestError(request.http?.headers.get('accept'));
  }
}

/**
 * The status of a document that was not executed: 200 where the client accepts `application/json`, and 400 for
 * `application/graphql-response+json` (GraphQL over HTTP, https://graphql.github.io/graphql-over-http/draft/).
 */
export function statusOfRequestError(accept: string | undefined): 200 | 400 {
  const mediaType = new Negotiator({ headers: { accept } }).mediaType([json, graphqlJson]);
  return mediaType === graphqlJson ? 400 : 200;
}
