import {
  type GraphQLAbstractType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isEnumType,
  isListType,
  isNonNullType,
  isObjectType,
  responsePathAsArray,
} from 'graphql';
import { Random, seedOf } from './random.js';

/** How the values of an execution come. */
export interface DataForm {
  readonly seed: number;
  /** Whether some of them come late: as a promise. */
  readonly late: boolean;
  /** How many of a hundred values fail, or are null. */
  readonly failing: number;
}

/** What a schema was asked for, and what of it is still under way. */
export class DataSource {
  readonly form: DataForm;
  /** The calls of resolvers, in their order, with all that they were told. */
  readonly calls: string[] = [];
  #underWay = 0;
  readonly #waiting: (() => void)[] = [];

  constructor(form: DataForm) {
    this.form = form;
  }

  /** Resolves when nothing is under way, and nothing that follows from it. */
  async settled(): Promise<void> {
    do {
      if (this.#underWay > 0) await new Promise<void>((resolve) => this.#waiting.push(resolve));
      await new Promise((resolve) => setImmediate(resolve));
    } while (this.#underWay > 0);
  }

  /** A value that comes as late as chance says; a failure likewise. */
  late(random: Random, make: () => unknown): Promise<unknown> {
    const turns = random.below(8);
    this.#underWay += 1;
    const begun = turns === 0 ? new Promise((resolve) => setImmediate(resolve)) : microtasks(turns);
    return begun.then(make).finally(() => {
      this.#underWay -= 1;
      if (this.#underWay === 0) for (const resolve of this.#waiting.splice(0)) resolve();
    });
  }
}

async function microtasks(count: number): Promise<void> {
  for (let turn = 1; turn < count; turn += 1) await undefined;
}

/** Where data stand: they are the same wherever they are asked for again. */
interface Stored {
  readonly seed: number;
  readonly data: DataSource;
  readonly __typename?: unknown;
}

/**
 * Gives the fields of a schema, and the types that are found out while it executes, what answers for them: some by functions of
 * the schema, some as properties of objects. The data are made as they are asked for, of the seed, the field and its arguments
 * alone. The context of an execution is its {@link DataSource}.
 *
 * @param seed of what does not change between executions
 * @param origin the schema by whose types the data are made
 */
export function giveData(schema: GraphQLSchema, seed: number, origin = schema): void {
  const prototypes = new Map<string, object>();
  const makeValue = valueMaker(origin, prototypes);
  for (const type of objectTypes(schema)) {
    const prototype = Object.create(null);
    prototypes.set(type.name, prototype);
    const types = (origin.getType(type.name) as GraphQLObjectType).getFields();
    const isRoot = type === schema.getQueryType() || type === schema.getMutationType();
    for (const field of Object.values(type.getFields())) {
      const made = types[field.name]?.type ?? field.type;
      const isResolved = isRoot || new Random(seedOf(seed, `${type.name}.${field.name}`)).chance(40);
      if (isResolved) {
        field.resolve = (source, args, context, info) => {
          const data = context as DataSource;
          data.calls.push(callText(args, info));
          const at = seedOf(seedIn(source, data), `${field.name} ${JSON.stringify(args)}`);
          return makeValue(made, at, data, 'resolver');
        };
      } else {
        Object.defineProperty(prototype, field.name, {
          get(this: Stored) {
            const at = seedOf(this.seed, field.name);
            return makeValue(made, at, this.data, 'property');
          },
        });
      }
    }
  }
  for (const type of Object.values(schema.getTypeMap())) {
    if (!isAbstractType(type) || !new Random(seedOf(seed, type.name)).chance(50)) continue;
    type.resolveType = (value, context, info) => {
      const data = context as DataSource;
      data.calls.push(`type ${callText({}, info)}`);
      const random = new Random(seedOf(seedIn(value, data), `type ${type.name}`));
      return failingOrLate(random, data, () => typeNameFor(schema, type, value, random)) as string;
    };
  }
}

/** The object types of a schema that are not of introspection. */
export function objectTypes(schema: GraphQLSchema): GraphQLObjectType[] {
  return Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLObjectType => isObjectType(type) && !type.name.startsWith('__'),
  );
}

function callText(args: object, info: GraphQLResolveInfo): string {
  const { fieldName, fieldNodes, returnType, parentType, path, operation, variableValues, fragments } = info;
  return JSON.stringify([
    `${parentType.name}.${fieldName}: ${returnType}`,
    args,
    responsePathAsArray(path),
    fieldNodes.map(({ loc }) => loc?.start),
    operation.name?.value,
    variableValues,
    Object.keys(fragments),
  ]);
}

function seedIn(source: unknown, data: DataSource): number {
  const { seed } = (source ?? {}) as Partial<Stored>;
  return typeof seed === 'number' ? seed : data.form.seed;
}

function failingOrLate(random: Random, data: DataSource, make: () => unknown): unknown {
  const isFailing = random.chance(data.form.failing / 2);
  const answer = () => {
    if (isFailing) throw new Error(`failed ${random.below(1000)}`);
    return make();
  };
  return data.form.late && random.chance(40) ? data.late(random, answer) : answer();
}

function typeNameFor(schema: GraphQLSchema, type: GraphQLAbstractType, value: unknown, random: Random): unknown {
  if (random.chance(4)) return random.pick(['O0', 'O1', 'Nothing', 'Int', null, undefined, 7]);
  const { __typename: own } = (value ?? {}) as Partial<Stored>;
  const possible = schema.getPossibleTypes(type).map(({ name }) => name);
  return typeof own === 'string' && possible.includes(own) ? own : (possible[0] ?? 'Nothing');
}

type Place = 'resolver' | 'property' | 'entry';

function valueMaker(schema: GraphQLSchema, prototypes: ReadonlyMap<string, object>) {
  /** What is found at a place: it may be late, a function, a failure or null. */
  function found(type: GraphQLOutputType, seed: number, data: DataSource, place: Place): unknown {
    const random = new Random(seed);
    const { failing, late } = data.form;
    const fate = random.below(100);
    if (fate < failing / 3) return failure(random, data, place);
    const isNull = fate < failing && random.chance(isNonNullType(type) ? 20 : 60);
    const make = () =>
      isNull ? random.pick([null, null, undefined]) : present(isNonNullType(type) ? type.ofType : type, random, data);
    if (late && random.chance(35)) return data.late(random, make);
    if (place === 'property' && random.chance(20)) {
      return (args: unknown, context: DataSource, info: GraphQLResolveInfo) => {
        context.calls.push(`method ${callText(args as object, info)}`);
        return late && random.chance(20) ? data.late(random, make) : make();
      };
    }
    return make();
  }

  function failure(random: Random, data: DataSource, place: Place): unknown {
    const error = new Error(`failed ${random.below(1000)}`);
    const fail = () => {
      throw error;
    };
    const kind = random.below(4);
    if (kind === 0 || (place === 'entry' && kind < 3)) return error;
    if (data.form.late && kind < 3) return data.late(random, fail);
    if (place === 'entry') return null;
    return place === 'property' && kind === 1 ? fail : fail();
  }

  function present(type: GraphQLOutputType, random: Random, data: DataSource): unknown {
    if (isListType(type)) return list(type.ofType, random, data);
    const named = getNamedType(type);
    if (isObjectType(named)) return random.chance(2) ? random.pick([{}, 'text', 7, []]) : object(named, random, data);
    if (isAbstractType(named)) return objectOf(named, random, data);
    return leaf(named, random, data);
  }

  function list(type: GraphQLOutputType, random: Random, data: DataSource): unknown {
    if (random.chance(data.form.failing / 3)) return random.pick(['text', 7, {}, true]);
    const entries = random.many(0, 3, () => found(type, random.below(2 ** 31), data, 'entry'));
    if (random.chance(10)) return new Set(entries);
    if (random.chance(10))
      return (function* () {
        yield* entries;
      })();
    return entries;
  }

  function object(type: GraphQLObjectType, random: Random, data: DataSource, typename: unknown = type.name): unknown {
    const own = Object.create(prototypes.get(type.name) ?? null);
    return Object.assign(own, { seed: random.below(2 ** 31), data, __typename: typename });
  }

  function objectOf(type: GraphQLAbstractType, random: Random, data: DataSource): unknown {
    const possible = schema.getPossibleTypes(type);
    const [first] = objectTypes(schema);
    const chosen = possible.length === 0 ? (first as GraphQLObjectType) : random.pick(possible);
    const isWrong = random.chance(data.form.failing / 6);
    const wrong = () => random.pick(['O0', 'Nothing', 'String', null]);
    return object(chosen, random, data, isWrong ? wrong() : chosen.name);
  }

  function leaf(type: GraphQLNamedType, random: Random, data: DataSource): unknown {
    const isOdd = random.chance(data.form.failing / 3);
    if (isEnumType(type)) return isOdd ? random.pick(['Z', 0, true]) : random.pick(['A', 'B', 'C']);
    const odd: unknown[] = [
      'odd',
      1.5,
      2 ** 40,
      Number.NaN,
      true,
      {},
      [],
      Symbol.iterator,
      '',
      10n,
      { valueOf: () => 3 },
    ];
    const own: unknown[] = [{ a: [1, null] }, 'text', 3, false, ['x'], isOdd ? 'throws' : '', isOdd ? 'nothing' : 0];
    return random.pick(isOdd && !type.name.startsWith('S') ? odd : (leaves[type.name] ?? own));
  }

  return found;
}

const leaves: Readonly<Record<string, readonly unknown[]>> = {
  Int: [0, 1, -7, '3', true],
  Float: [0, 1.5, '2.5', false],
  String: ['', 'text', 'ä"\\', 7, true],
  Boolean: [true, false, 1],
  ID: ['id', 7, '__proto__'],
};
