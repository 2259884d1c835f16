import { InputType } from 'type-graphql';
import { Parameter, parametersOf } from './parameter.js';

/**
 * The base class of an input that changes a part of what another input brings whole: the key is required as there, and
 * each other parameter may be left out, which means "as it is". Null clears one that is optional there; for one that is
 * required it is invalid.
 */
export function PatchOf<Whole extends Key, Key extends object>(
  whole: new () => Whole,
  key: new () => Key,
): new () => Key & Partial<Omit<Whole, keyof Key>> {
  class Patch extends (key as new () => object) {}
  const keyed = new Set(parametersOf(key).map(({ property }) => property));
  for (const { property, restName: _, ...declaration } of parametersOf(whole)) {
    if (keyed.has(property)) continue;
    Parameter({ ...declaration, patch: !declaration.optional })(Patch.prototype, property);
  }
  InputType()(Patch);
  return Patch as new () => Key & Partial<Omit<Whole, keyof Key>>;
}
