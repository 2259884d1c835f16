import {
  type DocumentNode,
  type GraphQLSchema,
  getVariableValues,
  Kind,
  type OperationDefinitionNode,
  type OperationTypeNode,
  visit,
} from 'graphql';
import { InvalidParametersError } from '../../errors.js';
import type { Permission } from '../../security/caller.js';
import { OperationPlan } from '../execution/operation-plan.js';
import { planVariables } from '../execution/variable-plan.js';
import { variableProblems } from './input-problems.js';
import { requiredPermissions } from './required-permissions.js';

type Variables = Readonly<Record<string, unknown>>;

const maxPlanFields = 2_000;
const maxPlans = 8;
const maxRootFieldsNamed = 10;

/** An operation of a valid document, with everything that does not depend on the request looked up once. */
export class PreparedOperation {
  readonly document: DocumentNode;
  readonly definition: OperationDefinitionNode;
  /** What a caller needs. */
  readonly permissions: ReadonlySet<Permission>;
  /** What the log calls it: the fields that it starts with. */
  readonly name: string;
  readonly #schema: GraphQLSchema;
  readonly #coerce: ReturnType<typeof planVariables>;
  /** The variables that `@skip` and `@include` ask. */
  readonly #conditions: readonly string[];
  /** By the values of these variables. */
  readonly #plans = new Map<string, OperationPlan | undefined>();
  readonly #onPlan: (fields: number) => void;

  /**
   * @param document one that was validated against the schema
   * @param definition the one of its operations
   * @param onPlan told of the size of each plan that is kept
   */
  constructor(
    schema: GraphQLSchema,
    document: DocumentNode,
    definition: OperationDefinitionNode,
    onPlan: (fields: number) => void,
  ) {
    this.document = document;
    this.definition = definition;
    this.permissions = requiredPermissions(schema, document, definition);
    this.name = rootFieldsOf(definition);
    this.#schema = schema;
    this.#coerce = planVariables(schema, definition);
    this.#conditions = conditionsOf(document);
    this.#onPlan = onPlan;
  }

  /** Of which kind it is: a query, a mutation or a subscription. */
  get kind(): OperationTypeNode {
    return this.definition.operation;
  }

  /**
   * Coerces the variables.
   *
   * @throws InvalidParametersError
   */
  coerced(given: Variables): Variables {
    const usual = this.#coerce(given);
    if (usual !== undefined) return usual;
    const { variableDefinitions = [] } = this.definition;
    const { coerced } = getVariableValues(this.#schema, variableDefinitions, given, { maxErrors: 1 });
    if (coerced === undefined) {
      throw new InvalidParametersError(variableProblems(this.#schema, this.definition, given));
    }
    return coerced;
  }

  /**
   * The plan for variables that were coerced.
   *
   * @returns undefined where it is left to graphql-js
   */
  planFor(variables: Variables): OperationPlan | undefined {
    const values = this.#conditions.map((name) => variables[name]);
    const key = values.join();
    if (this.#plans.has(key)) return this.#plans.get(key);
    const isUsual = values.every((value) => typeof value === 'boolean');
    const conditions = new Map(this.#conditions.map((name, index) => [name, values[index] as boolean]));
    const plan = isUsual
      ? OperationPlan.of(this.#schema, this.document, this.definition, conditions, maxPlanFields)
      : undefined;
    if (this.#plans.size < maxPlans) {
      this.#plans.set(key, plan);
      this.#onPlan(plan?.size ?? 0);
    }
    return plan;
  }
}

function rootFieldsOf({ selectionSet }: OperationDefinitionNode): string {
  return selectionSet.selections
    .slice(0, maxRootFieldsNamed)
    .map((selection) => (selection.kind === Kind.FIELD ? selection.name.value : '...'))
    .join(',');
}

function conditionsOf(document: DocumentNode): string[] {
  // Most documents have none, and need not be walked through.
  if (!document.loc?.source.body.includes('@')) return [];
  const names = new Set<string>();
  visit(document, {
    Directive: ({ name, arguments: given }) => {
      const condition = given?.[0]?.value;
      if ((name.value === 'skip' || name.value === 'include') && condition?.kind === Kind.VARIABLE) {
        names.add(condition.name.value);
      }
    },
  });
  return [...names];
}
