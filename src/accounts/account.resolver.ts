import { Arg, Args, Ctx, Mutation, Query, Resolver } from 'type-graphql';
import type { RequestContext } from '../graphql/context/request-context.js';
import { Connection } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { PageArgs } from '../graphql/schema/page.arguments.js';
import { validated } from '../input/validate.js';
import { succeeded } from '../operation-outcome.js';
import { AccountFilter, AccountOrder, accountOrdering } from './account.filter.js';
import { AccountKey, AddAccountInput, DeleteAccountInput } from './account.input.js';
import type { AccountService } from './account.service.js';
import { AccountConnection, AccountType, AddAccountPayload, DeleteAccountPayload } from './account.type.js';

/** The GraphQL surface of accounts. */
@Resolver(() => AccountType)
export class AccountResolver {
  readonly #accounts: AccountService;

  /** @param accounts what it asks */
  constructor(accounts: AccountService) {
    this.#accounts = accounts;
  }

  /** Adds an account. */
  @Rules({ access: 'write' })
  @Mutation(() => AddAccountPayload, {
    description:
      'Adds an account. Fails with ACCOUNT_ALREADY_EXISTS if there is one with the same provider, id and region.',
  })
  async addAccount(
    @Arg('input', () => AddAccountInput, { description: 'The account to add.' }) input: AddAccountInput,
    @Ctx() context: RequestContext,
  ): Promise<AddAccountPayload> {
    return { ...succeeded, account: await this.#accounts.add(validated(input), context.call) };
  }

  /** Deletes an account with its datasources. */
  @Rules({ access: 'write' })
  @Mutation(() => DeleteAccountPayload, {
    description:
      'Deletes an account and all of its datasources. Fails with ACCOUNT_NOT_FOUND if there is no such account.',
  })
  async deleteAccount(
    @Arg('input', () => DeleteAccountInput, { description: 'The account to delete.' }) input: DeleteAccountInput,
    @Ctx() context: RequestContext,
  ): Promise<DeleteAccountPayload> {
    return { ...succeeded, ...(await this.#accounts.delete(validated(input), context.call)) };
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
