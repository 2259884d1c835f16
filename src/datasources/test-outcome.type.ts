import { describedEnum } from '../graphql/schema/described-enum.js';
import type { TestOutcome } from './test-outcome.js';

/** What came of a test, for GraphQL. */
export const ConnectionTestOutcome = describedEnum<TestOutcome>(
  'ConnectionTestOutcome',
  'What came of a connection test, from the best to the worst.',
  {
    CONNECTED: 'The user was let in, and the database is there.',
    REACHED:
      'The server was reached. The user was not tested: there is no driver for this database here, or no user name with a password.',
    DATABASE_NOT_FOUND: 'The user was let in, but the database is not there, or the user may not use it.',
    AUTHENTICATION_FAILED: 'The server did not let the user in.',
    PASSWORD_NOT_SENT:
      'The server asked for the password itself over a connection that is not encrypted. It did not get it.',
    REFUSED_BY_SERVER: 'The server refused the connection for another reason.',
    TLS_FAILED:
      "TLS could not be agreed on: the server does not offer it, or the server's certificate is not accepted.",
    PROTOCOL_ERROR: 'What answers is not the database of the URL, or it ended the connection.',
    TIMED_OUT: 'The test did not end in time.',
    UNREACHABLE: 'The server was not reached. Without the permission `admin` this includes NOT_ALLOWED.',
    NOT_ALLOWED: 'The server is outside the networks that may be tested. Only callers with `admin` are told.',
    UNRESOLVED: 'The name of the server has no address.',
    NOT_TESTED: 'The URL does not say which server to test, or the test was only rehearsed.',
  },
);
