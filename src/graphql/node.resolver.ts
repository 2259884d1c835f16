import { Arg, Ctx, ID, Query, Resolver } from 'type-graphql';
import { type IdKind, kindOfId } from '../global-id.js';
import type { Call } from '../security/call.js';
import type { RequestContext } from './context/request-context.js';
import { Rules } from './schema/field-rules.js';
import { Node } from './schema/node.type.js';

/** Finds the object of a kind that has an id; undefined where there is none. */
export type FindNode = (id: string, call: Call) => Promise<Node | undefined>;

/** Finds any object by its id. */
@Resolver()
export class NodeResolver {
  readonly #find: Readonly<Partial<Record<IdKind, FindNode>>>;

  /** @param find what finds the objects of each kind that can be found so */
  constructor(find: Readonly<Partial<Record<IdKind, FindNode>>>) {
    this.#find = find;
  }

  /** Finds an object. */
  @Rules({ access: 'read' })
  @Query(() => Node, { nullable: true, description: 'The object with this id; null if the id is unknown.' })
  async node(
    @Arg('id', () => ID, { description: 'The global id of the object.' }) id: string,
    @Ctx() { call }: RequestContext,
  ): Promise<Node | null> {
    const kind = kindOfId(id);
    return (kind && (await this.#find[kind]?.(id, call))) ?? null;
  }
}
