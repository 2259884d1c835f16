import { InputType } from 'type-graphql';
import { Parameter } from '../input/parameter.js';

/** What a list of audit events is narrowed down to. */
@InputType({ description: 'What a list of audit events is narrowed down to: all that is given must hold.' })
export class AuditEventFilter {
  /** Who. */
  @Parameter({ kind: 'text', optional: true, longest: 300, description: 'Exactly this actor.' })
  actor?: string | null;

  /** What was done. */
  @Parameter({ kind: 'text', optional: true, longest: 128, description: 'Exactly this operation.' })
  operation?: string | null;

  /** What came of it. */
  @Parameter({ kind: 'text', optional: true, longest: 32, description: 'Exactly this outcome.' })
  outcome?: string | null;

  /** The provider of the account. */
  @Parameter({ kind: 'integer', from: 1, optional: true, description: 'Exactly this provider of the account.' })
  accountProvider?: number | null;

  /** The id of the account. */
  @Parameter({ kind: 'identifier', optional: true, longest: 255, description: 'Exactly this id of the account.' })
  accountId?: string | null;

  /** The region of the account. */
  @Parameter({ kind: 'identifier', optional: true, longest: 64, description: 'Exactly this region of the account.' })
  region?: string | null;

  /** The datasource. */
  @Parameter({ kind: 'identifier', optional: true, longest: 255, description: 'Exactly this instance id.' })
  instanceId?: string | null;

  /** From when. */
  @Parameter({ kind: 'dateTime', optional: true, description: 'From this instant on.' })
  from?: Date | null;

  /** Until when. */
  @Parameter({ kind: 'dateTime', optional: true, description: 'Before this instant.' })
  until?: Date | null;
}
