import { Field, Int, InterfaceType } from 'type-graphql';
import { rehearsed, succeeded } from '../../operation-outcome.js';
import { Rules } from './field-rules.js';

/** What every mutation answers that succeeded: the same three values as the REST success envelope; others where it was rehearsed. */
@Rules({ access: 'known' })
@InterfaceType({ description: 'The result of a successful mutation. A mutation that fails returns an error instead.' })
export abstract class OperationPayload {
  /** `success`; `rehearsed` where nothing was done. */
  @Rules({ countedLength: Math.max(succeeded.status.length, rehearsed.status.length) })
  @Field(() => String, { description: '`success`, or `rehearsed` if the mutation was called with `dryRun: true`.' })
  status: string = succeeded.status;

  /** 1001; 1905 where nothing was done. */
  @Field(() => Int, { description: '1001, or 1905 if the mutation was called with `dryRun: true`.' })
  code: number = succeeded.code;

  /** The sentence that goes with the code. */
  @Rules({ countedLength: Math.max(succeeded.message.length, rehearsed.message.length) })
  @Field(() => String, {
    description:
      '`Operation succeeded`, or `Rehearsed: nothing was changed` if the mutation was called with `dryRun: true`.',
  })
  message: string = succeeded.message;

  /** Whether nothing was done, and only told what would be. */
  @Field(() => Boolean, {
    description:
      'Whether the mutation was called with `dryRun: true`: everything was checked, and nothing was changed. Ids in the result then start with `rehearsed-`, and no object has them.',
  })
  rehearsed: boolean = false;
}
