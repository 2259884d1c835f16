import { afterAll, beforeAll, expect, test } from '@jest/globals';
import {
  type DocumentNode,
  defaultFieldResolver,
  type ExecutionResult,
  execute,
  type GraphQLOutputType,
  type GraphQLSchema,
  getNullableType,
  isListType,
  isNonNullType,
  Kind,
  NoUnusedFragmentsRule,
  NoUnusedVariablesRule,
  type OperationDefinitionNode,
  parse,
  responsePathAsArray,
  specifiedRules,
  validate,
} from 'graphql';
import { InvalidParametersError } from '../../../src/errors.js';
import { PreparedOperation } from '../../../src/graphql/document/prepared-operation.js';
import { Random, seedOf } from '../../support/random.js';
import { type DataForm, DataSource, giveData, objectTypes } from '../../support/random-data.js';
import { type RandomOperation, randomOperation } from '../../support/random-operation.js';
import { randomSchemaText, schemaOf, withoutNonNull } from '../../support/random-schema.js';

/**
 * Operations that are prepared answer as graphql-js does, on schemas, documents, variables and data that are all of a random
 * form. `TEST_RANDOM_OPERATIONS` says how many are compared, and `TEST_RANDOM_SEED` which schema is the first: a failure names
 * the seed of its own.
 */
const operations = Number(process.env.TEST_RANDOM_OPERATIONS ?? 600);
const firstSeed = Number(process.env.TEST_RANDOM_SEED ?? Math.floor(Math.random() * 2 ** 31));
const operationsOfSchema = 20;

type Outcome = Pick<ExecutionResult, 'data' | 'errors'>;

/** A schema, and the same one without anything that may not be null: there an error hides no other. */
interface Pair {
  readonly text: string;
  readonly schema: GraphQLSchema;
  readonly lax: GraphQLSchema;
  /** The types of what stands at the paths of an answer, of the execution of the lax schema that is under way. */
  readonly types: Map<string, GraphQLOutputType>;
}

const unheard: unknown[] = [];
const hear = (reason: unknown) => unheard.push(reason);
beforeAll(() => void process.on('unhandledRejection', hear));
afterAll(() => void process.off('unhandledRejection', hear));

test(
  `a prepared operation answers as graphql-js does, whatever the schema is (TEST_RANDOM_SEED=${firstSeed})`,
  async () => {
    const count = { compared: 0, planned: 0, invalid: 0 };
    for (let seed = firstSeed; count.compared < operations; seed += 1) {
      const pair = pairOf(seed);
      for (let number = 0; number < operationsOfSchema; number += 1) {
        const random = new Random(seedOf(seed, `operation ${number}`));
        const operation = randomOperation(pair.schema, random);
        const document = validDocument(pair.schema, operation);
        if (document === undefined) {
          count.invalid += 1;
          continue;
        }
        const form = { seed: random.below(2 ** 31), late: random.chance(40), failing: random.pick([0, 2, 6, 15, 40]) };
        const problem = await compare(pair, operation, document, random.pick(operation.names), form, count);
        if (problem !== undefined) {
          throw new Error(`${problem}\n\nTEST_RANDOM_SEED=${seed} TEST_RANDOM_OPERATIONS=${operationsOfSchema}
number ${number}, data ${JSON.stringify(form)}, variables ${JSON.stringify(operation.variables)}
${operation.text}\n\n${pair.text}`);
        }
      }
    }
    // Without these it might compare next to nothing.
    expect(count.invalid).toBeLessThan(count.compared);
    expect(count.planned).toBeGreaterThan(count.compared * 0.9);
  },
  Math.max(60_000, operations * 20),
);

function pairOf(seed: number): Pair {
  const text = randomSchemaText(new Random(seed));
  const [schema, lax] = [schemaOf(text), schemaOf(withoutNonNull(text))];
  giveData(schema, seed);
  giveData(lax, seed, schema);
  const types = new Map<string, GraphQLOutputType>();
  for (const type of objectTypes(lax)) {
    const strict =
      objectTypes(schema)
        .find(({ name }) => name === type.name)
        ?.getFields() ?? {};
    for (const field of Object.values(type.getFields())) {
      const resolve = field.resolve ?? defaultFieldResolver;
      field.resolve = (source, args, context, info) => {
        types.set(JSON.stringify(responsePathAsArray(info.path)), strict[field.name]?.type as GraphQLOutputType);
        return resolve(source, args, context, info);
      };
    }
  }
  return { text, schema, lax, types };
}

const rules = specifiedRules.filter((rule) => rule !== NoUnusedFragmentsRule && rule !== NoUnusedVariablesRule);

function validDocument(schema: GraphQLSchema, { text }: RandomOperation): DocumentNode | undefined {
  const document = parse(text);
  return validate(schema, document, rules).length === 0 ? document : undefined;
}

/** @returns what is not the same, in words */
async function compare(
  { schema, lax, types }: Pair,
  { variables }: RandomOperation,
  document: DocumentNode,
  name: string | undefined,
  form: DataForm,
  count: { compared: number; planned: number },
): Promise<string | undefined> {
  count.compared += 1;
  const [ours, theirs, open] = [new DataSource(form), new DataSource(form), new DataSource(form)];
  const actual = await answerOf(schema, document, name, variables, ours);
  if (actual === undefined) return undefined;
  count.planned += 1;
  const failure = unheard.splice(0)[0];
  if (failure !== undefined) return `nobody heard that a promise failed: ${failure}`;
  const request = { document, operationName: name, variableValues: variables };
  const expected = await hearingAll(async () => execute({ ...request, schema, contextValue: theirs }), theirs);
  if (expected.data === undefined || actual === 'refused') {
    return expected.data === undefined && actual === 'refused' ? undefined : 'only one refuses the variables';
  }
  const both = [told(actual), told(expected)] as const;
  if (both[0].data !== both[1].data) return different('data', both[0].data, both[1].data);
  if (!form.late) {
    if (JSON.stringify(both[0].errors) !== JSON.stringify(both[1].errors)) {
      return different('errors', both[0].errors, both[1].errors);
    }
    return JSON.stringify(ours.calls) === JSON.stringify(theirs.calls)
      ? undefined
      : different('calls of resolvers', ours.calls, theirs.calls);
  }
  types.clear();
  const everything = await hearingAll(async () => execute({ ...request, schema: lax, contextValue: open }), open);
  return problemOfErrors(both[0].errors, both[1].errors, told(everything), types);
}

/** Executes while every promise is heard: graphql-js leaves some alone that fail, and the tests would end by that. */
async function hearingAll(run: () => Promise<ExecutionResult>, data: DataSource): Promise<ExecutionResult> {
  const { then } = Promise.prototype;
  // biome-ignore lint/suspicious/noThenProperty: it is put back below
  Promise.prototype.then = function <A, B>(this: Promise<unknown>, ...handlers: Parameters<typeof then>) {
    const next = then.apply(this, handlers);
    then.call(next, undefined, () => undefined);
    return next as Promise<A | B>;
  };
  try {
    const result = await run();
    await data.settled();
    return result;
  } finally {
    // biome-ignore lint/suspicious/noThenProperty: as it was
    Promise.prototype.then = then;
  }
}

async function answerOf(
  schema: GraphQLSchema,
  document: DocumentNode,
  name: string | undefined,
  variables: Readonly<Record<string, unknown>>,
  data: DataSource,
): Promise<Outcome | 'refused' | undefined> {
  const definition = document.definitions.find(
    (one): one is OperationDefinitionNode => one.kind === Kind.OPERATION_DEFINITION && one.name?.value === name,
  );
  const prepared = new PreparedOperation(schema, document, definition as OperationDefinitionNode, () => undefined);
  try {
    const coerced = prepared.coerced(variables);
    const answer = await prepared.planFor(coerced)?.execute(data, coerced);
    await data.settled();
    return answer;
  } catch (error) {
    if (error instanceof InvalidParametersError) return 'refused';
    throw error;
  }
}

type Path = readonly (string | number)[];

interface ToldError {
  readonly message: string;
  readonly path: Path;
  readonly locations: unknown;
}

function told({ data, errors = [] }: Outcome): { readonly data: string; readonly errors: ToldError[] } {
  return {
    data: JSON.stringify(data),
    errors: errors.map(({ message, path = [], locations }) => ({
      // Both say that a value cannot be written, and that it is of no type that it may be, each in words of its own.
      message: message
        .replace(/^(?:Expected `.*returned: .*|A value of the type .* could not be written\.)$/s, 'unwritten')
        .replace(
          /^(?:Abstract type|Runtime Object type) .*|^The value of the field .* is of no type that .* may be\.$/s,
          'untyped',
        ),
      path,
      locations,
    })),
  };
}

/**
 * Where values come late, which of two errors is told depends on which is first. Of errors then holds: each is one that there
 * is; a position that is null by an error has one, whatever is first; and what lies under it has none that came after.
 */
function problemOfErrors(
  ours: readonly ToldError[],
  theirs: readonly ToldError[],
  everything: { readonly data: string; readonly errors: readonly ToldError[] },
  types: ReadonlyMap<string, GraphQLOutputType>,
): string | undefined {
  const [all, data] = [everything.errors, JSON.parse(everything.data)];
  const untrue = ours.find((error) => !isTrue(error, all, data));
  if (untrue !== undefined) return different('an error that there is not', untrue, all);
  const [nulled, expected] = [ours, theirs].map((errors) => errors.map(({ path }) => nulledBy(path, types))) as [
    (Path | undefined)[],
    (Path | undefined)[],
  ];
  // Of a field whose arguments are wrong no type is known: it was not resolved.
  if (!areKnown(nulled) || !areKnown(expected)) return undefined;
  for (const [place, path] of nulled.entries()) {
    const above = nulled.slice(0, place).find((one) => isUnder(path, one));
    if (above !== undefined) return different('an error under another that was before it', path, above);
  }
  const [seen, seenByOthers] = [visible(nulled), visible(expected)];
  return seen === seenByOthers ? undefined : different('positions that are null by an error', seen, seenByOthers);
}

function isTrue(error: ToldError, all: readonly ToldError[], data: unknown): boolean {
  const text = JSON.stringify(error);
  if (all.some((one) => JSON.stringify(one) === text)) return true;
  if (!error.message.startsWith('Cannot return null for non-nullable field')) return false;
  let value = data as Record<string | number, unknown> | null;
  for (const key of error.path) value = (value?.[key] ?? null) as typeof value;
  return value === null && !all.some(({ path }) => JSON.stringify(path) === JSON.stringify(error.path));
}

/** The position that an error makes null: the nearest one that may be. */
function nulledBy(path: Path, types: ReadonlyMap<string, GraphQLOutputType>): Path | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const field = path.findLastIndex((key, at) => at < length && typeof key === 'string') + 1;
    let type = types.get(JSON.stringify(path.slice(0, field)));
    for (let at = field; at < length; at += 1) {
      const list = type && getNullableType(type);
      type = isListType(list) ? list.ofType : undefined;
    }
    if (type === undefined) return undefined;
    if (!isNonNullType(type)) return path.slice(0, length);
  }
  return [];
}

function areKnown(paths: (Path | undefined)[]): paths is Path[] {
  return !paths.includes(undefined);
}

function isUnder(path: Path, other: Path): boolean {
  return other.every((key, at) => path[at] === key);
}

/** Of positions those that are under no other, in an order of their own. */
function visible(positions: readonly Path[]): string {
  const seen = positions.filter((one) => !positions.some((other) => other !== one && isUnder(one, other)));
  return JSON.stringify(seen.map((one) => JSON.stringify(one)).sort());
}

function different(what: string, ours: unknown, theirs: unknown): string {
  return `${what} of the plan:\n${JSON.stringify(ours)}\nof graphql-js:\n${JSON.stringify(theirs)}`;
}
