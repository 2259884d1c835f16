import type { ApolloServerPlugin } from '@apollo/server';
import type { AuditTrail } from '../audit/audit-trail.js';
import { DomainError } from '../errors.js';
import { permissionsNeeded } from './document-access.js';
import type { RequestContext } from './request-context.js';

/**
 * Refuses an operation as a whole where its caller lacks a permission that one of its fields needs. It does so before
 * anything is executed or a variable is looked at, so that a refused caller learns nothing by what happens otherwise.
 */
export function accessPlugin(audit: AuditTrail): ApolloServerPlugin<RequestContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveOperation({ schema, document, operation, contextValue: { call } }) {
          if (operation === undefined) return;
          const lacking = [...permissionsNeeded(schema, document, operation)].filter(
            (permission) => !call.caller.permissions.has(permission),
          );
          if (lacking.length === 0) return;
          audit.recordRefusal(call, operation.selectionSet.selections.map(fieldName).join(','), 'FORBIDDEN');
          throw new DomainError(
            'FORBIDDEN',
            `This needs the permission ${lacking.join(' and ')}, which the caller does not have.`,
          );
        },
      };
    },
  };
}

function fieldName(selection: { readonly kind: string; readonly name?: { readonly value: string } }): string {
  return selection.name?.value ?? '...';
}
