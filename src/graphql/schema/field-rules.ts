import type { GraphQLField, GraphQLInterfaceType, GraphQLObjectType } from 'graphql';
import { Extensions } from 'type-graphql';
import type { Access } from '../../security/access.js';

/** What a field declares beside its type. */
export interface FieldRules {
  /**
   * What a caller needs to ask for it. A type may declare it for all of its fields that declare none of their own. A field
   * without it needs every permission.
   */
  readonly access?: Access;
  /** Of a list: entries at most; `page` for as many as the page has that it is a part of. */
  readonly maxEntries?: number | 'page';
  /** With how many characters a text is counted; absent for a parameter's, which has as many as that may have. */
  readonly countedLength?: number;
}

/** Declares rules of a field, or the access to the fields of a type. */
export function Rules(rules: FieldRules): ClassDecorator & MethodDecorator & PropertyDecorator {
  return Extensions({ ...rules }) as ClassDecorator & MethodDecorator & PropertyDecorator;
}

/** The rules that a field declares. */
export function rulesOf(field: GraphQLField<unknown, unknown>): FieldRules {
  return field.extensions;
}

/** What a caller needs to ask for a field; undefined where neither it nor its type declares it. */
export function accessTo(
  type: GraphQLObjectType | GraphQLInterfaceType,
  field: GraphQLField<unknown, unknown>,
): Access | undefined {
  return rulesOf(field).access ?? (type.extensions as FieldRules).access;
}
