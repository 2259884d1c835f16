import type { FastifyReply, FastifyRequest } from 'fastify';
import { GraphQLError, type GraphQLSchema, OperationTypeNode } from 'graphql';
import { AbandonedError, OverloadedError } from '../../errors.js';
import type { LoadLimit } from '../../http/load-limit.js';
import { TurnQueue } from '../../http/turn-queue.js';
import type { Refusals } from '../../security/refusals.js';
import { abandonment, Loaders } from '../context/request-context.js';
import { ResponseBounds } from '../context/response-bounds.js';
import type { DocumentLimits } from '../document/document-limits.js';
import type { PreparedDocument } from '../document/prepared-document.js';
import { PreparedDocuments } from '../document/prepared-documents.js';
import type { PreparedOperation } from '../document/prepared-operation.js';
import { TooManyCharactersError } from '../execution/operation-plan.js';
import { mediaTypeFor } from '../response/media-type.js';
import type { Asked, GraphQLResponse, Outcome, ResponseFormatter } from '../response/response-formatter.js';
import { acceptsEvents, type EventStreams, sendAsEvents } from './event-streams.js';
import { checkAccess } from './operation-access.js';
import { type OperationParameters, readOperationParameters } from './operation-parameters.js';
import { TransportError } from './transport-error.js';

/** What requests are answered with. */
export interface HandlerParts {
  readonly schema: GraphQLSchema;
  readonly limits: DocumentLimits;
  /** Whether the schema may be asked for. */
  readonly introspection: boolean;
  readonly refusals: Refusals;
  readonly formatter: ResponseFormatter;
  /** What bounds the requests in work. */
  readonly load: Pick<LoadLimit, 'leave'>;
  /** Told of each request that is refused because too much is held for others. */
  readonly onRefusal: () => void;
  /** Carries subscriptions. */
  readonly streams: EventStreams;
  /** Answers what is not executed by a plan. */
  readonly apolloServer: (
    asked: Asked,
    parameters: OperationParameters,
    request: FastifyRequest,
  ) => Promise<GraphQLResponse>;
}

// What holds less waits for no turn: there are at most as many as there are requests in work.
const leastHeld = 65_536;

/** How much may be held for all answers that are being made, as a multiple of the largest; and so much for those not read. */
export const heldAnswers = 4;

/**
 * Answers the requests for operations, of every method. A document is looked up as it was prepared, and its operation executed by
 * its plan. Apollo Server answers what has no plan or is no request as it should be.
 */
export class OperationHandler {
  readonly #parts: HandlerParts;
  readonly #documents: PreparedDocuments;
  /** Of the answers that are being made, by the bytes that are held for them. */
  readonly #turns: TurnQueue;
  readonly #maxHeld: number;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
    this.#documents = new PreparedDocuments(parts);
    this.#maxHeld = heldAnswers * parts.limits.maxBytes;
    this.#turns = new TurnQueue(this.#maxHeld, parts.onRefusal);
  }

  /** Answers a request. */
  async handle(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const parameters = readOperationParameters(request);
    const { accept } = request.headers;
    const isForEvents = acceptsEvents(accept);
    const mediaType = mediaTypeFor(isForEvents ? undefined : accept);
    if (mediaType === undefined) throw notAcceptable();
    const { query } = parameters;
    const prepared = typeof query === 'string' && query !== '' ? this.#documents.prepare(query) : undefined;
    const variables = isRecord(parameters.variables) ? parameters.variables : {};
    const asked = {
      prepared,
      variables,
      accept: isForEvents ? undefined : accept,
      context: this.#contextOf(request, reply),
    };
    if (isForEvents) return this.#answerAsEvents(asked, parameters, request, reply);
    const answer = await this.#answer(asked, parameters, request);
    if (answer.retryAfter !== undefined) reply.header('retry-after', answer.retryAfter);
    if (answer.allow !== undefined) reply.header('allow', answer.allow);
    return reply.code(answer.status).header('content-type', mediaType).send(answer.body);
  }

  /** What comes before a subscription begins is told as events too: an EventSource cannot read an answer of another kind. */
  async #answerAsEvents(
    asked: Asked,
    parameters: OperationParameters,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<FastifyReply> {
    const { streams, formatter } = this.#parts;
    try {
      const subscription = streams.subscriptionOf(asked, parameters.operationName);
      if (subscription !== undefined) {
        streams.open(subscription, request, reply);
        this.#parts.load.leave(request.raw);
        return reply;
      }
    } catch (error) {
      const { body } = await formatter.format({ errors: [error] }, asked);
      return sendAsEvents(reply, String(body));
    }
    const { body } = await this.#answer(asked, parameters, request);
    return sendAsEvents(reply, String(body));
  }

  async #answer(asked: Asked, parameters: OperationParameters, request: FastifyRequest): Promise<GraphQLResponse> {
    const { prepared, variables, context } = asked;
    context.outcome.operation = '';
    const held = prepared === undefined ? 0 : heldBy(prepared, variables);
    if (held instanceof GraphQLError) return this.#parts.formatter.format({ errors: [held] }, asked);
    if (held <= leastHeld) return this.#answerInTurn(asked, parameters, request);
    const share = Math.min(held, this.#maxHeld);
    await this.#turnFor(request, share);
    try {
      return await this.#answerInTurn(asked, parameters, request);
    } finally {
      this.#turns.leave(share);
    }
  }

  async #answerInTurn(
    asked: Asked,
    parameters: OperationParameters,
    request: FastifyRequest,
  ): Promise<GraphQLResponse> {
    const { prepared } = asked;
    // Before anything else: Apollo Server does not look at a document again.
    if (prepared !== undefined && prepared.errors.length > 0) return this.#parts.formatter.format(prepared, asked);
    if (prepared !== undefined && isUsual(parameters)) {
      const operation = prepared.operation(parameters.operationName);
      if (operation !== undefined && mayBeAskedBy(request.method, operation)) {
        const outcome = await this.#execute(operation, asked);
        if (outcome !== undefined) return this.#parts.formatter.format(outcome, asked);
      }
    }
    return this.#parts.apolloServer(asked, parameters, request);
  }

  /**
   * Executes an operation by its plan. What is thrown before anything is executed leaves the outcome without data.
   *
   * @returns undefined where it has none
   */
  async #execute(operation: PreparedOperation, { variables, context }: Asked): Promise<Outcome | undefined> {
    try {
      checkAccess(this.#parts.refusals, operation, variables, context);
      const coerced = operation.coerced(variables);
      return await operation.planFor(coerced)?.execute(context, coerced, context.bounds);
    } catch (error) {
      return { errors: [error instanceof TooManyCharactersError ? context.bounds.tooManyBytes() : error] };
    }
  }

  /** What holds much while it is made waits for a turn of its own. It gives back the one that it has, and keeps nobody else waiting. */
  #turnFor(request: FastifyRequest, share: number): Promise<void> {
    return new Promise((resolve, reject) => {
      const isAdmitted = this.#turns.enter({
        share,
        since: performance.now(),
        isAbandoned: () => request.raw.socket.destroyed,
        admit: resolve,
        refuse: () => reject(new OverloadedError()),
        abandon: () => reject(new AbandonedError()),
      });
      if (!isAdmitted) this.#parts.load.leave(request.raw);
    });
  }

  #contextOf({ id: requestId, log, outcome, call, raw }: FastifyRequest, reply: FastifyReply): Asked['context'] {
    const bounds = new ResponseBounds(this.#parts.limits.maxBytes, this.#maxHeld, () => raw.socket.destroyed);
    return { requestId, log, outcome, call, abandoned: abandonment(reply.raw), loaders: new Loaders(), bounds };
  }
}

type UsualParameters = OperationParameters & { readonly operationName?: string | null };

/** Whether a request is as most are; of others Apollo Server says what is wrong with them. */
function isUsual(parameters: OperationParameters): parameters is UsualParameters {
  const { variables = null, operationName = null, extensions = null } = parameters;
  const isNamed = operationName === null || typeof operationName === 'string';
  return isNamed && extensions === null && (variables === null || isRecord(variables));
}

function mayBeAskedBy(method: string, { kind }: PreparedOperation): boolean {
  return method === 'POST' || (method === 'GET' && kind === OperationTypeNode.QUERY);
}

function heldBy(prepared: PreparedDocument, variables: Readonly<Record<string, unknown>>): number | GraphQLError {
  try {
    return prepared.heldBytes(variables);
  } catch (error) {
    if (error instanceof GraphQLError) return error;
    throw error;
  }
}

function notAcceptable(): TransportError {
  return new TransportError(
    406,
    'BAD_REQUEST',
    'The client accepts neither application/json nor application/graphql-response+json, and there is nothing else.',
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
