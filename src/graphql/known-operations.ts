import { type DocumentNode, type GraphQLSchema, Kind, type OperationDefinitionNode } from 'graphql';
import { OperationPlan } from './operation-plan.js';
import { planVariables } from './variable-plan.js';
import { mayHoldCredential } from './written-values.js';

/** An operation that was asked for before, prepared for being executed. */
export interface KnownOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly plan: OperationPlan;
  /** Coerces its variables; undefined where graphql-js must. */
  readonly coerce: ReturnType<typeof planVariables>;
}

type Validated = Pick<KnownOperation, 'document' | 'operation'>;
/** What cannot be prepared is remembered too, as undefined. */
type Remembered = Validated | KnownOperation | undefined;

/** What is remembered in one generation, and what it takes. */
interface Generation {
  readonly operations: Map<string, Remembered>;
  /** Of the documents' texts: each takes some hundred bytes of memory when it is parsed. */
  characters: number;
  /** Of the plans: each takes about a kilobyte. */
  fields: number;
}

// Of one generation; there are two.
const mostOperations = 500;
const mostCharacters = 100_000;
const mostFields = 20_000;
const largestPlan = 2_000;

/**
 * Remembers the operations of documents that Apollo Server has parsed, validated and let through. Asked for again, they are
 * executed at once: of what it would do, nothing is left but to execute them.
 *
 * What is not asked for any more is forgotten: when a generation is full, the next one begins, and what is asked for comes
 * over into it.
 */
export class KnownOperations {
  readonly #schema: GraphQLSchema;
  #generation = newGeneration();
  #last = newGeneration();

  /** @param schema what the documents were validated against */
  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  /**
   * Remembers the operation of a document that was validated and let through. A document with several operations is not
   * remembered, nor one that may hold a credential.
   */
  remember(query: string, document: DocumentNode, operation: OperationDefinitionNode): void {
    const operations = document.definitions.filter(({ kind }) => kind === Kind.OPERATION_DEFINITION);
    if (operations.length > 1 || this.#isRemembered(query) || mayHoldCredential(document)) return;
    this.#keep(query, { document, operation });
  }

  /**
   * Finds the operation that a request asks for.
   *
   * @param body as it was sent
   * @returns undefined where it is not known, or where anything in the request is not as usual
   */
  find(body: unknown): KnownOperation | undefined {
    if (!isRecord(body)) return undefined;
    const { query, variables = null, operationName = null, extensions = null } = body;
    if (typeof query !== 'string' || extensions !== null || (variables !== null && !isRecord(variables))) {
      return undefined;
    }
    const isRecent = this.#generation.operations.has(query);
    const known = (isRecent ? this.#generation : this.#last).operations.get(query);
    if (known === undefined || (operationName !== null && operationName !== known.operation.name?.value)) {
      return undefined;
    }
    if ('plan' in known && isRecent) return known;
    // Only what is asked for a second time is worth being prepared.
    const prepared = 'plan' in known ? known : this.#prepare(known);
    this.#keep(query, prepared);
    return prepared;
  }

  #prepare({ document, operation }: Validated): KnownOperation | undefined {
    const plan = OperationPlan.of(this.#schema, document, operation, largestPlan);
    return plan && { document, operation, plan, coerce: planVariables(this.#schema, operation) };
  }

  #isRemembered(query: string): boolean {
    return this.#generation.operations.has(query) || this.#last.operations.has(query);
  }

  #keep(query: string, operation: Remembered): void {
    if (query.length > mostCharacters) return;
    const fields = operation !== undefined && 'plan' in operation ? operation.plan.size : 0;
    const { operations, ...used } = this.#generation;
    const characters = operations.has(query) ? 0 : query.length;
    if (
      operations.size >= mostOperations ||
      used.characters + characters > mostCharacters ||
      used.fields + fields > mostFields
    ) {
      this.#last = this.#generation;
      this.#generation = newGeneration();
    }
    const generation = this.#generation;
    generation.characters += generation.operations.has(query) ? 0 : query.length;
    generation.fields += fields;
    generation.operations.set(query, operation);
  }
}

function newGeneration(): Generation {
  return { operations: new Map(), characters: 0, fields: 0 };
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
