import {
  type DocumentNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isObjectType,
  Kind,
  type OperationDefinitionNode,
  type SelectionSetNode,
} from 'graphql';
import { type Permission, permissions } from '../../security/caller.js';
import { fragmentsOf } from '../execution/fragments.js';
import { accessTo } from '../schema/field-rules.js';

/**
 * The permissions that an operation needs: those of every field that it names, also behind `@skip` and `@include`. A field
 * that declares none needs all of them.
 *
 * @param document one that was validated against the schema
 */
export function requiredPermissions(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): ReadonlySet<Permission> {
  const fragments = fragmentsOf(document);
  const needed = new Set<Permission>();
  const met = new Set<string>();
  collect(operation.selectionSet, schema.getRootType(operation.operation));
  return needed;

  function collect({ selections }: SelectionSetNode, type: GraphQLNamedType | null | undefined): void {
    for (const selection of selections) {
      if (selection.kind === Kind.FIELD) {
        const name = selection.name.value;
        const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
        // What is not a field of the type is of introspection: the schema itself is no secret.
        if (field === undefined || !(isObjectType(type) || isInterfaceType(type))) continue;
        const access = accessTo(type, field);
        if (access === undefined) for (const permission of permissions) needed.add(permission);
        else if (access !== 'open' && access !== 'known') needed.add(access);
        if (selection.selectionSet !== undefined) collect(selection.selectionSet, getNamedType(field.type));
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        const condition = selection.typeCondition?.name.value;
        collect(selection.selectionSet, condition === undefined ? type : schema.getType(condition));
      } else if (!met.has(selection.name.value)) {
        met.add(selection.name.value);
        const fragment = fragments[selection.name.value];
        if (fragment !== undefined) collect(fragment.selectionSet, schema.getType(fragment.typeCondition.name.value));
      }
    }
  }
}
