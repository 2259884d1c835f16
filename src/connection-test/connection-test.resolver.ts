import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql';
import { AddDatasourceInput, DatasourceKey } from '../datasources/datasource.input.js';
import { DatasourceType } from '../datasources/datasource.type.js';
import type { RequestContext } from '../graphql/context/request-context.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { validated } from '../input/validate.js';
import { succeeded } from '../operation-outcome.js';
import { DatabasesInput } from './connection-test.input.js';
import type { ConnectionTestService, DatabaseNames, LastTestOutcome } from './connection-test.service.js';
import {
  DatabaseNamesType,
  LastConnectionTestType,
  TestConnectionPayload,
  TestDatasourcePayload,
} from './connection-test.type.js';

/** The GraphQL surface of connection tests. */
@Resolver(() => DatasourceType)
export class ConnectionTestResolver {
  readonly #tests: ConnectionTestService;

  /** @param tests what it asks */
  constructor(tests: ConnectionTestService) {
    this.#tests = tests;
  }

  /** Tests a registered datasource. */
  @Rules({ access: 'connect' })
  @Mutation(() => TestDatasourcePayload, {
    description:
      'Tests the connection to a registered datasource with its stored credential. A test that fails is a result. Fails with CONNECTION_TESTS_OFF or DATASOURCE_NOT_FOUND.',
  })
  async testDatasource(
    @Arg('input', () => DatasourceKey, { description: 'Which datasource.' }) input: DatasourceKey,
    @Ctx() { call, abandoned }: RequestContext,
  ): Promise<TestDatasourcePayload> {
    return { ...succeeded, test: await this.#tests.testDatasource(validated(input), call, abandoned()) };
  }

  /** Tests a connection that is not registered. */
  @Rules({ access: 'connect' })
  @Mutation(() => TestConnectionPayload, {
    description:
      'Tests the connection to a datasource that is not registered. Nothing is stored. A test that fails is a result. Fails with CONNECTION_TESTS_OFF or INVALID_JDBC_URL.',
  })
  async testConnection(
    @Arg('input', () => AddDatasourceInput, { description: 'The datasource as it would be added.' })
    input: AddDatasourceInput,
    @Ctx() { call, abandoned }: RequestContext,
  ): Promise<TestConnectionPayload> {
    return { ...succeeded, test: await this.#tests.testConnection(validated(input), call, abandoned()) };
  }

  /** Lists the databases of a server. */
  @Rules({ access: 'connect' })
  @Query(() => DatabaseNamesType, {
    description:
      'The names of the databases that a user sees on a MySQL, MariaDB, PostgreSQL or Redshift server. Fails with CONNECTION_TESTS_OFF or INVALID_JDBC_URL.',
  })
  databases(
    @Arg('input', () => DatabasesInput, { description: 'The connection to ask.' }) input: DatabasesInput,
    @Ctx() { call, abandoned }: RequestContext,
  ): Promise<DatabaseNames> {
    return this.#tests.databases(validated(input), call, abandoned());
  }

  /** What came of the last test of a datasource. */
  @Rules({ access: 'read' })
  @FieldResolver(() => LastConnectionTestType, {
    nullable: true,
    description: 'What came of its last connection test; null where there was none since its connection was changed.',
  })
  lastTest(@Root() datasource: DatasourceType, @Ctx() context: RequestContext): Promise<LastTestOutcome | null> {
    return context.loaders.load('last test', datasource.id, (ids: readonly string[]) => this.#tests.lastTests(ids));
  }
}
