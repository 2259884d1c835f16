import { type DocumentNode, GraphQLError } from 'graphql';
import { checkLimits, type DocumentLimits, parseWithin } from './document-limits.js';
import { mayHoldCredential } from './written-values.js';

const mostRemembered = 1000;
// Of those that are kept parsed, which takes some hundred times as much memory.
const mostCharacters = 200_000;
const longestRemembered = 20_000;

/** Looks at documents before GraphQL does, and refuses those that are too large. */
export class DocumentGate {
  readonly #limits: DocumentLimits;
  /** Documents that were parsed, by their text. */
  readonly #documents = new Map<string, DocumentNode>();
  /** Documents that are within the limits whatever the variables are. */
  readonly #passed = new Set<string>();
  #characters = 0;

  /** @param limits how large a document may be */
  constructor(limits: DocumentLimits) {
    this.#limits = limits;
  }

  /**
   * Why a request is refused.
   *
   * @param parameters `query` and `variables`, as they were sent
   * @returns undefined where it is not, or where it is not GraphQL at all, which is told elsewhere
   */
  refusalOf(parameters: unknown): GraphQLError | undefined {
    const { query, variables } = (parameters ?? {}) as { query?: unknown; variables?: unknown };
    if (typeof query !== 'string' || this.#passed.has(query)) return undefined;
    try {
      const document = this.#documents.get(query) ?? parseWithin(query, this.#limits);
      if (document === undefined) return undefined;
      const values = typeof variables === 'object' && variables !== null ? variables : {};
      const usesVariables = checkLimits(document, values as Record<string, unknown>, this.#limits);
      this.#remember(query, document, usesVariables);
      return undefined;
    } catch (error) {
      if (error instanceof GraphQLError) return error;
      throw error;
    }
  }

  #remember(query: string, document: DocumentNode, usesVariables: boolean): void {
    if (query.length > longestRemembered || mayHoldCredential(document)) return;
    if (usesVariables) this.#characters += this.#documents.has(query) ? 0 : query.length;
    if (this.#documents.size + this.#passed.size >= mostRemembered || this.#characters > mostCharacters) {
      this.#documents.clear();
      this.#passed.clear();
      this.#characters = usesVariables ? query.length : 0;
    }
    if (usesVariables) this.#documents.set(query, document);
    else this.#passed.add(query);
  }
}
