import { Arg, Args, Ctx, FieldResolver, Query, Resolver, Root } from 'type-graphql';
import type { RequestContext } from '../graphql/context/request-context.js';
import { Connection, OrderDirection } from '../graphql/schema/connection.type.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { PageArgs } from '../graphql/schema/page.arguments.js';
import { validated } from '../input/validate.js';
import { AuditEventFilter } from './audit.filter.js';
import { AuditChangeType, AuditEventConnection, AuditEventType } from './audit.type.js';
import type { AuditTrail, RecordedEvent } from './audit-trail.js';
import { shownChanges } from './recorded-changes.js';

/** The GraphQL surface of the audit. */
@Resolver(() => AuditEventType)
export class AuditResolver {
  readonly #audit: AuditTrail;

  /** @param audit what it asks */
  constructor(audit: AuditTrail) {
    this.#audit = audit;
  }

  /** Lists audit events. */
  @Rules({ access: 'admin' })
  @Query(() => AuditEventConnection, {
    description: 'The audit: who did what, the newest first by default. Needs the permission `admin`.',
  })
  async auditEvents(
    @Args(() => PageArgs) pageArgs: PageArgs,
    @Ctx() { call }: RequestContext,
    @Arg('filter', () => AuditEventFilter, {
      nullable: true,
      description: 'The filter: all given conditions must match.',
    })
    filter?: AuditEventFilter | null,
    @Arg('direction', () => OrderDirection, {
      nullable: true,
      description: 'The order by time. The default is the newest first.',
    })
    direction?: OrderDirection | null,
  ): Promise<Connection<AuditEventType>> {
    const conditions = filter ? validated(filter) : {};
    const page = await this.#audit.page(conditions, direction !== OrderDirection.ASC, pageArgs, call);
    return new Connection(page, () => this.#audit.count(conditions, call));
  }

  /** What changed. */
  @Rules({ maxEntries: 20 })
  @FieldResolver(() => [AuditChangeType], {
    nullable: true,
    description: 'What changed; null if this is not recorded.',
  })
  changes(@Root() event: AuditEventType): AuditChangeType[] | null {
    return shownChanges((event as RecordedEvent).changes);
  }
}
