import { Arg, Args, Ctx, FieldResolver, ID, Mutation, Query, Resolver, Root } from 'type-graphql';
import { AuditChangeType } from '../audit/audit.type.js';
import { shownChanges } from '../audit/recorded-changes.js';
import { DatasourceKey } from '../datasources/datasource.input.js';
import type { ShownDatasource } from '../datasources/datasource.statements.js';
import { DatasourceType } from '../datasources/datasource.type.js';
import { storedId } from '../global-id.js';
import type { RequestContext } from '../graphql/context/request-context.js';
import { Connection, type PageInfo } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { batchSizeOf, PageArgs } from '../graphql/schema/page.arguments.js';
import { validated } from '../input/validate.js';
import { DryRun, isRehearsal } from '../rehearsal/dry-run.argument.js';
import type { Performance } from '../rehearsal/performance.js';
import { RevertDatasourceInput } from './history.input.js';
import type { HistoryService } from './history.service.js';
import type { DatasourceOfHistory, RecordedVersion } from './history.statements.js';
import { DatasourceHistoryType, DatasourceVersionType, RevertDatasourcePayload } from './history.type.js';

/** A page of a datasource's versions as GraphQL shows it. The first is looked for only where it is asked for. */
class History {
  readonly datasourceId: string;
  readonly #connection: Connection<RecordedVersion>;
  readonly #findFirst: () => Promise<number | null>;

  constructor(datasourceId: string, connection: Connection<RecordedVersion>, findFirst: () => Promise<number | null>) {
    this.datasourceId = datasourceId;
    this.#connection = connection;
    this.#findFirst = findFirst;
  }

  get edges() {
    return this.#connection.edges;
  }

  get pageInfo(): PageInfo {
    return this.#connection.pageInfo;
  }

  get firstVersion(): Promise<number | null> {
    return this.#findFirst();
  }
}

/** The versions of datasources. */
@Resolver(() => DatasourceType)
export class HistoryResolver {
  readonly #history: HistoryService;
  readonly #operations: Performance<{ readonly history: HistoryService }>;

  /**
   * @param history what it asks
   * @param operations what does mutations, or rehearses them
   */
  constructor(history: HistoryService, operations: Performance<{ readonly history: HistoryService }>) {
    this.#history = history;
    this.#operations = operations;
  }

  /** The versions of a datasource that is there. */
  @Rules({ access: 'read' })
  @FieldResolver(() => DatasourceHistoryType, {
    description: 'Its versions, the newest first, a page at a time, as far back as the audit is kept.',
  })
  async history(
    @Root() datasource: DatasourceType,
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) page: PageArgs,
  ): Promise<History> {
    const { id, ...key } = datasource as ShownDatasource;
    return this.#pageOf({ ...key, id: storedId(id) }, page, context);
  }

  /** The versions of a datasource, also of one that is not there any more. */
  @Rules({ access: 'read' })
  @Query(() => DatasourceHistoryType, {
    nullable: true,
    description:
      'The versions of the datasource that has this key or, where there is none, of the last one that had it, the newest first; null where there is no record of one.',
  })
  async datasourceHistory(
    @Arg('key', () => DatasourceKey, { description: 'Which datasource.' }) key: DatasourceKey,
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) page: PageArgs,
    @Arg('id', () => ID, { nullable: true, description: 'Of those that have had the key, the one with this id.' })
    id?: string | null,
  ): Promise<History | null> {
    const datasource = await this.#history.find(validated(key), context.call, id);
    return datasource === undefined ? null : this.#pageOf(datasource, page, context);
  }

  /** Goes back to a version. */
  @Rules({ access: 'write' })
  @Mutation(() => RevertDatasourcePayload, {
    description:
      'Gives a datasource the values that it had at a version, as a new version; its credentials stay. Fails with VERSION_NOT_KNOWN, INVALID_JDBC_URL, CREDENTIAL_REQUIRED, DATASOURCE_NOT_FOUND or VERSION_CONFLICT. Where it has those values already, nothing is changed.',
  })
  async revertDatasource(
    @Arg('input', () => RevertDatasourceInput, { description: 'Which version to go back to.' })
    input: RevertDatasourceInput,
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<RevertDatasourcePayload> {
    const valid = validated(input);
    const reverted = await this.#operations.perform(isRehearsal(dryRun), context, ({ history }, call) =>
      history.revert(valid, call),
    );
    return { ...reverted.payload, datasource: reverted.nodeOf(reverted.result) };
  }

  async #pageOf(datasource: DatasourceOfHistory, page: PageArgs, context: RequestContext): Promise<History> {
    const { loaders, call } = context;
    const { first, after, last, before } = page;
    const kind = `history ${JSON.stringify([first, after, last, before])}`;
    const readAll = async (datasources: readonly DatasourceOfHistory[]) => {
      const pages = await this.#history.pagesOf(datasources, page, call);
      for (const { rows } of pages) context.bounds.count(rows);
      return pages;
    };
    const read = await loaders.load(kind, datasource, readAll, batchSizeOf(page));
    const connection = new Connection(read, async () => read.rows.length);
    return new History(datasource.id, connection, () =>
      loaders.load('first version', datasource, (datasources: readonly DatasourceOfHistory[]) =>
        this.#history.firstVersions(datasources, call),
      ),
    );
  }
}

/** One version. */
@Resolver(() => DatasourceVersionType)
export class DatasourceVersionResolver {
  /** What changed. */
  @Rules({ maxEntries: 20 })
  @FieldResolver(() => [AuditChangeType], {
    description: 'What changed, field by field; of what was added all that was given, of a deletion nothing.',
  })
  changes(@Root() version: DatasourceVersionType): AuditChangeType[] {
    return shownChanges((version as RecordedVersion).changes) ?? [];
  }
}
