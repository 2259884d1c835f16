import { DomainError, InvalidParametersError, type ParameterProblem } from '../errors.js';
import { parseLegacyDateTime } from './date-time.js';
import { type Parameter, parametersOf } from './parameter.js';
import { validated } from './validate.js';

/** A JSON object as a legacy client sent it. */
export type LegacyBody = Readonly<Record<string, unknown>>;

/**
 * Reads the bytes of a body.
 *
 * @throws DomainError BAD_USER_INPUT where they are not a JSON object
 */
export function parseLegacyBody(bytes: Buffer, charset: string): LegacyBody {
  let body: unknown;
  try {
    body = JSON.parse(keepFractions(decoderOf(charset).decode(bytes)));
  } catch {
    // The parser's own message repeats a part of the body, which may be a credential.
    throw new DomainError('BAD_USER_INPUT', 'The body must be a JSON object; it is not well-formed JSON.');
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    throw new DomainError('BAD_USER_INPUT', 'The body must be a JSON object.');
  }
  return body as LegacyBody;
}

/**
 * Makes a validated input of a body, with the coercions that legacy clients count on.
 *
 * @param unknown what to do with parameters that the operation does not have
 * @throws InvalidParametersError naming every parameter that is missing or wrong
 */
export function readInput<T extends object>(
  inputClass: new () => T,
  body: LegacyBody,
  unknown: 'ignore' | 'refuse' = 'ignore',
): T {
  const input = new inputClass();
  const parameters = parametersOf(inputClass);
  const values = new Map(Object.entries(body));
  for (const parameter of parameters) {
    const value = coerce(parameter, values.get(parameter.restName));
    if (value !== undefined) (input as Record<string, unknown>)[parameter.property] = value;
  }
  const problems: ParameterProblem[] = [];
  try {
    validated(input);
  } catch (error) {
    if (!(error instanceof InvalidParametersError)) throw error;
    problems.push(...error.problems.map((problem) => renamed(parameters, problem)));
  }
  const unknownProblems = unknown === 'refuse' ? unknownNames(parameters, values) : [];
  if (problems.length + unknownProblems.length === 0) return input;
  throw new InvalidParametersError([...problems, ...unknownProblems]);
}

// Nearly every body is in it, and to make a decoder takes longer than to use it.
const utf8 = new TextDecoder('utf-8', { fatal: true });

/**
 * What decodes bytes in a charset, and refuses those that are not.
 *
 * @throws RangeError where there is no such charset
 */
export function decoderOf(charset: string): InstanceType<typeof TextDecoder> {
  return charset === 'utf-8' ? utf8 : new TextDecoder(charset, { fatal: true });
}

// In a JSON object a number stands behind one of these.
const fractionOrExponent = /[:,[\s]-?\d+[.eE]/;
const number = /-?\d[\d.eE+-]*/y;
const numberParts = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d+))?$/;

/**
 * A number whose fraction JSON.parse would round away is made one whose fraction it keeps, so that the rules refuse it. Each
 * character is looked at once, so that it takes no longer than to parse the text.
 */
function keepFractions(json: string): string {
  if (!fractionOrExponent.test(json)) return json;
  const parts: string[] = [];
  let taken = 0;
  let isInString = false;
  for (let at = 0; at < json.length; at += 1) {
    const character = json.charAt(at);
    if (character === '"') isInString = !isInString;
    else if (isInString) at += character === '\\' ? 1 : 0;
    else if (character === '-' || (character >= '0' && character <= '9')) {
      number.lastIndex = at;
      const [token = character] = number.exec(json) ?? [];
      if (losesFraction(token)) {
        parts.push(json.slice(taken, at), '0.5');
        taken = at + token.length;
      }
      at += token.length - 1;
    }
  }
  return parts.join('').concat(json.slice(taken));
}

function losesFraction(token: string): boolean {
  if (!Number.isInteger(Number(token))) return false;
  const [, whole = '', fraction = '', exponent = '0'] = numberParts.exec(token) ?? [];
  // The last digit that is not zero, and whether it stands behind the point.
  return `${whole}${fraction}`.search(/[1-9]0*$/) >= Math.max(0, whole.length + Number(exponent));
}

/** A value that cannot be coerced is left as it is: the rules then refuse it. */
function coerce(parameter: Parameter, value: unknown): unknown {
  if (parameter.optional && (value === null || value === '')) return undefined;
  switch (parameter.kind) {
    case 'integer':
      return typeof value === 'string' && /^[0-9]+$/.test(value) ? Number(value) : value;
    case 'text':
    case 'identifier':
      return textOf(value);
    case 'identifierList':
      return Array.isArray(value) ? value.map(textOf) : value;
    case 'flag':
      return flagOf(value);
    case 'dateTime':
      return typeof value === 'string' ? (parseLegacyDateTime(value) ?? value) : value;
  }
}

function textOf(value: unknown): unknown {
  return Number.isSafeInteger(value) ? String(value) : value;
}

function flagOf(value: unknown): unknown {
  if (typeof value !== 'string') return value;
  const word = value.toLowerCase();
  return word === 'true' || word === 'false' ? word === 'true' : value;
}

function unknownNames(parameters: readonly Parameter[], values: ReadonlyMap<string, unknown>): ParameterProblem[] {
  const known = new Set(parameters.map(({ restName }) => restName));
  return [...values.keys()]
    .filter((name) => !known.has(name))
    .map((name) => ({ property: name, problem: 'is not a parameter of this operation' }));
}

function renamed(parameters: readonly Parameter[], { property, problem }: ParameterProblem): ParameterProblem {
  return { property: parameters.find((parameter) => parameter.property === property)?.restName ?? property, problem };
}
