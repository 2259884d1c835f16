/** Whether the value is a whole number within the limits, both included. */
export function isInteger(value: unknown, from: number, to: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to;
}

/** Whether the value is a string without a lone surrogate and of at most so many Unicode code points. */
export function isWellFormedText(value: unknown, longest: number): value is string {
  return typeof value === 'string' && value.isWellFormed() && isWithin(value, longest);
}

/** Whether the value is well-formed text that is more than white space, as `String.prototype.trim` knows it. */
export function isText(value: unknown, longest: number): value is string {
  return isWellFormedText(value, longest) && value.trim() !== '';
}

/** Whether the value is well-formed, not empty, and has no white space at either end. */
export function isIdentifier(value: unknown, longest: number): value is string {
  return isWellFormedText(value, longest) && value !== '' && value.trim() === value;
}

/** Whether the value is true or false. */
export function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isWithin(value: string, longest: number): boolean {
  // A code point is one or two UTF-16 units, so most strings need no counting.
  if (value.length <= longest) return true;
  if (value.length > 2 * longest) return false;
  let codePoints = 0;
  for (const _ of value) codePoints += 1;
  return codePoints <= longest;
}
