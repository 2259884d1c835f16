import { registerDecorator } from 'class-validator';
import { Field, getMetadataStorage, Int } from 'type-graphql';
import { DateTimeScalar } from './date-time.js';
import { isFlag, isIdentifier, isInteger, isText, isWellFormedText } from './rules.js';

/**
 * What a parameter may hold. An `identifier` is part of a key: text without white space at either end; an
 * `identifierList` is a list of 1 to 1000 of them.
 */
export type ParameterKind = 'integer' | 'text' | 'identifier' | 'identifierList' | 'flag' | 'dateTime';

/** A part of what an operation is done to: an account, or a datasource in it. */
export type TargetPart = 'accountProvider' | 'accountId' | 'region' | 'instanceId';

/** What is declared of one parameter. */
export interface ParameterDeclaration {
  readonly kind: ParameterKind;
  /** Whether it may be absent, null or (a text) empty. False unless told. */
  readonly optional?: boolean;
  /** In a patch: whether it may be absent, though not null or empty; absent means "as it is". */
  readonly patch?: boolean;
  /** Unicode code points at most; for `text`, `identifier` and each entry of an `identifierList`. */
  readonly maxLength?: number;
  /** The least value of an `integer`. */
  readonly from?: number;
  /** The greatest value of an `integer`; 2147483647 unless told. */
  readonly to?: number;
  /** The part of the operation's target that it says; undefined where it says none. */
  readonly targetPart?: TargetPart;
  /** What it means, for the schema: whole sentences. What it must be is added from the rest of the declaration. */
  readonly description: string;
}

/** A declared parameter with the names it goes by. */
export interface Parameter extends ParameterDeclaration {
  /** The property of the input class, which is the GraphQL name. */
  readonly property: string;
  /** The REST name: the same words in snake_case. */
  readonly restName: string;
}

/** The greatest value of an integer that has no limit of its own. */
export const maxInteger = 2147483647;
/** The most entries of a list. */
export const maxListLength = 1000;
const declared = new Map<object, Parameter[]>();
const targetParameters = new Map<TargetPart, Map<string, Parameter>>();

/**
 * Declares a property of an input class to be a parameter of an operation, once for both surfaces: it becomes the GraphQL
 * input field, the class-validator rule, and what the REST routes read it by.
 */
export function Parameter(declaration: ParameterDeclaration): PropertyDecorator {
  return (target, key) => {
    const property = String(key);
    const parameter = { ...declaration, property, restName: snakeCase(property) };
    declared.set(target, [...(declared.get(target) ?? []), parameter]);
    if (parameter.targetPart !== undefined) noteTargetPart(parameter.targetPart, parameter);
    Field(() => graphqlType(declaration.kind), {
      nullable: (declaration.optional || declaration.patch) ?? false,
      description: describeParameter(parameter),
    })(target, key);
    registerDecorator({
      name: 'parameter',
      target: target.constructor,
      propertyName: property,
      validator: {
        validate: (value: unknown) => problemOf(parameter, value) === undefined,
        defaultMessage: (argument) => problemOf(parameter, argument?.value) ?? '',
      },
    });
  };
}

/** The parameters of an input class, its base classes' first, in the order of their declaration. */
export function parametersOf(inputClass: abstract new () => object): readonly Parameter[] {
  const found: Parameter[] = [];
  for (let at = inputClass.prototype; at !== null && at !== Object.prototype; at = Object.getPrototypeOf(at)) {
    found.unshift(...(declared.get(at) ?? []));
  }
  return found;
}

/** The parameters of all inputs that say a part of their operation's target, by their names on either surface. */
export function parametersOfTarget(part: TargetPart): ReadonlyMap<string, Parameter> {
  return targetParameters.get(part) ?? new Map();
}

/** How many characters the parameters of a name may have at most, whichever input they are in; undefined where none is a text. */
export function maxLengthOf(property: string): number | undefined {
  const lengths = [...declared.values()]
    .flat()
    .filter((parameter) => parameter.property === property)
    .flatMap(({ maxLength }) => maxLength ?? []);
  return lengths.length === 0 ? undefined : Math.max(...lengths);
}

/** What an input class is, as it describes itself; empty where it does not. */
export function describeInput(inputClass: abstract new () => object): string {
  return getMetadataStorage().inputTypes.find(({ target }) => target === inputClass)?.description ?? '';
}

/** What a parameter means and what it must be, in whole sentences. */
export function describeParameter(parameter: Parameter): string {
  return `${parameter.description} It ${requirement(parameter)}.`;
}

/** What is wrong with a value, as the end of a sentence that starts with the parameter's name; undefined where nothing is. */
export function problemOf(parameter: ParameterDeclaration, value: unknown): string | undefined {
  if (parameter.patch && value === null) return `must not be null: it ${requirement(parameter)}`;
  if (value === undefined || value === null) {
    return parameter.optional || parameter.patch ? undefined : `is required: it ${requirement(parameter)}`;
  }
  return fits(parameter, value) ? undefined : requirement(parameter);
}

function fits(parameter: ParameterDeclaration, value: unknown): boolean {
  const maxLength = parameter.maxLength ?? Number.POSITIVE_INFINITY;
  switch (parameter.kind) {
    case 'integer':
      return isInteger(value, parameter.from ?? 0, parameter.to ?? maxInteger);
    case 'text':
      return parameter.optional ? isWellFormedText(value, maxLength) : isText(value, maxLength);
    case 'identifier':
      return isIdentifier(value, maxLength);
    case 'identifierList':
      return (
        Array.isArray(value) &&
        value.length >= 1 &&
        value.length <= maxListLength &&
        value.every((entry) => isIdentifier(entry, maxLength))
      );
    case 'flag':
      return isFlag(value);
    case 'dateTime':
      return value instanceof Date && !Number.isNaN(value.getTime());
  }
}

function requirement(parameter: ParameterDeclaration): string {
  const characters = `${parameter.optional ? 'at most' : '1 to'} ${parameter.maxLength} characters`;
  switch (parameter.kind) {
    case 'integer':
      return parameter.to === undefined
        ? `must be a whole number from ${parameter.from ?? 0} to ${maxInteger}`
        : `must be a whole number from ${parameter.from ?? 0} to ${parameter.to}`;
    case 'text':
      return parameter.optional
        ? `must be a string of ${characters}, well-formed Unicode`
        : `must be a string of ${characters}, well-formed Unicode and not only white space`;
    case 'identifier':
      return `must be a string of ${characters}, well-formed Unicode, with no white space at either end`;
    case 'identifierList':
      return `must be a list of 1 to ${maxListLength} strings, each of ${characters}, well-formed Unicode, with no white space at either end`;
    case 'flag':
      return 'must be true or false';
    case 'dateTime':
      return 'must be a date and time such as 2024-02-29T13:05:00.000Z';
  }
}

function graphqlType(kind: ParameterKind) {
  switch (kind) {
    case 'integer':
      return Int;
    case 'flag':
      return Boolean;
    case 'dateTime':
      return DateTimeScalar;
    case 'identifierList':
      return [String];
    default:
      return String;
  }
}

function noteTargetPart(part: TargetPart, parameter: Parameter): void {
  const named = targetParameters.get(part) ?? new Map<string, Parameter>();
  for (const name of [parameter.property, parameter.restName]) if (!named.has(name)) named.set(name, parameter);
  targetParameters.set(part, named);
}

function snakeCase(words: string): string {
  return words.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
