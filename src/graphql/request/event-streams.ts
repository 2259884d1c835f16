import { Readable } from 'node:stream';
import type { FastifyReply, FastifyRequest } from 'fastify';
import {
  type DocumentNode,
  execute,
  type FieldNode,
  type GraphQLObjectType,
  type GraphQLSchema,
  getArgumentValues,
  Kind,
  type OperationDefinitionNode,
  OperationTypeNode,
  visit,
} from 'graphql';
import { DomainError, OverloadedError, UnavailableError } from '../../errors.js';
import type { Caller } from '../../security/caller.js';
import type { Refusals } from '../../security/refusals.js';
import { abandonment, Loaders, type RequestContext } from '../context/request-context.js';
import type { ResponseBounds } from '../context/response-bounds.js';
import type { PreparedOperation } from '../document/prepared-operation.js';
import { formatGraphQLError } from '../response/errors.js';
import type { Asked } from '../response/response-formatter.js';
import { checkAccess } from './operation-access.js';

const mediaType = 'text/event-stream';
/** After how long without an event a comment is sent, so that neither a proxy nor the gateway takes the connection for dead. */
const heartbeatInterval = 10_000;
/** How often it is looked whether a caller is still let in. */
const accessInterval = 5_000;
const maxStreams = 2_000;
const maxTexts = 50;

/** What a subscription gives. */
export interface SubscribedEvent {
  /** The value of the subscription's field. */
  readonly value: object;
  /** From where on a client that comes again goes on. */
  readonly cursor: string;
}

/** What streams ask. */
export interface EventStreamParts {
  readonly schema: GraphQLSchema;
  readonly refusals: Refusals;
  /**
   * Gives what a subscription gives, and undefined where it was idle for so long.
   *
   * @param name the subscription's field
   */
  readonly subscribe: (
    name: string,
    parameters: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
    idle: number,
  ) => AsyncIterable<SubscribedEvent | undefined>;
  /** Finds anew who sent a request. */
  readonly authenticate: (request: FastifyRequest) => Promise<Caller>;
}

/** A subscription that was looked at, and may be begun. */
interface Subscription {
  readonly operation: PreparedOperation;
  readonly field: FieldNode;
  readonly variables: Readonly<Record<string, unknown>>;
  /** What two subscriptions have in common that give the same texts. */
  readonly kind: string;
  readonly bounds: ResponseBounds;
}

interface OpenStream {
  readonly request: FastifyRequest;
  readonly subscription: Subscription;
  readonly ending: AbortController;
  /** Why its caller is not let in any more. */
  refusal?: DomainError;
}

/** Whether a client asks for events: by the protocol GraphQL over Server-Sent Events it accepts nothing else. */
export function acceptsEvents(accept: string | undefined): boolean {
  return accept?.split(',').some((one) => one.trim().split(';')[0]?.trim().toLowerCase() === mediaType) ?? false;
}

/** Sends the answer to one operation as events: the answer, and that there is no more. */
export function sendAsEvents(reply: FastifyReply, answer: string): FastifyReply {
  return begun(reply).send(`event: next\ndata: ${answer.trim()}\n\n${complete}`);
}

const complete = 'event: complete\ndata:\n\n';

/**
 * Subscriptions by the protocol GraphQL over Server-Sent Events, each over a connection of its own. A stream ends when its caller is not
 * let in any more, with an error, and when the gateway stops, without a word, so that its client comes again elsewhere.
 */
export class EventStreams {
  readonly #parts: EventStreamParts;
  readonly #open = new Set<OpenStream>();
  /** The texts of the last events, by what was asked for: many ask for the same. */
  readonly #texts = new Map<string, Promise<string>>();
  readonly #timer: NodeJS.Timeout;

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
    this.#timer = setInterval(() => void this.#checkCallers(), accessInterval).unref();
  }

  /** How many are open. */
  get count(): number {
    return this.#open.size;
  }

  /**
   * Looks whether a request is for a subscription.
   *
   * @returns undefined where it is for something else, or not valid, which is told elsewhere
   * @throws DomainError FORBIDDEN, InvalidParametersError
   */
  subscriptionOf({ prepared, variables, context }: Asked, operationName: unknown): Subscription | undefined {
    const operation = prepared?.operation(typeof operationName === 'string' ? operationName : undefined);
    if (operation?.kind !== OperationTypeNode.SUBSCRIPTION) return undefined;
    checkAccess(this.#parts.refusals, operation, variables, context);
    const coerced = operation.coerced(variables);
    const field = rootFieldOf(operation.document, operation.definition);
    const { bounds } = context;
    return field && { operation, field, variables: coerced, kind: kindOf(operation.document, field, coerced), bounds };
  }

  /**
   * Answers with a stream.
   *
   * @throws OverloadedError where there are too many
   */
  open(subscription: Subscription, request: FastifyRequest, reply: FastifyReply): FastifyReply {
    if (this.#open.size >= maxStreams) throw new OverloadedError();
    const stream: OpenStream = { request, subscription, ending: new AbortController() };
    this.#open.add(stream);
    reply.raw.once('close', () => {
      this.#open.delete(stream);
      stream.ending.abort();
    });
    return begun(reply).send(Readable.from(this.#events(stream), { highWaterMark: 1 }));
  }

  /** Ends all of them, so that their clients come again. */
  endAll(): void {
    clearInterval(this.#timer);
    for (const { ending } of this.#open) ending.abort();
  }

  async *#events(stream: OpenStream): AsyncGenerator<string> {
    const { subscription, ending, request } = stream;
    // So that the client sees that it has begun.
    yield ':\n\n';
    try {
      const { field } = subscription;
      for await (const event of this.#parts.subscribe(
        field.name.value,
        this.#parametersOf(stream),
        ending.signal,
        heartbeatInterval,
      )) {
        if (ending.signal.aborted) break;
        yield event === undefined ? ':\n\n' : await this.#textOf(event, stream);
      }
      if (stream.refusal !== undefined) throw stream.refusal;
    } catch (error) {
      const formatted = formatGraphQLError(error, request.id, request.log);
      request.outcome.code = formatted.extensions?.code as string;
      yield `event: next\ndata: ${JSON.stringify({ errors: [formatted] })}\n\n${complete}`;
    }
  }

  /** Where an EventSource comes again, it says behind which event, and still asks with the cursor that it began with. */
  #parametersOf({ subscription: { field, variables }, request }: OpenStream): Record<string, unknown> {
    const type = this.#parts.schema.getSubscriptionType() as GraphQLObjectType;
    const definition = type.getFields()[field.name.value];
    const parameters = definition === undefined ? {} : getArgumentValues(definition, field, variables);
    const last = request.headers['last-event-id'];
    return typeof last === 'string' && last !== '' ? { ...parameters, after: last } : parameters;
  }

  #textOf({ value, cursor }: SubscribedEvent, { subscription, request }: OpenStream): Promise<string> {
    const key = `${cursor} ${subscription.kind}`;
    const known = this.#texts.get(key);
    if (known !== undefined) return known;
    const text = this.#executed(value, subscription, request).then(
      (result) => `event: next\nid: ${cursor}\ndata: ${JSON.stringify(result)}\n\n`,
    );
    this.#texts.set(key, text);
    if (this.#texts.size > maxTexts) this.#texts.delete(this.#texts.keys().next().value as string);
    return text;
  }

  async #executed(value: object, { operation, variables, bounds }: Subscription, request: FastifyRequest) {
    const { id: requestId, log, outcome, call } = request;
    const { data, errors } = await execute({
      schema: this.#parts.schema,
      document: operation.document,
      operationName: operation.definition.name?.value,
      rootValue: value,
      contextValue: {
        requestId,
        log,
        outcome,
        call,
        abandoned: abandonment(request.raw.socket),
        loaders: new Loaders(),
        bounds,
      } satisfies RequestContext,
      variableValues: variables,
    });
    return errors === undefined
      ? { data }
      : { data, errors: errors.map((error) => formatGraphQLError(error, requestId, log)) };
  }

  async #checkCallers(): Promise<void> {
    for (const stream of [...this.#open]) {
      const { subscription, ending, request } = stream;
      const refusal = await this.#refusalOf(subscription, request);
      if (refusal === undefined) continue;
      this.#parts.refusals.recordRefusal(
        request.call,
        [{ operation: subscription.field.name.value }],
        refusal.errorName,
      );
      stream.refusal = refusal;
      ending.abort();
    }
  }

  async #refusalOf({ operation }: Subscription, request: FastifyRequest): Promise<DomainError | undefined> {
    try {
      const { permissions } = await this.#parts.authenticate(request);
      const lacking = [...operation.permissions].filter((one) => !permissions.has(one));
      if (lacking.length === 0) return undefined;
      return new DomainError(
        'FORBIDDEN',
        `This needs the permission ${lacking.join(' and ')}, which the caller does not have any more.`,
      );
    } catch (error) {
      // Whether it is still let in cannot be found out now.
      if (error instanceof UnavailableError || !(error instanceof DomainError)) return undefined;
      return error;
    }
  }
}

function begun(reply: FastifyReply): FastifyReply {
  // Proxies such as nginx would else keep events back until there are many.
  return reply.code(200).headers({ 'content-type': `${mediaType}; charset=utf-8`, 'x-accel-buffering': 'no' });
}

/** A valid subscription has one field, which may come by a fragment. */
function rootFieldOf(document: DocumentNode, { selectionSet }: OperationDefinitionNode): FieldNode | undefined {
  for (let set = selectionSet; ; ) {
    const [selection] = set.selections;
    if (selection === undefined || selection.kind === Kind.FIELD) return selection;
    const fragment =
      selection.kind === Kind.INLINE_FRAGMENT
        ? selection
        : document.definitions.find(
            (one) => one.kind === Kind.FRAGMENT_DEFINITION && one.name.value === selection.name.value,
          );
    if (fragment === undefined || !('selectionSet' in fragment)) return undefined;
    set = fragment.selectionSet as typeof set;
  }
}

/** The document with the variables that its field does not take for itself, such as the cursor. */
function kindOf(document: DocumentNode, root: FieldNode, variables: Readonly<Record<string, unknown>>): string {
  const used = new Set<string>();
  visit(document, {
    VariableDefinition: () => false,
    Field: (field) => (field === root ? { ...field, arguments: [] } : undefined),
    Variable: ({ name }) => void used.add(name.value),
  });
  return JSON.stringify([document.loc?.source.body, Object.entries(variables).filter(([name]) => used.has(name))]);
}
