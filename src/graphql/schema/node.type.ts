import { Field, ID, InterfaceType } from 'type-graphql';
import { kindOfId } from '../../global-id.js';
import { Rules } from './field-rules.js';

/** An object that can be found again by its id, as the Relay specification has it. */
@Rules({ access: 'known' })
@InterfaceType({
  description: 'An object that you can look up by its global id.',
  resolveType: (value: { id: string }) => (kindOfId(value.id) === 'A' ? 'Account' : 'Datasource'),
})
export abstract class Node {
  /** The global id. */
  @Field(() => ID, { description: 'The global id. It is opaque, and is never reused for another object.' })
  id!: string;
}
