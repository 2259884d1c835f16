const maxLength = 64;

/**
 * What a server says of itself, for people to read: without characters that do not show or change how others show, and cut
 * to 64. Null where nothing is left.
 */
export function cleaned(words: string): string | null {
  const visible = words
    .slice(0, 16 * maxLength)
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .trim();
  return [...visible].slice(0, maxLength).join('') || null;
}

/** Whether a name that a server gives can be shown as it is, and is not longer than names are. */
export function isPlainName(name: unknown): name is string {
  return typeof name === 'string' && name !== '' && name.length <= 255 && !/\p{C}/u.test(name);
}
