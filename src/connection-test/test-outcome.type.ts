import { registerEnumType } from 'type-graphql';
import { type TestOutcome, type TestStepName, testOutcomes, testSteps } from './test-outcome.js';

/** What came of a test, for GraphQL. */
export const ConnectionTestOutcome = enumOf(testOutcomes);

/** How far a test came, for GraphQL. */
export const ConnectionTestStepName = enumOf(testSteps);

const outcomes: Readonly<Record<TestOutcome, string>> = {
  CONNECTED: 'The user was let in, and the database is there.',
  REACHED:
    'The server was reached. The user was not tested: there is no driver for this database here, or no user name with a password.',
  DATABASE_NOT_FOUND: 'The user was let in, but the database is not there, or the user may not use it.',
  AUTHENTICATION_FAILED: 'The server did not let the user in.',
  PASSWORD_NOT_SENT:
    'The server asked for the password itself over a connection that is not encrypted. It did not get it.',
  REFUSED_BY_SERVER: 'The server refused the connection for another reason.',
  TLS_FAILED: "TLS could not be agreed on: the server does not offer it, or the server's certificate is not accepted.",
  PROTOCOL_ERROR: 'What answers is not the database of the URL, or it ended the connection.',
  TIMED_OUT: 'The test did not end in time.',
  UNREACHABLE: 'The server was not reached. Without the permission `admin` this includes NOT_ALLOWED.',
  NOT_ALLOWED: 'The server is outside the networks that may be tested. Only callers with `admin` are told.',
  UNRESOLVED: 'The name of the server has no address.',
  NOT_TESTED: 'The URL does not say which server to test.',
};

const steps: Readonly<Record<TestStepName, string>> = {
  RESOLVED: 'The name was resolved.',
  REACHED: 'The server was reached.',
  TLS: 'The connection was encrypted.',
  AUTHENTICATED: 'The user was let in.',
  DATABASE: 'The database is there.',
};

registerEnumType(ConnectionTestOutcome, {
  name: 'ConnectionTestOutcome',
  description: 'What came of a connection test, from the best to the worst.',
  valuesConfig: described(outcomes),
});

registerEnumType(ConnectionTestStepName, {
  name: 'ConnectionTestStepName',
  description: 'The steps of a connection test, in order.',
  valuesConfig: described(steps),
});

function enumOf<Name extends string>(names: readonly Name[]): { readonly [N in Name]: N } {
  return Object.fromEntries(names.map((name) => [name, name])) as { [N in Name]: N };
}

function described<Name extends string>(descriptions: Readonly<Record<Name, string>>) {
  const entries = Object.entries<string>(descriptions).map(([name, description]) => [name, { description }]);
  return Object.fromEntries(entries) as Record<Name, { description: string }>;
}
