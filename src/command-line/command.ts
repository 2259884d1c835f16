/** A mistake in how a command was called. The message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Where a command writes what it found; progress and warnings go elsewhere. */
export type Print = (line: string) => void;
