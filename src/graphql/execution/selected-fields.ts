import {
  type DirectiveNode,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  isAbstractType,
  Kind,
  type NamedTypeNode,
  type SelectionSetNode,
} from 'graphql';
import type { Fragments } from './fragments.js';

/** The values of the variables that `@skip` and `@include` ask. */
export type Conditions = ReadonlyMap<string, boolean>;

/** What the selections of an operation are looked up in. */
export interface SelectionScope {
  readonly schema: GraphQLSchema;
  readonly fragments: Fragments;
  readonly conditions: Conditions;
}

/**
 * Gathers the fields that are selected of an object, those of fragments among them, by the names that they have in the answer
 * (https://spec.graphql.org/September2025/#CollectFields()).
 *
 * @param type the object's type
 * @param sets the selections that apply to it together
 */
export function selectedFields(
  { schema, fragments, conditions }: SelectionScope,
  type: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
): Map<string, FieldNode[]> {
  const fields = new Map<string, FieldNode[]>();
  const spread = new Set<string>();
  for (const set of sets) collect(set);
  return fields;

  function collect({ selections }: SelectionSetNode): void {
    for (const selection of selections) {
      if (!isIncluded(selection.directives, conditions)) continue;
      if (selection.kind === Kind.FIELD) {
        const name = selection.alias?.value ?? selection.name.value;
        const known = fields.get(name);
        if (known === undefined) fields.set(name, [selection]);
        else known.push(selection);
      } else if (selection.kind === Kind.INLINE_FRAGMENT) {
        if (applies(selection.typeCondition)) collect(selection.selectionSet);
      } else if (!spread.has(selection.name.value)) {
        spread.add(selection.name.value);
        const fragment = fragments[selection.name.value];
        if (fragment !== undefined && applies(fragment.typeCondition)) collect(fragment.selectionSet);
      }
    }
  }

  function applies(condition: NamedTypeNode | undefined): boolean {
    if (condition === undefined || condition.name.value === type.name) return true;
    const other = schema.getType(condition.name.value);
    return isAbstractType(other) && schema.isSubType(other, type);
  }
}

function isIncluded(directives: readonly DirectiveNode[] | undefined, conditions: Conditions): boolean {
  if (directives === undefined || directives.length === 0) return true;
  return directives.every(({ name, arguments: given }) => {
    if (name.value !== 'skip' && name.value !== 'include') return true;
    const condition = given?.[0]?.value;
    const holds =
      condition?.kind === Kind.VARIABLE
        ? conditions.get(condition.name.value) === true
        : condition?.kind === Kind.BOOLEAN && condition.value;
    return holds === (name.value === 'include');
  });
}
