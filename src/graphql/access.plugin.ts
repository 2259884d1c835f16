import type { ApolloServerPlugin } from '@apollo/server';
import {
  type DocumentNode,
  type FieldNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from 'graphql';
import type { AuditTarget, AuditTrail, RefusedOperation } from '../audit/audit-trail.js';
import { targetNamedIn } from '../audit/named-target.js';
import { DomainError, InvalidParametersError } from '../errors.js';
import { permissionsNeeded } from './document-access.js';
import { variableProblems } from './input-problems.js';
import type { RequestContext } from './request-context.js';

/**
 * Refuses an operation as a whole where its caller lacks a permission that one of its fields needs. It does so before
 * anything is executed or a variable is looked at, so that a refused caller learns nothing by what happens otherwise.
 * Variables are looked at right after that: graphql-js writes all of a value into each of its errors about it.
 */
export function accessPlugin(audit: AuditTrail): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ schema, document, operation, request, contextValue: { call } }) {
          if (operation === undefined) return;
          const lacking = [...permissionsNeeded(schema, document, operation)].filter(
            (permission) => !call.caller.permissions.has(permission),
          );
          if (lacking.length === 0) {
            const problems = variableProblems(schema, operation, request.variables ?? {});
            if (problems.length > 0) throw new InvalidParametersError(problems);
            return;
          }
          audit.recordRefusal(call, refusedOperations(document, operation, request.variables ?? {}), 'FORBIDDEN');
          throw new DomainError(
            'FORBIDDEN',
            `This needs the permission ${lacking.join(' and ')}, which the caller does not have.`,
          );
        },
      };
    },
  };
}

/** What an operation asks for, each once: the fields that it starts with, also by a fragment, and what their arguments name. */
function refusedOperations(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Record<string, unknown>,
): RefusedOperation[] {
  const asked = new Map<string, RefusedOperation>();
  const sets = new Set<SelectionSetNode>([operation.selectionSet]);
  // A set may grow while it is walked, and holds each part once however often it is spread.
  for (const { selections } of sets) {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const target = targetNamedBy(selection, variables);
        asked.set(JSON.stringify([selection.name.value, target]), { operation: selection.name.value, target });
      } else if (selection.kind === Kind.INLINE_FRAGMENT) sets.add(selection.selectionSet);
      else {
        for (const one of document.definitions) {
          if (one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === selection.name.value)
            sets.add(one.selectionSet);
        }
      }
    }
  }
  return [...asked.values()];
}

function targetNamedBy(field: FieldNode, variables: Record<string, unknown>): AuditTarget | undefined {
  for (const { value } of field.arguments ?? []) {
    const target = targetNamedIn(valueFromASTUntyped(value, variables));
    if (target !== undefined) return target;
  }
  return undefined;
}
