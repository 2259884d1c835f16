import { InputType } from 'type-graphql';
import { accountParameters } from '../accounts/account.input.js';
import { Parameter } from '../input/parameter.js';
import { PatchOf } from '../input/patch.js';

/** The limits of an instance id. */
export const instanceIdParameter = { kind: 'identifier', maxLength: 255, targetPart: 'instanceId' } as const;

/** The version at which a change is to find the datasource. */
export const expectedVersionParameter = {
  kind: 'integer',
  from: 1,
  optional: true,
  description: 'The version that you expect the datasource to have. If it has another one, nothing is changed.',
} as const;

/** The four parameters that say which datasource. */
@InputType({ description: 'The key of a datasource. All four fields are compared exactly, including case.' })
export class DatasourceKey {
  /** The name of the datasource within its account. */
  @Parameter({ ...instanceIdParameter, description: 'The name of the datasource within its account.' })
  instanceId!: string;

  /** The provider of its account. */
  @Parameter({ ...accountParameters.provider, description: 'The provider of its account.' })
  accountProviderId!: number;

  /** The id of its account. */
  @Parameter({ ...accountParameters.accountId, description: 'The id of its account.' })
  accountId!: string;

  /** The region of its account. */
  @Parameter({ ...accountParameters.region, description: 'The region of its account.' })
  region!: string;
}

/** The parameters of Add Datasource: the whole datasource. */
@InputType({
  description:
    'The datasource to add. It needs a credential: a `secret`, or both `masterUsername` and `password`, or all three.',
})
export class AddDatasourceInput extends DatasourceKey {
  /** A description. */
  @Parameter({ kind: 'text', optional: true, maxLength: 2048, description: 'A description.' })
  description?: string | null;

  /** The JDBC URL, without a password. */
  @Parameter({ kind: 'text', maxLength: 1024, description: 'The JDBC URL. It must not contain a password.' })
  jdbcConnectionUrl!: string;

  /** The schemas to scan, one per line. */
  @Parameter({ kind: 'text', maxLength: 1024, description: 'The schemas to scan, one per line.' })
  jdbcConnectionSchema!: string;

  /** Whether the connection must use SSL. */
  @Parameter({ kind: 'flag', optional: true, description: 'Whether the connection must use SSL.' })
  jdbcEnforceSsl?: boolean | null;

  /** Whether Kafka is accessed over SSL. */
  @Parameter({ kind: 'flag', optional: true, description: 'Whether Kafka is accessed over SSL.' })
  kafkaSslEnabled?: boolean | null;

  /** The name of the database user. */
  @Parameter({ kind: 'text', optional: true, maxLength: 255, description: 'The name of the database user.' })
  masterUsername?: string | null;

  /** The password of the database user. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 1024,
    description: 'The password of the database user. It is encrypted before it is stored, and never shown.',
  })
  password?: string | null;

  /** The name of, or reference to, a secret. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 1024,
    description:
      'The name of, or a reference to, a secret in a secrets store. It is encrypted before it is stored, and never shown.',
  })
  secret?: string | null;

  /** Whether the validation of a custom certificate is skipped. */
  @Parameter({
    kind: 'flag',
    optional: true,
    description: 'Whether the validation of a custom certificate is skipped.',
  })
  skipCustomJdbcCertValidation?: boolean | null;

  /** The location of a custom certificate. */
  @Parameter({ kind: 'text', optional: true, maxLength: 1024, description: 'The location of a custom certificate.' })
  customJdbcCert?: string | null;

  /** The distinguished name of the custom certificate. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 1024,
    description: 'The distinguished name of the custom certificate.',
  })
  customJdbcCertString?: string | null;

  /** The availability zone of the connection. */
  @Parameter({ kind: 'text', maxLength: 255, description: 'The availability zone of the connection.' })
  networkAvailabilityZone!: string;

  /** The subnet of the connection. */
  @Parameter({ kind: 'text', maxLength: 255, description: 'The subnet of the connection.' })
  networkSubnetId!: string;

  /** The security group of the connection. */
  @Parameter({ kind: 'text', maxLength: 255, description: 'The security group of the connection.' })
  networkSgId!: string;

  /** When a Glue crawler last updated it. */
  @Parameter({ kind: 'dateTime', optional: true, description: 'When a Glue crawler last updated it.' })
  glueCrawlerLastUpdated?: Date | null;

  /** When it was created, as text in the format of its source. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 64,
    description: 'When it was created, as text in the format of its source.',
  })
  creationTime?: string | null;

  /** When it was last updated, as text in the format of its source. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 64,
    description: 'When it was last updated, as text in the format of its source.',
  })
  lastUpdatedTime?: string | null;

  /** The class name of the JDBC driver. */
  @Parameter({ kind: 'text', optional: true, maxLength: 2048, description: 'The class name of the JDBC driver.' })
  jdbcDriverClassName?: string | null;

  /** The location of the JDBC driver's JAR file. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 2048,
    description: "The location of the JDBC driver's JAR file.",
  })
  jdbcDriverJarUri?: string | null;

  /** How it was created: 0 imported, 1 added. */
  @Parameter({ kind: 'integer', from: 0, to: 1, description: 'How it was created: 0 imported, 1 added.' })
  createType!: number;
}

/** The parameters of Edit Datasource: the whole datasource, and optionally the version that it is expected to be at. */
@InputType({
  description:
    'The new values of the whole datasource. An optional field that you leave out is cleared. The four fields of the key select the datasource and cannot be changed.',
})
export class EditDatasourceInput extends AddDatasourceInput {
  /** The version that the datasource is expected to be at. */
  @Parameter(expectedVersionParameter)
  expectedVersion?: number | null;
}

/** The parameters of a change to a part of a datasource, which is offered by GraphQL only. */
@InputType({
  description:
    'The fields to change. A field that you leave out keeps its value, and null clears it. If you change the URL, the driver class, the driver JAR, SSL or the certificate, you must give the stored password and secret again, or null to clear them.',
})
export class UpdateDatasourceInput extends PatchOf(AddDatasourceInput, DatasourceKey) {
  /** The version that the datasource is expected to be at. */
  @Parameter(expectedVersionParameter)
  expectedVersion?: number | null;
}

/** The parameters of Delete Datasource. */
@InputType({ description: 'The datasources to delete. If one of them does not exist, none is deleted.' })
export class DeleteDatasourcesInput {
  /** The provider of their account. */
  @Parameter({ ...accountParameters.provider, description: 'The provider of their account.' })
  accountProvider!: number;

  /** The id of their account. */
  @Parameter({ ...accountParameters.accountId, description: 'The id of their account.' })
  accountId!: string;

  /** The region of their account. */
  @Parameter({ ...accountParameters.region, description: 'The region of their account.' })
  region!: string;

  /** The names of the datasources within the account. */
  @Parameter({
    ...instanceIdParameter,
    kind: 'identifierList',
    description: 'The instance ids of the datasources. Duplicates count for the limit, and are then ignored.',
  })
  instances!: string[];
}
