import type { ApolloServerPlugin } from '@apollo/server';
import { GraphQLError } from 'graphql';
import type { AuditTrail } from '../audit/audit-trail.js';
import { InvalidParametersError } from '../errors.js';
import { variableProblems } from './input-problems.js';
import type { KnownOperations } from './known-operations.js';
import { checkAccess } from './operation-access.js';
import type { RequestContext } from './request-context.js';

/**
 * Refuses an operation before anything is executed or a variable is looked at, so that a refused caller learns nothing by
 * what happens otherwise. Variables are looked at right after that: graphql-js writes all of a value into each of its errors
 * about it. What is let through is remembered.
 */
export function accessPlugin(audit: AuditTrail, known: KnownOperations): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ schema, source, document, operation, request, contextValue: { call } }) {
          if (operation === undefined) return;
          if (schema.getRootType(operation.operation) == null) throw noSuchOperations(operation.operation);
          if (operation.operation === 'subscription') throw onlyAsEvents();
          const variables = request.variables ?? {};
          checkAccess(audit, schema, { document, operation }, variables, call);
          known.remember(source, document, operation);
          const problems = variableProblems(schema, operation, variables);
          if (problems.length > 0) throw new InvalidParametersError(problems);
        },
      };
    },
  };
}

function onlyAsEvents(): GraphQLError {
  return new GraphQLError(
    'Subscriptions are answered as Server-Sent Events: send the header Accept: text/event-stream.',
    {
      extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
    },
  );
}

/** Such a document validates: that there is no type for it is told only where it would be executed. */
function noSuchOperations(kind: string): GraphQLError {
  return new GraphQLError(`This service has no operations of the kind ${kind}.`, {
    extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
  });
}
