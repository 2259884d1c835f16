import { Field, Int, ObjectType } from 'type-graphql';
import { AuditChangeType } from '../audit/audit.type.js';
import { Rules } from '../graphql/schema/field-rules.js';

/** One change that would be made. */
@Rules({ access: 'read' })
@ObjectType('RehearsedChange', {
  description: 'A change that the mutation would have made, as `changes` would tell it.',
})
export class RehearsedChangeType {
  /** What would be done. */
  @Rules({ countedLength: 128 })
  @Field(() => String, { description: 'The name of the mutation.' })
  operation!: string;

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

  /** The version that the change would make. */
  @Field(() => Int, {
    nullable: true,
    description:
      'The version of the datasource that the change would make; of a deletion the one that would come next. Null for an account.',
  })
  version!: number | null;

  /** What would change. */
  @Rules({ maxEntries: 20 })
  @Field(() => [AuditChangeType], {
    description:
      'What would change, field by field; of what would be added all that was given, of a deletion nothing. Of a credential only that it would change.',
  })
  fields!: AuditChangeType[];
}

/** What a mutation would have changed. */
@Rules({ access: 'read' })
@ObjectType('Rehearsal', { description: 'What a mutation with `dryRun` would have changed.' })
export class RehearsalType {
  /** The changes. */
  @Rules({ maxEntries: 'page' })
  @Field(() => [RehearsedChangeType], {
    description:
      'The changes. A deleted account has one for each of its datasources, too. There is none if the mutation would have changed nothing.',
  })
  changes!: RehearsedChangeType[];

  /** Whether there are more. */
  @Field(() => Boolean, { description: 'Whether there are more changes.' })
  hasMore!: boolean;
}
