import { Arg } from 'type-graphql';
import { InvalidParametersError } from '../errors.js';

/** Declares the argument with which every mutation can be rehearsed. */
export function DryRun(): ParameterDecorator {
  return Arg('dryRun', () => Boolean, {
    nullable: true,
    defaultValue: false,
    description:
      'Whether to only check everything, against the database too, and tell what would be changed. Nothing is then changed. Not null.',
  }) as ParameterDecorator;
}

/**
 * Reads the argument.
 *
 * @throws InvalidParametersError where it is null: that must not be taken for "do it"
 */
export function isRehearsal(dryRun: boolean | null): boolean {
  if (dryRun === null) throw new InvalidParametersError([{ property: 'dryRun', problem: 'must be true or false' }]);
  return dryRun;
}
