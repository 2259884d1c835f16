import { Arg, Args, Ctx, FieldResolver, Int, Query, Resolver, Root, Subscription } from 'type-graphql';
import type { AccountService } from '../accounts/account.service.js';
import { AccountConnection, type AccountType } from '../accounts/account.type.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import { DatasourceConnection, type DatasourceType } from '../datasources/datasource.type.js';
import type { RequestContext } from '../graphql/context/request-context.js';
import { Connection } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { PageArgs } from '../graphql/schema/page.arguments.js';
import type { ChangeService } from './change.service.js';
import { ChangePageType, ChangeType, RegisterSnapshotType } from './change.type.js';
import { writeCursor } from './change-cursor.js';
import { ShownChange } from './shown-change.js';

const oldestFirst = { property: 'createdAt', descending: false } as const;

/** The feed of changes. */
@Resolver()
export class ChangeResolver {
  readonly #changes: ChangeService;

  /** @param changes what it asks */
  constructor(changes: ChangeService) {
    this.#changes = changes;
  }

  /** Reads on from a cursor. */
  @Rules({ access: 'read' })
  @Query(() => ChangePageType, {
    description:
      'The changes of accounts and datasources, in one order that all readers see: who goes on from the last cursor has each exactly once, and misses none. Fails with CURSOR_TOO_OLD if the changes behind the cursor are not all kept any more.',
  })
  async changes(
    @Arg('after', () => String, {
      nullable: true,
      description: 'Only changes behind this cursor; the oldest that is kept comes first if there is none.',
    })
    after?: string | null,
    @Arg('first', () => Int, { nullable: true, description: 'How many at most: 1 to 100, 20 by default.' })
    first?: number | null,
  ): Promise<ChangePageType> {
    const { changes, cursor, hasMore } = await this.#changes.page(after, first);
    return { changes: changes.map((change) => new ShownChange(change)), cursor: writeCursor(cursor), hasMore };
  }

  /** Tells each change as it comes. */
  @Rules({ access: 'read' })
  @Subscription(() => ChangeType, {
    name: 'changes',
    topics: 'changes',
    description:
      'The changes as they come, over Server-Sent Events: as `changes` of the query, each exactly once for who goes on from the last cursor. Fails with CURSOR_TOO_OLD if the changes behind the cursor are not all kept any more.',
  })
  nextChange(
    @Root() change: ChangeType,
    @Arg('after', () => String, {
      nullable: true,
      description: 'Only changes behind this cursor; only those that come from now on if there is none.',
    })
    _after?: string | null,
  ): ChangeType {
    return change;
  }

  /** Tells how to begin. */
  @Rules({ access: 'read' })
  @Query(() => RegisterSnapshotType, { description: 'How to begin with a copy of the register.' })
  async snapshot(): Promise<RegisterSnapshotType> {
    // The lists are read when this has been.
    return { cursor: writeCursor(await this.#changes.end()) };
  }
}

/** The lists of a snapshot. */
@Resolver(() => RegisterSnapshotType)
export class RegisterSnapshotResolver {
  readonly #accounts: AccountService;
  readonly #datasources: DatasourceService;

  /**
   * @param accounts what it asks for accounts
   * @param datasources what it asks for datasources
   */
  constructor(accounts: AccountService, datasources: DatasourceService) {
    this.#accounts = accounts;
    this.#datasources = datasources;
  }

  /** The accounts. */
  @Rules({ access: 'read' })
  @FieldResolver(() => AccountConnection, { description: 'The accounts, the oldest first, a page at a time.' })
  async accounts(
    @Args(() => PageArgs) pageArgs: PageArgs,
    @Ctx() { call }: RequestContext,
  ): Promise<Connection<AccountType>> {
    const page = await this.#accounts.page({}, oldestFirst, pageArgs, call);
    return new Connection(page, () => this.#accounts.count({}, call));
  }

  /** The datasources. */
  @Rules({ access: 'read' })
  @FieldResolver(() => DatasourceConnection, { description: 'The datasources, the oldest first, a page at a time.' })
  async datasources(
    @Args(() => PageArgs) pageArgs: PageArgs,
    @Ctx() { call }: RequestContext,
  ): Promise<Connection<DatasourceType>> {
    const page = await this.#datasources.page({}, oldestFirst, pageArgs, call);
    return new Connection(page, () => this.#datasources.count({}, call));
  }
}
