import { createRemoteJWKSet, errors, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from 'jose';
import { DomainError, UnavailableError } from '../errors.js';
import { type Caller, parsePermissions, permissions } from './caller.js';

/** What is expected of bearer tokens. */
export interface TokenExpectations {
  /** The issuer's URL, exactly as it stands in `iss`; its discovery document is below it. */
  readonly issuer: string;
  /** One of these must be in `aud`. */
  readonly audience: readonly string[];
  /** The signature algorithms that are accepted. */
  readonly algorithms: readonly string[];
  /** The claim that lists the permissions: a name, or a path with dots; its value a list, or words between spaces. */
  readonly permissionsClaim: string;
}

const clockSkewSeconds = 60;
const fetchTimeout = 2_000;
const discoveryPause = 5_000;

/** Errors of the issuer's side: nothing can be said of the token now. */
const issuerErrors = [errors.JWKSTimeout, errors.JWKSInvalid, errors.JWKInvalid];

/** Verifies bearer tokens of an OpenID Connect issuer (OpenID Connect Discovery 1.0, RFC 7519, RFC 8725). */
export class TokenVerifier {
  readonly #expectations: TokenExpectations;
  #keys: JWTVerifyGetKey | undefined;
  #discovery: Promise<JWTVerifyGetKey> | undefined;
  #failedAt = Number.NEGATIVE_INFINITY;

  /** Nothing is fetched before the first token: an issuer that is down does not keep the gateway from starting. */
  constructor(expectations: TokenExpectations) {
    this.#expectations = expectations;
  }

  /**
   * Finds whose token this is.
   *
   * @throws DomainError UNAUTHENTICATED, CREDENTIAL_EXPIRED; UnavailableError where the issuer's keys cannot be had
   */
  async callerOf(token: string): Promise<Caller> {
    const keys = this.#keys ?? (await this.#discover());
    const { issuer, audience, algorithms, permissionsClaim } = this.#expectations;
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [...audience],
        algorithms: [...algorithms],
        clockTolerance: clockSkewSeconds,
        requiredClaims: ['exp', 'sub'],
      });
      return {
        means: 'token',
        name: String(payload.sub).slice(0, 255),
        permissions: new Set(permissionsIn(payload, permissionsClaim)),
      };
    } catch (error) {
      throw translated(error);
    }
  }

  #discover(): Promise<JWTVerifyGetKey> {
    if (performance.now() - this.#failedAt < discoveryPause) {
      return Promise.reject(new UnavailableError(new Error('the issuer could not be reached a moment ago')));
    }
    this.#discovery ??= discover(this.#expectations.issuer)
      .then((keys) => {
        this.#keys = keys;
        return keys;
      })
      .catch((error: unknown) => {
        this.#failedAt = performance.now();
        throw new UnavailableError(error);
      })
      .finally(() => {
        this.#discovery = undefined;
      });
    return this.#discovery;
  }
}

async function discover(issuer: string): Promise<JWTVerifyGetKey> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetch(url, { signal: AbortSignal.timeout(fetchTimeout), redirect: 'error' });
  if (!response.ok) throw new Error('the discovery document of the issuer could not be read');
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (document.issuer !== issuer || typeof document.jwks_uri !== 'string' || !URL.canParse(document.jwks_uri)) {
    throw new Error('the discovery document names another issuer, or no keys');
  }
  return createRemoteJWKSet(new URL(document.jwks_uri), {
    timeoutDuration: fetchTimeout,
    // An unknown key id makes it look again, but not more often than this.
    cooldownDuration: discoveryPause,
    cacheMaxAge: 600_000,
  });
}

function translated(error: unknown): Error {
  if (error instanceof errors.JWTExpired) {
    return new DomainError('CREDENTIAL_EXPIRED', 'The bearer token has expired. Get a new one.');
  }
  const isTokens = error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
  return isTokens && !issuerErrors.some((kind) => error instanceof kind)
    ? new DomainError('UNAUTHENTICATED', 'The bearer token is not valid.', error)
    : new UnavailableError(error);
}

function permissionsIn(payload: JWTPayload, claim: string) {
  let value: unknown = payload[claim];
  if (value === undefined) {
    value = claim
      .split('.')
      .reduce<unknown>((inner, name) => (inner as Record<string, unknown> | undefined)?.[name], payload);
  }
  const words = typeof value === 'string' ? value.split(' ') : Array.isArray(value) ? value : [];
  return parsePermissions(words.filter((word) => permissions.includes(word))) ?? [];
}
