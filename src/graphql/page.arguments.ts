import { ArgsType, Field, Int } from 'type-graphql';

/** The arguments of every connection, as the Relay specification has them. */
@ArgsType()
export class PageArgs {
  /** How many from the start. */
  @Field(() => Int, {
    nullable: true,
    description: 'How many at most, from the start of the list or from `after` on: 1 to 100, 20 unless told.',
  })
  first?: number | null;

  /** The cursor to start behind. */
  @Field(() => String, { nullable: true, description: 'Only what stands behind this cursor.' })
  after?: string | null;

  /** How many from the end. */
  @Field(() => Int, {
    nullable: true,
    description: 'How many at most, from the end of the list or from `before` back: 1 to 100. Not beside `first`.',
  })
  last?: number | null;

  /** The cursor to end before. */
  @Field(() => String, { nullable: true, description: 'Only what stands before this cursor.' })
  before?: string | null;
}
