import { Field, InputType, registerEnumType } from 'type-graphql';
import { accountParameters } from '../accounts/account.input.js';
import { OrderDirection } from '../graphql/schema/connection.type.js';
import { Parameter } from '../input/parameter.js';
import { instanceIdParameter } from './datasource.input.js';
import type { DatasourceOrdering } from './datasource.service.js';
import type { TestOutcome } from './test-outcome.js';
import { ConnectionTestOutcome } from './test-outcome.type.js';

/** By what a list of datasources can be ordered. */
export enum DatasourceOrderField {
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
  NAME = 'instanceId',
}

registerEnumType(DatasourceOrderField, {
  name: 'DatasourceOrderField',
  description: 'The field that a list of datasources is ordered by.',
  valuesConfig: {
    CREATED_AT: { description: 'The time when they were added to the register.' },
    UPDATED_AT: { description: 'The time when they were last changed in the register.' },
    NAME: { description: 'The instance id, in the order of its Unicode code points.' },
  },
});

/** The order of a list of datasources. */
@InputType({ description: 'The order of a list of datasources.' })
export class DatasourceOrder {
  /** The field to order by. */
  @Field(() => DatasourceOrderField, {
    defaultValue: DatasourceOrderField.CREATED_AT,
    description: 'The field to order by.',
  })
  field!: DatasourceOrderField;

  /** The direction of the order. */
  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'The direction of the order.' })
  direction!: OrderDirection;
}

/** The order that holds where none is asked for: the oldest first. */
export function datasourceOrdering(order: DatasourceOrder | null | undefined): DatasourceOrdering {
  return {
    property: order?.field ?? DatasourceOrderField.CREATED_AT,
    descending: order?.direction === OrderDirection.DESC,
  };
}

/** What a list of datasources is narrowed down to. */
@InputType({ description: 'A filter for a list of datasources. All given conditions must match.' })
export class DatasourceFilter {
  /** The provider of the account. */
  @Parameter({
    ...accountParameters.provider,
    optional: true,
    description: 'The provider of the account, compared exactly.',
  })
  accountProviderId?: number | null;

  /** The id of the account. */
  @Parameter({
    ...accountParameters.accountId,
    optional: true,
    description: 'The id of the account, compared exactly.',
  })
  accountId?: string | null;

  /** The region of the account. */
  @Parameter({
    ...accountParameters.region,
    optional: true,
    description: 'The region of the account, compared exactly.',
  })
  region?: string | null;

  /** The name within the account. */
  @Parameter({ ...instanceIdParameter, optional: true, description: 'The instance id, compared exactly.' })
  instanceId?: string | null;

  /** Text to look for. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 255,
    description:
      'A text to find anywhere in the ids, the description or the JDBC URL. Case is ignored. A search through very many datasources fails with SEARCH_TOO_BROAD: narrow it down with the other filters.',
  })
  search?: string | null;

  /** What came of the last connection test. */
  @Field(() => ConnectionTestOutcome, {
    nullable: true,
    description: 'What came of the last connection test, since the connection was last changed.',
  })
  lastTest?: TestOutcome | null;
}
