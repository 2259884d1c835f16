import { Field, Int, InterfaceType } from 'type-graphql';
import { succeeded } from '../../operation-outcome.js';
import { Rules } from './field-rules.js';

/** What every mutation answers that succeeded: the same three values as the REST success envelope. */
@Rules({ access: 'known' })
@InterfaceType({ description: 'The result of a successful mutation. A mutation that fails returns an error instead.' })
export abstract class OperationPayload {
  /** Always `success`. */
  @Rules({ countedLength: succeeded.status.length })
  @Field(() => String, { description: 'Always `success`.' })
  status: string = succeeded.status;

  /** Always 1001. */
  @Field(() => Int, { description: 'Always 1001.' })
  code: number = succeeded.code;

  /** Always the same sentence. */
  @Rules({ countedLength: succeeded.message.length })
  @Field(() => String, { description: 'Always `Operation succeeded`.' })
  message: string = succeeded.message;
}
