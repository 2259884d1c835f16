import { InputType } from 'type-graphql';
import { accountParameters } from '../accounts/account.input.js';
import { Parameter } from '../input/parameter.js';
import { PatchOf } from '../input/patch.js';

/** The limits of an instance id. */
export const instanceIdParameter = { kind: 'identifier', longest: 255 } as const;

const expectedVersion = {
  kind: 'integer',
  from: 1,
  optional: true,
  description: 'The version that the datasource is expected to be at; at another one nothing is changed.',
} as const;

/** The four parameters that say which datasource. */
@InputType({ description: 'Which datasource: the four are compared exactly, so case counts.' })
export class DatasourceKey {
  /** The datasource's name within its account. */
  @Parameter({ ...instanceIdParameter, description: "The datasource's name within its account." })
  instanceId!: string;

  /** The provider of the account that it is in. */
  @Parameter({ ...accountParameters.provider, description: 'The provider of the account that it is in.' })
  accountProviderId!: number;

  /** The id of the account that it is in. */
  @Parameter({ ...accountParameters.accountId, description: 'The id of the account that it is in.' })
  accountId!: string;

  /** The region of the account that it is in. */
  @Parameter({ ...accountParameters.region, description: 'The region of the account that it is in.' })
  region!: string;
}

/** The parameters of Add Datasource: the whole datasource. */
@InputType({
  description: 'The datasource to add. It needs a `secret`, or both `masterUsername` and `password`, or all three.',
})
export class AddDatasourceInput extends DatasourceKey {
  /** What it is, in words. */
  @Parameter({ kind: 'text', optional: true, longest: 2048, description: 'What it is, in words.' })
  description?: string | null;

  /** The JDBC URL, without a password. */
  @Parameter({ kind: 'text', longest: 1024, description: 'The JDBC URL, which must not carry a password.' })
  jdbcConnectionUrl!: string;

  /** The schemas to look at, one a line. */
  @Parameter({ kind: 'text', longest: 1024, description: 'The schemas to look at, one a line.' })
  jdbcConnectionSchema!: string;

  /** Whether the connection must use SSL. */
  @Parameter({ kind: 'flag', optional: true, description: 'Whether the connection must use SSL.' })
  jdbcEnforceSsl?: boolean | null;

  /** Whether Kafka is spoken to over SSL. */
  @Parameter({ kind: 'flag', optional: true, description: 'Whether Kafka is spoken to over SSL.' })
  kafkaSslEnabled?: boolean | null;

  /** The user that connects. */
  @Parameter({ kind: 'text', optional: true, longest: 255, description: 'The user that connects.' })
  masterUsername?: string | null;

  /** The password of that user. */
  @Parameter({
    kind: 'text',
    optional: true,
    longest: 1024,
    description: 'The password of that user. It is sealed before it is stored, and never shown.',
  })
  password?: string | null;

  /** The name of, or reference to, a secret. */
  @Parameter({
    kind: 'text',
    optional: true,
    longest: 1024,
    description:
      'The name of, or reference to, a secret in a secrets store. It is sealed before it is stored, and never shown.',
  })
  secret?: string | null;

  /** Whether the validation of a custom certificate is skipped. */
  @Parameter({
    kind: 'flag',
    optional: true,
    description: 'Whether the validation of a custom certificate is skipped.',
  })
  skipCustomJdbcCertValidation?: boolean | null;

  /** Where a custom certificate is kept. */
  @Parameter({ kind: 'text', optional: true, longest: 1024, description: 'Where a custom certificate is kept.' })
  customJdbcCert?: string | null;

  /** The custom certificate's distinguished name. */
  @Parameter({
    kind: 'text',
    optional: true,
    longest: 1024,
    description: "The custom certificate's distinguished name.",
  })
  customJdbcCertString?: string | null;

  /** The availability zone that the connection is made from. */
  @Parameter({ kind: 'text', longest: 255, description: 'The availability zone that the connection is made from.' })
  networkAvailabilityZone!: string;

  /** The subnet that the connection is made from. */
  @Parameter({ kind: 'text', longest: 255, description: 'The subnet that the connection is made from.' })
  networkSubnetId!: string;

  /** The security group of the connection. */
  @Parameter({ kind: 'text', longest: 255, description: 'The security group of the connection.' })
  networkSgId!: string;

  /** When a Glue crawler last updated it. */
  @Parameter({ kind: 'dateTime', optional: true, description: 'When a Glue crawler last updated it.' })
  glueCrawlerLastUpdated?: Date | null;

  /** When it was created, as its source writes it. */
  @Parameter({
    kind: 'text',
    optional: true,
    longest: 64,
    description: 'When it was created, as its source writes it.',
  })
  creationTime?: string | null;

  /** When it was last updated, as its source writes it. */
  @Parameter({
    kind: 'text',
    optional: true,
    longest: 64,
    description: 'When it was last updated, as its source writes it.',
  })
  lastUpdatedTime?: string | null;

  /** The class name of the JDBC driver. */
  @Parameter({ kind: 'text', optional: true, longest: 2048, description: 'The class name of the JDBC driver.' })
  jdbcDriverClassName?: string | null;

  /** Where the JDBC driver's jar is kept. */
  @Parameter({ kind: 'text', optional: true, longest: 2048, description: "Where the JDBC driver's jar is kept." })
  jdbcDriverJarUri?: string | null;

  /** How it came: 0 imported, 1 added. */
  @Parameter({ kind: 'integer', from: 0, to: 1, description: 'How it came: 0 imported, 1 added.' })
  createType!: number;
}

/** The parameters of Edit Datasource: the whole datasource, and optionally the version that it is expected to be at. */
@InputType({
  description:
    'The whole datasource as it is to be: an optional field that is left out is cleared. The four fields of its key say which one, and are not changed.',
})
export class EditDatasourceInput extends AddDatasourceInput {
  /** The version that the datasource is expected to be at. */
  @Parameter(expectedVersion)
  expectedVersion?: number | null;
}

/** The parameters of a change to a part of a datasource, which is offered by GraphQL only. */
@InputType({
  description:
    'What is to change: a field that is left out stays as it is, and null clears one. A change of the URL, the driver class, the driver jar, SSL or the certificate needs every credential that is to stay again.',
})
export class UpdateDatasourceInput extends PatchOf(AddDatasourceInput, DatasourceKey) {
  /** The version that the datasource is expected to be at. */
  @Parameter(expectedVersion)
  expectedVersion?: number | null;
}

/** The parameters of Delete Datasource. */
@InputType({ description: 'The datasources to delete: all of them or, where one does not exist, none.' })
export class DeleteDatasourcesInput {
  /** The provider of the account that they are in. */
  @Parameter({ ...accountParameters.provider, description: 'The provider of the account that they are in.' })
  accountProvider!: number;

  /** The id of the account that they are in. */
  @Parameter({ ...accountParameters.accountId, description: 'The id of the account that they are in.' })
  accountId!: string;

  /** The region of the account that they are in. */
  @Parameter({ ...accountParameters.region, description: 'The region of the account that they are in.' })
  region!: string;

  /** The names of the datasources within the account. */
  @Parameter({
    ...instanceIdParameter,
    kind: 'identifierList',
    description: 'The instance ids of the datasources; repeats are counted and then removed.',
  })
  instances!: string[];
}
