import {
  type GraphQLField,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { maxLengthOf } from '../../input/parameter.js';
import { rulesOf } from './field-rules.js';

type Field = GraphQLField<unknown, unknown>;

const idBytes = 27;
const scalarBytes: Readonly<Record<string, number>> = { Int: 11, Float: 24, Boolean: 5, DateTime: 24, ID: idBytes };
// Of a text whose length nothing declares: more than most, so that it is not forgotten.
const undeclaredLength = 4096;

const leafWeights = new WeakMap<Field, number>();

/**
 * How many bytes a value of a leaf may take: of a text as many as it may have characters, for nearly all have one byte each.
 * What it takes in the end is counted where the answer is written.
 */
export function leafWeight(field: Field): number {
  let weight = leafWeights.get(field);
  if (weight === undefined) {
    weight = scalarBytes[getNamedType(field.type).name] ?? countedLengthOf(field) ?? undeclaredLength;
    leafWeights.set(field, weight);
  }
  return weight;
}

/** With how many characters a text field is counted; undefined where nothing declares it. */
export function countedLengthOf(field: Field): number | undefined {
  return rulesOf(field).countedLength ?? maxLengthOf(field.name);
}

/** How many entries a list field has at most; `page` for as many as its page has, and 1 for what is no list. */
export function maxEntriesOf(field: Field): number | 'page' {
  return isList(field.type) ? (rulesOf(field).maxEntries ?? 'page') : 1;
}

/** How many bytes an object takes while an answer is made: all of its own values are read, whichever are asked for. */
export function objectWeight(schema: GraphQLSchema, type: GraphQLNamedType): number {
  if (isAbstractType(type)) {
    return Math.max(0, ...schema.getPossibleTypes(type).map((one) => objectWeight(schema, one)));
  }
  return isObjectType(type) ? ownWeight(type) : 0;
}

const ownWeights = new WeakMap<GraphQLObjectType, number>();

function ownWeight(type: GraphQLObjectType): number {
  let weight = ownWeights.get(type);
  if (weight === undefined) {
    const leaves = Object.values(type.getFields()).filter((field) => isLeafType(getNamedType(field.type)));
    weight = leaves.reduce((sum, field) => sum + leafWeight(field), 0);
    ownWeights.set(type, weight);
  }
  return weight;
}

function isList(type: GraphQLOutputType): boolean {
  return isNonNullType(type) ? isList(type.ofType) : isListType(type);
}
