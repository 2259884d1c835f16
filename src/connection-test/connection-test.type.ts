import { Field, Float, Int, ObjectType } from 'type-graphql';
import type { TestOutcome } from '../datasources/test-outcome.js';
import { ConnectionTestOutcome } from '../datasources/test-outcome.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { OperationPayload } from '../graphql/schema/operation-payload.type.js';
import { DateTimeScalar } from '../input/date-time.js';
import type { TestStepName } from './test-outcome.js';
import { ConnectionTestStepName } from './test-step.type.js';

/** A step of a test. */
@Rules({ access: 'connect' })
@ObjectType('ConnectionTestStep', { description: 'A step of a connection test that was taken.' })
export class ConnectionTestStepType {
  /** Which step. */
  @Field(() => ConnectionTestStepName, { description: 'Which step.' })
  name!: TestStepName;

  /** How long it took. */
  @Field(() => Float, { description: 'How long it took, in milliseconds.' })
  milliseconds!: number;
}

/** The test of one server. */
@Rules({ access: 'connect' })
@ObjectType('ServerTest', { description: 'What came of the test of one server of the JDBC URL.' })
export class ServerTestType {
  /** The name or address of the server. */
  @Rules({ countedLength: 255 })
  @Field(() => String, { description: 'The name or address of the server, as the URL has it.' })
  host!: string;

  /** Its port. */
  @Field(() => Int, { description: 'Its port: that of the URL, or the default of its database.' })
  port!: number;

  /** What came of it. */
  @Field(() => ConnectionTestOutcome, { description: 'What came of it.' })
  outcome!: TestOutcome;

  /** What came of it, in words. */
  @Rules({ countedLength: 300 })
  @Field(() => String, { description: 'What came of it, in words, and what was not tested.' })
  message!: string;

  /** The steps that were taken. */
  @Rules({ maxEntries: 5 })
  @Field(() => [ConnectionTestStepType], { description: 'The steps that were taken, in order.' })
  steps!: readonly ConnectionTestStepType[];

  /** The product that the server says it is. */
  @Rules({ countedLength: 64 })
  @Field(() => String, {
    nullable: true,
    description: 'The product that the server says it is, at most 64 characters; null where it did not say.',
  })
  product!: string | null;

  /** The version that the server says it has. */
  @Rules({ countedLength: 64 })
  @Field(() => String, {
    nullable: true,
    description: 'The version that the server says it has, at most 64 characters; null where it did not say.',
  })
  version!: string | null;
}

/** A test of a connection. */
@Rules({ access: 'connect' })
@ObjectType('ConnectionTest', { description: 'What came of a test of a connection.' })
export class ConnectionTestType {
  /** What came of it. */
  @Field(() => ConnectionTestOutcome, {
    description: 'What came of it: of several servers, of the one that came furthest.',
  })
  outcome!: TestOutcome;

  /** What came of it, in words. */
  @Rules({ countedLength: 300 })
  @Field(() => String, { description: 'What came of it, in words, and what was not tested.' })
  message!: string;

  /** How long it took. */
  @Field(() => Float, { description: 'How long it took in all, in milliseconds.' })
  milliseconds!: number;

  /** When it was made. */
  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  testedAt!: Date;

  /** The servers that were tried. */
  @Rules({ maxEntries: 8 })
  @Field(() => [ServerTestType], { description: 'The servers of the URL, in its order; the first 8 are tried.' })
  servers!: readonly ServerTestType[];
}

/** What came of the last test of a datasource. */
@Rules({ access: 'read' })
@ObjectType('LastConnectionTest', { description: 'What came of the last connection test of a datasource.' })
export class LastConnectionTestType {
  /** What came of it. */
  @Field(() => ConnectionTestOutcome, { description: 'What came of it. NOT_ALLOWED is kept as UNREACHABLE.' })
  outcome!: TestOutcome;

  /** When it was made. */
  @Field(() => DateTimeScalar, { description: 'When it was made.' })
  testedAt!: Date;
}

/** What testing a registered datasource answers. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'What testing a registered datasource answers.' })
export class TestDatasourcePayload extends OperationPayload {
  /** What came of the test. */
  @Rules({ access: 'connect' })
  @Field(() => ConnectionTestType, { description: 'What came of the test.' })
  test!: ConnectionTestType;
}

/** What testing a connection answers. */
@Rules({ access: 'known' })
@ObjectType({ implements: OperationPayload, description: 'What testing a connection answers.' })
export class TestConnectionPayload extends OperationPayload {
  /** What came of the test. */
  @Rules({ access: 'connect' })
  @Field(() => ConnectionTestType, { description: 'What came of the test.' })
  test!: ConnectionTestType;
}

/** The names of the databases that a credential sees. */
@Rules({ access: 'connect' })
@ObjectType('DatabaseNames', { description: 'The names of the databases that a credential sees.' })
export class DatabaseNamesType {
  /** What came of asking. */
  @Field(() => ConnectionTestOutcome, { description: 'What came of asking: CONNECTED where there are names.' })
  outcome!: TestOutcome;

  /** What came of it, in words. */
  @Rules({ countedLength: 300 })
  @Field(() => String, { description: 'What came of asking, in words.' })
  message!: string;

  /** The names. */
  @Rules({ maxEntries: 1000, countedLength: 64 })
  @Field(() => [String], { description: 'The names, at most 1000, in order.' })
  names!: readonly string[];

  /** Whether there are more. */
  @Field(() => Boolean, { description: 'Whether there are more.' })
  hasMore!: boolean;
}
