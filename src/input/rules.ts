/** Whether the value is a whole number within the limits, both included. */
export function isInteger(value: unknown, from: number, to: number): boolean {
  return typeof value === 'number' && Number.isInteger(value) && value >= from && value <= to;
}

/** Whether the value is a string without a lone surrogate and of at most so many Unicode code points. */
export function isWellFormedText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.isWellFormed() && isWithin(value, maxLength);
}

/** Whether the value is well-formed text that is more than white space, as `String.prototype.trim` knows it. */
export function isText(value: unknown, maxLength: number): value is string {
  return isWellFormedText(value, maxLength) && value.trim() !== '';
}

/** Whether the value is well-formed, not empty, and has no white space at either end. */
export function isIdentifier(value: unknown, maxLength: number): value is string {
  return isWellFormedText(value, maxLength) && value !== '' && value.trim() === value;
}

/** Whether the value is true or false. */
export function isFlag(value: unknown): value is boolean {
  return typeof value === 'boolean';
}

function isWithin(value: string, maxLength: number): boolean {
  // A code point is one or two UTF-16 units, so most strings need no counting.
  if (value.length <= maxLength) return true;
  if (value.length > 2 * maxLength) return false;
  let codePoints = 0;
  for (const _ of value) codePoints += 1;
  return codePoints <= maxLength;
}
