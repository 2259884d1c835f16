import type { IncomingHttpHeaders, OutgoingHttpHeaders, ServerResponse } from 'node:http';
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
import { succeeded } from '../../operation-outcome.js';
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
const maxKinds = 100;
const maxKindLength = 20_000;
// Proxies such as nginx would else keep events back until there are many.
const eventHeaders = { 'content-type': `${mediaType}; charset=utf-8`, 'x-accel-buffering': 'no' };
const comment = ':\n\n';

/** What a subscription gives. */
export interface SubscribedEvent {
  /** The value of the subscription's field. */
  readonly value: object;
  /** From where on a client that comes again goes on. */
  readonly cursor: string;
}

/** Who is given what a subscription gives. */
export interface Subscriber {
  /** Given the next event. The one behind it comes when the promise resolves. */
  onEvent(event: SubscribedEvent): Promise<void>;
  /** Told why there are no more. */
  onFailure(error: unknown): void;
}

/** What streams ask. */
export interface EventStreamParts {
  readonly schema: GraphQLSchema;
  readonly refusals: Refusals;
  /**
   * Begins to give what a subscription gives, until it is ended.
   *
   * @param name the subscription's field
   */
  readonly subscribe: (
    name: string,
    parameters: Readonly<Record<string, unknown>>,
    subscriber: Subscriber,
  ) => { end(): void };
  /** Finds anew who sent a request with these headers. */
  readonly authenticate: (request: { readonly headers: IncomingHttpHeaders }) => Promise<Caller>;
}

/** What streams have in common that give the same texts. */
interface StreamKind {
  readonly operation: PreparedOperation;
  readonly name: string;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly bounds: ResponseBounds;
  /** The texts of the last events: many ask for the same. */
  readonly texts: Map<string, Promise<string>>;
}

/** A subscription that was looked at, and may be begun. */
interface Subscription {
  readonly operation: PreparedOperation;
  readonly field: FieldNode;
  readonly variables: Readonly<Record<string, unknown>>;
  readonly bounds: ResponseBounds;
}

/** Whether a client asks for events: by the protocol GraphQL over Server-Sent Events it accepts nothing else. */
export function acceptsEvents(accept: string | undefined): boolean {
  return accept?.split(',').some((one) => one.trim().split(';')[0]?.trim().toLowerCase() === mediaType) ?? false;
}

/** Sends the answer to one operation as events: the answer, and that there is no more. */
export function sendAsEvents(reply: FastifyReply, answer: string): FastifyReply {
  return reply.code(200).headers(eventHeaders).send(`event: next\ndata: ${answer.trim()}\n\n${complete}`);
}

const complete = 'event: complete\ndata:\n\n';

/**
 * One stream. There may be thousands that wait, so it holds little, and nothing waits for it: events are brought, and written to the
 * connection past Fastify, whose streams take several times as much.
 */
class EventStream implements Subscriber {
  readonly request: FastifyRequest;
  readonly kind: StreamKind;
  readonly #response: ServerResponse;
  readonly #textOf: (event: SubscribedEvent, stream: EventStream) => Promise<string>;
  following: { end(): void } | undefined;
  /** Told where the client has read what it was sent. */
  #goOn: (() => void) | undefined;

  constructor(
    request: FastifyRequest,
    response: ServerResponse,
    kind: StreamKind,
    textOf: (event: SubscribedEvent, stream: EventStream) => Promise<string>,
  ) {
    this.request = request;
    this.kind = kind;
    this.#response = response;
    this.#textOf = textOf;
  }

  async onEvent(event: SubscribedEvent): Promise<void> {
    const text = await this.#textOf(event, this);
    if (!this.#response.writable || this.#response.write(text)) return;
    // One that does not read is given nothing more, and closed by the server when nothing has moved for long enough.
    await new Promise<void>((resolve) => {
      this.#goOn = resolve;
      this.#response.once('drain', resolve);
    });
    this.#goOn = undefined;
  }

  onFailure(error: unknown): void {
    const { request } = this;
    const formatted = formatGraphQLError(error, request.id, request.log);
    request.outcome.code = formatted.extensions?.code as string;
    this.#response.end(`event: next\ndata: ${JSON.stringify({ errors: [formatted] })}\n\n${complete}`);
  }

  /** Shows that it is alive, unless the client has yet to read what it was sent. */
  beat(): void {
    if (!this.#response.writableNeedDrain) this.#response.write(comment);
  }

  /** Gives no more events. */
  leave(): void {
    this.following?.end();
    this.#goOn?.();
  }

  /** Ends it without a word, so that its client comes again. */
  end(): void {
    this.leave();
    this.#response.end();
  }
}

/**
 * Subscriptions by the protocol GraphQL over Server-Sent Events, each over a connection of its own. A stream ends when its caller is not
 * let in any more, with an error, and when the gateway stops, without a word, so that its client comes again elsewhere.
 */
export class EventStreams {
  readonly #parts: EventStreamParts;
  readonly #open = new Set<EventStream>();
  readonly #kinds = new Map<string, StreamKind>();
  readonly #timers: readonly NodeJS.Timeout[];

  constructor(parts: EventStreamParts) {
    this.#parts = parts;
    this.#timers = [
      setInterval(() => void this.#checkCallers(), accessInterval).unref(),
      setInterval(() => this.#beatAll(), heartbeatInterval).unref(),
    ];
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
    return field && { operation, field, variables: coerced, bounds: context.bounds };
  }

  /**
   * Answers with a stream.
   *
   * @throws OverloadedError where there are too many; what a subscription is refused for
   */
  open(subscription: Subscription, request: FastifyRequest, reply: FastifyReply): void {
    if (this.#open.size >= maxStreams) throw new OverloadedError();
    const response = reply.raw;
    const stream = new EventStream(request, response, this.#kindOf(subscription), (event, one) =>
      this.#textOf(event, one),
    );
    // Before anything is answered: what is wrong with the cursor is told in another way.
    const following = this.#parts.subscribe(stream.kind.name, this.#parametersOf(subscription, request), stream);
    stream.following = following;
    this.#open.add(stream);
    response.once('close', () => {
      this.#open.delete(stream);
      stream.leave();
    });
    request.outcome.begunAfter = reply.elapsedTime;
    request.outcome.code = succeeded.code;
    reply.hijack();
    response.writeHead(200, { ...(reply.getHeaders() as OutgoingHttpHeaders), ...eventHeaders });
    // So that the client sees that it has begun.
    response.write(comment);
    // It was read, and is as large as its client has made it.
    request.body = undefined;
  }

  /** Ends all of them, so that their clients come again. */
  endAll(): void {
    for (const timer of this.#timers) clearInterval(timer);
    for (const stream of this.#open) stream.end();
  }

  #beatAll(): void {
    for (const stream of this.#open) stream.beat();
  }

  /** Where an EventSource comes again, it says behind which event, and still asks with the cursor that it began with. */
  #parametersOf({ field, variables }: Subscription, request: FastifyRequest): Record<string, unknown> {
    const type = this.#parts.schema.getSubscriptionType() as GraphQLObjectType;
    const definition = type.getFields()[field.name.value];
    const parameters = definition === undefined ? {} : getArgumentValues(definition, field, variables);
    const last = request.headers['last-event-id'];
    return typeof last === 'string' && last !== '' ? { ...parameters, after: last } : parameters;
  }

  /** What is not open any more is kept for those who come again, as long as there are not too many. */
  #kindOf({ operation, field, variables, bounds }: Subscription): StreamKind {
    const key = kindOf(operation, field, variables);
    const known = this.#kinds.get(key);
    if (known !== undefined) return known;
    const kind = { operation, name: field.name.value, variables, bounds, texts: new Map() };
    // Nobody shares what is so large, and it would be kept for long.
    if (key.length + JSON.stringify(variables).length > maxKindLength) return kind;
    this.#kinds.set(key, kind);
    if (this.#kinds.size > maxKinds) this.#kinds.delete(this.#kinds.keys().next().value as string);
    return kind;
  }

  #textOf({ value, cursor }: SubscribedEvent, { kind, request }: EventStream): Promise<string> {
    const { texts } = kind;
    const known = texts.get(cursor);
    if (known !== undefined) return known;
    const text = this.#executed(value, kind, request).then(
      (result) => `event: next\nid: ${cursor}\ndata: ${JSON.stringify(result)}\n\n`,
    );
    texts.set(cursor, text);
    if (texts.size > maxTexts) texts.delete(texts.keys().next().value as string);
    return text;
  }

  async #executed(value: object, { operation, variables, bounds }: StreamKind, request: FastifyRequest) {
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
      const { kind, request } = stream;
      const refusal = await this.#refusalOf(kind, request);
      if (refusal === undefined || !this.#open.has(stream)) continue;
      this.#parts.refusals.recordRefusal(request.call, [{ operation: kind.name }], refusal.errorName);
      stream.leave();
      stream.onFailure(refusal);
    }
  }

  async #refusalOf({ operation }: StreamKind, request: FastifyRequest): Promise<DomainError | undefined> {
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
function kindOf(
  { document, definition }: PreparedOperation,
  root: FieldNode,
  variables: Readonly<Record<string, unknown>>,
): string {
  const used = new Set<string>();
  visit(document, {
    VariableDefinition: () => false,
    Field: (field) => (field === root ? { ...field, arguments: [] } : undefined),
    Variable: ({ name }) => void used.add(name.value),
  });
  return JSON.stringify([
    document.loc?.source.body,
    definition.name?.value,
    Object.entries(variables).filter(([name]) => used.has(name)),
  ]);
}
