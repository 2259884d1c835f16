import type { ErrorName } from '../errors.js';
import type { RequestedTarget } from '../input/requested-target.js';
import type { Call } from './call.js';

/** What a refused caller asked for. */
export interface RefusedOperation {
  /** The query or mutation; the route where the caller was refused before that was known. */
  readonly operation: string;
  readonly target?: RequestedTarget | undefined;
}

/** What keeps the record of callers that were refused. */
export interface Refusals {
  /**
   * Records that a caller was refused, and what it asked for. The answer does not wait for it.
   *
   * @param asked at least one
   */
  recordRefusal(call: Call, asked: readonly RefusedOperation[], reason: ErrorName): void;
}
