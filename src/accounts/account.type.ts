import { Field, ID, Int, ObjectType } from 'type-graphql';
import { cursorLength, PageInfo } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { Node } from '../graphql/schema/node.type.js';
import { OperationPayload } from '../graphql/schema/operation-payload.type.js';
import { DateTimeScalar } from '../input/date-time.js';

/** A cloud account in one region, as GraphQL shows it. Its datasources are resolved where datasources are. */
@Rules({ access: 'known' })
@ObjectType('Account', { implements: Node, description: 'A cloud account in one region.' })
export class AccountType extends Node {
  /** The id of the cloud provider. */
  @Field(() => Int, { description: 'The id of the cloud provider.' })
  accountProvider!: number;

  /** The account's id at the provider. */
  @Field(() => String, { description: "The account's id at the provider." })
  accountId!: string;

  /** The region that the account is registered for. */
  @Field(() => String, { description: 'The region that the account is registered for.' })
  region!: string;

  /** When it was added. */
  @Field(() => DateTimeScalar, { description: 'When it was added.' })
  createdAt!: Date;

  /** When it was last changed. */
  @Field(() => DateTimeScalar, { description: 'When it was last changed.' })
  updatedAt!: Date;
}

/** One account of a page. */
@Rules({ access: 'known' })
@ObjectType('AccountEdge', { description: 'One account of a page.' })
export class AccountEdge {
  /** Where the account stands in the list. */
  @Rules({ countedLength: cursorLength })
  @Field(() => String, { description: 'The position of the account in the list, for `after` and `before`.' })
  cursor!: string;

  /** The account. */
  @Field(() => AccountType, { description: 'The account.' })
  node!: AccountType;
}

/** A page of accounts. */
@Rules({ access: 'known' })
@ObjectType('AccountConnection', { description: 'A page of accounts.' })
export class AccountConnection {
  /** The accounts of the page, in order. */
  @Rules({ maxEntries: 'page' })
  @Field(() => [AccountEdge], { description: 'The accounts of the page, in order.' })
  edges!: AccountEdge[];

  /** Information about the page: its cursors, and whether there are more pages. */
  @Field(() => PageInfo, { description: 'Information about the page: its cursors, and whether there are more pages.' })
  pageInfo!: PageInfo;

  /** How many accounts the whole list has. */
  @Field(() => Int, {
    description: 'How many accounts the whole list has. It is counted only if you ask for this field.',
  })
  totalCount!: number;
}

/** The result of adding an account. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'The result of adding an account.' })
export class AddAccountPayload extends OperationPayload {
  /** The account that was added. */
  @Field(() => AccountType, { description: 'The account that was added.' })
  account!: AccountType;
}

/** The result of deleting an account. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'The result of deleting an account.' })
export class DeleteAccountPayload extends OperationPayload {
  /** The id of the account that was deleted. */
  @Field(() => ID, { description: 'The id of the account that was deleted.' })
  deletedAccountId!: string;

  /** How many datasources went with it. */
  @Field(() => Int, { description: 'The number of datasources that were deleted with the account.' })
  deletedDatasourceCount!: number;
}
