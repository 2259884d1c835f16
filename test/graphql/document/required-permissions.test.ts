import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { type GraphQLObjectType, parse } from 'graphql';
import { createGatewaySchema, type Services } from '../../../src/gateway-schema.js';
import { requiredPermissions } from '../../../src/graphql/document/required-permissions.js';
import { permissions } from '../../../src/security/caller.js';

// Its resolvers are never called.
const schema = createGatewaySchema({} as Services);

describe('what an operation needs', () => {
  test.each([
    ['query { __typename }', []],
    ['query { __schema { types { name fields { name } } } __type(name: "Query") { name } }', []],
    ['query { accounts { totalCount } }', ['read']],
    ['query { node(id: "A") { __typename id } }', ['read']],
    ['query { a: datasourceCredentials(key: {}) { password } }', ['credentials']],
    ['query { datasourceCredentials(key: {}) { __typename } }', ['credentials']],
    ['query { auditEvents { edges { node { actor } } } }', ['admin']],
    ['query { accounts { totalCount } auditEvents { totalCount } }', ['admin', 'read']],
    ['mutation { addAccount(input: {}) { account { id region } } }', ['write']],
    ['mutation { addAccount(input: {}) { account { datasources { totalCount } } } }', ['read', 'write']],
    ['mutation { addDatasource(input: {}) { datasource { account { id } } } }', ['read', 'write']],
    ['query { ... on Query { ... { accounts { totalCount } } } }', ['read']],
    ['query { ...F } fragment F on Query { ...G } fragment G on Query { auditEvents { totalCount } }', ['admin']],
    ['query { __typename accounts @skip(if: true) { totalCount } }', ['read']],
    ['query { __typename ...F @include(if: false) } fragment F on Query { accounts { totalCount } }', ['read']],
  ])('%s', (query, needed) => {
    expect([...neededBy(query)].sort()).toEqual(needed);
  });

  test('is what its own fields need, and not those of another operation of the same document', () => {
    const document = `mutation Write { addAccount(input: {}) { account { ...Plain } } }
      query Read { accounts { edges { node { ...Walking } } } }
      fragment Plain on Account { id }
      fragment Walking on Account { ...Plain datasources { totalCount } }`;
    expect([...neededBy(document, 'Write')]).toEqual(['write']);
    expect([...neededBy(document, 'Read')]).toEqual(['read']);
  });

  test('is everything where neither a field nor its type declares what it needs', () => {
    const query = 'mutation { addAccount(input: {}) { account { region } } }';
    const type = schema.getType('Account') as GraphQLObjectType;
    const { extensions } = type;
    type.extensions = {};
    try {
      expect([...neededBy(query)].sort()).toEqual([...permissions].sort());
    } finally {
      type.extensions = extensions;
    }
    expect([...neededBy(query)]).toEqual(['write']);
  });
});

function neededBy(query: string, operationName?: string) {
  const document = parse(query);
  const operation = document.definitions.find(
    (one) => one.kind === 'OperationDefinition' && (operationName === undefined || one.name?.value === operationName),
  );
  if (operation?.kind !== 'OperationDefinition') throw new Error('there is no such operation');
  return requiredPermissions(schema, document, operation);
}
