import {
  type ASTNode,
  BREAK,
  coerceInputValue,
  type DocumentNode,
  type GraphQLError,
  type GraphQLInputType,
  type GraphQLSchema,
  getNamedType,
  getNullableType,
  isInputObjectType,
  isInputType,
  Kind,
  type OperationDefinitionNode,
  TypeInfo,
  typeFromAST,
  valueFromASTUntyped,
  visit,
  visitWithTypeInfo,
} from 'graphql';
import { getMetadataStorage } from 'type-graphql';
import type { ParameterProblem } from '../../errors.js';
import { type Parameter, parametersOf, problemOf } from '../../input/parameter.js';

type Variables = Readonly<Record<string, unknown>>;

// A list may have a million wrong entries, and each is an error that takes a stack.
const maxProblems = 100;
const tooManyProblems = new Error('too many problems');

const valueKinds: ReadonlySet<string> = new Set([
  Kind.INT,
  Kind.FLOAT,
  Kind.STRING,
  Kind.BOOLEAN,
  Kind.NULL,
  Kind.ENUM,
  Kind.LIST,
  Kind.OBJECT,
  Kind.OBJECT_FIELD,
]);

/**
 * Whether an error is about a value that a client wrote into the document or sent as a variable. The messages that
 * graphql-js gives these repeat the value, which may be a credential, so they are told anew from the declarations.
 */
export function isAboutInput(error: GraphQLError): boolean {
  const [node] = error.nodes ?? [];
  // A document that does not validate may use a variable wrongly, whatever its value.
  const isVariable = node?.kind === Kind.VARIABLE_DEFINITION && error.extensions.code !== 'GRAPHQL_VALIDATION_FAILED';
  return node !== undefined && (valueKinds.has(node.kind) || isVariable);
}

/** What is wrong with the variables of an operation, by the names of parameters. */
export function variableProblems(
  schema: GraphQLSchema,
  operation: OperationDefinitionNode,
  variables: Variables,
): ParameterProblem[] {
  return (operation.variableDefinitions ?? []).flatMap((definition) => {
    const type = typeFromAST(schema, definition.type as never);
    const name = definition.variable.name.value;
    const value = Object.hasOwn(variables, name) ? variables[name] : undefined;
    if (!isInputType(type) || (value === undefined && definition.defaultValue !== undefined)) return [];
    return valueProblems(name, value, type);
  });
}

/** What is wrong with the values that are written into a document, by the names of parameters. */
export function literalProblems(
  schema: GraphQLSchema,
  document: DocumentNode,
  errors: readonly GraphQLError[],
  variables: Variables,
): ParameterProblem[] {
  const wrong = new Set<ASTNode>(errors.flatMap((error) => error.nodes ?? []));
  const problems: ParameterProblem[] = [];
  const typeInfo = new TypeInfo(schema);
  visit(
    document,
    visitWithTypeInfo(typeInfo, {
      Argument: (argument) => {
        const type = typeInfo.getInputType();
        if (type && contains(argument.value, wrong)) {
          const value = valueFromASTUntyped(argument.value, variables as Record<string, unknown>);
          problems.push(...valueProblems(argument.name.value, value, type));
        }
      },
    }),
  );
  return problems;
}

function valueProblems(name: string, value: unknown, type: GraphQLInputType): ParameterProblem[] {
  const parameters = parametersOfType(type);
  const problems = new Map<string, string>();
  const { given, unknown } = fieldsOf(value, type);
  let reported = 0;
  const report: Parameters<typeof coerceInputValue>[2] = (path, _, error) => {
    const property = path.length > 0 ? String(path[0]) : (fieldNamedIn(error.message) ?? name);
    const parameter = parameters.find((declared) => declared.property === property);
    if (parameter !== undefined) {
      const isGiven = given?.[property] !== undefined && given[property] !== null;
      problems.set(property, problemOf(parameter, isGiven ? Symbol('of a wrong type') : undefined) ?? 'is not valid');
    } else if (property === name) {
      problems.set(property, `must be a value of the type ${String(type)}`);
    } else {
      problems.set(property, 'is not a field of this input, or not of its type');
    }
    reported += 1;
    if (reported === maxProblems) throw tooManyProblems;
  };
  try {
    coerceInputValue(given ?? value, type, report);
  } catch (error) {
    if (error !== tooManyProblems) throw error;
  }
  if (problems.size + unknown.length === 0) return [];
  // The rest is checked too, so that a client is told of everything at once. A date and time was checked by its type.
  for (const parameter of parameters) {
    const problem = parameter.kind === 'dateTime' ? undefined : problemOf(parameter, given?.[parameter.property]);
    if (problem !== undefined && !problems.has(parameter.property)) problems.set(parameter.property, problem);
  }
  return [
    ...[...problems].map(([property, problem]) => ({ property, problem })),
    ...unknown.map((property) => ({ property, problem: 'is not a field of this input' })),
  ];
}

/** The fields of an input object that its type has, and the names of others: looked up here, graphql-js takes long for each. */
function fieldsOf(value: unknown, type: GraphQLInputType) {
  const named = getNullableType(type);
  if (!isInputObjectType(named) || typeof value !== 'object' || value === null || Array.isArray(value)) {
    return { given: undefined, unknown: [] };
  }
  const known = named.getFields();
  const given: Record<string, unknown> = {};
  const unknown: string[] = [];
  for (const [name, field] of Object.entries(value)) {
    if (known[name] === undefined) unknown.push(name);
    else given[name] = field;
  }
  return { given, unknown };
}

function parametersOfType(type: GraphQLInputType): readonly Parameter[] {
  const { name } = getNamedType(type);
  const inputClass = getMetadataStorage().inputTypes.find((inputType) => inputType.name === name)?.target;
  return inputClass === undefined ? [] : parametersOf(inputClass as new () => object);
}

function fieldNamedIn(message: string): string | undefined {
  return /^Field "([^".]+)" (?:of required type|is not defined)/.exec(message)?.[1];
}

function contains(value: ASTNode, nodes: ReadonlySet<ASTNode>): boolean {
  let found = false;
  visit(value, {
    enter: (node) => {
      found ||= nodes.has(node);
      return found ? BREAK : undefined;
    },
  });
  return found;
}
