import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import {
  type GraphQLField,
  type GraphQLObjectType,
  type GraphQLOutputType,
  getNamedType,
  isInterfaceType,
  isIntrospectionType,
  isListType,
  isNonNullType,
  isObjectType,
} from 'graphql';
import { createGatewaySchema } from '../../../src/gateway-schema.js';
import { accessTo, rulesOf } from '../../../src/graphql/schema/field-rules.js';
import { countedLengthOf } from '../../../src/graphql/schema/field-weight.js';
import { permissions } from '../../../src/security/caller.js';

// Its resolvers are never called.
const schema = createGatewaySchema({} as never);
const types = Object.values(schema.getTypeMap()).filter(
  (type) => (isObjectType(type) || isInterfaceType(type)) && !isIntrospectionType(type),
) as GraphQLObjectType[];
const fields = types.flatMap((type) =>
  Object.values(type.getFields()).map((field) => [`${type.name}.${field.name}`, field] as const),
);
const accesses = types.flatMap((type) =>
  Object.values(type.getFields()).map((field) => [`${type.name}.${field.name}`, accessTo(type, field)] as const),
);

function isList(type: GraphQLOutputType): boolean {
  return isNonNullType(type) ? isList(type.ofType) : isListType(type);
}

function namesWhere(holds: (field: GraphQLField<unknown, unknown>) => boolean): string[] {
  return fields.filter(([, field]) => holds(field)).map(([name]) => name);
}

describe('every field', () => {
  test('that is a list declares how many entries it may have', () => {
    const lists = namesWhere(({ type }) => isList(type));
    expect(lists).toContain('DatasourceConnection.edges');
    expect(namesWhere((field) => isList(field.type) && rulesOf(field).maxEntries === undefined)).toEqual([]);
  });

  test('that has as many entries as its page stands in a connection, which every field that leads to it takes a page of', () => {
    for (const [name] of fields.filter(([, field]) => rulesOf(field).maxEntries === 'page')) {
      const connection = name.split('.')[0];
      const leading = fields.filter(([, field]) => getNamedType(field.type).name === connection);
      expect(leading.length).toBeGreaterThan(0);
      for (const [, { args }] of leading) {
        expect(args.map((argument) => argument.name)).toContain('first');
      }
    }
  });

  test('that is a text is a parameter, or declares with how many characters it is counted', () => {
    const texts = namesWhere(({ type }) => getNamedType(type).name === 'String');
    expect(texts.length).toBeGreaterThan(20);
    expect(
      namesWhere((field) => getNamedType(field.type).name === 'String' && countedLengthOf(field) === undefined),
    ).toEqual([]);
  });

  test('declares what a caller needs, by itself or by its type', () => {
    const levels = ['open', 'known', ...permissions];
    expect(accesses.length).toBeGreaterThan(60);
    expect(accesses.filter(([, access]) => access === undefined || !levels.includes(access))).toEqual([]);
  });

  test('of the roots needs a permission, and every mutation that changes the register needs to write', () => {
    const roots = accesses.filter(([name]) => /^(Query|Mutation|Subscription)\./.test(name));
    expect(roots.filter(([, access]) => access === 'open' || access === 'known')).toEqual([]);
    const mutations = roots.filter(([name]) => name.startsWith('Mutation.'));
    const testing = ['Mutation.testConnection', 'Mutation.testDatasource'];
    const accessOf = (names: readonly string[], isOne: boolean) =>
      new Set(mutations.filter(([name]) => names.includes(name) === isOne).map(([, access]) => access));
    expect(accessOf(testing, true)).toEqual(new Set(['connect']));
    expect(accessOf(testing, false)).toEqual(new Set(['write']));
    const subscriptions = roots.filter(([name]) => name.startsWith('Subscription.'));
    expect(new Set(subscriptions.map(([, access]) => access))).toEqual(new Set(['read']));
  });

  test('that leads from one object of the register to another needs to read', () => {
    const objects = ['Account', 'Datasource', 'AccountConnection', 'DatasourceConnection', 'DatasourceHistory'];
    const leading = fields.filter(
      ([name, field]) => /^(Account|Datasource)\./.test(name) && objects.includes(getNamedType(field.type).name),
    );
    expect(leading.map(([name]) => name).sort()).toEqual([
      'Account.datasources',
      'Datasource.account',
      'Datasource.history',
    ]);
    const needed = accesses.filter(([name]) => leading.some(([one]) => one === name)).map(([, access]) => access);
    expect(new Set(needed)).toEqual(new Set(['read']));
  });

  test('of credentials and of the audit needs their permission, and none else does', () => {
    const needing = (permission: string) =>
      new Set(accesses.filter(([, access]) => access === permission).map(([name]) => name.split('.')[0]));
    expect(needing('credentials')).toEqual(new Set(['Query', 'DatasourceCredentials']));
    expect(needing('admin')).toEqual(
      new Set(['Query', 'AuditEvent', 'AuditEventConnection', 'AuditEventEdge', 'DatasourceVersion']),
    );
  });
});
