import { Field, Int, ObjectType } from 'type-graphql';
import { PageInfo } from '../graphql/connection.type.js';
import { Node } from '../graphql/node.type.js';
import { OperationPayload } from '../graphql/operation-payload.type.js';
import { DateTimeScalar } from '../input/date-time.js';

/** A JDBC connection in an account, as GraphQL shows it: a credential has no field here. Its account is resolved apart. */
@ObjectType('Datasource', {
  implements: Node,
  description: 'A JDBC connection in an account. Its password and secret are never shown, only whether they are there.',
})
export class DatasourceType extends Node {
  /** Its name within the account. */
  @Field(() => String, { description: 'Its name within the account.' })
  instanceId!: string;

  /** What it is, in words. */
  @Field(() => String, { nullable: true, description: 'What it is, in words.' })
  description!: string | null;

  /** The JDBC URL. */
  @Field(() => String, { description: 'The JDBC URL, without a password.' })
  jdbcConnectionUrl!: string;

  /** The schemas to look at. */
  @Field(() => String, { description: 'The schemas to look at, one a line.' })
  jdbcConnectionSchema!: string;

  /** Whether the connection must use SSL. */
  @Field(() => Boolean, { nullable: true, description: 'Whether the connection must use SSL; null where not said.' })
  jdbcEnforceSsl!: boolean | null;

  /** Whether Kafka is spoken to over SSL. */
  @Field(() => Boolean, { nullable: true, description: 'Whether Kafka is spoken to over SSL; null where not said.' })
  kafkaSslEnabled!: boolean | null;

  /** The user that connects. */
  @Field(() => String, { nullable: true, description: 'The user that connects.' })
  masterUsername!: string | null;

  /** Whether a password is stored. */
  @Field(() => Boolean, { description: 'Whether a password is stored.' })
  hasPassword!: boolean;

  /** Whether a secret is stored. */
  @Field(() => Boolean, { description: 'Whether the name of, or reference to, a secret is stored.' })
  hasSecret!: boolean;

  /** Whether the validation of a custom certificate is skipped. */
  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the validation of a custom certificate is skipped; null where not said.',
  })
  skipCustomJdbcCertValidation!: boolean | null;

  /** Where a custom certificate is kept. */
  @Field(() => String, { nullable: true, description: 'Where a custom certificate is kept.' })
  customJdbcCert!: string | null;

  /** The custom certificate's distinguished name. */
  @Field(() => String, { nullable: true, description: "The custom certificate's distinguished name." })
  customJdbcCertString!: string | null;

  /** The availability zone that the connection is made from. */
  @Field(() => String, { description: 'The availability zone that the connection is made from.' })
  networkAvailabilityZone!: string;

  /** The subnet that the connection is made from. */
  @Field(() => String, { description: 'The subnet that the connection is made from.' })
  networkSubnetId!: string;

  /** The security group of the connection. */
  @Field(() => String, { description: 'The security group of the connection.' })
  networkSgId!: string;

  /** When a Glue crawler last updated it. */
  @Field(() => DateTimeScalar, { nullable: true, description: 'When a Glue crawler last updated it.' })
  glueCrawlerLastUpdated!: Date | null;

  /** When it was created, as its source writes it. */
  @Field(() => String, { nullable: true, description: 'When it was created, as its source writes it.' })
  creationTime!: string | null;

  /** When it was last updated, as its source writes it. */
  @Field(() => String, { nullable: true, description: 'When it was last updated, as its source writes it.' })
  lastUpdatedTime!: string | null;

  /** The class name of the JDBC driver. */
  @Field(() => String, { nullable: true, description: 'The class name of the JDBC driver.' })
  jdbcDriverClassName!: string | null;

  /** Where the JDBC driver's jar is kept. */
  @Field(() => String, { nullable: true, description: "Where the JDBC driver's jar is kept." })
  jdbcDriverJarUri!: string | null;

  /** How it came. */
  @Field(() => Int, { description: 'How it came: 0 imported, 1 added.' })
  createType!: number;

  /** 1 at first, one more with each change. */
  @Field(() => Int, { description: '1 at first, one more with each change.' })
  version!: number;

  /** When it was added. */
  @Field(() => DateTimeScalar, { description: 'When it was added to the register.' })
  createdAt!: Date;

  /** When it was last changed. */
  @Field(() => DateTimeScalar, { description: 'When it was last changed in the register.' })
  updatedAt!: Date;
}

/** One datasource of a page. */
@ObjectType('DatasourceEdge', { description: 'One datasource of a page.' })
export class DatasourceEdge {
  /** Where the datasource stands in the list. */
  @Field(() => String, { description: 'Where the datasource stands in the list, for `after` and `before`.' })
  cursor!: string;

  /** The datasource. */
  @Field(() => DatasourceType, { description: 'The datasource.' })
  node!: DatasourceType;
}

/** A page of datasources. */
@ObjectType('DatasourceConnection', { description: 'A page of datasources.' })
export class DatasourceConnection {
  /** The datasources of the page, in order. */
  @Field(() => [DatasourceEdge], { description: 'The datasources of the page, in order.' })
  edges!: DatasourceEdge[];

  /** Where the page stands in its list. */
  @Field(() => PageInfo, { description: 'Where the page stands in its list.' })
  pageInfo!: PageInfo;

  /** How many datasources the whole list has. */
  @Field(() => Int, { description: 'How many datasources the whole list has; counted only where it is asked for.' })
  totalCount!: number;
}

/** What adding a datasource answers. */
@ObjectType({ implements: OperationPayload, description: 'What adding a datasource answers.' })
export class AddDatasourcePayload extends OperationPayload {
  /** The datasource that was added. */
  @Field(() => DatasourceType, { description: 'The datasource that was added.' })
  datasource!: DatasourceType;
}

/** What editing a datasource answers. */
@ObjectType({ implements: OperationPayload, description: 'What editing a datasource answers.' })
export class EditDatasourcePayload extends OperationPayload {
  /** The datasource as it is now. */
  @Field(() => DatasourceType, { description: 'The datasource as it is now.' })
  datasource!: DatasourceType;
}

/** What updating a datasource answers. */
@ObjectType({ implements: OperationPayload, description: 'What updating a datasource answers.' })
export class UpdateDatasourcePayload extends OperationPayload {
  /** The datasource as it is now. */
  @Field(() => DatasourceType, { description: 'The datasource as it is now.' })
  datasource!: DatasourceType;
}

/** The credentials of a datasource, in clear. */
@ObjectType({ description: 'The credentials of a datasource, in clear. Every reading of them is in the audit.' })
export class DatasourceCredentials {
  /** The user that connects. */
  @Field(() => String, { nullable: true, description: 'The user that connects.' })
  masterUsername!: string | null;

  /** The password of that user. */
  @Field(() => String, { nullable: true, description: 'The password of that user.' })
  password!: string | null;

  /** The name of, or reference to, a secret. */
  @Field(() => String, { nullable: true, description: 'The name of, or reference to, a secret in a secrets store.' })
  secret!: string | null;
}

/** What deleting datasources answers. */
@ObjectType({ implements: OperationPayload, description: 'What deleting datasources answers.' })
export class DeleteDatasourcesPayload extends OperationPayload {
  /** The instance ids of the datasources that were deleted. */
  @Field(() => [String], { description: 'The instance ids of the datasources that were deleted, each once.' })
  deletedInstanceIds!: string[];
}
