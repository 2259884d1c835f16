/**
 * Every way in which the gateway refuses a request or fails at one, with the number that legacy clients read in
 * `code`. The name is also what GraphQL clients read in `extensions.code`. What each surface makes of them (HTTP status,
 * headers) stands in that surface's own table.
 */
export const errorCodes = {
  BAD_USER_INPUT: 400,
  INTERNAL_SERVER_ERROR: 1000,
  SERVICE_UNAVAILABLE: 1000,
  UNAUTHENTICATED: 1003,
  CREDENTIAL_EXPIRED: 1004,
  FORBIDDEN: 1003,
  RATE_LIMITED: 429,
  ACCOUNT_NOT_FOUND: 1222,
  ACCOUNT_ALREADY_EXISTS: 1230,
  CREDENTIAL_REQUIRED: 1231,
  DATASOURCE_ALREADY_EXISTS: 1234,
  DATASOURCE_NOT_FOUND: 1249,
  INVALID_JDBC_URL: 1253,
  VERSION_CONFLICT: 1901,
  VERSION_NOT_KNOWN: 1902,
  CURSOR_TOO_OLD: 1903,
  CONNECTION_TESTS_OFF: 1904,
  // 1905 is the code of a change that was rehearsed, and no failure: operation-outcome.ts.
  SEARCH_TOO_BROAD: 1906,
} as const;

/** The name of one of {@link errorCodes}. */
export type ErrorName = keyof typeof errorCodes;

/** What each of them means. */
export const errorMeanings: Readonly<Record<ErrorName, string>> = {
  BAD_USER_INPUT: 'Parameters are missing, have the wrong type, or are outside their limits.',
  INTERNAL_SERVER_ERROR: 'An error of the service itself.',
  SERVICE_UNAVAILABLE: 'The service cannot answer now; the same request may succeed later.',
  UNAUTHENTICATED: 'No key or token was sent, or not a valid one.',
  CREDENTIAL_EXPIRED: 'The key or token has expired.',
  FORBIDDEN: 'The caller does not have the permission.',
  RATE_LIMITED: 'The caller has sent more requests than it may in a minute.',
  ACCOUNT_NOT_FOUND: 'There is no account with this provider, id and region.',
  ACCOUNT_ALREADY_EXISTS: 'An account with this provider, id and region already exists.',
  CREDENTIAL_REQUIRED: 'Neither a secret nor a user name and a password was given.',
  DATASOURCE_ALREADY_EXISTS: 'The account already has a datasource with this instance id.',
  DATASOURCE_NOT_FOUND: 'The account has no datasource with this instance id.',
  INVALID_JDBC_URL: 'The JDBC URL is malformed, or contains a password.',
  VERSION_CONFLICT: 'The datasource does not have the version that the caller expected.',
  VERSION_NOT_KNOWN: 'The audit does not have everything that is needed to tell the values of that version.',
  CURSOR_TOO_OLD: 'The changes behind the cursor are not all kept any more.',
  CONNECTION_TESTS_OFF: 'Connection tests are off on this gateway.',
  SEARCH_TOO_BROAD: 'The search or the count would have to look at more entries than there is time for.',
};

/** An error whose message is written for the caller: it names no driver, statement or credential. */
export class DomainError extends Error {
  override readonly name: string = 'DomainError';

  /**
   * @param errorName which of {@link errorCodes} this is
   * @param message what was wrong and what to do, for the person who sent the request
   * @param cause what led to it, for the log only
   */
  constructor(
    readonly errorName: ErrorName,
    message: string,
    cause?: unknown,
  ) {
    super(message, cause === undefined ? undefined : { cause });
  }

  /** After how many seconds the same request may succeed; undefined where waiting does not help. */
  get retryAfter(): number | undefined {
    return undefined;
  }

  /** The number that legacy clients read in `code`. */
  get code(): number {
    return errorCodes[this.errorName];
  }
}

/** One invalid parameter: the input class's property, and what its value must be ("must be …", "is required"). */
export interface ParameterProblem {
  readonly property: string;
  readonly problem: string;
}

// An answer must not grow with the number and the names of what a client has made up.
const maxProblems = 100;
const maxNameLength = 64;

/**
 * Parameters that are missing or wrong, all of a request at once. Each surface writes the names in its own style. The message
 * names each and says what it must be; of more than a hundred it names a hundred, and says how many more there are.
 */
export class InvalidParametersError extends DomainError {
  override readonly name = 'InvalidParametersError';
  /** The first hundred, their names cut where they are longer than any that there is. */
  readonly problems: readonly ParameterProblem[];

  /** @param problems at least one */
  constructor(problems: readonly ParameterProblem[]) {
    const told = problems
      .slice(0, maxProblems)
      .map(({ property, problem }) => ({ property: short(property), problem }));
    const sentences = told.map(({ property, problem }) => `${property} ${problem}`);
    if (problems.length > told.length) sentences.push(`and ${problems.length - told.length} more`);
    super('BAD_USER_INPUT', ['Invalid parameters', sentences.join('; ')].filter(Boolean).join(': ').concat('.'));
    this.problems = told;
  }
}

function short(name: string): string {
  return name.length > maxNameLength ? `${name.slice(0, maxNameLength)}…` : name;
}

/** A datasource is not at the version that the caller expected. */
export class VersionConflictError extends DomainError {
  override readonly name = 'VersionConflictError';

  /** @param currentVersion the version that the datasource is at */
  constructor(readonly currentVersion: number) {
    super(
      'VERSION_CONFLICT',
      `The datasource was changed in the meantime and is now at version ${currentVersion}. Read it again and repeat the change.`,
    );
  }
}

/** The service cannot answer now: the database is away, too slow, or the gateway is starting, stopping or overloaded. */
export class UnavailableError extends DomainError {
  override readonly name: string = 'UnavailableError';

  /** @param cause what led to it, for the log only */
  constructor(cause?: unknown) {
    super('SERVICE_UNAVAILABLE', 'The service cannot answer now. Try again in a moment.', cause);
  }

  override get retryAfter(): number {
    return 1;
  }
}

/** The gateway has more to do than it can do in time. */
export class OverloadedError extends UnavailableError {
  override readonly name = 'OverloadedError';
}

/** Nobody waits for the answer any more, so what would make it was not begun. */
export class AbandonedError extends UnavailableError {
  override readonly name = 'AbandonedError';
}

/** The caller has sent more requests than it may in a minute. */
export class RateLimitedError extends DomainError {
  override readonly name = 'RateLimitedError';
  readonly #retryAfter: number;

  /**
   * @param limit requests that are allowed in a minute
   * @param retryAfter seconds until there may be more
   */
  constructor(limit: number, retryAfter: number) {
    super('RATE_LIMITED', `You may send ${limit} requests in a minute and have sent more. Wait ${retryAfter} s.`);
    this.#retryAfter = retryAfter;
  }

  override get retryAfter(): number {
    return this.#retryAfter;
  }
}
