import type { DocumentNode, GraphQLSchema, OperationDefinitionNode } from 'graphql';
import { OperationPlan } from './operation-plan.js';
import { planVariables } from './variable-plan.js';

/** An operation that was asked for before, prepared for being executed. */
export interface KnownOperation {
  readonly document: DocumentNode;
  readonly operation: OperationDefinitionNode;
  readonly plan: OperationPlan;
  /** Coerces its variables; undefined where graphql-js must. */
  readonly coerce: ReturnType<typeof planVariables>;
}

type Validated = Pick<KnownOperation, 'document' | 'operation'>;

const mostRemembered = 1000;
// A document takes several hundred times the memory of its text.
const mostCharacters = 200_000;

/**
 * Remembers the operations of documents that Apollo Server has parsed, validated and let through. Asked for again, they are
 * executed at once: of what it would do, nothing is left but to execute them.
 */
export class KnownOperations {
  readonly #schema: GraphQLSchema;
  /** By the text of their documents. What cannot be prepared is remembered too, as undefined. */
  readonly #operations = new Map<string, Validated | KnownOperation | undefined>();
  #characters = 0;

  /** @param schema what the documents were validated against */
  constructor(schema: GraphQLSchema) {
    this.#schema = schema;
  }

  /**
   * Remembers the operation of a document that was validated and let through. A document with several operations is not
   * remembered.
   */
  remember(query: string, document: DocumentNode, operation: OperationDefinitionNode): void {
    const operations = document.definitions.filter(({ kind }) => kind === operation.kind);
    if (operations.length > 1 || query.length > mostCharacters || this.#operations.has(query)) return;
    if (this.#operations.size >= mostRemembered || this.#characters + query.length > mostCharacters) {
      this.#operations.clear();
      this.#characters = 0;
    }
    this.#operations.set(query, { document, operation });
    this.#characters += query.length;
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
    const known = this.#operations.get(query);
    if (known === undefined || (operationName !== null && operationName !== known.operation.name?.value)) {
      return undefined;
    }
    return 'plan' in known ? known : this.#prepare(query, known);
  }

  /** Only what is asked for a second time is worth it. */
  #prepare(query: string, { document, operation }: Validated): KnownOperation | undefined {
    const plan = OperationPlan.of(this.#schema, document, operation);
    const prepared = plan && { document, operation, plan, coerce: planVariables(this.#schema, operation) };
    this.#operations.set(query, prepared);
    return prepared;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
