import { ArgsType, Field, Int } from 'type-graphql';

// What is read at once is held at once.
const maxRowsAtOnce = 500;

/** How many entries a page has where none is told. */
export const usualPageSize = 20;
/** How many entries a page has at most. */
export const maxPageSize = 100;

/** The arguments of every connection, as the Relay specification has them. */
@ArgsType()
export class PageArgs {
  /** How many from the start. */
  @Field(() => Int, {
    nullable: true,
    description: 'The page size, from the start of the list or after `after`: 1 to 100. The default is 20.',
  })
  first?: number | null;

  /** The cursor to start behind. */
  @Field(() => String, { nullable: true, description: 'Only entries after this cursor.' })
  after?: string | null;

  /** How many from the end. */
  @Field(() => Int, {
    nullable: true,
    description:
      'The page size, from the end of the list or before `before`: 1 to 100. Cannot be combined with `first`.',
  })
  last?: number | null;

  /** The cursor to end before. */
  @Field(() => String, { nullable: true, description: 'Only entries before this cursor.' })
  before?: string | null;
}

/** Of how many lists the same page is read at once at most. */
export function batchSizeOf({ first, last }: PageArgs): number {
  return Math.ceil(maxRowsAtOnce / Math.max(1, first ?? last ?? usualPageSize));
}
