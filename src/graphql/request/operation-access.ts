import {
  type DocumentNode,
  type FieldNode,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
  valueFromASTUntyped,
} from 'graphql';
import { DomainError } from '../../errors.js';
import { type RequestedTarget, requestedTarget } from '../../input/requested-target.js';
import type { Refusals, RefusedOperation } from '../../security/refusals.js';
import type { RequestContext } from '../context/request-context.js';
import type { PreparedOperation } from '../document/prepared-operation.js';

type Variables = Readonly<Record<string, unknown>>;

/**
 * Refuses an operation as a whole where its caller lacks a permission that one of its fields needs, and records that. From here
 * on the log names the operation.
 *
 * @throws DomainError FORBIDDEN
 */
export function checkAccess(
  refusals: Refusals,
  { document, definition, permissions, name, kind }: PreparedOperation,
  variables: Variables,
  { call, outcome }: RequestContext,
): void {
  outcome.operation = name;
  outcome.kind = kind;
  const lacking = [...permissions].filter((permission) => !call.caller.permissions.has(permission));
  if (lacking.length === 0) return;
  refusals.recordRefusal(call, refusedOperations(document, definition, variables), 'FORBIDDEN');
  throw new DomainError('FORBIDDEN', `This operation needs the permission ${lacking.join(' and ')}.`);
}

/** What an operation asks for, each once: the fields that it starts with, also by a fragment, and what their arguments name. */
function refusedOperations(
  document: DocumentNode,
  operation: OperationDefinitionNode,
  variables: Variables,
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

function targetNamedBy(field: FieldNode, variables: Variables): RequestedTarget | undefined {
  for (const { value } of field.arguments ?? []) {
    const target = requestedTarget(valueFromASTUntyped(value, variables as Record<string, unknown>));
    if (target !== undefined) return target;
  }
  return undefined;
}
