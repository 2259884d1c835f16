import { describe, expect, test } from '@jest/globals';
import { buildSchema, getOperationAST, type OperationDefinitionNode, parse } from 'graphql';
import { KnownOperations } from '../../src/graphql/known-operations.js';

const schema = buildSchema(`
  type Thing { text(like: String): String thing: Thing }
  type Query { thing(like: String): Thing }
  type Mutation { change(to: String, times: Int): Thing }
`);

function remember(known: KnownOperations, query: string): void {
  const document = parse(query);
  known.remember(query, document, getOperationAST(document) as OperationDefinitionNode);
}

function numbered(number: number): string {
  return `query Numbered${number} { thing { text } }`;
}

describe('known operations', () => {
  test('are found by the text of their document, and by no other', () => {
    const known = new KnownOperations(schema);
    remember(known, '{ thing { text } }');
    expect(known.find({ query: '{ thing { text } }' })?.plan.size).toBe(2);
    for (const query of ['{ thing { text }}', '{ thing { text } } ', '', undefined, null, 1, {}]) {
      expect(known.find({ query })).toBeUndefined();
    }
  });

  test('are not those of a document with several, or with a text in a mutation, which may be a credential', () => {
    const known = new KnownOperations(schema);
    const queries = [
      'query A { thing { text } } query B { thing { text } }',
      'query A { thing { text } } mutation B { change { text } }',
      'mutation { change(to: "secret") { text } }',
      'mutation { change { ...More } } fragment More on Thing { text(like: """secret""") }',
    ];
    for (const query of queries) remember(known, query);
    for (const query of queries) expect(known.find({ query })).toBeUndefined();
    for (const query of [
      'mutation ($to: String) { change(to: $to, times: 2) { text } }',
      '{ thing(like: "a") { text } }',
    ]) {
      remember(known, query);
      expect(known.find({ query })).toBeDefined();
    }
  });

  test('are forgotten where they are not asked for any more, and kept where they are', () => {
    const known = new KnownOperations(schema);
    remember(known, numbered(0));
    remember(known, numbered(1));
    for (let number = 2; number < 3000; number += 1) {
      remember(known, numbered(number));
      expect(known.find({ query: numbered(0) })).toBeDefined();
    }
    expect(known.find({ query: numbered(1) })).toBeUndefined();
    expect(known.find({ query: numbered(2999) })).toBeDefined();
  });

  test('take no more memory than some thousand fields of plans, however short their documents are', () => {
    const known = new KnownOperations(schema);
    const spread = (depth: number): string =>
      depth === 0 ? '...Leaves' : `a: thing { ${spread(depth - 1)} } b: thing { ${spread(depth - 1)} }`;
    const leaves = Array.from({ length: 15 }, (_, number) => `t${number}: text`).join(' ');
    const query = (number: number, depth: number) =>
      `query N${number} { thing { ${spread(depth)} } } fragment Leaves on Thing { ${leaves} }`;
    const sizes = Array.from({ length: 100 }, (_, number) => {
      remember(known, query(number, 6));
      return known.find({ query: query(number, 6) })?.plan.size ?? 0;
    });
    expect(sizes[0]).toBeGreaterThan(900);
    const kept = sizes.filter((_, number) => known.find({ query: query(number, 6) }) !== undefined);
    expect(kept.reduce((sum, size) => sum + size, 0)).toBeLessThan(45_000);
    remember(known, query(0, 8));
    expect(known.find({ query: query(0, 8) })).toBeUndefined();
  });
});
