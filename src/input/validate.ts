import { getMetadataStorage, validateSync } from 'class-validator';
import { InvalidParametersError } from '../errors.js';

type Metadata = ReturnType<ReturnType<typeof getMetadataStorage>['getTargetValidationMetadatas']>[number];
/** Whether an input keeps one rule of its class. */
type Rule = (input: object) => boolean;

const rules = new WeakMap<object, readonly Rule[]>();

/**
 * Checks an input of either surface against the rules that its class declares.
 *
 * @returns the same object
 * @throws InvalidParametersError naming every parameter that is missing or wrong
 */
export function validated<T extends object>(input: T): T {
  // class-validator looks the rules up anew for each input; its report is needed only where one is broken.
  if (rulesOf(input.constructor).every((keeps) => keeps(input))) return input;
  const errors = validateSync(input, { stopAtFirstError: true, forbidUnknownValues: false });
  if (errors.length === 0) return input;
  throw new InvalidParametersError(
    errors.map((error) => ({
      property: error.property,
      problem: Object.values(error.constraints ?? {})[0] ?? 'is not valid',
    })),
  );
}

/** The rules that a class and its base classes declare, as class-validator keeps them. */
function rulesOf(inputClass: object): readonly Rule[] {
  let found = rules.get(inputClass);
  if (found === undefined) {
    found = getMetadataStorage()
      .getTargetValidationMetadatas(inputClass as () => void, '', false, false)
      .flatMap(rulesFrom);
    rules.set(inputClass, found);
  }
  return found;
}

function rulesFrom(metadata: Metadata): Rule[] {
  const { propertyName: property, constraints, each, type } = metadata;
  // Anything more than one question about one value is left to class-validator.
  if (each || type !== 'customValidation') return [() => false];
  return getMetadataStorage()
    .getTargetValidatorConstraints(metadata.constraintCls)
    .map(({ instance: constraint }) => (object) => {
      const value = (object as Record<string, unknown>)[property];
      return constraint.validate(value, { value, constraints, targetName: '', object, property }) === true;
    });
}
