import {
  type DocumentNode,
  type FieldNode,
  type GraphQLNamedType,
  type GraphQLSchema,
  getNamedType,
  isInterfaceType,
  isLeafType,
  isObjectType,
  Kind,
  type SelectionSetNode,
} from 'graphql';
import { defaultPageSize, maxPageSize } from '../../database/page.js';
import { type Fragments, fragmentsOf } from '../execution/fragments.js';
import { leafWeight, maxEntriesOf, objectWeight } from '../schema/field-weight.js';

/** What a document asks of the server: of its operations the most. */
export interface DocumentMeasure {
  /** Fields from the root down to a leaf. */
  readonly depth: number;
  readonly aliases: number;
  /** Fields, those of a list counted once for each entry that it may have. */
  readonly cost: number;
  /** Bytes that the answer may have. */
  readonly bytes: number;
  /** Bytes of what may be read for it, and is held while it is made. */
  readonly heldBytes: number;
}

type Variables = Readonly<Record<string, unknown>>;
type Type = GraphQLNamedType | null | undefined;

const nothing: DocumentMeasure = { depth: 0, aliases: 0, cost: 0, bytes: 0, heldBytes: 0 };
const tooMuch = Number.MAX_SAFE_INTEGER;
// What stands around a name and its value, and around an object.
const punctuation = 4;
// Of the whole schema, which is more than anyone may ask for at once.
const introspectionBytes = 262_144;

interface Measuring {
  readonly schema: GraphQLSchema;
  readonly fragments: Fragments;
  /** Of the fragments that were met, so that each is looked at once. */
  readonly measures: Map<string, DocumentMeasure>;
  readonly variables: Variables;
  /** Whether a page's size was looked up in the variables. */
  usesVariables: boolean;
}

/**
 * Measures a document by what its fields declare. It need not be valid: what the schema does not know counts as a field of one
 * value. Introspection counts for aliases only; graphql-js bounds how deep it may go.
 *
 * @returns what was measured, and whether the variables had a say in it, so that others may lead to another measure
 */
export function measureDocument(
  schema: GraphQLSchema,
  document: DocumentNode,
  variables: Variables,
): { readonly measure: DocumentMeasure; readonly usesVariables: boolean } {
  const measuring: Measuring = {
    schema,
    fragments: fragmentsOf(document),
    variables,
    measures: new Map(),
    usesVariables: false,
  };
  let measure = nothing;
  // A fragment counts where it is spread, so that those of introspection are exempt with it.
  for (const definition of document.definitions) {
    if (definition.kind !== Kind.OPERATION_DEFINITION) continue;
    const root = schema.getRootType(definition.operation);
    measure = combined(measure, measureSelections(definition.selectionSet, root, 1, measuring), Math.max);
  }
  return { measure, usesVariables: measuring.usesVariables };
}

/** @param page how many entries the page has that the selections belong to */
function measureSelections(set: SelectionSetNode, type: Type, page: number, measuring: Measuring): DocumentMeasure {
  let sum = nothing;
  for (const selection of set.selections) {
    switch (selection.kind) {
      case Kind.FIELD:
        sum = combined(sum, measureField(selection, type, page, measuring), added);
        break;
      case Kind.INLINE_FRAGMENT: {
        const inside = typeNamed(selection.typeCondition?.name.value, measuring) ?? type;
        sum = combined(sum, measureSelections(selection.selectionSet, inside, page, measuring), added);
        break;
      }
      case Kind.FRAGMENT_SPREAD:
        sum = combined(sum, measureFragment(selection.name.value, page, measuring), added);
    }
  }
  return sum;
}

function measureField(node: FieldNode, type: Type, page: number, measuring: Measuring): DocumentMeasure {
  const { selectionSet, alias } = node;
  const name = node.name.value;
  const nameBytes = (alias ?? node.name).value.length + punctuation;
  const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[name] : undefined;
  const inside = field && getNamedType(field.type);
  const ownPage = field?.args.some((argument) => argument.name === 'first') ? pageSize(node, measuring) : 1;
  const inner = selectionSet === undefined ? nothing : measureSelections(selectionSet, inside, ownPage, measuring);
  const aliases = inner.aliases + (alias === undefined ? 0 : 1);
  if (name === '__schema' || name === '__type') {
    return { depth: 1, aliases, cost: 1, bytes: introspectionBytes, heldBytes: introspectionBytes };
  }
  const declared = field === undefined ? 1 : maxEntriesOf(field);
  const entries = declared === 'page' ? page : declared;
  const leaf = field !== undefined && isLeafType(inside) ? leafWeight(field) + punctuation : 0;
  const object = inside == null ? 0 : objectWeight(measuring.schema, inside);
  return {
    depth: inner.depth + 1,
    aliases,
    cost: Math.min(1 + inner.cost * entries, tooMuch),
    bytes: Math.min(nameBytes + entries * (leaf + inner.bytes), tooMuch),
    heldBytes: Math.min(entries * (object + inner.heldBytes), tooMuch),
  };
}

function measureFragment(name: string, page: number, measuring: Measuring): DocumentMeasure {
  const key = `${page} ${name}`;
  const known = measuring.measures.get(key);
  if (known !== undefined) return known;
  // A fragment that spreads itself is refused by validation; here it must only come to an end.
  measuring.measures.set(key, nothing);
  const fragment = measuring.fragments[name];
  const measure =
    fragment === undefined
      ? nothing
      : measureSelections(
          fragment.selectionSet,
          typeNamed(fragment.typeCondition.name.value, measuring),
          page,
          measuring,
        );
  measuring.measures.set(key, measure);
  return measure;
}

function typeNamed(name: string | undefined, { schema }: Measuring): Type {
  return name === undefined ? undefined : schema.getType(name);
}

function pageSize(field: FieldNode, measuring: Measuring): number {
  const sizes = (field.arguments ?? [])
    .filter(({ name, value }) => (name.value === 'first' || name.value === 'last') && value.kind !== Kind.NULL)
    .map(({ value }) => {
      if (value.kind === Kind.INT) return Number(value.value);
      if (value.kind !== Kind.VARIABLE) return defaultPageSize;
      measuring.usesVariables = true;
      const given = measuring.variables[value.name.value];
      // A variable that is not given may have a default, which is at most the largest page.
      return typeof given === 'number' ? given : maxPageSize;
    });
  return Math.min(Math.max(...(sizes.length === 0 ? [defaultPageSize] : sizes), 1), maxPageSize);
}

/** @param each how two numbers of the same kind are combined; of depths always the greater counts */
function combined(
  one: DocumentMeasure,
  other: DocumentMeasure,
  each: (one: number, other: number) => number,
): DocumentMeasure {
  return {
    depth: Math.max(one.depth, other.depth),
    aliases: each(one.aliases, other.aliases),
    cost: each(one.cost, other.cost),
    bytes: each(one.bytes, other.bytes),
    heldBytes: each(one.heldBytes, other.heldBytes),
  };
}

function added(one: number, other: number): number {
  return Math.min(one + other, tooMuch);
}
