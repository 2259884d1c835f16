import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import {
  type GraphQLError,
  type GraphQLObjectType,
  getIntrospectionQuery,
  getNamedType,
  isLeafType,
  parse,
  validate,
} from 'graphql';
import { createGatewaySchema } from '../../../src/gateway-schema.js';
import type { DocumentLimits } from '../../../src/graphql/document/document-limits.js';
import { PreparedDocument } from '../../../src/graphql/document/prepared-document.js';

// Its resolvers are never called.
const schema = createGatewaySchema({} as never);
const limits: DocumentLimits = {
  maxTokens: 2000,
  maxDepth: 8,
  maxAliases: 15,
  maxCost: 50_000,
  maxBytes: 8 * 1024 * 1024,
};

/** Which limit a document exceeds; undefined where that is none. */
function refusalOf(changes: Partial<DocumentLimits>, query: string, variables: object = {}): GraphQLError | undefined {
  const preparation = { schema, limits: { ...limits, ...changes }, introspection: true };
  const document = new PreparedDocument(preparation, query, () => undefined);
  try {
    document.heldBytes(variables as Record<string, unknown>);
  } catch (error) {
    return error as GraphQLError;
  }
  return document.errors.find(({ extensions }) => extensions.code === 'GRAPHQL_LIMIT_EXCEEDED');
}

/** The limit that a document exceeds; undefined where it passes. */
function exceeded(query: string, changes: Partial<DocumentLimits> = {}, variables?: object): unknown {
  return refusalOf(changes, query, variables)?.extensions.limit;
}

/** The cost of a document: the least limit under which it passes. */
function costOf(query: string, variables?: object): number {
  let [tooLow, enough] = [0, 10_000_000];
  while (enough - tooLow > 1) {
    const middle = Math.floor((tooLow + enough) / 2);
    if (exceeded(query, { maxCost: middle }, variables) === 'cost') tooLow = middle;
    else enough = middle;
  }
  return enough;
}

describe('tokens', () => {
  test('pass up to the limit and no further', () => {
    expect(exceeded(`{${' a'.repeat(8)}}`, { maxTokens: 11 })).toBeUndefined();
    expect(exceeded(`{${' a'.repeat(10)}}`, { maxTokens: 11 })).toBe('tokens');
  });

  test('are counted in strings as one, and not in comments', () => {
    expect(exceeded(`{a(b:"${'{ '.repeat(50)}")} # ${'{ '.repeat(50)}`, { maxTokens: 11 })).toBeUndefined();
  });

  test('give way to no text that is much longer than they can be', () => {
    expect(exceeded(`{a} #${'-'.repeat(100_000 - 5)}`)).toBeUndefined();
    expect(exceeded(`{a} #${'-'.repeat(100_000 - 4)}`)).toBe('characters');
  });

  test.each([
    ['line feeds', '\n'],
    ['carriage returns', '\r'],
    ['both', '\r\n'],
  ])('give way to no more lines than they are: %s', (_, end) => {
    expect(exceeded(`${end.repeat(1999)}{a}`)).toBeUndefined();
    expect(exceeded(`${end.repeat(2000)}{a}`)).toBe('lines');
  });
});

describe('depth', () => {
  const nested = (depth: number) => '{a'.repeat(depth) + '}'.repeat(depth);

  test('is counted from the root to a leaf', () => {
    expect(exceeded(nested(8))).toBeUndefined();
    expect(exceeded(nested(9))).toBe('depth');
  });

  test('is not added to by inline fragments', () => {
    expect(exceeded(`{... on Query {${nested(8).slice(1, -1)}}}`)).toBeUndefined();
  });

  test('is counted through fragments', () => {
    const fragment = `fragment f on A ${nested(4)}`;
    expect(exceeded(`{a{a{a{a{...f}}}}} ${fragment}`)).toBeUndefined();
    expect(exceeded(`{a{a{a{a{a{...f}}}}}} ${fragment}`)).toBe('depth');
    expect(exceeded(`{a{a{a{a{...g}}}}} fragment g on A {a{...f}} ${fragment}`)).toBe('depth');
  });

  test('is that of the deepest operation', () => {
    expect(exceeded(`query a ${nested(1)} query b ${nested(9)}`)).toBe('depth');
  });
});

describe('brackets inside each other', () => {
  const nested = (depth: number) => `{a(b: ${'['.repeat(depth)}${']'.repeat(depth)})}`;

  test('pass up to 500, of every kind, and no further', () => {
    expect(exceeded(nested(498))).toBeUndefined();
    expect(exceeded(nested(499))).toBe('nesting of brackets');
    expect(exceeded(`{${'a{'.repeat(600)}`)).toBe('nesting of brackets');
  });

  test('are not those of a text', () => {
    expect(exceeded(`{a(b: "${'['.repeat(600)}")}`)).toBeUndefined();
  });

  test('are not those that stand beside each other', () => {
    expect(exceeded(`{${'a(b: [1]) '.repeat(260)}}`)).not.toBe('nesting of brackets');
  });
});

describe('aliases', () => {
  const aliased = (times: number) => Array.from({ length: times }, (_, i) => `a${i}: a`).join(' ');

  test('pass up to the limit and no further', () => {
    expect(exceeded(`{${aliased(15)}}`)).toBeUndefined();
    expect(exceeded(`{${aliased(16)}}`)).toBe('aliases');
  });

  test('are counted wherever they stand', () => {
    expect(exceeded(`{a{${aliased(8)}} b{... on A{${aliased(8)}}}}`)).toBe('aliases');
  });

  test('of a fragment are counted each time that it is spread', () => {
    const fragment = `fragment f on A {${aliased(5)}}`;
    expect(exceeded(`{a{...f} b{...f} c{...f}} ${fragment}`)).toBeUndefined();
    expect(exceeded(`{a{...f} b{...f} c{...f} d{...f}} ${fragment}`)).toBe('aliases');
    expect(exceeded(`{a{...g} b{...g}} fragment g on A {a{...f} b{...f}} ${fragment}`)).toBe('aliases');
  });

  test('may be forbidden', () => {
    expect(exceeded('{a}', { maxAliases: 0 })).toBeUndefined();
    expect(exceeded('{b: a}', { maxAliases: 0 })).toBe('aliases');
  });
});

describe('cost', () => {
  test('of fields is one each', () => {
    expect(costOf('{a b{c d{e}}}')).toBe(5);
  });

  test('of a page is that of what is in it, for each entry that it may have', () => {
    expect(costOf('{accounts(first:7){edges{node{id}}}}')).toBe(1 + 1 + 7 * 2);
    expect(costOf('{accounts(last:7){edges{node{id}}}}')).toBe(1 + 1 + 7 * 2);
    expect(costOf('{datasources(first:7){edges{cursor}}}')).toBe(1 + 1 + 7);
    expect(costOf('{auditEvents(first:7){edges{cursor}}}')).toBe(1 + 1 + 7);
    expect(
      costOf(
        '{accounts(first:7){...f ... on AccountConnection{edges{cursor}}}} fragment f on AccountConnection{edges{node{id}}}',
      ),
    ).toBe(1 + 1 + 7 * 2 + 1 + 7);
  });

  test('of what a page has once is that of one', () => {
    expect(costOf('{accounts(first:7){totalCount pageInfo{hasNextPage}}}')).toBe(4);
  });

  test('of another list is that of as many entries as it declares', () => {
    expect(costOf('{auditEvents(first:5){edges{node{changes{field}}}}}')).toBe(1 + 1 + 5 * (1 + 1 + 20));
  });

  test('of a page without a size is that of twenty entries', () => {
    expect(costOf('{accounts{edges{cursor}}}')).toBe(22);
    expect(costOf('{accounts(first:null){edges{cursor}}}')).toBe(22);
  });

  test('of pages inside each other is multiplied', () => {
    expect(costOf('{accounts(first:10){edges{node{datasources(first:50){edges{node{id}}}}}}}')).toBe(
      1 + 1 + 10 * (1 + 1 + 1 + 50 * 2),
    );
    expect(
      exceeded('{accounts(first:100){edges{node{datasources(first:100){edges{node{id version}}}}}}}'),
    ).toBeUndefined();
    expect(
      exceeded(
        '{accounts(first:100){edges{node{datasources(first:100){edges{node{id version instanceId createType}}}}}}}',
      ),
    ).toBe('cost');
  });

  test('of a page follows the variable that gives its size', () => {
    const query = 'query ($n: Int) {accounts(first:$n){edges{cursor}}}';
    expect(costOf(query, { n: 3 })).toBe(5);
    expect(costOf(query, { n: 90 })).toBe(92);
  });

  test.each([
    ['a variable that is not given', 'query ($n: Int) {accounts(first:$n){edges{cursor}}}', {}],
    ['a variable that is null', 'query ($n: Int) {accounts(first:$n){edges{cursor}}}', { n: null }],
    ['a variable of another type', 'query ($n: Int) {accounts(first:$n){edges{cursor}}}', { n: '3' }],
    ["a variable's default", 'query ($n: Int = 100) {accounts(first:$n){edges{cursor}}}', {}],
    ['a number beyond the largest page', '{accounts(first:1000000){edges{cursor}}}', {}],
    ['one size beside another', '{accounts(first:1 last:100){edges{cursor}}}', {}],
    ['one size beside null', '{accounts(first:null last:100){edges{cursor}}}', {}],
    ['one size beside null, the other way about', '{accounts(last:100 first:null){edges{cursor}}}', {}],
    ['a size written twice', '{accounts(first:1 first:100){edges{cursor}}}', {}],
  ])('of a page is that of the largest with %s', (_, query, variables) => {
    expect(costOf(query, variables)).toBe(102);
  });

  test('is never less than that of one entry', () => {
    expect(costOf('{accounts(first:-5){edges{cursor}}}')).toBe(3);
    expect(costOf('{accounts(first:0){edges{cursor}}}')).toBe(3);
  });

  test('of a fragment is counted each time that it is spread', () => {
    const fragment = 'fragment f on Account {datasources(first:10){edges{cursor}}}';
    expect(costOf(`{a{...f} b{...f}} ${fragment}`)).toBe(2 * (1 + 12));
    expect(costOf(`{accounts(first:5){edges{node{...f}}}} ${fragment}`)).toBe(1 + 1 + 5 * (1 + 12));
  });

  test('is seen under an alias', () => {
    expect(costOf('{id: accounts(first:100){edges{cursor}}}')).toBe(102);
  });

  test('is asked for anew with other variables of the same document', () => {
    const query = 'query ($n: Int) {accounts(first:$n){edges{cursor}}}';
    const passes = (n: number) => refusalOf({ maxCost: 50 }, query, { n }) === undefined;
    expect([10, 100, 10, 100, 48, 49].map(passes)).toEqual([true, false, true, false, true, false]);
  });

  test('of numbers beyond all is not lost', () => {
    const fragments = Array.from({ length: 60 }, (_, i) => `fragment f${i} on A {... {...f${i + 1}} ...f${i + 1}}`);
    expect(exceeded(`{...f0} ${fragments.join(' ')} fragment f60 on A {accounts{id}}`)).toBe('cost');
  });
});

describe('bytes', () => {
  const texts = ['description', 'jdbcDriverClassName', 'jdbcDriverJarUri'];
  const leaves = (type: string) =>
    Object.values((schema.getType(type) as GraphQLObjectType).getFields())
      .filter((field) => isLeafType(getNamedType(field.type)))
      .map(({ name }) => name)
      .join(' ');
  const everything = `${leaves('Datasource')} account { ${leaves('Account')} }`;

  test.each([
    [
      'a hundred datasources with every field',
      `{datasources(first:100){totalCount pageInfo{endCursor} edges{cursor node{${everything}}}}}`,
    ],
    [
      'twenty accounts with twenty datasources each, and every field',
      `{accounts{edges{node{${leaves('Account')} datasources{totalCount edges{node{${leaves('Datasource')}}}}}}}}`,
    ],
    [
      'the keys of a hundred datasources in each of a hundred accounts',
      '{accounts(first:100){edges{node{datasources(first:100){edges{node{id instanceId}}}}}}}',
    ],
    [
      'a hundred audit events with what changed',
      `{auditEvents(first:100){edges{node{${leaves('AuditEvent')} changes{field from to}}}}}`,
    ],
  ])('of what a dashboard asks for pass: %s', (_, query) => {
    expect(validate(schema, parse(query))).toEqual([]);
    expect(exceeded(query)).toBeUndefined();
  });

  test('are refused where the long texts of very many datasources are asked for, under few names or many', () => {
    const pages = (inside: string) => `{accounts{edges{node{datasources(first:100){edges{node{${inside}}}}}}}}`;
    const many = Array.from({ length: 15 }, (_, i) => `a${i}: ${texts[i % texts.length]}`).join(' ');
    expect(exceeded(pages(many))).toBe('bytes');
    expect(exceeded(pages(texts.join(' ')))).toBe('bytes');
    expect(exceeded(pages('id instanceId'))).toBeUndefined();
  });

  test('of a text are as many as its parameter may have, under its name in the answer', () => {
    const least = (query: string) => {
      let bytes = 0;
      while (exceeded(query, { maxBytes: bytes }) === 'bytes') bytes += 1;
      return bytes;
    };
    const one = (field: string) => least(`{datasource(key:{}){${field}}}`);
    expect(one('description') - one('region: description')).toBe('description'.length - 'region'.length);
    expect(one('description') - one('customJdbcCert')).toBe(
      2048 - 1024 + 'description'.length - 'customJdbcCert'.length,
    );
    expect(one('version')).toBeLessThan(60);
  });
});

describe('repeated fields', () => {
  test('pass as often as documents that are put together of parts repeat them', () => {
    expect(exceeded(`{${' a'.repeat(30)}}`)).toBeUndefined();
    const parts = Array.from({ length: 15 }, (_, i) => `fragment f${i} on A {id instanceId version}`);
    expect(exceeded(`{a{${parts.map((_, i) => `...f${i}`).join(' ')}}} ${parts.join(' ')}`)).toBeUndefined();
  });

  test.each([
    ['in one place', `{${' a{id}'.repeat(40)}}`],
    ['under one alias, as far as those go', `{${' a{id}'.repeat(30)}${' a:b{id}'.repeat(15)}}`],
    ['in inline fragments', `{${'...{a{id}}'.repeat(40)}}`],
    [
      'in fragments',
      `{${Array.from({ length: 40 }, (_, i) => `...f${i}`)}}${Array.from({ length: 40 }, (_, i) => `fragment f${i} on A{a{id}}`)}`,
    ],
    ['inside fields that stand for one', `{${` a{${' id'.repeat(4)}}`.repeat(10)}}`],
    ['in a fragment that is spread nowhere', `{a} fragment f on A {${' a{id}'.repeat(40)}}`],
    ['in the first of two fragments of one name', `{...f} fragment f on A {${' a'.repeat(40)}} fragment f on A {a}`],
    ['in introspection', `{__schema{${' types{name}'.repeat(40)}}}`],
  ])('are refused where validation would compare too many: %s', (_, query) => {
    expect(exceeded(query)).toBe('cost');
  });
});

describe('fragments in a ring', () => {
  test.each([
    ['that spread themselves', '{...f} fragment f on A {...f}'],
    ['that spread each other', '{...f} fragment f on A {...g} fragment g on A {a ...f}'],
    ['below a field', '{...f} fragment f on A {a{...g}} fragment g on A {b{...f}}'],
    ['of introspection', '{__schema{types{...f}}} fragment f on __Type {ofType{...f}}'],
  ])('come to an end, and are left to validation: %s', (_, query) => {
    expect(exceeded(query)).toBeUndefined();
  });

  test('come to an end where they widen on the way round', () => {
    const ring = (n: number) =>
      Array.from({ length: n }, (_, i) => `fragment f${i} on A {a{...f${(i + 1) % n} ...f${(i + 2) % n}}}`).join(' ');
    expect(exceeded(`{__schema{...f0}} ${ring(100)}`)).toBe('cost');
  });
});

describe('introspection', () => {
  test('of every tool passes by default, and needs neither depth nor cost', () => {
    const everything = getIntrospectionQuery({
      descriptions: true,
      directiveIsRepeatable: true,
      inputValueDeprecation: true,
      oneOf: true,
      schemaDescription: true,
      specifiedByUrl: true,
      typeDepth: 15,
    } as Parameters<typeof getIntrospectionQuery>[0]);
    for (const query of [everything, getIntrospectionQuery()]) {
      expect(exceeded(query)).toBeUndefined();
      expect(exceeded(query, { maxDepth: 1, maxCost: 10, maxAliases: 0 })).toBeUndefined();
    }
  });

  test('is not a way round for other fields', () => {
    expect(exceeded(`{__type(name:"A"){name} ${'{a'.repeat(9).slice(1)}${'}'.repeat(9)}`)).toBe('depth');
    expect(exceeded('{__schema: accounts(first:100){edges{node{id}}}}', { maxCost: 100 })).toBe('cost');
  });
});

test('a refusal says which limit it is, what it is, and which setting makes it', () => {
  const refusal = refusalOf({ maxDepth: 3 }, '{a{b{c{d}}}}');
  expect(refusal?.message).toMatch(/\b3\b.*\bdepth\b.*\bGRAPHQL_MAX_DEPTH\b/);
  expect(refusal?.extensions).toEqual({ code: 'GRAPHQL_LIMIT_EXCEEDED', limit: 'depth', allowed: 3 });
});
