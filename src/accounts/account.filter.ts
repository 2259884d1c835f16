import { Field, InputType, registerEnumType } from 'type-graphql';
import { OrderDirection } from '../graphql/schema/connection.type.js';
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
  description: 'The field that a list of accounts is ordered by.',
  valuesConfig: {
    CREATED_AT: { description: 'The time when they were added.' },
    UPDATED_AT: { description: 'The time when they were last changed.' },
    NAME: { description: 'The account id, in the order of its Unicode code points.' },
  },
});

/** The order of a list of accounts. */
@InputType({ description: 'The order of a list of accounts.' })
export class AccountOrder {
  /** The field to order by. */
  @Field(() => AccountOrderField, {
    defaultValue: AccountOrderField.CREATED_AT,
    description: 'The field to order by.',
  })
  field!: AccountOrderField;

  /** The direction of the order. */
  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'The direction of the order.' })
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
@InputType({ description: 'A filter for a list of accounts. All given conditions must match.' })
export class AccountFilter {
  /** The id of the cloud provider. */
  @Parameter({ ...accountParameters.provider, optional: true, description: 'The provider, compared exactly.' })
  accountProvider?: number | null;

  /** The account's id at the provider. */
  @Parameter({ ...accountParameters.accountId, optional: true, description: 'The account id, compared exactly.' })
  accountId?: string | null;

  /** The region. */
  @Parameter({ ...accountParameters.region, optional: true, description: 'The region, compared exactly.' })
  region?: string | null;

  /** Text to look for. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 255,
    description: 'A text to find anywhere in the account id or the region. Case is ignored.',
  })
  search?: string | null;
}
