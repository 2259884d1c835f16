import { registerEnumType } from 'type-graphql';

/**
 * Declares a GraphQL enum whose values are texts that the domain knows.
 *
 * @param descriptions of each value, in the order of the schema
 */
export function describedEnum<Value extends string>(
  name: string,
  description: string,
  descriptions: Readonly<Record<Value, string>>,
): { readonly [V in Value]: V } {
  const values = Object.keys(descriptions) as Value[];
  const declared = Object.fromEntries(values.map((value) => [value, value])) as { [V in Value]: V };
  const valuesConfig = Object.fromEntries(values.map((value) => [value, { description: descriptions[value] }]));
  registerEnumType(declared, { name, description, valuesConfig: valuesConfig as never });
  return declared;
}
