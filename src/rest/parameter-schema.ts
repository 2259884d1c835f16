import { describeParameter, maxInteger, maxListLength, type Parameter } from '../input/parameter.js';

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** The JSON Schema of a parameter as the routes read it, with every other way in which legacy clients may write it. */
export function parameterSchema(parameter: Parameter): JsonSchema {
  const { kind, optional, maxLength } = parameter;
  const none = optional ? ['null'] : [];
  const described = { description: `${describeParameter(parameter)}${orElse(parameter)}` };
  switch (kind) {
    case 'integer':
      return {
        ...described,
        type: ['integer', 'string', ...none],
        minimum: parameter.from ?? 0,
        maximum: parameter.to ?? maxInteger,
        pattern: optional ? '^[0-9]*$' : '^[0-9]+$',
      };
    case 'text':
    case 'identifier':
      return { ...described, ...textSchema(kind, maxLength, optional ?? false) };
    case 'identifierList':
      return {
        ...described,
        type: 'array',
        minItems: 1,
        maxItems: maxListLength,
        items: textSchema('identifier', maxLength, false),
      };
    case 'flag':
      return {
        ...described,
        type: ['boolean', 'string', ...none],
        pattern: `^([Tt][Rr][Uu][Ee]|[Ff][Aa][Ll][Ss][Ee])${optional ? '?' : ''}$`,
      };
    case 'dateTime':
      return {
        ...described,
        type: ['string', ...none],
        pattern: `^(\\d{4}-\\d{2}-\\d{2}[T ]\\d{2}:\\d{2}:\\d{2}(\\.\\d+)?(Z|[+-]\\d{2}:\\d{2})?)${optional ? '?' : ''}$`,
      };
  }
}

function textSchema(kind: 'text' | 'identifier', maxLength: number | undefined, optional: boolean): JsonSchema {
  const pattern = kind === 'identifier' ? '^\\S([\\s\\S]*\\S)?$' : '\\S';
  return {
    type: ['string', 'integer', ...(optional ? ['null'] : [])],
    maxLength: maxLength,
    ...(optional ? {} : { minLength: 1, pattern }),
    minimum: Number.MIN_SAFE_INTEGER,
    maximum: Number.MAX_SAFE_INTEGER,
  };
}

function orElse({ kind, optional }: Parameter): string {
  const ways = {
    integer: ' A string of digits is taken for the number.',
    text: ' A whole number is taken for its digits.',
    identifier: ' A whole number is taken for its digits.',
    identifierList: ' A whole number in it is taken for its digits.',
    flag: ' `"true"` and `"false"` are taken too, whatever the case of their letters.',
    dateTime: ' A space may stand for the T, and without an offset it is UTC.',
  };
  return `${ways[kind]}${optional ? ' Null and `""` stand for no value.' : ''}`;
}
