/** What an operation that succeeded says of itself, on both surfaces. */
export const succeeded = { status: 'success', code: 1001, message: 'Operation succeeded' } as const;

/** An operation that succeeded. */
export type Succeeded = typeof succeeded;
