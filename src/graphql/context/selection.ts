import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

type Fragments = GraphQLResolveInfo['fragments'];

const found = new WeakMap<readonly FieldNode[], Map<string, ReadonlySet<string>>>();

/**
 * The names of the fields that are selected of what stands at a path below a field, also through fragments, and whatever is
 * skipped.
 */
export function selectedBelow(
  { fieldNodes, fragments }: Pick<GraphQLResolveInfo, 'fieldNodes' | 'fragments'>,
  ...path: readonly string[]
): ReadonlySet<string> {
  // An operation that is executed again, or a field of many objects, has the same nodes.
  const known = found.get(fieldNodes) ?? new Map<string, ReadonlySet<string>>();
  found.set(fieldNodes, known);
  const key = path.join(' ');
  let names = known.get(key);
  if (names === undefined) {
    let fields: readonly FieldNode[] = fieldNodes;
    for (const name of path) fields = fieldsOf(fields, fragments).filter((field) => field.name.value === name);
    names = new Set(fieldsOf(fields, fragments).map((field) => field.name.value));
    known.set(key, names);
  }
  return names;
}

function fieldsOf(fields: readonly FieldNode[], fragments: Fragments): FieldNode[] {
  return fields.flatMap(({ selectionSet }) => fieldsIn(selectionSet, fragments));
}

function fieldsIn(set: SelectionSetNode | undefined, fragments: Fragments): FieldNode[] {
  return (set?.selections ?? []).flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    const inside =
      selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragments[selection.name.value]?.selectionSet;
    return fieldsIn(inside, fragments);
  });
}
