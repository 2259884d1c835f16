import {
  type DocumentNode,
  GraphQLError,
  type GraphQLSchema,
  Kind,
  NoSchemaIntrospectionCustomRule,
  specifiedRules,
  type ValidationRule,
  validate,
} from 'graphql';
import { checkMeasure, checkRepetitions, type DocumentLimits, parseDocument } from './document-limits.js';
import { measureDocument } from './document-measure.js';
import { mayHoldCredential } from './literal-credential.js';
import { PreparedOperation } from './prepared-operation.js';

/** What documents are prepared by. */
export interface Preparation {
  readonly schema: GraphQLSchema;
  readonly limits: DocumentLimits;
  /** Whether the schema may be asked for. */
  readonly introspection: boolean;
}

type Variables = Readonly<Record<string, unknown>>;

// Measured: what a character of a document takes in memory once it is parsed, and a field of a plan.
const bytesPerCharacter = 100;
const bytesPerField = 1_000;
const fixedBytes = 1_000;

const maxValidationErrors = 100;
const maxCountedErrors = 10_000;

/** A document that was looked at: what is wrong with it, or its operations. It is parsed once. */
export class PreparedDocument {
  /** Undefined where the text is not parsed. */
  readonly document: DocumentNode | undefined;
  /** Why it is refused, whatever its variables are; none where it is good. */
  readonly errors: readonly GraphQLError[] = [];
  readonly #preparation: Preparation;
  readonly #text: string;
  /** Undefined where the variables have a say in it. */
  readonly #heldBytes: number | undefined = 0;
  readonly #operations: readonly PreparedOperation[] = [];
  #planFields = 0;

  /**
   * @param text the document
   * @param onGrowth told how many bytes it takes besides, each time that it takes more
   */
  constructor(preparation: Preparation, text: string, onGrowth: (bytes: number) => void) {
    const { schema, limits, introspection } = preparation;
    this.#preparation = preparation;
    this.#text = text;
    try {
      this.document = parseDocument(text, limits);
      checkRepetitions(this.document, limits);
      const { measure, usesVariables } = measureDocument(schema, this.document, {});
      if (!usesVariables) checkMeasure(measure, limits);
      this.#heldBytes = usesVariables ? undefined : measure.heldBytes + measure.bytes;
      const rules = introspection ? specifiedRules : [...specifiedRules, NoSchemaIntrospectionCustomRule];
      this.errors = validationErrors(schema, this.document, rules).map((error) =>
        coded(error, 'GRAPHQL_VALIDATION_FAILED'),
      );
    } catch (error) {
      if (!(error instanceof GraphQLError)) throw error;
      this.errors = [error.extensions.code === undefined ? coded(error, 'GRAPHQL_PARSE_FAILED') : error];
    }
    const { document } = this;
    if (document === undefined || this.errors.length > 0) return;
    const onPlan = (fields: number) => {
      this.#planFields += fields;
      onGrowth(fields * bytesPerField);
    };
    this.#operations = document.definitions.flatMap((definition) =>
      definition.kind === Kind.OPERATION_DEFINITION
        ? [new PreparedOperation(schema, document, definition, onPlan)]
        : [],
    );
  }

  /** Whether it may be kept: not where it may hold a credential. */
  get isKeepable(): boolean {
    return this.document !== undefined && !mayHoldCredential(this.document);
  }

  /** About how many bytes it takes in memory. */
  get bytes(): number {
    return fixedBytes + this.#text.length * bytesPerCharacter + this.#planFields * bytesPerField;
  }

  /** The one of its operations that a request names; undefined where that is not one. */
  operation(name: string | null | undefined): PreparedOperation | undefined {
    if (name == null) return this.#operations.length === 1 ? this.#operations[0] : undefined;
    return this.#operations.find(({ definition }) => definition.name?.value === name);
  }

  /**
   * How many bytes may be held while it is executed: what is read for it, and the answer.
   *
   * @throws GraphQLError where the variables ask for more than a document may
   */
  heldBytes(variables: Variables): number {
    const { schema, limits } = this.#preparation;
    if (this.#heldBytes !== undefined || this.document === undefined) return this.#heldBytes ?? 0;
    const { measure } = measureDocument(schema, this.document, variables);
    checkMeasure(measure, limits);
    return measure.heldBytes + measure.bytes;
  }
}

/** What is wrong with a document: at most 100 errors, and then one that says how many more there are. */
function validationErrors(
  schema: GraphQLSchema,
  document: DocumentNode,
  rules: readonly ValidationRule[],
): readonly GraphQLError[] {
  const errors = validate(schema, document, rules, { maxErrors: maxValidationErrors });
  if (errors.length <= maxValidationErrors) return errors;
  // To look for names that are like a wrong one takes most of the time, and nobody reads them here.
  const all = validate(schema, document, rules, { maxErrors: maxCountedErrors, hideSuggestions: true });
  const more = all.length - maxValidationErrors;
  const count = all.length > maxCountedErrors ? `more than ${more - 1}` : String(more);
  const rest = new GraphQLError(`The document has ${count} further errors, which are not listed.`);
  return [...errors.slice(0, maxValidationErrors), rest];
}

function coded(error: GraphQLError, code: string): GraphQLError {
  const { message, nodes, source, positions, extensions } = error;
  return new GraphQLError(message, {
    nodes,
    source,
    positions,
    originalError: error,
    extensions: { ...extensions, code },
  });
}
