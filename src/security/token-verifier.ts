import { createRemoteJWKSet, customFetch, errors, type JWTPayload, jwtVerify, type RemoteJWKSet } from 'jose';
import { DomainError, UnavailableError } from '../errors.js';
import { type Caller, type Permission, parsePermissions, permissions } from './caller.js';
import { RefusedCallerError } from './refused-caller.js';

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

/** How old the issuer's keys may become, in milliseconds. */
export interface KeyAges {
  /** After so long they are asked for again, so that a key that the issuer took back stops. */
  readonly refresh: number;
  /** For so long they are used while the issuer does not answer. */
  readonly max: number;
}

const keyAges: KeyAges = { refresh: 600_000, max: 86_400_000 };
const clockSkewSeconds = 60;
const fetchTimeout = 2_000;
const issuerPause = 5_000;

/** Errors of the issuer's side: nothing can be said of the token now. */
const issuerErrors = [errors.JWKSTimeout, errors.JWKSInvalid, errors.JWKInvalid];

/** Verifies bearer tokens of an OpenID Connect issuer (OpenID Connect Discovery 1.0, RFC 7519, RFC 8725). */
export class TokenVerifier {
  readonly #expectations: TokenExpectations;
  readonly #onStaleKeys: (error: unknown) => void;
  readonly #ages: KeyAges;
  readonly #fetch: typeof fetch;
  #keys: RemoteJWKSet | undefined;
  #discovery: Promise<RemoteJWKSet> | undefined;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #failedAt = Number.NEGATIVE_INFINITY;

  /**
   * Nothing is fetched before the first token: an issuer that is down does not keep the gateway from starting.
   *
   * @param onStaleKeys told where the issuer's keys could not be asked for again, and those that are known go on being used
   * @param fetchFromIssuer what the issuer is asked with
   */
  constructor(
    expectations: TokenExpectations,
    onStaleKeys: (error: unknown) => void = () => undefined,
    ages: KeyAges = keyAges,
    fetchFromIssuer: typeof fetch = fetch,
  ) {
    this.#expectations = expectations;
    this.#onStaleKeys = onStaleKeys;
    this.#ages = ages;
    this.#fetch = fetchFromIssuer;
  }

  /**
   * Finds whose token this is.
   *
   * @throws DomainError UNAUTHENTICATED, CREDENTIAL_EXPIRED; UnavailableError where the issuer's keys cannot be had
   */
  async callerOf(token: string): Promise<Caller> {
    const keys = this.#keys ?? (await this.#discover());
    await this.#refresh(keys);
    const { issuer, audience, algorithms, permissionsClaim } = this.#expectations;
    try {
      const { payload } = await jwtVerify(token, keys, {
        issuer,
        audience: [...audience],
        algorithms: [...algorithms],
        clockTolerance: clockSkewSeconds,
        requiredClaims: ['exp', 'sub'],
      });
      return { ...subjectOf(payload), permissions: new Set(permissionsIn(payload, permissionsClaim)) };
    } catch (error) {
      throw translated(error);
    }
  }

  /** Asks for the keys again where they are old. Where the issuer does not answer, those that are known stay. */
  async #refresh(keys: RemoteJWKSet): Promise<void> {
    const now = performance.now();
    if (now - this.#loadedAt < this.#ages.refresh || this.#hasJustFailed()) return;
    const isFirstTry = this.#failedAt < this.#loadedAt;
    const reload = keys.reload().then(
      () => {
        this.#loadedAt = performance.now();
      },
      (error: unknown) => {
        this.#failedAt = performance.now();
        this.#onStaleKeys(error);
      },
    );
    // While the issuer is down, a request does not wait again and again for what will not come.
    if (isFirstTry) await reload;
  }

  #hasJustFailed(): boolean {
    return performance.now() - this.#failedAt < issuerPause;
  }

  #discover(): Promise<RemoteJWKSet> {
    if (this.#hasJustFailed()) {
      return Promise.reject(new UnavailableError(new Error('the issuer could not be reached a moment ago')));
    }
    this.#discovery ??= discover(this.#expectations.issuer, this.#ages.max, this.#fetch)
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

async function discover(issuer: string, maxAge: number, fetchFromIssuer: typeof fetch): Promise<RemoteJWKSet> {
  const url = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`;
  const response = await fetchFromIssuer(url, { signal: AbortSignal.timeout(fetchTimeout), redirect: 'error' });
  if (!response.ok) throw new Error('the discovery document of the issuer could not be read');
  const document = (await response.json()) as { issuer?: unknown; jwks_uri?: unknown };
  if (document.issuer !== issuer || typeof document.jwks_uri !== 'string' || !URL.canParse(document.jwks_uri)) {
    throw new Error('the discovery document names another issuer, or no keys');
  }
  return createRemoteJWKSet(new URL(document.jwks_uri), {
    timeoutDuration: fetchTimeout,
    // An unknown key id makes it look again, but not more often than this.
    cooldownDuration: issuerPause,
    cacheMaxAge: maxAge,
    [customFetch]: fetchFromIssuer,
  });
}

function translated(error: unknown): Error {
  if (error instanceof errors.JWTExpired) {
    // The signature, the issuer and the audience were found right before.
    const subject = { ...subjectOf(error.payload), permissions: new Set<Permission>() };
    return new RefusedCallerError('CREDENTIAL_EXPIRED', 'The bearer token has expired. Get a new one.', subject);
  }
  const isTokens = error instanceof errors.JOSEError && error.code !== 'ERR_JOSE_GENERIC';
  return isTokens && !issuerErrors.some((kind) => error instanceof kind)
    ? new DomainError('UNAUTHENTICATED', 'The bearer token is not valid.', error)
    : new UnavailableError(error);
}

function subjectOf({ sub }: JWTPayload) {
  return { means: 'token', name: String(sub).slice(0, 255) } as const;
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
