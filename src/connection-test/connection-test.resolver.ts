import { Arg, Ctx, FieldResolver, Mutation, Query, Resolver, Root } from 'type-graphql';
import { AddDatasourceInput, DatasourceKey } from '../datasources/datasource.input.js';
import { DatasourceType } from '../datasources/datasource.type.js';
import { storedId } from '../global-id.js';
import type { RequestContext } from '../graphql/context/request-context.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { validated } from '../input/validate.js';
import { rehearsed, succeeded } from '../operation-outcome.js';
import { DryRun, isRehearsal } from '../rehearsal/dry-run.argument.js';
import { DatabasesInput } from './connection-test.input.js';
import type { ConnectionTestService, DatabaseNames, LastTestOutcome } from './connection-test.service.js';
import {
  DatabaseNamesType,
  LastConnectionTestType,
  TestConnectionPayload,
  TestDatasourcePayload,
} from './connection-test.type.js';

const done = { ...succeeded, rehearsed: false };
const notDone = { ...rehearsed, rehearsed: true };

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
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<TestDatasourcePayload> {
    const { call, abandoned, outcome } = context;
    const valid = validated(input);
    if (!isRehearsal(dryRun)) return { ...done, test: await this.#tests.testDatasource(valid, call, abandoned()) };
    outcome.isRehearsed = true;
    return { ...notDone, test: await this.#tests.rehearseTestOfDatasource(valid, call) };
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
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<TestConnectionPayload> {
    const { call, abandoned, outcome } = context;
    const valid = validated(input);
    if (!isRehearsal(dryRun)) return { ...done, test: await this.#tests.testConnection(valid, call, abandoned()) };
    outcome.isRehearsed = true;
    return { ...notDone, test: this.#tests.rehearseTestOfConnection(valid, call) };
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
    return context.loaders.load('last test', storedId(datasource.id), (ids: readonly string[]) =>
      this.#tests.lastTests(ids),
    );
  }
}
