import { Field, Int, ObjectType } from 'type-graphql';
import { cursorLength, PageInfo } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { Node } from '../graphql/schema/node.type.js';
import { OperationPayload } from '../graphql/schema/operation-payload.type.js';
import { DateTimeScalar } from '../input/date-time.js';
import { maxListLength } from '../input/parameter.js';

/** A JDBC connection in an account, as GraphQL shows it: a credential has no field here. Its account is resolved apart. */
@Rules({ access: 'known' })
@ObjectType('Datasource', {
  implements: Node,
  description:
    'A JDBC connection in an account. Its password and secret are never shown, only whether they are stored.',
})
export class DatasourceType extends Node {
  /** The name of the datasource within its account. */
  @Field(() => String, { description: 'The name of the datasource within its account.' })
  instanceId!: string;

  /** A description. */
  @Field(() => String, { nullable: true, description: 'A description.' })
  description!: string | null;

  /** The JDBC URL. */
  @Field(() => String, { description: 'The JDBC URL, without a password.' })
  jdbcConnectionUrl!: string;

  /** The schemas to look at. */
  @Field(() => String, { description: 'The schemas to scan, one per line.' })
  jdbcConnectionSchema!: string;

  /** Whether the connection must use SSL. */
  @Field(() => Boolean, { nullable: true, description: 'Whether the connection must use SSL; null if not specified.' })
  jdbcEnforceSsl!: boolean | null;

  /** Whether Kafka is accessed over SSL. */
  @Field(() => Boolean, { nullable: true, description: 'Whether Kafka is accessed over SSL; null if not specified.' })
  kafkaSslEnabled!: boolean | null;

  /** The name of the database user. */
  @Field(() => String, { nullable: true, description: 'The name of the database user.' })
  masterUsername!: string | null;

  /** Whether a password is stored. */
  @Field(() => Boolean, { description: 'Whether a password is stored.' })
  hasPassword!: boolean;

  /** Whether a secret is stored. */
  @Field(() => Boolean, { description: 'Whether the name or reference of a secret is stored.' })
  hasSecret!: boolean;

  /** Whether the validation of a custom certificate is skipped. */
  @Field(() => Boolean, {
    nullable: true,
    description: 'Whether the validation of a custom certificate is skipped; null if not specified.',
  })
  skipCustomJdbcCertValidation!: boolean | null;

  /** The location of a custom certificate. */
  @Field(() => String, { nullable: true, description: 'The location of a custom certificate.' })
  customJdbcCert!: string | null;

  /** The distinguished name of the custom certificate. */
  @Field(() => String, { nullable: true, description: 'The distinguished name of the custom certificate.' })
  customJdbcCertString!: string | null;

  /** The availability zone of the connection. */
  @Field(() => String, { description: 'The availability zone of the connection.' })
  networkAvailabilityZone!: string;

  /** The subnet of the connection. */
  @Field(() => String, { description: 'The subnet of the connection.' })
  networkSubnetId!: string;

  /** The security group of the connection. */
  @Field(() => String, { description: 'The security group of the connection.' })
  networkSgId!: string;

  /** When a Glue crawler last updated it. */
  @Field(() => DateTimeScalar, { nullable: true, description: 'When a Glue crawler last updated it.' })
  glueCrawlerLastUpdated!: Date | null;

  /** When it was created, as text in the format of its source. */
  @Field(() => String, { nullable: true, description: 'When it was created, as text in the format of its source.' })
  creationTime!: string | null;

  /** When it was last updated, as text in the format of its source. */
  @Field(() => String, {
    nullable: true,
    description: 'When it was last updated, as text in the format of its source.',
  })
  lastUpdatedTime!: string | null;

  /** The class name of the JDBC driver. */
  @Field(() => String, { nullable: true, description: 'The class name of the JDBC driver.' })
  jdbcDriverClassName!: string | null;

  /** The location of the JDBC driver's JAR file. */
  @Field(() => String, { nullable: true, description: "The location of the JDBC driver's JAR file." })
  jdbcDriverJarUri!: string | null;

  /** How it came. */
  @Field(() => Int, { description: 'How it was created: 0 imported, 1 added.' })
  createType!: number;

  /** The version: 1 at first, and one more with each change. */
  @Field(() => Int, { description: 'The version: 1 at first, and one more with each change.' })
  version!: number;

  /** When it was added. */
  @Field(() => DateTimeScalar, { description: 'When it was added to the register.' })
  createdAt!: Date;

  /** When it was last changed. */
  @Field(() => DateTimeScalar, { description: 'When it was last changed in the register.' })
  updatedAt!: Date;
}

/** One datasource of a page. */
@Rules({ access: 'known' })
@ObjectType('DatasourceEdge', { description: 'One datasource of a page.' })
export class DatasourceEdge {
  /** Where the datasource stands in the list. */
  @Rules({ countedLength: cursorLength })
  @Field(() => String, { description: 'The position of the datasource in the list, for `after` and `before`.' })
  cursor!: string;

  /** The datasource. */
  @Field(() => DatasourceType, { description: 'The datasource.' })
  node!: DatasourceType;
}

/** A page of datasources. */
@Rules({ access: 'known' })
@ObjectType('DatasourceConnection', { description: 'A page of datasources.' })
export class DatasourceConnection {
  /** The datasources of the page, in order. */
  @Rules({ maxEntries: 'page' })
  @Field(() => [DatasourceEdge], { description: 'The datasources of the page, in order.' })
  edges!: DatasourceEdge[];

  /** Information about the page: its cursors, and whether there are more pages. */
  @Field(() => PageInfo, { description: 'Information about the page: its cursors, and whether there are more pages.' })
  pageInfo!: PageInfo;

  /** How many datasources the whole list has. */
  @Field(() => Int, {
    description: 'How many datasources the whole list has. It is counted only if you ask for this field.',
  })
  totalCount!: number;
}

/** The result of adding a datasource. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'The result of adding a datasource.' })
export class AddDatasourcePayload extends OperationPayload {
  /** The datasource that was added. */
  @Field(() => DatasourceType, { description: 'The datasource that was added.' })
  datasource!: DatasourceType;
}

/** The result of replacing a datasource. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'The result of replacing a datasource.' })
export class EditDatasourcePayload extends OperationPayload {
  /** The datasource as it is now. */
  @Field(() => DatasourceType, { description: 'The datasource as it is now.' })
  datasource!: DatasourceType;
}

/** The result of updating a datasource. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'The result of updating a datasource.' })
export class UpdateDatasourcePayload extends OperationPayload {
  /** The datasource as it is now. */
  @Field(() => DatasourceType, { description: 'The datasource as it is now.' })
  datasource!: DatasourceType;
}

/** The credentials of a datasource, in clear. */
@Rules({ access: 'credentials' })
@ObjectType({ description: 'The credentials of a datasource, in clear. The audit records each time they are read.' })
export class DatasourceCredentials {
  /** The name of the database user. */
  @Field(() => String, { nullable: true, description: 'The name of the database user.' })
  masterUsername!: string | null;

  /** The password of the database user. */
  @Field(() => String, { nullable: true, description: 'The password of the database user.' })
  password!: string | null;

  /** The name of, or reference to, a secret. */
  @Field(() => String, { nullable: true, description: 'The name of, or a reference to, a secret in a secrets store.' })
  secret!: string | null;
}

/** The result of deleting datasources. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'The result of deleting datasources.' })
export class DeleteDatasourcesPayload extends OperationPayload {
  /** The instance ids of the datasources that were deleted. */
  @Rules({ maxEntries: maxListLength, countedLength: 255 })
  @Field(() => [String], { description: 'The instance ids of the datasources that were deleted, each once.' })
  deletedInstanceIds!: string[];
}
