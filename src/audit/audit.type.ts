import { Field, ID, Int, ObjectType } from 'type-graphql';
import { cursorLength, PageInfo } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { DateTimeScalar } from '../input/date-time.js';

// All values of a datasource together have about 12,000 characters at most, which is so many for each of its fields.
const changedLength = 600;

/** One field that changed. */
@Rules({ access: 'known' })
@ObjectType('AuditChange', {
  description: 'A field that changed. For a credential, the audit records only that it changed, and neither value.',
})
export class AuditChangeType {
  /** The field. */
  @Rules({ countedLength: 64 })
  @Field(() => String, { description: 'The name of the field.' })
  field!: string;

  /** What it was. */
  @Rules({ countedLength: changedLength })
  @Field(() => String, {
    nullable: true,
    description: 'The value before, as JSON; null if there was none or it is not recorded.',
  })
  from!: string | null;

  /** What it is. */
  @Rules({ countedLength: changedLength })
  @Field(() => String, {
    nullable: true,
    description: 'The value after, as JSON; null if there is none or it is not recorded.',
  })
  to!: string | null;
}

/** One line of the audit, as GraphQL shows it. */
@Rules({ access: 'admin' })
@ObjectType('AuditEvent', {
  description: 'An event in the audit: who did what, to which object, and with which outcome.',
})
export class AuditEventType {
  /** The id of the event. */
  @Field(() => ID, { description: 'The id of the event.' })
  id!: string;

  /** When it happened. */
  @Field(() => DateTimeScalar, { description: 'When it happened.' })
  createdAt!: Date;

  /** Who. */
  @Rules({ countedLength: 300 })
  @Field(() => String, {
    description: 'Who did it: the name of an API key with its prefix, or the subject of a token.',
  })
  actor!: string;

  /** By which means the actor said who it is. */
  @Rules({ countedLength: 16 })
  @Field(() => String, {
    description: 'How the actor authenticated: `key`, `token`, `anonymous` or `command line`.',
  })
  means!: string;

  /** Where it came in. */
  @Rules({ countedLength: 16 })
  @Field(() => String, { description: 'The interface that was used: `graphql`, `rest` or `command line`.' })
  surface!: string;

  /** The client's network address. */
  @Rules({ countedLength: 64 })
  @Field(() => String, { nullable: true, description: "The client's network address." })
  address!: string | null;

  /** The id of the request. */
  @Rules({ countedLength: 128 })
  @Field(() => String, { description: 'The id of the request, as in the log.' })
  requestId!: string;

  /** What was done. */
  @Rules({ countedLength: 128 })
  @Field(() => String, {
    description: 'The operation that was done or refused: the name of a mutation or query, or a route.',
  })
  operation!: string;

  /** What came of it. */
  @Rules({ countedLength: 32 })
  @Field(() => String, {
    description: '`done`, or why the caller was refused: UNAUTHENTICATED, CREDENTIAL_EXPIRED or FORBIDDEN.',
  })
  outcome!: string;

  /** The provider of the account. */
  @Field(() => Int, { nullable: true, description: 'The provider of the affected account.' })
  accountProvider!: number | null;

  /** The id of the account. */
  @Field(() => String, { nullable: true, description: 'The id of the affected account.' })
  accountId!: string | null;

  /** The region of the account. */
  @Field(() => String, { nullable: true, description: 'The region of the affected account.' })
  region!: string | null;

  /** The datasource. */
  @Field(() => String, { nullable: true, description: 'The instance id of the affected datasource.' })
  instanceId!: string | null;
}

/** One event of a page. */
@Rules({ access: 'admin' })
@ObjectType('AuditEventEdge', { description: 'One event of a page.' })
export class AuditEventEdge {
  /** Where the event stands in the list. */
  @Rules({ countedLength: cursorLength })
  @Field(() => String, { description: 'The position of the event in the list, for `after` and `before`.' })
  cursor!: string;

  /** The event. */
  @Field(() => AuditEventType, { description: 'The event.' })
  node!: AuditEventType;
}

/** A page of events. */
@Rules({ access: 'admin' })
@ObjectType('AuditEventConnection', { description: 'A page of audit events.' })
export class AuditEventConnection {
  /** The events of the page, in order. */
  @Rules({ maxEntries: 'page' })
  @Field(() => [AuditEventEdge], { description: 'The events of the page, in order.' })
  edges!: AuditEventEdge[];

  /** Information about the page: its cursors, and whether there are more pages. */
  @Field(() => PageInfo, { description: 'Information about the page: its cursors, and whether there are more pages.' })
  pageInfo!: PageInfo;

  /** How many events the whole list has. */
  @Field(() => Int, {
    description: 'How many events the whole list has. It is counted only if you ask for this field.',
  })
  totalCount!: number;
}
