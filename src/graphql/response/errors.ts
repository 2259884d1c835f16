import type { FastifyBaseLogger } from 'fastify';
import { GraphQLError, type GraphQLFormattedError } from 'graphql';
import {
  DomainError,
  type ErrorName,
  errorCodes,
  InvalidParametersError,
  type ParameterProblem,
  VersionConflictError,
} from '../../errors.js';
import { isAboutInput } from '../document/input-problems.js';

/** What GraphQL clients read in `extensions.code`, where it is not the name itself. */
const extensionCodes: Readonly<Record<ErrorName, string>> = {
  BAD_USER_INPUT: 'BAD_USER_INPUT',
  INTERNAL_SERVER_ERROR: 'INTERNAL_SERVER_ERROR',
  SERVICE_UNAVAILABLE: 'SERVICE_UNAVAILABLE',
  UNAUTHENTICATED: 'UNAUTHENTICATED',
  CREDENTIAL_EXPIRED: 'UNAUTHENTICATED',
  FORBIDDEN: 'FORBIDDEN',
  RATE_LIMITED: 'RATE_LIMITED',
  ACCOUNT_NOT_FOUND: 'ACCOUNT_NOT_FOUND',
  ACCOUNT_ALREADY_EXISTS: 'ACCOUNT_ALREADY_EXISTS',
  CREDENTIAL_REQUIRED: 'CREDENTIAL_REQUIRED',
  DATASOURCE_ALREADY_EXISTS: 'DATASOURCE_ALREADY_EXISTS',
  DATASOURCE_NOT_FOUND: 'DATASOURCE_NOT_FOUND',
  INVALID_JDBC_URL: 'INVALID_JDBC_URL',
  VERSION_CONFLICT: 'VERSION_CONFLICT',
  VERSION_NOT_KNOWN: 'VERSION_NOT_KNOWN',
  CURSOR_TOO_OLD: 'CURSOR_TOO_OLD',
  CONNECTION_TESTS_OFF: 'CONNECTION_TESTS_OFF',
  SEARCH_TOO_BROAD: 'SEARCH_TOO_BROAD',
};

/** Codes of Apollo Server for requests that are not GraphQL as they should be; their messages are about the document. */
const protocolCodes: ReadonlySet<unknown> = new Set([
  'GRAPHQL_PARSE_FAILED',
  'GRAPHQL_VALIDATION_FAILED',
  'GRAPHQL_LIMIT_EXCEEDED',
  'OPERATION_RESOLUTION_FAILURE',
  'BAD_REQUEST',
  'PERSISTED_QUERY_NOT_SUPPORTED',
]);

const maxMessageLength = 1000;

/**
 * Makes what a client is told of an error: the domain's own message, or the request's id where the domain does not know
 * it, with the error then in the log.
 */
export function formatGraphQLError(
  error: unknown,
  requestId: string,
  log: Pick<FastifyBaseLogger, 'error' | 'warn'>,
): GraphQLFormattedError {
  const graphqlError = error instanceof GraphQLError ? error : undefined;
  const where = {
    ...(graphqlError?.locations ? { locations: graphqlError.locations } : {}),
    ...(graphqlError?.path ? { path: graphqlError.path } : {}),
  };
  const cause = graphqlError?.originalError ?? error;
  if (cause instanceof DomainError) {
    // One without a cause was refused for the load alone, and as many more may be.
    if (cause.errorName === 'SERVICE_UNAVAILABLE' && cause.cause) log.warn({ err: cause }, 'could not serve');
    if (cause.errorName === 'INTERNAL_SERVER_ERROR') log.error({ err: cause }, 'failed to answer');
    return { message: cause.message, ...where, extensions: extensionsOf(cause) };
  }
  if (graphqlError !== undefined && isAboutInput(graphqlError)) {
    return { ...inputError([]), ...where };
  }
  const code = graphqlError?.extensions.code;
  if (graphqlError !== undefined && protocolCodes.has(code)) {
    // Of a limit also which it is, and how much is allowed.
    const extensions = code === 'GRAPHQL_LIMIT_EXCEEDED' ? { ...graphqlError.extensions } : { code };
    return { message: cut(withoutTokens(graphqlError.message)), ...where, extensions };
  }
  log.error({ err: cause }, 'failed to answer');
  return {
    message: `The service failed to answer. Report it with the request id ${requestId}.`,
    ...where,
    extensions: { code: 'INTERNAL_SERVER_ERROR', legacyCode: errorCodes.INTERNAL_SERVER_ERROR },
  };
}

/** The parser repeats the token that it did not expect, which may be a credential; where it stands is enough. */
function withoutTokens(message: string): string {
  if (!message.startsWith('Syntax Error: ') || !message.endsWith('".')) return message;
  const [kind] = /\b(?:(?:String|BlockString|Int|Float|Name)(?= ")|escape sequence(?=: "))/.exec(message) ?? [];
  return kind === undefined ? message : `${message.slice(0, message.indexOf(kind) + kind.length)}.`;
}

/** There may be a hundred of them, and each may repeat a name that is as long as the document. */
function cut(message: string): string {
  return message.length > maxMessageLength ? `${message.slice(0, maxMessageLength)}…` : message;
}

/** What a client is told of invalid parameters. */
export function inputError(problems: readonly ParameterProblem[]): GraphQLFormattedError {
  const error = new InvalidParametersError(problems);
  return { message: error.message, extensions: extensionsOf(error) };
}

function extensionsOf(error: DomainError): Record<string, unknown> {
  return {
    code: extensionCodes[error.errorName],
    legacyCode: error.code,
    ...(error instanceof InvalidParametersError
      ? { parameters: error.problems.map(({ property, problem }) => ({ name: property, message: problem })) }
      : {}),
    ...(error instanceof VersionConflictError ? { currentVersion: error.currentVersion } : {}),
  };
}
