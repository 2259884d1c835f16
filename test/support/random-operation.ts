import {
  type GraphQLArgument,
  type GraphQLCompositeType,
  type GraphQLField,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  isAbstractType,
  isCompositeType,
  isEnumType,
  isInputObjectType,
  isLeafType,
  isListType,
  isNonNullType,
  isRequiredArgument,
  isRequiredInputField,
  isUnionType,
} from 'graphql';
import type { Random } from './random.js';

type Field = GraphQLField<unknown, unknown>;

/** A document with one operation or several, and variables for it. */
export interface RandomOperation {
  readonly text: string;
  /** The names of its operations; empty where it has one without a name. */
  readonly names: readonly string[];
  readonly variables: Readonly<Record<string, unknown>>;
}

/**
 * Operations on a schema, in a document of random form: fields of every type, aliases, fragments of both kinds in each other,
 * conditions with variables and without, arguments with literals and variables in them, several operations. It is valid in most
 * cases: of the rules of validation, only those against what is not used do not hold, and whether selections can be merged is
 * left to chance.
 */
export function randomOperation(schema: GraphQLSchema, random: Random): RandomOperation {
  const variables = new Map<string, { readonly type: string; readonly given: unknown; readonly isGiven: boolean }>();
  const answers = new Map<string, string>();
  const composites = Object.values(schema.getTypeMap()).filter(
    (type): type is GraphQLCompositeType => isCompositeType(type) && !type.name.startsWith('__'),
  );
  const fragments = random.many(0, 3, (number) => ({ name: `F${number}`, type: random.pick(composites) }));
  let fieldsLeft = 40;

  function selectionSet(type: GraphQLCompositeType, depth: number, fragmentsFrom: number): string {
    const parts = random.many(1, 4, () => selection(type, depth, fragmentsFrom));
    return `{ ${parts.join(' ')} }`;
  }

  function selection(type: GraphQLCompositeType, depth: number, fragmentsFrom: number): string {
    const kind = random.below(10);
    if (kind < 2 && depth > 0) {
      const inner = random.chance(20) ? type : random.pick(overlapping(type));
      const condition = inner === type && random.chance(50) ? '' : ` on ${inner.name}`;
      return `...${condition}${directives()} ${selectionSet(inner, depth - 1, fragmentsFrom)}`;
    }
    const spreads = fragments.slice(fragmentsFrom).filter((one) => overlapping(type).includes(one.type));
    if (kind === 2 && spreads.length > 0) return `...${random.pick(spreads).name}${directives()}`;
    return field(type, depth, fragmentsFrom);
  }

  function overlapping(type: GraphQLCompositeType): GraphQLCompositeType[] {
    const possible = (one: GraphQLCompositeType) => (isAbstractType(one) ? schema.getPossibleTypes(one) : [one]);
    return composites.filter((one) => one === type || possible(one).some((object) => possible(type).includes(object)));
  }

  function field(type: GraphQLCompositeType, depth: number, fragmentsFrom: number): string {
    const all = isUnionType(type) ? [] : Object.values(type.getFields());
    const leaves = all.filter((one) => isLeafType(getNamedType(one.type)));
    fieldsLeft -= 1;
    const from = depth > 0 && fieldsLeft > 0 ? all : leaves;
    if (from.length === 0 || random.chance(6)) return random.chance(20) ? 'kind: __typename' : '__typename';
    const chosen = random.pick(from);
    const named = getNamedType(chosen.type);
    const below = isCompositeType(named) ? ` ${selectionSet(named, depth - 1, fragmentsFrom)}` : '';
    return `${called(chosen)}${directives()}${below}`;
  }

  /** A field with its arguments: under one name of an answer it is always asked for with the same ones. */
  function called({ name, args }: Field): string {
    const alias = random.chance(20) ? `a${random.below(3)}_${name}` : undefined;
    const answer = alias ?? name;
    const given = answers.get(answer) ?? argumentsOf(args);
    answers.set(answer, given);
    return `${alias === undefined ? '' : `${alias}: `}${name}${given}`;
  }

  function argumentsOf(args: readonly GraphQLArgument[]): string {
    const given = args.filter((one) => isRequiredArgument(one) || random.chance(60));
    if (given.length === 0) return '';
    return `(${given.map((one) => `${one.name}: ${literal(one.type, one.defaultValue !== undefined, 2)}`).join(', ')})`;
  }

  function literal(type: GraphQLInputType, hasDefault: boolean, depth: number): string {
    if (random.chance(30)) return variable(type, hasDefault);
    if (isNonNullType(type)) return presentLiteral(type.ofType as GraphQLInputType, depth);
    return random.chance(15) ? 'null' : presentLiteral(type, depth);
  }

  function presentLiteral(type: GraphQLInputType, depth: number): string {
    if (isListType(type)) {
      if (random.chance(20) && !isListType(type.ofType)) return literal(type.ofType, false, depth);
      return `[${random.many(0, 2, () => literal(type.ofType, false, depth)).join(', ')}]`;
    }
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(
        (one) => isRequiredInputField(one) || (depth > 0 && random.chance(50)),
      );
      const given = fields.map(
        (one) => `${one.name}: ${literal(one.type, one.defaultValue !== undefined, Math.max(depth - 1, 0))}`,
      );
      return `{ ${given.join(', ')} }`;
    }
    if (isEnumType(type)) return random.pick(['A', 'B', 'C']);
    return random.pick(literals[getNamedType(type).name] ?? ['"scalar"', '3', '{ a: [1] }']);
  }

  function variable(type: GraphQLInputType, hasDefault: boolean): string {
    const name = `v${variables.size}`;
    // Where there is a default a variable need not be given, and may then be null all the same.
    const isLax = isNonNullType(type) && (hasDefault || random.chance(30));
    const written = isLax ? String(type).slice(0, -1) : String(type);
    const own = isLax && !hasDefault ? ` = ${constant(type)}` : random.chance(15) ? ` = ${constant(type)}` : '';
    const isGiven = (isNonNullType(type) && !isLax) || random.chance(80);
    variables.set(name, { type: `${written}${own}`, given: isGiven ? valueFor(type, 2) : undefined, isGiven });
    return `$${name}`;
  }

  function constant(type: GraphQLInputType): string {
    if (isNonNullType(type)) return constant(type.ofType as GraphQLInputType);
    if (isListType(type)) return '[]';
    if (isInputObjectType(type)) {
      const required = Object.values(type.getFields()).filter(isRequiredInputField);
      return `{ ${required.map((one) => `${one.name}: ${constant(one.type)}`).join(', ')} }`;
    }
    return isEnumType(type) ? 'B' : (literals[getNamedType(type).name]?.[0] ?? '"scalar"');
  }

  function valueFor(type: GraphQLInputType, depth: number): unknown {
    if (random.chance(1)) return random.pick(['wrong', 1, null, [], {}, true]);
    if (isNonNullType(type)) return presentValue(type.ofType as GraphQLInputType, depth);
    return random.chance(15) ? null : presentValue(type, depth);
  }

  function presentValue(type: GraphQLInputType, depth: number): unknown {
    if (isListType(type)) {
      if (random.chance(10)) return valueFor(type.ofType, depth);
      return random.many(0, 2, () => valueFor(type.ofType, depth));
    }
    if (isInputObjectType(type)) {
      const fields = Object.values(type.getFields()).filter(
        (one) => isRequiredInputField(one) || (depth > 0 && random.chance(50)),
      );
      return Object.fromEntries(fields.map((one) => [one.name, valueFor(one.type, Math.max(depth - 1, 0))]));
    }
    if (isEnumType(type)) return random.pick(['A', 'B', 'C']);
    return random.pick(values[getNamedType(type).name] ?? ['scalar', 3, { a: [1] }]);
  }

  function directives(): string {
    if (!random.chance(15)) return '';
    const condition = () => (random.chance(40) ? random.pick(['true', 'false']) : `$${random.pick(conditions)}`);
    const both = [`@include(if: ${condition()})`, `@skip(if: ${condition()})`];
    return ` ${random.chance(20) ? both.join(' ') : random.pick(both)}`;
  }

  for (const name of conditions) {
    const [type, isGiven] = random.chance(80) ? ['Boolean!', true] : ['Boolean! = true', random.chance(50)];
    const given = random.chance(1) ? null : random.chance(50);
    variables.set(name, { type, given: isGiven ? given : undefined, isGiven });
  }
  const isAlone = random.chance(75);
  const names = isAlone && random.chance(50) ? [] : random.many(isAlone ? 1 : 2, isAlone ? 1 : 3, (one) => `Op${one}`);
  const bodies = (names.length === 0 ? [''] : names).map((name) => {
    const kind = random.pick(['query', 'query', 'query', 'mutation']);
    const root = kind === 'query' ? schema.getQueryType() : schema.getMutationType();
    return { head: `${kind} ${name}`, body: selectionSet(root as GraphQLCompositeType, 4, 0) };
  });
  const written = fragments.map(
    ({ name, type }, number) => `fragment ${name} on ${type.name} ${selectionSet(type, 2, number + 1)}`,
  );
  const declared = [...variables].map(([name, { type }]) => `$${name}: ${type}`).join(', ');
  return {
    text: [...bodies.map(({ head, body }) => `${head}(${declared}) ${body}`), ...written].join('\n'),
    names,
    variables: Object.fromEntries(
      [...variables].filter(([, { isGiven }]) => isGiven).map(([name, { given }]) => [name, given]),
    ),
  };
}

const conditions = ['yes', 'no'] as const;

const literals: Readonly<Record<string, readonly string[]>> = {
  Int: ['7', '0', '-1'],
  Float: ['1.5', '2', '1e3'],
  String: ['"text"', '""', '"""block"""'],
  Boolean: ['true', 'false'],
  ID: ['"id"', '4'],
};

const values: Readonly<Record<string, readonly unknown[]>> = {
  Int: [7, 0, -1],
  Float: [1.5, 2],
  String: ['text', '', '__proto__'],
  Boolean: [true, false],
  ID: ['id', 4],
};
