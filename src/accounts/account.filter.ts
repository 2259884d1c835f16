import { Field, InputType, registerEnumType } from 'type-graphql';
import { OrderDirection } from '../graphql/connection.type.js';
import { Parameter } from '../input/parameter.js';
import { accountParameters } from './account.input.js';
import type { AccountOrdering } from './account.service.js';

/** By what a list of accounts can be ordered. */
export enum AccountOrderField {
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
  NAME = 'accountId',
}

registerEnumType(AccountOrderField, {
  name: 'AccountOrderField',
  description: 'By what a list of accounts is ordered.',
  valuesConfig: {
    CREATED_AT: { description: 'By the time at which they were added.' },
    UPDATED_AT: { description: 'By the time at which they were last changed.' },
    NAME: { description: 'By the account id, in the order of its Unicode code points.' },
  },
});

/** The order of a list of accounts. */
@InputType({ description: 'The order of a list of accounts.' })
export class AccountOrder {
  /** By what they are ordered. */
  @Field(() => AccountOrderField, {
    defaultValue: AccountOrderField.CREATED_AT,
    description: 'By what they are ordered.',
  })
  field!: AccountOrderField;

  /** Which way they are ordered. */
  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'Which way they are ordered.' })
  direction!: OrderDirection;
}

/** The order that holds where none is asked for: the oldest first. */
export function accountOrdering(order: AccountOrder | null | undefined): AccountOrdering {
  return {
    property: order?.field ?? AccountOrderField.CREATED_AT,
    descending: order?.direction === OrderDirection.DESC,
  };
}

/** What a list of accounts is narrowed down to. */
@InputType({ description: 'What a list of accounts is narrowed down to: all that is given must hold.' })
export class AccountFilter {
  /** The id of the cloud provider. */
  @Parameter({ ...accountParameters.provider, optional: true, description: 'Exactly this provider.' })
  accountProvider?: number | null;

  /** The account's id at the provider. */
  @Parameter({ ...accountParameters.accountId, optional: true, description: 'Exactly this account id.' })
  accountId?: string | null;

  /** The region. */
  @Parameter({ ...accountParameters.region, optional: true, description: 'Exactly this region.' })
  region?: string | null;

  /** Text to look for. */
  @Parameter({
    kind: 'text',
    optional: true,
    longest: 255,
    description: 'Text that stands anywhere in the account id or the region, whatever its case.',
  })
  search?: string | null;
}
