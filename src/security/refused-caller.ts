import { DomainError } from '../errors.js';
import type { Caller } from './caller.js';

/** A caller showed that it holds a key or token, which is no longer taken. The message does not say whose it is. */
export class RefusedCallerError extends DomainError {
  override readonly name = 'RefusedCallerError';

  /** @param caller whose it is, for the audit and the log only */
  constructor(
    errorName: 'UNAUTHENTICATED' | 'CREDENTIAL_EXPIRED',
    message: string,
    readonly caller: Caller,
  ) {
    super(errorName, message);
  }
}
