import { Arg, FieldResolver, Int, Resolver, Root } from 'type-graphql';
import { shownChanges } from '../audit/recorded-changes.js';
import { InvalidParametersError } from '../errors.js';
import { Rules } from '../graphql/schema/field-rules.js';
import { OperationPayload } from '../graphql/schema/operation-payload.type.js';
import { pageSizeOf } from '../graphql/schema/page.arguments.js';
import { maxRehearsedChanges, type PerformedPayload } from './performance.js';
import type { RehearsedChange } from './rehearsal.statements.js';
import { RehearsalType, type RehearsedChangeType } from './rehearsal.type.js';

/** What mutations tell of their rehearsal. */
@Resolver(() => OperationPayload)
export class RehearsalResolver {
  /** What would have changed. */
  @Rules({ access: 'read' })
  @FieldResolver(() => RehearsalType, {
    nullable: true,
    description: 'What would have changed; null unless the mutation was called with `dryRun: true`.',
  })
  rehearsal(
    @Root() payload: OperationPayload,
    @Arg('first', () => Int, { nullable: true, description: 'How many changes at most: 1 to 100, 20 by default.' })
    first?: number | null,
  ): RehearsalType | null {
    const { rehearsed, rehearsedChanges = [] } = payload as PerformedPayload;
    const atMost = pageSizeOf({ first });
    if (atMost < 1 || atMost > maxRehearsedChanges) {
      throw new InvalidParametersError([{ property: 'first', problem: `must be from 1 to ${maxRehearsedChanges}` }]);
    }
    if (!rehearsed) return null;
    return { changes: rehearsedChanges.slice(0, atMost).map(shown), hasMore: rehearsedChanges.length > atMost };
  }
}

function shown(change: RehearsedChange): RehearsedChangeType {
  const { operation, accountProvider, accountId, region, instanceId, version, changes } = change;
  return {
    operation,
    accountProvider: accountProvider as number,
    accountId: accountId as string,
    region: region as string,
    instanceId,
    version,
    fields: shownChanges(changes) ?? [],
  };
}
