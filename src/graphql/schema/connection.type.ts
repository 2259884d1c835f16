import { Field, ObjectType, registerEnumType } from 'type-graphql';
import { cursorOf, type Order, type Page } from '../../database/page.js';
import { Rules } from './field-rules.js';

/** The direction of an order. */
export enum OrderDirection {
  ASC = 'ASC',
  DESC = 'DESC',
}

registerEnumType(OrderDirection, {
  name: 'OrderDirection',
  description: 'The direction of an order.',
  valuesConfig: {
    ASC: { description: 'Ascending: from the lowest to the highest, from the oldest to the newest.' },
    DESC: { description: 'Descending: from the highest to the lowest, from the newest to the oldest.' },
  },
});

/** With how many characters a cursor is counted: it holds a value of the order and an id. */
export const cursorLength = 400;

/** Where a page stands in its list, as the Relay specification has it. */
@Rules({ access: 'known' })
@ObjectType({ description: 'Information about a page: its cursors, and whether there are more pages.' })
export class PageInfo {
  /** Whether there are more behind this page. */
  @Field(() => Boolean, {
    description: 'Whether there are more entries after this page. With `last`: whether `before` was given.',
  })
  hasNextPage!: boolean;

  /** Whether there are more before this page. */
  @Field(() => Boolean, {
    description: 'Whether there are more entries before this page. With `first`: whether `after` was given.',
  })
  hasPreviousPage!: boolean;

  /** The cursor of the first edge. */
  @Rules({ countedLength: cursorLength })
  @Field(() => String, { nullable: true, description: 'The cursor of the first edge; null if the page is empty.' })
  startCursor!: string | null;

  /** The cursor of the last edge. */
  @Rules({ countedLength: cursorLength })
  @Field(() => String, { nullable: true, description: 'The cursor of the last edge; null if the page is empty.' })
  endCursor!: string | null;
}

/** One entry of a page. The cursor is made only where it is asked for. */
export class Edge<Row extends { readonly id: string }> {
  readonly #order: Order;

  /**
   * @param node the entry
   * @param order the order of the list, which the cursor belongs to
   */
  constructor(
    readonly node: Row,
    order: Order,
  ) {
    this.#order = order;
  }

  /** The opaque cursor of the entry. */
  get cursor(): string {
    return cursorOf(this.node, this.#order);
  }
}

/** A page as GraphQL shows it. The total is counted only where it is asked for. */
export class Connection<Row extends { readonly id: string }> {
  /** The entries. */
  readonly edges: readonly Edge<Row>[];
  readonly #page: Page<Row>;
  readonly #count: () => Promise<number>;

  /**
   * @param page the page
   * @param count counts the whole list
   */
  constructor(page: Page<Row>, count: () => Promise<number>) {
    this.edges = page.rows.map((row) => new Edge(row, page.order));
    this.#page = page;
    this.#count = count;
  }

  /** Information about the page: its cursors, and whether there are more pages. */
  get pageInfo(): PageInfo {
    return {
      hasNextPage: this.#page.hasNextPage,
      hasPreviousPage: this.#page.hasPreviousPage,
      startCursor: this.edges.at(0)?.cursor ?? null,
      endCursor: this.edges.at(-1)?.cursor ?? null,
    };
  }

  /** How many entries the whole list has. */
  get totalCount(): Promise<number> {
    return this.#count();
  }
}
