import { describedEnum } from '../graphql/schema/described-enum.js';
import type { TestStepName } from './test-outcome.js';

/** How far a test came, for GraphQL. */
export const ConnectionTestStepName = describedEnum<TestStepName>(
  'ConnectionTestStepName',
  'The steps of a connection test, in order.',
  {
    RESOLVED: 'The name was resolved.',
    REACHED: 'The server was reached.',
    TLS: 'The connection was encrypted.',
    AUTHENTICATED: 'The user was let in.',
    DATABASE: 'The database is there.',
  },
);
