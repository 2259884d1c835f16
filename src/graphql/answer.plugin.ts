import type { ApolloServerPlugin, GraphQLRequestContext, GraphQLRequestContextWillSendResponse } from '@apollo/server';
import { type GraphQLError, type GraphQLFormattedError, Kind, type OperationDefinitionNode } from 'graphql';
import type { ParameterProblem } from '../errors.js';
import { succeeded } from '../operation-outcome.js';
import { statusOfErrors, statusOfRequestError } from './answer-status.js';
import { formatGraphQLError, inputError } from './errors.js';
import { isAboutInput, literalProblems } from './input-problems.js';
import type { RequestContext } from './request-context.js';

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
          outcome.operation = nameOf(request.operation);
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
  const { message } = error;
  const suggestion = message.endsWith('?') ? message.lastIndexOf(' Did you mean ') : -1;
  return suggestion === -1 ? error : { ...error, message: message.slice(0, suggestion) };
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

/** What the log calls an operation: the fields that it starts with. */
export function nameOf(operation: OperationDefinitionNode | undefined): string {
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
  const special = statusOfErrors(errors);
  if (special !== undefined) {
    response.http.status = special.status;
    if (special.retryAfter !== undefined) response.http.headers.set('retry-after', String(special.retryAfter));
  } else if (isRequestError && !errors.some(({ extensions }) => extensions?.code === 'BAD_REQUEST')) {
    // A request without a document, or a mutation by GET, keeps the status that Apollo Server gave it.
    response.http.status = statusOfRequestError(request.http?.headers.get('accept'));
  }
}
