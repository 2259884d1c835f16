import type { GraphQLResolveInfo } from 'graphql';
import { Arg, Args, Ctx, FieldResolver, Info, Mutation, Query, Resolver, Root } from 'type-graphql';
import type { AccountService } from '../accounts/account.service.js';
import type { AccountIdentity } from '../accounts/account.statements.js';
import { AccountType } from '../accounts/account.type.js';
import { UnavailableError } from '../errors.js';
import type { RequestContext } from '../graphql/context/request-context.js';
import { selectedBelow } from '../graphql/context/selection.js';
import { Connection } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { batchSizeOf, PageArgs } from '../graphql/schema/page.arguments.js';
import { validated } from '../input/validate.js';
import { DryRun, isRehearsal } from '../rehearsal/dry-run.argument.js';
import type { Performance } from '../rehearsal/performance.js';
import type { Call } from '../security/call.js';
import { DatasourceFilter, DatasourceOrder, datasourceOrdering } from './datasource.filter.js';
import {
  AddDatasourceInput,
  DatasourceKey,
  DeleteDatasourcesInput,
  EditDatasourceInput,
  UpdateDatasourceInput,
} from './datasource.input.js';
import type { Credentials, DatasourceService } from './datasource.service.js';
import type { DatasourceWithAccount, ShownDatasource } from './datasource.statements.js';
import {
  AddDatasourcePayload,
  DatasourceConnection,
  DatasourceCredentials,
  DatasourceType,
  DeleteDatasourcesPayload,
  EditDatasourcePayload,
  UpdateDatasourcePayload,
} from './datasource.type.js';

/** An account, or why it cannot be shown. */
type AccountResult = AccountType | UnavailableError;

/** The fields of an account that are resolved from its key, which stands in the row of each of its datasources. */
const heldByDatasource = new Set(['__typename', 'accountProvider', 'accountId', 'region', 'datasources']);

const filterDescription = 'The filter: all given conditions must match.';
const orderDescription = 'The order. The default is the oldest first.';

/** The GraphQL surface of datasources. */
@Resolver(() => DatasourceType)
export class DatasourceResolver {
  readonly #datasources: DatasourceService;
  readonly #accounts: AccountService;
  readonly #operations: Performance<{ readonly datasources: DatasourceService }>;

  /**
   * @param datasources what it asks
   * @param accounts what it asks for the accounts that datasources are in
   * @param operations what does mutations, or rehearses them
   */
  constructor(
    datasources: DatasourceService,
    accounts: AccountService,
    operations: Performance<{ readonly datasources: DatasourceService }>,
  ) {
    this.#datasources = datasources;
    this.#accounts = accounts;
    this.#operations = operations;
  }

  /** Adds a datasource. */
  @Rules({ access: 'write' })
  @Mutation(() => AddDatasourcePayload, {
    description:
      'Adds a datasource to an account. Fails with INVALID_JDBC_URL, CREDENTIAL_REQUIRED, ACCOUNT_NOT_FOUND or DATASOURCE_ALREADY_EXISTS.',
  })
  async addDatasource(
    @Arg('input', () => AddDatasourceInput, { description: 'The datasource to add.' }) input: AddDatasourceInput,
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<AddDatasourcePayload> {
    const valid = validated(input);
    const added = await this.#operations.perform(isRehearsal(dryRun), context, ({ datasources }, call) =>
      datasources.add(valid, call),
    );
    return { ...added.payload, datasource: added.nodeOf(added.result) };
  }

  /** Replaces a datasource. */
  @Rules({ access: 'write' })
  @Mutation(() => EditDatasourcePayload, {
    description:
      'Replaces a datasource. An optional field that you leave out is cleared. Fails with INVALID_JDBC_URL, CREDENTIAL_REQUIRED, DATASOURCE_NOT_FOUND or VERSION_CONFLICT.',
  })
  async editDatasource(
    @Arg('input', () => EditDatasourceInput, { description: 'The new values of the whole datasource.' })
    input: EditDatasourceInput,
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<EditDatasourcePayload> {
    const valid = validated(input);
    const edited = await this.#operations.perform(isRehearsal(dryRun), context, ({ datasources }, call) =>
      datasources.edit(valid, call),
    );
    return { ...edited.payload, datasource: edited.nodeOf(edited.result) };
  }

  /** Changes a part of a datasource. */
  @Rules({ access: 'write' })
  @Mutation(() => UpdateDatasourcePayload, {
    description:
      'Changes a part of a datasource. A field that you leave out keeps its value, and null clears it. If no value changes, the version stays. Fails with INVALID_JDBC_URL, CREDENTIAL_REQUIRED, DATASOURCE_NOT_FOUND or VERSION_CONFLICT.',
  })
  async updateDatasource(
    @Arg('input', () => UpdateDatasourceInput, { description: 'The fields to change.' }) input: UpdateDatasourceInput,
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<UpdateDatasourcePayload> {
    const valid = validated(input);
    const updated = await this.#operations.perform(isRehearsal(dryRun), context, ({ datasources }, call) =>
      datasources.update(valid, call),
    );
    return { ...updated.payload, datasource: updated.nodeOf(updated.result) };
  }

  /** Reads the credentials of a datasource. */
  @Rules({ access: 'credentials' })
  @Query(() => DatasourceCredentials, {
    description:
      'The credentials of the datasource with this key, in clear. Needs the permission `credentials`. The audit records each read. Fails with DATASOURCE_NOT_FOUND.',
  })
  datasourceCredentials(
    @Arg('key', () => DatasourceKey, { description: 'The key of the datasource.' }) key: DatasourceKey,
    @Ctx() context: RequestContext,
  ): Promise<Credentials> {
    return this.#datasources.credentials(validated(key), context.call);
  }

  /** Deletes datasources. */
  @Rules({ access: 'write' })
  @Mutation(() => DeleteDatasourcesPayload, {
    description:
      'Deletes datasources of an account: all that are listed, or none. Fails with ACCOUNT_NOT_FOUND or DATASOURCE_NOT_FOUND.',
  })
  async deleteDatasources(
    @Arg('input', () => DeleteDatasourcesInput, { description: 'The datasources to delete.' })
    input: DeleteDatasourcesInput,
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<DeleteDatasourcesPayload> {
    const valid = validated(input);
    const deleted = await this.#operations.perform(isRehearsal(dryRun), context, ({ datasources }, call) =>
      datasources.delete(valid, call),
    );
    return { ...deleted.payload, deletedInstanceIds: deleted.result };
  }

  /** Finds a datasource. */
  @Rules({ access: 'read' })
  @Query(() => DatasourceType, {
    nullable: true,
    description: 'The datasource with this key; null if there is none.',
  })
  async datasource(
    @Arg('key', () => DatasourceKey, { description: 'The key of the datasource.' }) key: DatasourceKey,
    @Ctx() { call }: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): Promise<DatasourceType | null> {
    const valid = validated(key);
    const found = needsAccount(info)
      ? await this.#datasources.byKeyWithAccount(valid, call)
      : await this.#datasources.byKey(valid, call);
    return found ?? null;
  }

  /** Lists datasources. */
  @Rules({ access: 'read' })
  @Query(() => DatasourceConnection, { description: 'The datasources of all accounts, in pages.' })
  async datasources(
    @Args(() => PageArgs) pageArgs: PageArgs,
    @Ctx() { call }: RequestContext,
    @Info() info: GraphQLResolveInfo,
    @Arg('filter', () => DatasourceFilter, { nullable: true, description: filterDescription })
    filter?: DatasourceFilter | null,
    @Arg('orderBy', () => DatasourceOrder, { nullable: true, description: orderDescription })
    orderBy?: DatasourceOrder | null,
  ): Promise<Connection<DatasourceType>> {
    const conditions = filter ? validated(filter) : {};
    const ordering = datasourceOrdering(orderBy);
    // Read with them: a promise for the account of each is most of what a page costs.
    const page = needsAccount(info, 'edges', 'node')
      ? await this.#datasources.pageWithAccounts(conditions, ordering, pageArgs, call)
      : await this.#datasources.page(conditions, ordering, pageArgs, call);
    return new Connection(page, () => this.#datasources.count(conditions, call));
  }

  /** The account that a datasource is in. */
  @Rules({ access: 'read' })
  @FieldResolver(() => AccountType, { description: 'The account that the datasource belongs to.' })
  account(
    @Root() datasource: DatasourceType,
    @Ctx() context: RequestContext,
    @Info() info: GraphQLResolveInfo,
  ): AccountType | Promise<AccountType> {
    const { account } = datasource as Partial<DatasourceWithAccount>;
    if (account !== undefined) return account;
    const key = accountKeyOf(datasource as ShownDatasource);
    // Nothing else of it is resolved.
    if (isOnlyKey(selectedBelow(info))) return key as AccountType;
    return context.loaders.load<AccountIdentity, AccountType>('account', key, (keys) =>
      this.#accountsOf(keys, context.call),
    );
  }

  async #accountsOf(keys: readonly AccountIdentity[], call: Call): Promise<AccountResult[]> {
    const distinct = new Map(keys.map((one) => [keyText(one), one]));
    const accounts = await this.#accounts.byKeys([...distinct.values()], call);
    const found = new Map(accounts.map((account) => [keyText(account), account]));
    return keys.map(
      (one) => found.get(keyText(one)) ?? new UnavailableError(new Error('the account was deleted meanwhile')),
    );
  }
}

/** The datasources of an account: they know of accounts, and not the other way round. */
@Resolver(() => AccountType)
export class AccountDatasourcesResolver {
  readonly #datasources: DatasourceService;

  /** @param datasources what it asks */
  constructor(datasources: DatasourceService) {
    this.#datasources = datasources;
  }

  /** The datasources of an account. */
  @Rules({ access: 'read' })
  @FieldResolver(() => DatasourceConnection, { description: 'The datasources of the account, in pages.' })
  async datasources(
    @Root() account: AccountType,
    @Ctx() context: RequestContext,
    @Args(() => PageArgs) pageArgs: PageArgs,
    @Arg('filter', () => DatasourceFilter, { nullable: true, description: filterDescription })
    filter?: DatasourceFilter | null,
    @Arg('orderBy', () => DatasourceOrder, { nullable: true, description: orderDescription })
    orderBy?: DatasourceOrder | null,
  ): Promise<Connection<DatasourceType>> {
    const conditions = filter ? validated(filter) : {};
    const ordering = datasourceOrdering(orderBy);
    const { first, after, last, before } = pageArgs;
    const asked = JSON.stringify([conditions, ordering, first, after, last, before]);
    const page = await context.loaders.load(
      `datasources ${asked}`,
      account,
      async (accounts: readonly AccountType[]) => {
        const pages = await this.#datasources.pagesOf(accounts, conditions, ordering, pageArgs, context.call);
        for (const { rows } of pages) context.bounds.count(rows);
        return pages;
      },
      batchSizeOf(pageArgs),
    );
    return new Connection(page, () =>
      context.loaders.load(
        `datasource count ${JSON.stringify(conditions)}`,
        account,
        (accounts: readonly AccountType[]) => this.#datasources.countsOf(accounts, conditions, context.call),
      ),
    );
  }
}

/** Whether more is asked for of the accounts of datasources, which stand at a path below a field, than their own rows hold. */
function needsAccount(info: GraphQLResolveInfo, ...path: readonly string[]): boolean {
  return !isOnlyKey(selectedBelow(info, ...path, 'account'));
}

function isOnlyKey(fields: ReadonlySet<string>): boolean {
  for (const field of fields) if (!heldByDatasource.has(field)) return false;
  return true;
}

function accountKeyOf({ accountProviderId, accountId, region }: ShownDatasource): AccountIdentity {
  return { accountProvider: accountProviderId, accountId, region };
}

/** The length keeps the id and the region apart, whatever characters they have. */
function keyText({ accountProvider, accountId, region }: AccountIdentity): string {
  return `${accountProvider} ${accountId.length} ${accountId} ${region}`;
}
