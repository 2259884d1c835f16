import { type FieldNode, type GraphQLResolveInfo, Kind, type SelectionSetNode } from 'graphql';

type Fragments = GraphQLResolveInfo['fragments'];

/** Whether a field's selection leads to another field by these names, also through fragments, and whatever is skipped. */
export function leadsTo({ fieldNodes, fragments }: GraphQLResolveInfo, ...names: readonly string[]): boolean {
  let fields: readonly FieldNode[] = fieldNodes;
  for (const name of names) {
    fields = fields
      .flatMap(({ selectionSet }) => fieldsIn(selectionSet, fragments))
      .filter((field) => field.name.value === name);
  }
  return fields.length > 0;
}

function fieldsIn(set: SelectionSetNode | undefined, fragments: Fragments): FieldNode[] {
  return (set?.selections ?? []).flatMap((selection) => {
    if (selection.kind === Kind.FIELD) return [selection];
    const inside =
      selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragments[selection.name.value]?.selectionSet;
    return fieldsIn(inside, fragments);
  });
}
