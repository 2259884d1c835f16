import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { buildSchema, getOperationAST, getVariableValues, type OperationDefinitionNode, parse } from 'graphql';
import { planVariables } from '../../../src/graphql/execution/variable-plan.js';

const schema = buildSchema(`
  enum Mood { GLAD GLUM }
  input Inner { text: String! count: Int = 3 mood: Mood flag: Boolean inner: Inner }
  input One @oneOf { text: String count: Int }
  input Outer { id: ID number: Float! inner: Inner inners: [Inner!] lists: [[Int]!] one: One }
  type Query { outer(outer: Outer, count: Int, words: [String!], other: String): Int }
`);
const source =
  'query ($outer: Outer!, $count: Int, $words: [String!], $other: String = "x") { outer(outer: $outer, count: $count, words: $words, other: $other) }';
const operation = getOperationAST(parse(source)) as OperationDefinitionNode;
const withoutDefaults = getOperationAST(
  parse(source.replace(', $other: String = "x"', '').replace(', other: $other', '')),
) as OperationDefinitionNode;

const scalar = fc.constantFrom<unknown>(
  'a',
  '',
  1,
  0,
  1.5,
  2 ** 40,
  Number.NaN,
  true,
  false,
  null,
  undefined,
  'GLAD',
  'SAD',
  {},
  [],
);
const inner: fc.Arbitrary<unknown> = fc.letrec<{ inner: unknown }>((tie) => ({
  inner: fc.oneof(
    { maxDepth: 2 },
    scalar,
    fc.record({ text: fc.constant('a') }),
    fc.record(
      { text: scalar, count: scalar, mood: scalar, flag: scalar, inner: tie('inner'), more: scalar },
      { requiredKeys: [] },
    ),
  ),
})).inner;
const good = { number: 1 };
const outer = fc.oneof(
  scalar,
  fc.record({ number: fc.constant(1.5), inner: fc.record({ text: fc.constant('a'), mood: fc.constant('GLUM') }) }),
  fc.record(
    {
      id: scalar,
      number: fc.oneof(fc.constant(1), scalar),
      inner,
      inners: fc.oneof(scalar, fc.array(inner, { maxLength: 2 })),
      lists: fc.oneof(scalar, fc.array(fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })), { maxLength: 2 })),
      one: fc.oneof(scalar, fc.constant({ text: 'a' })),
      __proto__: scalar,
    },
    { requiredKeys: [] },
  ),
);
const variables = fc.record(
  { outer, count: scalar, words: fc.oneof(scalar, fc.array(scalar, { maxLength: 2 })), other: scalar },
  { requiredKeys: ['outer'] },
);

test.each([
  ['', withoutDefaults],
  [', one with a default among them', operation],
])('variables%s are coerced as graphql-js does, or left to it', (_, one) => {
  const coerce = planVariables(schema, one);
  fc.assert(
    fc.property(variables, (given) => {
      const sent = JSON.parse(JSON.stringify(given));
      const mine = coerce(sent);
      if (mine !== undefined)
        expect({ ...getVariableValues(schema, one.variableDefinitions ?? [], sent).coerced }).toEqual(mine);
    }),
    { numRuns: 3000, examples: [[{ outer: good }]] },
  );
});

test('variables that are as they should be are coerced at once', () => {
  const coerce = planVariables(schema, withoutDefaults);
  const inners = [{ text: 'a', inner: { text: 'b', count: null, mood: 'GLAD', flag: true } }];
  const sent = { outer: { id: 7, number: 1.5, inners, lists: [[1, null]] }, count: null, words: ['a'] };
  const expected = { ...sent.outer, id: '7', inners: [{ ...inners[0], count: 3 }] };
  expect(coerce(sent)).toEqual({ ...sent, outer: expected });
  expect(coerce({ outer: good })).toEqual({ outer: good });
});

test.each([
  ['a list of one that is not one', { outer: good, count: 1, words: 'a' }],
  ['a field that is not known', { outer: { ...good, more: 1 }, count: 1, words: [] }],
  ['an input of which one field must be given', { outer: { ...good, one: { text: 'a' } }, count: 1, words: [] }],
  ['a variable that is required and not given', { count: 1, words: [] }],
  ['a value of another type', { outer: good, count: '1', words: [] }],
])('%s is left to graphql-js', (_, sent) => {
  expect(planVariables(schema, withoutDefaults)(sent)).toBeUndefined();
});
