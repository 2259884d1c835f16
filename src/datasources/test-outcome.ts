/** What came of a test, from the best to the worst. */
export const testOutcomes = [
  'CONNECTED',
  'REACHED',
  'DATABASE_NOT_FOUND',
  'AUTHENTICATION_FAILED',
  'PASSWORD_NOT_SENT',
  'REFUSED_BY_SERVER',
  'TLS_FAILED',
  'PROTOCOL_ERROR',
  'TIMED_OUT',
  'UNREACHABLE',
  'NOT_ALLOWED',
  'UNRESOLVED',
  'NOT_TESTED',
] as const;

/** What came of a test. */
export type TestOutcome = (typeof testOutcomes)[number];
