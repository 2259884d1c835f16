import { Arg, Args, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../graphql/context/request-context.js';
import { Connection } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { PageArgs } from '../graphql/schema/page.arguments.js';
import { validated } from '../input/validate.js';
import { DryRun, isRehearsal } from '../rehearsal/dry-run.argument.js';
import type { Performance } from '../rehearsal/performance.js';
import { AccountFilter, AccountOrder, accountOrdering } from './account.filter.js';
import { AccountKey, AddAccountInput, DeleteAccountInput } from './account.input.js';
import type { AccountService } from './account.service.js';
import { AccountConnection, AccountType, AddAccountPayload, DeleteAccountPayload } from './account.type.js';

/** The GraphQL surface of accounts. */
@Resolver(() => AccountType)
export class AccountResolver {
  readonly #accounts: AccountService;
  readonly #operations: Performance<{ readonly accounts: AccountService }>;

  /**
   * @param accounts what it asks
   * @param operations what does mutations, or rehearses them
   */
  constructor(accounts: AccountService, operations: Performance<{ readonly accounts: AccountService }>) {
    this.#accounts = accounts;
    this.#operations = operations;
  }

  /** Adds an account. */
  @Rules({ access: 'write' })
  @Mutation(() => AddAccountPayload, {
    description:
      'Adds an account. Fails with ACCOUNT_ALREADY_EXISTS if there is one with the same provider, id and region.',
  })
  async addAccount(
    @Arg('input', () => AddAccountInput, { description: 'The account to add.' }) input: AddAccountInput,
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<AddAccountPayload> {
    const valid = validated(input);
    const added = await this.#operations.perform(isRehearsal(dryRun), context, ({ accounts }, call) =>
      accounts.add(valid, call),
    );
    return { ...added.payload, account: added.nodeOf(added.result) };
  }

  /** Deletes an account with its datasources. */
  @Rules({ access: 'write' })
  @Mutation(() => DeleteAccountPayload, {
    description:
      'Deletes an account and all of its datasources. Fails with ACCOUNT_NOT_FOUND if there is no such account.',
  })
  async deleteAccount(
    @Arg('input', () => DeleteAccountInput, { description: 'The account to delete.' }) input: DeleteAccountInput,
    @DryRun() dryRun: boolean | null,
    @Ctx() context: RequestContext,
  ): Promise<DeleteAccountPayload> {
    const valid = validated(input);
    const deleted = await this.#operations.perform(isRehearsal(dryRun), context, ({ accounts }, call) =>
      accounts.delete(valid, call),
    );
    const { deletedAccountId, deletedDatasourceCount } = deleted.result;
    return { ...deleted.payload, deletedAccountId: deleted.idOf(deletedAccountId), deletedDatasourceCount };
  }

  /** Finds an account. */
  @Rules({ access: 'read' })
  @Query(() => AccountType, { nullable: true, description: 'The account with this key; null if there is none.' })
  async account(
    @Arg('key', () => AccountKey, { description: 'The key of the account.' }) key: AccountKey,
    @Ctx() { call }: RequestContext,
  ): Promise<AccountType | null> {
    return (await this.#accounts.byKey(validated(key), call)) ?? null;
  }

  /** Lists accounts. */
  @Rules({ access: 'read' })
  @Query(() => AccountConnection, { description: 'The accounts of the register, in pages.' })
  async accounts(
    @Args(() => PageArgs) pageArgs: PageArgs,
    @Ctx() { call }: RequestContext,
    @Arg('filter', () => AccountFilter, { nullable: true, description: 'The filter: all given conditions must match.' })
    filter?: AccountFilter | null,
    @Arg('orderBy', () => AccountOrder, { nullable: true, description: 'The order. The default is the oldest first.' })
    orderBy?: AccountOrder | null,
  ): Promise<Connection<AccountType>> {
    const conditions = filter ? validated(filter) : {};
    const page = await this.#accounts.page(conditions, accountOrdering(orderBy), pageArgs, call);
    return new Connection(page, () => this.#accounts.count(conditions, call));
  }
}
