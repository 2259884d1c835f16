import {
  type DocumentNode,
  defaultTypeResolver,
  type ExecutionResult,
  type FieldNode,
  type GraphQLAbstractType,
  type GraphQLError,
  type GraphQLField,
  type GraphQLLeafType,
  type GraphQLObjectType,
  type GraphQLOutputType,
  type GraphQLResolveInfo,
  type GraphQLSchema,
  getArgumentValues,
  isAbstractType,
  isLeafType,
  isListType,
  isNonNullType,
  locatedError,
  type OperationDefinitionNode,
  OperationTypeNode,
  responsePathAsArray,
  type SelectionSetNode,
} from 'graphql';
import { fragmentsOf } from './fragments.js';
import { type Conditions, type SelectionScope, selectedFields } from './selected-fields.js';

type Path = GraphQLResolveInfo['path'];
type MaybePromise<T> = T | Promise<T>;
type Data = Record<string, unknown>;

/** What may end an execution before its end. */
export interface ExecutionBounds {
  /** Characters of texts that the answer may have. */
  readonly maxCharacters: number;
  /** Told before anything is resolved by a function; what it throws ends the execution. */
  check(): void;
}

/** What one execution has. */
interface Run {
  readonly context: unknown;
  readonly bounds: ExecutionBounds;
  /** Of the texts that were answered so far. */
  characters: number;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly errors: FieldErrors;
}

/** Resolves and completes a field of an object. */
type ExecuteField = (run: Run, source: unknown, parentPath: Path | undefined) => unknown;
/** Makes what is answered of what was resolved; what it throws is the field's or the entry's error. */
type Complete = (run: Run, value: unknown, path: Path) => unknown;

interface FieldPlan {
  readonly name: string;
  readonly execute: ExecuteField;
}

/** What does not change between the executions of an operation. */
interface Outline extends SelectionScope {
  readonly operation: OperationDefinitionNode;
  /** How many fields were planned so far, and how many may be. */
  readonly fields: { count: number; readonly largest: number };
}

/** Where a field stands in its operation. */
interface Place {
  readonly outline: Outline;
  readonly parent: GraphQLObjectType;
  readonly field: GraphQLField<unknown, unknown>;
  readonly nodes: readonly [FieldNode, ...FieldNode[]];
  readonly name: string;
}

/**
 * An operation that is prepared for being executed many times: what graphql-js looks up anew for each field of each object
 * is looked up once. It does what the specification says (https://spec.graphql.org/September2025/#sec-Execution), and
 * answers as `execute` of graphql-js does.
 */
export class OperationPlan {
  /** How many fields it has, each counted wherever it stands: what it takes in memory goes by that. */
  readonly size: number;
  readonly #root: readonly FieldPlan[];
  readonly #isSerial: boolean;

  private constructor(root: readonly FieldPlan[], isSerial: boolean, size: number) {
    this.#root = root;
    this.#isSerial = isSerial;
    this.size = size;
  }

  /**
   * Prepares an operation.
   *
   * @param document one that was validated against the schema
   * @param operation the one of its operations
   * @param conditions the values of the variables that `@skip` and `@include` ask: the plan holds for these
   * @param largest how many fields it may have
   * @returns undefined for what is left to graphql-js: introspection, subscriptions, and what has more fields
   */
  static of(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation: OperationDefinitionNode,
    conditions: Conditions = new Map(),
    largest = Number.POSITIVE_INFINITY,
  ): OperationPlan | undefined {
    const rootType = schema.getRootType(operation.operation);
    if (rootType == null || operation.operation === OperationTypeNode.SUBSCRIPTION) return undefined;
    const fragments = fragmentsOf(document);
    const outline: Outline = { schema, fragments, conditions, operation, fields: { count: 0, largest } };
    const root = planFields(outline, rootType, [operation.selectionSet]);
    const isSerial = operation.operation === OperationTypeNode.MUTATION;
    return root && new OperationPlan(root, isSerial, outline.fields.count);
  }

  /**
   * Executes the operation.
   *
   * @param variables as they were coerced
   * @param bounds what may end it before its end
   * @returns the data, with the errors of fields, and how many characters its texts have
   * @throws what the bounds do, and {@link TooManyCharactersError}
   */
  async execute(
    context: unknown,
    variables: Readonly<Record<string, unknown>>,
    bounds: ExecutionBounds = unbounded,
  ): Promise<ExecutionResult & { readonly characters: number }> {
    const run: Run = { context, variables, bounds, characters: 0, errors: new FieldErrors() };
    let data: Data | null = null;
    try {
      data = await (this.#isSerial
        ? executeOneByOne(this.#root, run)
        : executeAll(this.#root, run, undefined, undefined));
    } catch (error) {
      if (error instanceof Ended) throw error.cause;
      run.errors.add(error as GraphQLError, undefined);
    }
    const { all } = run.errors;
    const { characters } = run;
    return all.length === 0 ? { data, characters } : { errors: all, data, characters };
  }
}

/** The texts of an answer have more characters than they may. */
export class TooManyCharactersError extends Error {}

/** Ends an execution: it is no field's error. */
class Ended extends Error {}

const unbounded: ExecutionBounds = { maxCharacters: Number.POSITIVE_INFINITY, check: () => undefined };

function goOn({ bounds, characters }: Run): void {
  if (characters > bounds.maxCharacters) throw new Ended(undefined, { cause: new TooManyCharactersError() });
  try {
    bounds.check();
  } catch (cause) {
    throw new Ended(undefined, { cause });
  }
}

/** Errors of fields. What lies under a position that is null by an error already has no more of them. */
class FieldErrors {
  readonly all: GraphQLError[] = [];
  readonly #nulled = new Set<Path | undefined>();

  add(error: GraphQLError, path: Path | undefined): void {
    for (let at = path; at !== undefined; at = at.prev) if (this.#nulled.has(at)) return;
    if (this.#nulled.has(undefined)) return;
    this.#nulled.add(path);
    this.all.push(error);
  }
}

function executeAll(
  fields: readonly FieldPlan[],
  run: Run,
  source: unknown,
  path: Path | undefined,
): MaybePromise<Data> {
  const data: Data = {};
  let waiting: FieldPlan[] | undefined;
  try {
    for (const field of fields) {
      const value = field.execute(run, source, path);
      data[field.name] = value;
      if (isPromise(value)) {
        waiting ??= [];
        waiting.push(field);
      }
    }
  } catch (error) {
    // What is under way may fail too, and somebody must be there to hear of it.
    if (waiting !== undefined) return settled(data, waiting).finally(() => Promise.reject(error));
    throw error;
  }
  return waiting === undefined ? data : settled(data, waiting);
}

async function settled(data: Data, waiting: readonly FieldPlan[]): Promise<Data> {
  const [first] = waiting;
  if (waiting.length === 1 && first !== undefined) {
    data[first.name] = await data[first.name];
    return data;
  }
  const values = await Promise.all(waiting.map(({ name }) => data[name]));
  for (const [place, { name }] of waiting.entries()) data[name] = values[place];
  return data;
}

async function executeOneByOne(fields: readonly FieldPlan[], run: Run): Promise<Data> {
  const data: Data = {};
  for (const field of fields) data[field.name] = await field.execute(run, undefined, undefined);
  return data;
}

/** @returns undefined where a field is not planned */
function planFields(
  outline: Outline,
  parent: GraphQLObjectType,
  sets: readonly SelectionSetNode[],
): FieldPlan[] | undefined {
  const plans: FieldPlan[] = [];
  for (const [name, nodes] of selectedFields(outline, parent, sets)) {
    outline.fields.count += 1;
    if (outline.fields.count > outline.fields.largest) return undefined;
    const execute = planField(outline, parent, name, nodes as [FieldNode, ...FieldNode[]]);
    // As a property of an object that name would be something else than a value.
    if (execute === undefined || name === '__proto__') return undefined;
    plans.push({ name, execute });
  }
  return plans;
}

function planField(
  outline: Outline,
  parent: GraphQLObjectType,
  name: string,
  nodes: readonly [FieldNode, ...FieldNode[]],
): ExecuteField | undefined {
  const fieldName = nodes[0].name.value;
  if (fieldName === '__typename') return () => parent.name;
  const field = parent.getFields()[fieldName];
  if (field === undefined) return undefined;
  const place: Place = { outline, parent, field, nodes, name };
  const complete = planType(place, field.type);
  if (complete === undefined) return undefined;
  const completed = completion(place, complete);
  return field.resolve === undefined && field.args.length === 0
    ? propertyField(place, completed)
    : resolvedField(place, completed);
}

/** A field that is a property of its object, as most are, and mostly a plain value. */
function propertyField(place: Place, completed: Completion): ExecuteField {
  const { name: property, type } = place.field;
  const inner = isNonNullType(type) ? type.ofType : type;
  const leaf = isLeafType(inner) ? inner : undefined;
  return (run, source, prev) => {
    // It may be a getter, so it is read once, and may fail.
    let value: unknown;
    try {
      value = propertyOf(source, property);
    } catch (error) {
      return completed(run, prev, () => {
        throw error;
      });
    }
    if (leaf !== undefined && (typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean')) {
      try {
        const written = leaf.serialize(value);
        if (typeof written === 'string') run.characters += written.length;
        if (written != null) return written;
      } catch {
        // Told below, as of every other value.
      }
    }
    return completed(run, prev, (path) =>
      typeof value === 'function' ? value.call(source, {}, run.context, infoOf(place, run, path)) : value,
    );
  };
}

function resolvedField(place: Place, completed: Completion): ExecuteField {
  const { field, nodes } = place;
  const property = field.name;
  const { resolve } = field;
  return (run, source, prev) =>
    completed(run, prev, (path) => {
      goOn(run);
      const given = getArgumentValues(field, nodes[0], run.variables as Data);
      const info = infoOf(place, run, path);
      if (resolve !== undefined) return resolve(source, given, run.context, info);
      const value = propertyOf(source, property);
      return typeof value === 'function' ? value.call(source, given, run.context, info) : value;
    });
}

/** Of what is neither an object nor a function nothing is a field: a text has a length of its own. */
function propertyOf(source: unknown, property: string): unknown {
  const isObject = (typeof source === 'object' && source !== null) || typeof source === 'function';
  return isObject ? (source as Data)[property] : undefined;
}

/** Completes what a field is resolved to, and is told where that fails. */
type Completion = (run: Run, prev: Path | undefined, resolve: (path: Path) => unknown) => unknown;

function completion({ parent, field, nodes, name }: Place, complete: Complete): Completion {
  const completed = locating(nodes, field.type, complete);
  return (run, prev, resolve) => completed(run, { prev, key: name, typename: parent.name }, resolve);
}

/** Completes what stands at a position: where that fails, the position is null, or what it stands in fails as well. */
function locating(
  nodes: readonly FieldNode[],
  type: GraphQLOutputType,
  complete: Complete,
): (run: Run, path: Path, resolve: (path: Path) => unknown) => unknown {
  const isNullable = !isNonNullType(type);

  function failed(run: Run, raw: unknown, path: Path): null {
    if (raw instanceof Ended) throw raw;
    const error = locatedError(raw, nodes, responsePathAsArray(path));
    if (!isNullable) throw error;
    run.errors.add(error, path);
    return null;
  }

  return (run, path, resolve) => {
    try {
      const value = resolve(path);
      const completed = isPromise(value)
        ? value.then((resolved) => complete(run, resolved, path))
        : complete(run, value, path);
      return isPromise(completed) ? completed.then(undefined, (error) => failed(run, error, path)) : completed;
    } catch (error) {
      return failed(run, error, path);
    }
  };
}

/** @returns undefined where the type, or one that is selected of it, is not planned */
function planType(place: Place, type: GraphQLOutputType): Complete | undefined {
  if (isNonNullType(type)) return planNonNull(place, planNullable(place, type.ofType));
  return planNullable(place, type);
}

function planNonNull({ parent, field }: Place, inner: Complete | undefined): Complete | undefined {
  const message = `Cannot return null for non-nullable field ${parent.name}.${field.name}.`;
  return (
    inner &&
    ((run, value, path) => {
      const completed = inner(run, value, path);
      if (completed === null) throw new Error(message);
      return completed;
    })
  );
}

function planNullable(place: Place, type: GraphQLOutputType): Complete | undefined {
  const present = planPresent(place, type);
  return (
    present &&
    ((run, value, path) => {
      if (value === null || value === undefined) return null;
      if (value instanceof Error) throw value;
      return present(run, value, path);
    })
  );
}

/** What completes a value that is neither null nor an error. */
function planPresent(place: Place, type: GraphQLOutputType): Complete | undefined {
  if (isLeafType(type)) {
    return (run, value) => {
      const written = serialized(type, value);
      if (typeof written === 'string') run.characters += written.length;
      return written;
    };
  }
  if (isListType(type)) return planList(place, type.ofType);
  if (isAbstractType(type)) return planAbstract(place, type);
  return type.isTypeOf == null ? planObject(place, type) : undefined;
}

/** An object whose type is found out when it is there: each that it may be is planned. */
function planAbstract(place: Place, type: GraphQLAbstractType): Complete | undefined {
  const { schema } = place.outline;
  const objects = new Map<string, Complete>();
  for (const possible of schema.getPossibleTypes(type)) {
    const object = possible.isTypeOf == null ? planObject(place, possible) : undefined;
    if (object === undefined) return undefined;
    objects.set(possible.name, object);
  }
  const resolveType = type.resolveType ?? defaultTypeResolver;
  const { name } = place.field;

  function completed(run: Run, value: unknown, path: Path, typeName: unknown): unknown {
    const complete = objects.get(typeName as string);
    if (complete === undefined) {
      throw new Error(`The value of the field ${place.parent.name}.${name} is of no type that ${type.name} may be.`);
    }
    return complete(run, value, path);
  }

  return (run, value, path) => {
    const typeName = resolveType(value, run.context, infoOf(place, run, fieldPathOf(path)), type);
    return isPromise(typeName)
      ? typeName.then((found) => completed(run, value, path, found))
      : completed(run, value, path, typeName);
  };
}

function planObject({ outline, nodes }: Place, type: GraphQLObjectType): Complete | undefined {
  const sets = nodes.flatMap(({ selectionSet }) => selectionSet ?? []);
  const fields = planFields(outline, type, sets);
  return fields && ((run, value, path) => executeAll(fields, run, value, path));
}

function planList(place: Place, type: GraphQLOutputType): Complete | undefined {
  const { parent, field, nodes } = place;
  const complete = planType(place, type);
  if (complete === undefined) return undefined;
  const completeEntry = locating(nodes, type, complete);
  const message = `Expected Iterable, but did not find one for field "${parent.name}.${field.name}".`;

  return (run, value, prev) => {
    if (typeof value !== 'object' || typeof (value as Iterable<unknown>)[Symbol.iterator] !== 'function') {
      throw new Error(message);
    }
    const entries: unknown[] = [];
    let hasPromises = false;
    try {
      for (const entry of value as Iterable<unknown>) {
        if (run.characters > run.bounds.maxCharacters) goOn(run);
        const completed = completeEntry(run, { prev, key: entries.length, typename: undefined }, () => entry);
        hasPromises ||= isPromise(completed);
        entries.push(completed);
      }
    } catch (error) {
      // As above; and nobody has looked at those behind it.
      if (Array.isArray(value)) for (const entry of value) if (isPromise(entry)) entry.then(undefined, () => undefined);
      if (hasPromises) return Promise.allSettled(entries).then(() => Promise.reject(error));
      throw error;
    }
    return hasPromises ? Promise.all(entries) : entries;
  };
}

function serialized(type: GraphQLLeafType, value: unknown): unknown {
  const result = type.serialize(value);
  if (result == null) throw new Error(`A value of the type ${type.name} could not be written.`);
  return result;
}

function infoOf({ outline, parent, field, nodes }: Place, { variables }: Run, path: Path): GraphQLResolveInfo {
  return {
    fieldName: field.name,
    fieldNodes: nodes,
    returnType: field.type,
    parentType: parent,
    path,
    schema: outline.schema,
    fragments: outline.fragments as GraphQLResolveInfo['fragments'],
    rootValue: undefined,
    operation: outline.operation,
    variableValues: variables as Data,
  };
}

/** The path of the field that an entry of a list is in, however deep; of what is no entry its own. */
function fieldPathOf(path: Path): Path {
  let at = path;
  while (typeof at.key === 'number' && at.prev !== undefined) at = at.prev;
  return at;
}

function isPromise(value: unknown): value is Promise<unknown> {
  return typeof (value as Promise<unknown> | null | undefined)?.then === 'function';
}
