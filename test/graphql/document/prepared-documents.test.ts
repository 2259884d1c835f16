import 'reflect-metadata';
import { describe, expect, test } from '@jest/globals';
import { buildSchema } from 'graphql';
import { PreparedDocuments } from '../../../src/graphql/document/prepared-documents.js';

const schema = buildSchema(`
  type Thing { text(like: String): String thing: Thing }
  type Query { thing(like: String): Thing }
  type Mutation { change(to: String, times: Int): Thing }
`);
const limits = { maxTokens: 2000, maxDepth: 8, maxAliases: 10_000, maxCost: 1_000_000, maxBytes: 8_388_608 };

function store(): PreparedDocuments {
  return new PreparedDocuments({ schema, limits, introspection: true });
}

/** Whether a document is prepared but once, however often it is asked for. */
function isKept(documents: PreparedDocuments, text: string): boolean {
  const first = documents.prepare(text);
  return documents.prepare(text) === first;
}

function numbered(number: number): string {
  return `query Numbered${number} { thing { text } }`;
}

describe('a prepared document', () => {
  test('has its operations by their names, or the only one by none', () => {
    const one = store().prepare('query A { thing { text } }');
    expect([one.operation(undefined)?.name, one.operation('A')?.name, one.operation('B')]).toEqual([
      'thing',
      'thing',
      undefined,
    ]);
    const several = store().prepare('query A { thing { text } } mutation B { change { text } more: change { text } }');
    expect(several.operation(null)).toBeUndefined();
    expect(several.operation('A')?.kind).toBe('query');
    expect(several.operation('B')).toMatchObject({ kind: 'mutation', name: 'change,change' });
  });

  test('with more than 100 errors names the first, and says how many more there are', () => {
    const withErrors = (count: number) =>
      store().prepare(`{ thing { ${Array.from({ length: count }, (_, at) => `texts${at}`).join(' ')} } }`).errors;
    expect(withErrors(100)).toHaveLength(100);
    const messages = withErrors(250).map(({ message }) => message);
    expect(messages).toHaveLength(101);
    expect(messages[99]).toContain('texts99');
    expect(messages[100]).toBe('The document has 150 further errors, which are not listed.');
  });

  test.each([
    ['does not parse', '{ thing ', 'GRAPHQL_PARSE_FAILED'],
    ['is empty', ' ', 'GRAPHQL_PARSE_FAILED'],
    ['does not validate', '{ nothing }', 'GRAPHQL_VALIDATION_FAILED'],
    ['asks for too much', `{ ${'thing { '.repeat(9)} text ${'} '.repeat(9)} }`, 'GRAPHQL_LIMIT_EXCEEDED'],
  ])('that %s has an error, and no operation', (_, text, code) => {
    const document = store().prepare(text);
    expect(document.errors.map(({ extensions }) => extensions.code)).toEqual([code]);
    expect(document.operation(null)).toBeUndefined();
  });

  test('has a plan for each of the values that its conditions have', () => {
    const document = store().prepare('query ($a: Boolean!) { thing { text @include(if: $a) thing { text } } }');
    const operation = document.operation(null);
    const plan = (a: unknown) => operation?.planFor({ a });
    expect([plan(true)?.size, plan(false)?.size]).toEqual([4, 3]);
    expect(plan(true)).toBe(plan(true));
    expect(plan(null)).toBeUndefined();
  });
});

describe('prepared documents', () => {
  test('are kept by their texts, those with several operations and those that are refused too', () => {
    for (const text of [
      '{ thing { text } }',
      'query A { thing { text } } mutation B { change { text } }',
      'mutation ($to: String) { change(to: $to, times: 2) { text } }',
      '{ thing(like: "a") { text } }',
      '{ nothing }',
      `{ ${'thing { '.repeat(9)} text ${'} '.repeat(9)} }`,
    ]) {
      expect([text, isKept(store(), text)]).toEqual([text, true]);
    }
    const documents = store();
    expect(documents.prepare('{ thing { text } }')).not.toBe(documents.prepare('{ thing { text }}'));
  });

  test('are none that may hold a credential: a text in a mutation, or what does not parse', () => {
    for (const text of [
      'mutation { change(to: "secret") { text } }',
      'mutation { change { ...More } } fragment More on Thing { text(like: """secret""") }',
      'mutation { nothing(to: "secret") }',
      'mutation { change(to: "secret") ',
    ]) {
      expect([text, isKept(store(), text)]).toEqual([text, false]);
    }
  });

  test('are forgotten where they are not asked for any more, and kept where they are', () => {
    const documents = store();
    const [first, second] = [documents.prepare(numbered(0)), documents.prepare(numbered(1))];
    for (let number = 2; number < 10_000; number += 1) {
      documents.prepare(numbered(number));
      expect(documents.prepare(numbered(0))).toBe(first);
    }
    expect(documents.prepare(numbered(1))).not.toBe(second);
  });

  test('take no more memory than some thousand fields of plans, however short their texts are', () => {
    const documents = store();
    const spread = (depth: number): string =>
      depth === 0 ? '...Leaves' : `a: thing { ${spread(depth - 1)} } thing { ${spread(depth - 1)} }`;
    const leaves = Array.from({ length: 60 }, (_, number) => `t${number}: text`).join(' ');
    const text = (number: number) =>
      `query N${number} { thing { ${spread(3)} } } fragment Leaves on Thing { ${leaves} }`;
    const kept = Array.from({ length: 400 }, (_, number) => {
      const document = documents.prepare(text(number));
      expect(document.errors).toEqual([]);
      document.operation(null)?.planFor({});
      return document;
    });
    // From the last one back: to ask for one that is forgotten makes others be forgotten.
    let bytes = 0;
    for (let number = kept.length - 1; documents.prepare(text(number)) === kept[number]; number -= 1) {
      bytes += kept[number]?.bytes ?? 0;
    }
    expect(bytes).toBeGreaterThan(1_000_000);
    expect(bytes).toBeLessThan(31_000_000);
  });
});
