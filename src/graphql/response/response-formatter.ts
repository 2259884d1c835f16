import type { ExecutionResult, GraphQLError, GraphQLFormattedError, GraphQLSchema } from 'graphql';
import { succeeded } from '../../operation-outcome.js';
import type { RequestContext } from '../context/request-context.js';
import { isAboutInput, literalProblems } from '../document/input-problems.js';
import type { PreparedDocument } from '../document/prepared-document.js';
import { formatGraphQLError, inputError } from './errors.js';
import { writeJson } from './json-writer.js';
import { type ResponseStatus, statusOfErrors, statusOfRequestError } from './response-status.js';

/** What came of an operation; without data where it was not executed. */
export interface Outcome {
  readonly data?: ExecutionResult['data'];
  readonly errors?: readonly unknown[] | undefined;
  /** Of the texts in the data. */
  readonly characters?: number;
}

/** What was asked for, as far as an answer tells of it. */
export interface Asked {
  readonly prepared: PreparedDocument | undefined;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly context: RequestContext;
  /** What media types the client accepts. */
  readonly accept: string | undefined;
}

/** An answer as it is sent. */
export interface GraphQLResponse extends ResponseStatus {
  readonly body: string | Buffer;
}

// From here on an answer is written piece by piece.
const largeCharacters = 262_144;
const lineEnd = Buffer.from('\n');

/** Makes the answers of the GraphQL surface, and says in the log what came of each request. */
export class ResponseFormatter {
  readonly #schema: GraphQLSchema;
  readonly #introspection: boolean;

  /** @param introspection whether the schema may be asked for; where not, errors do not suggest its names either */
  constructor(schema: GraphQLSchema, introspection: boolean) {
    this.#schema = schema;
    this.#introspection = introspection;
  }

  /** Makes an answer. */
  async format(outcome: Outcome, asked: Asked): Promise<GraphQLResponse> {
    const { data, errors = [], characters = 0 } = outcome;
    const { bounds } = asked.context;
    if (errors.length > 0) return this.#failed({ data, errors }, asked);
    const body = characters > largeCharacters ? await writeJson({ data }, bounds.maxBytes) : JSON.stringify({ data });
    if (body === undefined) return this.#failed({ errors: [bounds.tooManyBytes()] }, asked);
    asked.context.outcome.code = succeeded.code;
    return { status: 200, body: typeof body === 'string' ? `${body}\n` : Buffer.concat([body, lineEnd]) };
  }

  /** What a client is told of errors. */
  formatErrors(errors: readonly unknown[], { prepared, variables, context }: Asked): GraphQLFormattedError[] {
    const { requestId, log, outcome } = context;
    const aboutInput = errors.filter((error): error is GraphQLError => isAboutWhatWasWritten(error));
    const others = errors.filter((error) => !isAboutWhatWasWritten(error));
    const formatted = others.map((error) => formatGraphQLError(error, requestId, log));
    if (aboutInput.length > 0) {
      const { document } = prepared ?? {};
      const problems = document === undefined ? [] : literalProblems(this.#schema, document, aboutInput, variables);
      formatted.unshift(inputError(problems));
    }
    outcome.code = (formatted[0]?.extensions?.code as string | undefined) ?? succeeded.code;
    return this.#introspection ? formatted : formatted.map(withoutSuggestion);
  }

  #failed({ data, errors }: Outcome, asked: Asked): GraphQLResponse {
    const formatted = this.formatErrors(errors ?? [], asked);
    const isExecuted = data !== undefined;
    const status = statusOfErrors(formatted) ?? { status: isExecuted ? 200 : statusOfRequestError(asked.accept) };
    return { ...status, body: `${JSON.stringify({ errors: formatted, data })}\n` };
  }
}

/** A resolver's own errors have a path. */
function isAboutWhatWasWritten(error: unknown): boolean {
  const { path, nodes } = error as Partial<GraphQLError>;
  return path === undefined && nodes !== undefined && isAboutInput(error as GraphQLError);
}

function withoutSuggestion(error: GraphQLFormattedError): GraphQLFormattedError {
  const { message } = error;
  const suggestion = message.endsWith('?') ? message.lastIndexOf(' Did you mean ') : -1;
  return suggestion === -1 ? error : { ...error, message: message.slice(0, suggestion) };
}
