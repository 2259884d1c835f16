import {
  type GraphQLInputType,
  type GraphQLSchema,
  isInputObjectType,
  isInputType,
  isLeafType,
  isListType,
  isNonNullType,
  type OperationDefinitionNode,
  typeFromAST,
} from 'graphql';

type Variables = Readonly<Record<string, unknown>>;
/** Coerces a value, or throws where graphql-js must look at it. */
type Coerce = (value: unknown) => unknown;

class UnusualValueError extends Error {}
// No stack: it is thrown where a client has made a mistake, and told to nobody.
const unusual = new UnusualValueError('graphql-js must look at the value');

/**
 * Prepares the coercion of an operation's variables (https://spec.graphql.org/September2025/#sec-Coercing-Variable-Values).
 *
 * @returns what coerces them as graphql-js does; it returns undefined for those that it does not take at once, of which some
 *   are wrong: graphql-js then must say
 */
export function planVariables(
  schema: GraphQLSchema,
  { variableDefinitions = [] }: OperationDefinitionNode,
): (given: Variables) => Record<string, unknown> | undefined {
  const plans = variableDefinitions.map(({ variable, type, defaultValue }) => {
    const inputType = typeFromAST(schema, type as never);
    const isUsual = isInputType(inputType) && defaultValue === undefined && variable.name.value !== '__proto__';
    const coerce = isUsual ? planValue(inputType) : undefined;
    return { name: variable.name.value, coerce, isRequired: isNonNullType(inputType) };
  });
  return (given) => {
    const coerced: Record<string, unknown> = {};
    try {
      for (const { name, coerce, isRequired } of plans) {
        const isGiven = Object.hasOwn(given, name);
        if (coerce === undefined || (isRequired && !isGiven)) return undefined;
        if (isGiven) coerced[name] = coerce(given[name]);
      }
      return coerced;
    } catch {
      return undefined;
    }
  };
}

function planValue(type: GraphQLInputType): Coerce {
  if (isNonNullType(type)) {
    const inner = planPresent(type.ofType);
    return (value) => {
      if (value === null || value === undefined) throw unusual;
      return inner(value);
    };
  }
  const inner = planPresent(type);
  return (value) => {
    if (value === null) return null;
    if (value === undefined) throw unusual;
    return inner(value);
  };
}

function planPresent(type: GraphQLInputType): Coerce {
  if (isListType(type)) return planList(type.ofType);
  if (isInputObjectType(type)) return type.isOneOf ? refuse : planObject(type.getFields());
  return isLeafType(type) ? (value) => parsed(type.parseValue(value)) : refuse;
}

function planList(type: GraphQLInputType): Coerce {
  const coerce = planValue(type);
  return (value) => {
    // Anything else is taken for a list of one.
    if (!Array.isArray(value)) throw unusual;
    return value.map((entry) => coerce(entry));
  };
}

function planObject(fields: Readonly<Record<string, { type: GraphQLInputType; defaultValue?: unknown }>>): Coerce {
  // Made when it is first needed: a type may lead to itself.
  let plans: { name: string; coerce: Coerce; isRequired: boolean; defaultValue: unknown }[] | undefined;
  return (value) => {
    if (typeof value !== 'object' || Array.isArray(value)) throw unusual;
    plans ??= Object.entries(fields).map(([name, { type, defaultValue }]) => {
      return { name, coerce: planValue(type), isRequired: isNonNullType(type), defaultValue };
    });
    const given = value as Variables;
    const coerced: Record<string, unknown> = {};
    let known = 0;
    for (const { name, coerce, isRequired, defaultValue } of plans) {
      const one = given[name];
      if (one !== undefined) {
        coerced[name] = coerce(one);
        known += 1;
      } else if (defaultValue !== undefined) coerced[name] = defaultValue;
      else if (isRequired) throw unusual;
    }
    // A name that is not a field's, or the name of one without a value.
    if (known !== Object.keys(given).length) throw unusual;
    return coerced;
  };
}

function parsed(value: unknown): unknown {
  if (value === undefined) throw unusual;
  return value;
}

function refuse(): never {
  throw unusual;
}
