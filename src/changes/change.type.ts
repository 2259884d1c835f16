import { Field, ID, Int, ObjectType } from 'type-graphql';
import { AuditChangeType } from '../audit/audit.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { DateTimeScalar } from '../input/date-time.js';

/** One change of the register, as GraphQL shows it. */
@Rules({ access: 'read' })
@ObjectType('Change', {
  description: 'One change of the register. A deleted account has a change for each of its datasources, too.',
})
export class ChangeType {
  /** Where the change stands in the feed. */
  @Rules({ countedLength: 64 })
  @Field(() => String, { description: 'Where the change stands in the feed, for `after`.' })
  cursor!: string;

  /** What was done. */
  @Rules({ countedLength: 128 })
  @Field(() => String, { description: 'What was done: the name of the mutation.' })
  operation!: string;

  /** The id of the datasource or account. */
  @Field(() => ID, { description: 'The id of the datasource or, if `instanceId` is null, of the account.' })
  id!: string;

  /** The provider of the account. */
  @Field(() => Int, { description: 'The provider of the account.' })
  accountProvider!: number;

  /** The id of the account. */
  @Field(() => String, { description: "The account's id at the provider." })
  accountId!: string;

  /** The region of the account. */
  @Field(() => String, { description: 'The region of the account.' })
  region!: string;

  /** The name of the datasource. */
  @Field(() => String, {
    nullable: true,
    description: 'The name of the datasource within the account; null for a change of the account itself.',
  })
  instanceId!: string | null;

  /** The version that the change made. */
  @Field(() => Int, {
    nullable: true,
    description:
      'The version of the datasource that the change made; of a deletion the one that would have come next. Null for an account.',
  })
  version!: number | null;

  /** When it was made. */
  @Field(() => DateTimeScalar, { description: 'When the change was made.' })
  time!: Date;

  /** What changed. */
  @Rules({ maxEntries: 20 })
  @Field(() => [AuditChangeType], {
    description:
      'What changed, field by field; of what was added all that was given, of a deletion nothing. Of a credential only that it changed.',
  })
  fields!: AuditChangeType[];
}

/** Some of the feed. */
@Rules({ access: 'read' })
@ObjectType('ChangePage', { description: 'Some of the changes of the register, in their order.' })
export class ChangePageType {
  /** The changes. */
  @Rules({ maxEntries: 'page' })
  @Field(() => [ChangeType], { description: 'The changes, in the one order that all readers see.' })
  changes!: ChangeType[];

  /** Where to go on from. */
  @Rules({ countedLength: 64 })
  @Field(() => String, { description: 'Where to go on from, for `after`, even if there were no changes.' })
  cursor!: string;

  /** Whether there were more. */
  @Field(() => Boolean, { description: 'Whether there were more changes when the page was read.' })
  hasMore!: boolean;
}

/** How to begin with a copy of the register. The lists are resolved apart. */
@Rules({ access: 'read' })
@ObjectType('RegisterSnapshot', {
  description:
    'How to begin with a copy of the register: read `cursor` and the lists, then go on with `changes` after the cursor. What changed in between is in both: skip a change whose version you have already.',
})
export class RegisterSnapshotType {
  /** The cursor from which on. */
  @Rules({ countedLength: 64 })
  @Field(() => String, { description: 'From where on to read the changes: the lists have all before it.' })
  cursor!: string;
}
