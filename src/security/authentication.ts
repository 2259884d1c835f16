import type { IncomingHttpHeaders } from 'node:http';
import { DomainError } from '../errors.js';
import type { ApiKeys } from './api-keys.js';
import { anonymous, type Caller } from './caller.js';
import type { TokenVerifier } from './token-verifier.js';

/** The ways of saying who one is that a gateway accepts; with neither, everyone is let in as anonymous. */
export interface Authenticators {
  readonly keys?: ApiKeys | undefined;
  readonly tokens?: TokenVerifier | undefined;
}

/** Whether everyone is let in. */
export function isOpen({ keys, tokens }: Authenticators): boolean {
  return keys === undefined && tokens === undefined;
}

/**
 * Finds who sent a request.
 *
 * @param allowsStale whether a key that was good a while ago is taken for good where the database cannot be asked now
 * @throws DomainError UNAUTHENTICATED, CREDENTIAL_EXPIRED; UnavailableError where it cannot be found out now
 */
export async function authenticate(
  authenticators: Authenticators,
  headers: Pick<IncomingHttpHeaders, 'authorization'> & { 'x-api-key'?: string | string[] | undefined },
  allowsStale = false,
): Promise<Caller> {
  if (isOpen(authenticators)) return anonymous;
  const { keys, tokens } = authenticators;
  const key = keys === undefined ? undefined : headers['x-api-key'];
  const token = tokens === undefined ? undefined : bearerToken(headers.authorization);
  if (key !== undefined && token !== undefined) {
    throw new DomainError('UNAUTHENTICATED', 'Send either an API key or a bearer token, not both.');
  }
  if (typeof key === 'string' && keys !== undefined) return keys.callerOf(key, allowsStale);
  if (token !== undefined && tokens !== undefined) return tokens.callerOf(token);
  const ways = [
    ...(keys === undefined ? [] : ['an API key in the header x-api-key']),
    ...(tokens === undefined ? [] : ['a bearer token in the header Authorization']),
  ];
  throw new DomainError('UNAUTHENTICATED', `Authentication is required: send ${ways.join(' or ')}.`);
}

function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer +(\S+)$/i.exec(authorization ?? '')?.[1];
}
