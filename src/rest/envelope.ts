import { DomainError, type ErrorName, InvalidParametersError } from '../errors.js';
import type { Failure } from '../http/failure-envelope.js';

/**
 * Legacy clients take any status but 200 for a failure of the network and do not show its message, so whatever they can
 * act on travels as 200.
 */
const httpStatuses: Readonly<Record<ErrorName, number>> = {
  BAD_USER_INPUT: 200,
  INTERNAL_SERVER_ERROR: 500,
  SERVICE_UNAVAILABLE: 503,
  UNAUTHENTICATED: 200,
  CREDENTIAL_EXPIRED: 200,
  FORBIDDEN: 200,
  RATE_LIMITED: 429,
  ACCOUNT_NOT_FOUND: 200,
  ACCOUNT_ALREADY_EXISTS: 200,
  CREDENTIAL_REQUIRED: 200,
  DATASOURCE_ALREADY_EXISTS: 200,
  DATASOURCE_NOT_FOUND: 200,
  INVALID_JDBC_URL: 200,
  VERSION_CONFLICT: 200,
  VERSION_NOT_KNOWN: 200,
  CURSOR_TOO_OLD: 200,
  CONNECTION_TESTS_OFF: 200,
  SEARCH_TOO_BROAD: 200,
};

/**
 * The envelope of an error that the domain knows.
 *
 * @param code the code where it is another than the error's own
 */
export function failureOf(error: DomainError, code = error.code): Failure {
  const httpStatus = httpStatuses[error.errorName];
  if (!(error instanceof InvalidParametersError)) {
    return { httpStatus, envelope: { status: 'fail', code, message: error.message, ref: null } };
  }
  const ref = error.problems.map(({ property, problem }) => ({ name: property, message: problem }));
  return { httpStatus, envelope: { status: 'fail', code, message: error.message, ref } };
}

/** The envelope of an error of the service itself. */
export function internalFailure(requestId: string): Failure {
  return failureOf(new DomainError('INTERNAL_SERVER_ERROR', internalMessage(requestId)));
}

/** What a client is told of an error of the service itself. */
function internalMessage(requestId: string): string {
  return `The service failed to answer. Report it with the request id ${requestId}.`;
}
