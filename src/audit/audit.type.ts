import { Field, ID, Int, ObjectType } from 'type-graphql';
import { PageInfo } from '../graphql/connection.type.js';
import { DateTimeScalar } from '../input/date-time.js';

/** One field that changed. */
@ObjectType('AuditChange', {
  description: 'One field that changed. Of a credential neither value is kept, only that it changed.',
})
export class AuditChangeType {
  /** The field. */
  @Field(() => String, { description: 'The name of the field.' })
  field!: string;

  /** What it was. */
  @Field(() => String, {
    nullable: true,
    description: 'What it was, as JSON; null where it was not there or is not kept.',
  })
  from!: string | null;

  /** What it is. */
  @Field(() => String, {
    nullable: true,
    description: 'What it is, as JSON; null where it is not there or is not kept.',
  })
  to!: string | null;
}

/** One line of the audit, as GraphQL shows it. */
@ObjectType('AuditEvent', { description: 'One line of the audit: who did what to which, and what came of it.' })
export class AuditEventType {
  /** The id of the event. */
  @Field(() => ID, { description: 'The id of the event.' })
  id!: string;

  /** When it happened. */
  @Field(() => DateTimeScalar, { description: 'When it happened.' })
  createdAt!: Date;

  /** Who. */
  @Field(() => String, { description: 'Who: the name of an API key with its prefix, or the subject of a token.' })
  actor!: string;

  /** By which means the actor said who it is. */
  @Field(() => String, {
    description: 'By which means the actor said who it is: `key`, `token`, `anonymous` or `command line`.',
  })
  means!: string;

  /** Where it came in. */
  @Field(() => String, { description: 'Where it came in: `graphql`, `rest` or `command line`.' })
  surface!: string;

  /** The client's network address. */
  @Field(() => String, { nullable: true, description: "The client's network address." })
  address!: string | null;

  /** The id of the request. */
  @Field(() => String, { description: 'The id under which the request is found in the log.' })
  requestId!: string;

  /** What was done. */
  @Field(() => String, { description: 'What was done, or refused: the name of a mutation or query, or a route.' })
  operation!: string;

  /** What came of it. */
  @Field(() => String, {
    description: '`done`, or why the caller was refused: UNAUTHENTICATED, CREDENTIAL_EXPIRED or FORBIDDEN.',
  })
  outcome!: string;

  /** The provider of the account. */
  @Field(() => Int, { nullable: true, description: 'The provider of the account that it was done to, or in.' })
  accountProvider!: number | null;

  /** The id of the account. */
  @Field(() => String, { nullable: true, description: 'The id of the account that it was done to, or in.' })
  accountId!: string | null;

  /** The region of the account. */
  @Field(() => String, { nullable: true, description: 'The region of the account that it was done to, or in.' })
  region!: string | null;

  /** The datasource. */
  @Field(() => String, { nullable: true, description: 'The instance id of the datasource that it was done to.' })
  instanceId!: string | null;
}

/** One event of a page. */
@ObjectType('AuditEventEdge', { description: 'One event of a page.' })
export class AuditEventEdge {
  /** Where the event stands in the list. */
  @Field(() => String, { description: 'Where the event stands in the list, for `after` and `before`.' })
  cursor!: string;

  /** The event. */
  @Field(() => AuditEventType, { description: 'The event.' })
  node!: AuditEventType;
}

/** A page of events. */
@ObjectType('AuditEventConnection', { description: 'A page of audit events.' })
export class AuditEventConnection {
  /** The events of the page, in order. */
  @Field(() => [AuditEventEdge], { description: 'The events of the page, in order.' })
  edges!: AuditEventEdge[];

  /** Where the page stands in its list. */
  @Field(() => PageInfo, { description: 'Where the page stands in its list.' })
  pageInfo!: PageInfo;

  /** How many events the whole list has. */
  @Field(() => Int, { description: 'How many events the whole list has; counted only where it is asked for.' })
  totalCount!: number;
}
