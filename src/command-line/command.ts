/** A mistake in how a command was called. The message says what to write instead. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** Why a command that was called rightly could not do what it was told, for the person who called it. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}

/** Where a command writes what it found; progress and warnings go elsewhere. */
export type Print = (line: string) => void;
