import { InputType } from 'type-graphql';
import { Parameter } from '../input/parameter.js';

/** What a list of audit events is narrowed down to. */
@InputType({ description: 'A filter for a list of audit events. All given conditions must match.' })
export class AuditEventFilter {
  /** Who. */
  @Parameter({ kind: 'text', optional: true, maxLength: 300, description: 'The actor, compared exactly.' })
  actor?: string | null;

  /** What was done. */
  @Parameter({ kind: 'text', optional: true, maxLength: 128, description: 'The operation, compared exactly.' })
  operation?: string | null;

  /** What came of it. */
  @Parameter({ kind: 'text', optional: true, maxLength: 32, description: 'The outcome, compared exactly.' })
  outcome?: string | null;

  /** The provider of the account. */
  @Parameter({
    kind: 'integer',
    from: 1,
    optional: true,
    description: 'The provider of the account, compared exactly.',
  })
  accountProvider?: number | null;

  /** The id of the account. */
  @Parameter({
    kind: 'identifier',
    optional: true,
    maxLength: 255,
    description: 'The id of the account, compared exactly.',
  })
  accountId?: string | null;

  /** The region of the account. */
  @Parameter({
    kind: 'identifier',
    optional: true,
    maxLength: 64,
    description: 'The region of the account, compared exactly.',
  })
  region?: string | null;

  /** The datasource. */
  @Parameter({ kind: 'identifier', optional: true, maxLength: 255, description: 'The instance id, compared exactly.' })
  instanceId?: string | null;

  /** From when. */
  @Parameter({ kind: 'dateTime', optional: true, description: 'At this time or later.' })
  from?: Date | null;

  /** Until when. */
  @Parameter({ kind: 'dateTime', optional: true, description: 'Before this time.' })
  until?: Date | null;
}
