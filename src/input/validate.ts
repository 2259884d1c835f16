import { validateSync } from 'class-validator';
import { InvalidParametersError } from '../errors.js';

/**
 * Checks an input of either surface against the rules that its class declares.
 *
 * @returns the same object
 * @throws InvalidParametersError naming every parameter that is missing or wrong
 */
export function validated<T extends object>(input: T): T {
  const errors = validateSync(input, { stopAtFirstError: true, forbidUnknownValues: false });
  if (errors.length === 0) return input;
  throw new InvalidParametersError(
    errors.map((error) => ({
      property: error.property,
      problem: Object.values(error.constraints ?? {})[0] ?? 'is not valid',
    })),
  );
}
