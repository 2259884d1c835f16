import {
  type DocumentNode,
  type GraphQLSchema,
  getNamedType,
  isCompositeType,
  type OperationDefinitionNode,
  separateOperations,
  TypeInfo,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { fieldAccess } from '../security/access.js';
import { type Permission, permissions } from '../security/caller.js';

const known = new WeakMap<OperationDefinitionNode, ReadonlySet<Permission>>();

/**
 * The permissions that an operation needs: those of every field that it names, also behind `@skip` and `@include`. A field
 * that {@link fieldAccess} does not name needs all of them.
 *
 * @param document one that was validated against the schema
 */
export function permissionsNeeded(
  schema: GraphQLSchema,
  document: DocumentNode,
  operation: OperationDefinitionNode,
): ReadonlySet<Permission> {
  const cached = known.get(operation);
  if (cached !== undefined) return cached;
  const needed = new Set<Permission>();
  const typeInfo = new TypeInfo(schema);
  // With the fragments that it uses, and not those of other operations.
  const alone = separateOperations(document)[operation.name?.value ?? ''] ?? document;
  visit(
    alone,
    visitWithTypeInfo(typeInfo, {
      Field: (field) => {
        const parent = typeInfo.getParentType();
        const name = field.name.value;
        if (name.startsWith('__') || parent == null || !isCompositeType(getNamedType(parent))) return;
        // The schema itself is no secret.
        if (parent.name.startsWith('__')) return;
        const access = fieldAccess[parent.name]?.[name];
        if (access === undefined) for (const permission of permissions) needed.add(permission);
        else if (access !== 'open' && access !== 'known') needed.add(access);
      },
    }),
  );
  known.set(operation, needed);
  return needed;
}
