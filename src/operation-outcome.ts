/** What an operation that succeeded says of itself, on both surfaces. */
export const succeeded = { status: 'success', code: 1001, message: 'Operation succeeded' } as const;

/** What an operation that was only rehearsed says of itself: nothing of it can be taken for success. */
export const rehearsed = { status: 'rehearsed', code: 1905, message: 'Rehearsed: nothing was changed' } as const;
