import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import type { AccountService } from '../accounts/account.service.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import { kindOfId } from '../global-id.js';
import { Node } from './node.type.js';
import type { RequestContext } from './request-context.js';

/** Finds any object by its id. */
@Resolver()
export class NodeResolver {
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

  /** Finds an object. */
  @Query(() => Node, { nullable: true, description: 'The object with this id; null if the id is unknown.' })
  async node(
    @Arg('id', () => ID, { description: 'The global id of the object.' }) id: string,
    @Ctx() { call }: RequestContext,
  ): Promise<Node | null> {
    switch (kindOfId(id)) {
      case 'A':
        return (await this.#accounts.byId(id, call)) ?? null;
      case 'D':
        return (await this.#datasources.byId(id, call)) ?? null;
      default:
        return null;
    }
  }
}
