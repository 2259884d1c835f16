import { createHash } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import {
  buildSchema,
  type ExecutionResult,
  execute,
  type GraphQLObjectType,
  getOperationAST,
  type OperationDefinitionNode,
  parse,
  validate,
} from 'graphql';
import { OperationPlan } from '../../../src/graphql/execution/operation-plan.js';

const schema = buildSchema(`
  enum Mood { GLAD GLUM }
  interface Named { text: String }
  type Thing implements Named {
    text: String
    must: String!
    count: Int
    mood: Mood
    words: [String!]
    numbers: [[Int]!]
    given(number: Int = 3, text: String, list: [Int!]): String
    child: Thing
    mustChild: Thing!
    children: [Thing]
    mustChildren: [Thing!]!
    named: Named
    mustNamed: Named!
    anything: [Anything]
  }
  type Other implements Named { text: String other: Int child: Thing }
  union Anything = Thing | Other
  type Query { thing: Thing mustThing: Thing! things: [Thing] }
  type Mutation { first: Thing second: Thing! third: Thing }
`);
// One field is resolved by a function of the schema, as most are that lead somewhere; the others by what their object has.
const given = (schema.getType('Thing') as GraphQLObjectType).getFields().given;
if (given !== undefined) {
  given.resolve = (_, args, context, info) =>
    JSON.stringify([args, context, info.fieldName, info.path.key, info.parentType.name, Object.keys(info.fragments)]);
}

const parents = ['child', 'mustChild', 'children', 'mustChildren'] as const;
const variables = { number: 7, list: [1, 2], yes: true, no: false };
const context = { who: 'caller' };

/** Selections of a Thing, of every form that is planned. */
const selection = fc.letrec<{ set: string }>((tie) => ({
  set: fc
    .array(
      fc.oneof(
        { maxDepth: 2 },
        fc.constantFrom('text', 'must', 'count', 'mood', 'words', 'numbers', '__typename', 'alias: must', '...Leaves'),
        fc.constantFrom(
          'given',
          'given(number: 4)',
          'x: given(number: $number, text: "a", list: $list)',
          'given(text: null)',
        ),
        fc.tuple(fc.constantFrom(...parents), tie('set')).map(([name, set]) => `${name} ${set}`),
        tie('set').map((set) => `... on Thing ${set}`),
        tie('set').map((set) => `... on Named { text ... on Thing ${set} }`),
        tie('set').map((set) => `... ${set}`),
        fc.constantFrom(
          'text @include(if: $yes)',
          'must @skip(if: $yes)',
          'count @include(if: $no) @skip(if: $no)',
          '...Leaves @include(if: $no)',
          '...Leaves @skip(if: $no)',
          'mood @include(if: false)',
          'must @skip(if: false) @include(if: $yes)',
        ),
        fc
          .tuple(fc.constantFrom('@include(if: $no)', '@include(if: $yes)', '@skip(if: $yes)'), tie('set'))
          .map(([directive, set]) => `... ${directive} ${set}`),
        fc
          .tuple(fc.constantFrom('named', 'mustNamed'), tie('set'))
          .map(([name, set]) => `${name} { text __typename ... on Thing ${set} ... on Other { other child ${set} } }`),
        tie('set').map(
          (set) => `anything { __typename ... on Named { text } ... on Thing ${set} ... on Other { other } }`,
        ),
      ),
      { minLength: 1, maxLength: 4 },
    )
    .map((parts) => `{ ${parts.join(' ')} }`),
})).set;

const operation = fc.oneof(
  fc
    .tuple(selection, selection, selection)
    .map(
      ([a, b, c]) =>
        `query ($number: Int, $list: [Int!], $yes: Boolean!, $no: Boolean!) { thing ${a} mustThing ${b} things ${c} again: thing ${b} }`,
    ),
  fc
    .tuple(selection, selection, selection)
    .map(
      ([a, b, c]) =>
        `mutation ($number: Int, $list: [Int!], $yes: Boolean!, $no: Boolean!) { first ${a} second ${b} third ${c} }`,
    ),
);
const fragment = 'fragment Leaves on Thing { text count named: text child { must } }';

/** How a property comes: as a value, by a function, late, or not at all. */
type Way = 'plain' | 'function' | 'late' | 'thrown' | 'rejected' | 'error' | 'getter';
const soon: readonly Way[] = ['plain', 'plain', 'plain', 'function', 'thrown', 'error', 'getter'];
const anytime: readonly Way[] = [...soon, 'late', 'late', 'rejected'];

function by(way: Way, name: string, value: unknown): unknown {
  const failure = new Error(`${name} failed`);
  switch (way) {
    case 'plain':
      return value;
    case 'function':
      return () => value;
    case 'late':
      return async () => value;
    case 'thrown':
      return () => {
        throw failure;
      };
    case 'rejected':
      return () => Promise.reject(failure);
    case 'error':
      return failure;
    case 'getter':
      throw failure;
  }
}

const typeNames = ['Thing', 'Thing', 'Other', 'Other', 'Query', 'Nothing', null] as const;

const values: Readonly<Record<string, readonly unknown[]>> = {
  text: ['a', 'a', '', 7, true, null, undefined, {}],
  must: ['b', 'b', 'b', 'c', null, Symbol.iterator],
  count: [0, 1.5, 3, '3', null, Number.NaN],
  mood: ['GLAD', 'GLAD', 'SAD', null],
  words: [['a', 'b'], [], ['a', null], null, 'word', 4, new Set(['x'])],
  numbers: [[[1], [2]], [[1], [null, 2]], [null], [[1, 'x']]],
};

/** An object that is the same whenever it is made of the same number: its properties come in some of the ways. */
function thing(seed: number, ways: readonly Way[]): object {
  const object = {};
  const pick = <T>(name: string, from: readonly T[]) =>
    from[createHash('sha256').update(`${seed} ${name}`).digest().readUInt32LE() % from.length] as T;
  const define = (name: string, get: () => unknown) =>
    Object.defineProperty(object, name, { get: () => by(pick(`way of ${name}`, ways), name, get()) });
  for (const [name, from] of Object.entries(values)) define(name, () => pick(name, from));
  for (const name of parents) {
    const other = (number: number) => thing(pick(`${name} ${number}`, numbers), ways);
    const lists = [[], [1], [1, 2], [1, null], null];
    // Made only when it is asked for: there is no end to it.
    define(name, () =>
      name.endsWith('ren')
        ? pick(name, lists)?.map((one) => one && other(one))
        : pick(name, [1, 1, 1, null]) && other(1),
    );
  }
  const typed = (name: string, number: number) =>
    Object.assign(thing(pick(`${name} ${number}`, numbers), ways), {
      __typename: pick(`type of ${name} ${number}`, typeNames),
    });
  define('named', () => pick('named', [1, 1, null]) && typed('named', 1));
  define('mustNamed', () => pick('mustNamed', [1, 1, 1, null]) && typed('mustNamed', 1));
  define('anything', () => pick('anything', [[1, 2], [1, null], []]).map((one) => one && typed('anything', one)));
  define('other', () => pick('other', [7, 'x']));
  return object;
}
const numbers = Array.from({ length: 1000 }, (_, number) => number);

function both(source: string, make: () => unknown) {
  const document = parse(`${source} ${source.includes('...Leaves') ? fragment : ''}`);
  const single = getOperationAST(document) as OperationDefinitionNode;
  const conditions = new Map([
    ['yes', true],
    ['no', false],
  ]);
  const plan = OperationPlan.of(rooted(make), document, single, conditions);
  return {
    isValid: validate(schema, document).length === 0,
    expected: async () => execute({ schema: rooted(make), document, contextValue: context, variableValues: variables }),
    actual: async () => plan?.execute(context, variables),
  };
}

/** Fields of the root are resolved by the schema. */
function rooted(make: () => unknown) {
  for (const type of [schema.getQueryType(), schema.getMutationType()]) {
    for (const field of Object.values(type?.getFields() ?? {})) {
      field.resolve = () => (field.name === 'things' ? [make(), make()] : make());
    }
  }
  return schema;
}

function told({ data, errors = [] }: ExecutionResult) {
  return {
    data: JSON.stringify(data),
    errors: errors.map(({ message, path, locations }) => ({
      // Both say that a value cannot be written, each in words of its own.
      message: message
        .replace(/^(?:Expected `.*returned: .*|A value of the type .* could not be written\.)$/s, 'unwritten')
        // And that a value is of no type that it may be.
        .replace(
          /^(?:Abstract type|Runtime Object type) .*|^The value of the field .* is of no type that .* may be\.$/s,
          'untyped',
        ),
      path,
      locations,
    })),
  };
}

describe('a plan of an operation', () => {
  test('answers as graphql-js does, with every error, where nothing comes late', async () => {
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(operation, fc.nat(), async (source, seed) => {
        const { isValid, expected, actual } = both(source, () => thing(seed, soon));
        fc.pre(isValid);
        const [one, other] = [await expected(), await actual()];
        compared += 1;
        expect(told(other as ExecutionResult)).toEqual(told(one as ExecutionResult));
      }),
      { numRuns: 150 },
    );
    expect(compared).toBeGreaterThan(100);
  });

  test('answers with the same data where values come late', async () => {
    await fc.assert(
      fc.asyncProperty(operation, fc.nat(), async (source, seed) => {
        const { isValid, expected, actual } = both(source, () => thing(seed, anytime));
        // There graphql-js leaves a promise alone that fails.
        fc.pre(isValid && !source.includes('mustChildren'));
        const [one, other] = [told((await expected()) as ExecutionResult), told((await actual()) as ExecutionResult)];
        expect(other.data).toEqual(one.data);
        // Which of two errors under one position is told depends on which comes first.
        expect(other.errors.length > 0).toBe(one.errors.length > 0);
      }),
      { numRuns: 150 },
    );
  });

  test('hears of every entry that fails, where the list fails before it', async () => {
    const document = parse('{ thing { mustChildren { must } } }');
    const late = { must: () => new Promise((_, reject) => setImmediate(() => reject(new Error('late')))) };
    rooted(() => ({ mustChildren: [late, { must: by('error', 'must', null) }] }));
    const plan = OperationPlan.of(schema, document, getOperationAST(document) as OperationDefinitionNode);
    const unheard: unknown[] = [];
    const hear = (reason: unknown) => unheard.push(reason);
    process.on('unhandledRejection', hear);
    const result = await plan?.execute(context, {});
    await new Promise((resolve) => setTimeout(resolve, 20));
    process.off('unhandledRejection', hear);
    expect(unheard).toEqual([]);
    expect(told(result as ExecutionResult)).toMatchObject({
      data: '{"thing":null}',
      errors: [{ message: 'must failed' }],
    });
  });

  test('reads every property once, since it may be work that is begun', async () => {
    const read: string[] = [];
    const data = Object.defineProperties(
      {},
      Object.fromEntries(
        ['text', 'must', 'count', 'words', 'child'].map((name) => {
          const value = { text: Promise.resolve('a'), must: 'b', count: null, words: ['c'], child: null }[name];
          return [name, { get: () => read.push(name) && value }];
        }),
      ),
    );
    rooted(() => data);
    const document = parse('{ thing { text must count words child { text } } }');
    const plan = OperationPlan.of(schema, document, getOperationAST(document) as OperationDefinitionNode);
    const result = await plan?.execute(context, {});
    expect(result).toMatchObject({ data: { thing: { text: 'a', must: 'b', count: null, words: ['c'], child: null } } });
    expect(read).toEqual(['text', 'must', 'count', 'words', 'child']);
  });

  test.each([
    ['introspection', '{ __schema { queryType { name } } }'],
    ['introspection of a type', '{ __type(name: "Thing") { name } }'],
    ['a name that objects do not take', '{ thing { __proto__: text } }'],
  ])('is not made of %s', (_, source) => {
    const document = parse(source);
    expect(validate(schema, document)).toEqual([]);
    expect(OperationPlan.of(schema, document, getOperationAST(document) as OperationDefinitionNode)).toBeUndefined();
  });

  test('gives a mutation its fields one after the other, and none behind one that fails as a whole', async () => {
    const order: string[] = [];
    const document = parse('mutation { first { text } second { must } third { text } }');
    const fields = schema.getMutationType()?.getFields() ?? {};
    for (const [name, field] of Object.entries(fields)) {
      field.resolve = async () => {
        order.push(`${name} begins`);
        await new Promise(setImmediate);
        order.push(`${name} ends`);
        return name === 'second' ? null : { text: name };
      };
    }
    const plan = OperationPlan.of(schema, document, getOperationAST(document) as OperationDefinitionNode);
    const result = await plan?.execute(context, {});
    expect(order).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
    expect(result?.data).toBeNull();
    expect(result?.errors?.map(({ path }) => path)).toEqual([['second']]);
  });
});
