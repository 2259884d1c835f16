import { ArgsType, Field, Int } from 'type-graphql';
import { defaultPageSize, type PageArguments } from '../../database/page.js';

// What is read at once is held at once.
const maxRowsAtOnce = 500;

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

/** How many entries are asked for. */
export function pageSizeOf({ first, last }: Pick<PageArguments, 'first' | 'last'>): number {
  return first ?? last ?? defaultPageSize;
}

/** Of how many lists the same page is read at once at most. */
export function batchSizeOf(page: PageArgs): number {
  return Math.ceil(maxRowsAtOnce / Math.max(1, pageSizeOf(page)));
}
