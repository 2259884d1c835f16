import { Field, InputType, registerEnumType } from 'type-graphql';
import { accountParameters } from '../accounts/account.input.js';
import { OrderDirection } from '../graphql/connection.type.js';
import { Parameter } from '../input/parameter.js';
import { instanceIdParameter } from './datasource.input.js';
import type { DatasourceOrdering } from './datasource.service.js';

/** By what a list of datasources can be ordered. */
export enum DatasourceOrderField {
  CREATED_AT = 'createdAt',
  UPDATED_AT = 'updatedAt',
  NAME = 'instanceId',
}

registerEnumType(DatasourceOrderField, {
  name: 'DatasourceOrderField',
  description: 'By what a list of datasources is ordered.',
  valuesConfig: {
    CREATED_AT: { description: 'By the time at which they were added to the register.' },
    UPDATED_AT: { description: 'By the time at which they were last changed in the register.' },
    NAME: { description: 'By the instance id, in the order of its Unicode code points.' },
  },
});

/** The order of a list of datasources. */
@InputType({ description: 'The order of a list of datasources.' })
export class DatasourceOrder {
  /** By what they are ordered. */
  @Field(() => DatasourceOrderField, {
    defaultValue: DatasourceOrderField.CREATED_AT,
    description: 'By what they are ordered.',
  })
  field!: DatasourceOrderField;

  /** Which way they are ordered. */
  @Field(() => OrderDirection, { defaultValue: OrderDirection.ASC, description: 'Which way they are ordered.' })
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
@InputType({ description: 'What a list of datasources is narrowed down to: all that is given must hold.' })
export class DatasourceFilter {
  /** The provider of the account. */
  @Parameter({ ...accountParameters.provider, optional: true, description: 'Exactly this provider of the account.' })
  accountProviderId?: number | null;

  /** The id of the account. */
  @Parameter({ ...accountParameters.accountId, optional: true, description: 'Exactly this id of the account.' })
  accountId?: string | null;

  /** The region of the account. */
  @Parameter({ ...accountParameters.region, optional: true, description: 'Exactly this region of the account.' })
  region?: string | null;

  /** The name within the account. */
  @Parameter({ ...instanceIdParameter, optional: true, description: 'Exactly this instance id.' })
  instanceId?: string | null;

  /** Text to look for. */
  @Parameter({
    kind: 'text',
    optional: true,
    longest: 255,
    description: 'Text that stands anywhere in the ids, the description or the JDBC URL, whatever its case.',
  })
  search?: string | null;
}
