import crypto, { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../database/database.js';
import { DomainError, UnavailableError } from '../errors.js';
import type { ApiKey } from './api-key.entity.js';
import { insertApiKey, revokeApiKey, selectApiKey, selectApiKeys, updateApiKeyUse } from './api-key.statements.js';
import { type Caller, type Permission, parsePermissions } from './caller.js';
import { RefusedCallerError } from './refused-caller.js';

// dgk, the prefix, 256 random bits.
const prefixPattern = /^dgk_[0-9a-f]{12}$/;
const keyPattern = /^(dgk_[0-9a-f]{12})_[\w-]{43}$/;

/** How long a key that was found is taken for valid without looking again, in milliseconds: so soon a revoked one stops. */
export const keyCacheTime = 5_000;
const maxStaleTime = 3_600_000;
const maxWaitWhereStale = 500;
const maxRefreshedKeys = 100;
const usageInterval = 60_000;
const maxCachedKeys = 10_000;
const invalidKeyMessage = 'The API key is not valid.';
const dummyHash = createHash('sha256').digest();

interface CachedKey {
  readonly key: ApiKey;
  readonly hash: Buffer;
  readonly caller: Caller;
  readonly readAt: number;
}

/** Makes, finds, lists and revokes API keys. */
export class ApiKeys {
  readonly #database: Database;
  readonly #onUsageFailure: (error: unknown) => void;
  readonly #cache = new Map<string, CachedKey>();
  readonly #usedAt = new Map<string, number>();
  readonly #refreshed = new Map<string, { prefix: string; hash: Buffer; askedAt: number }>();
  #refreshTimer: NodeJS.Timeout | undefined;

  /**
   * @param database where they are kept
   * @param onUsageFailure told where the time of a key's use could not be written
   */
  constructor(database: Database, onUsageFailure: (error: unknown) => void = () => undefined) {
    this.#database = database;
    this.#onUsageFailure = onUsageFailure;
  }

  /**
   * Makes a key.
   *
   * @param expiresAt when it stops by itself; null for never
   * @returns the key, which is not shown again, and what is kept of it
   */
  async create(
    name: string,
    permissions: readonly Permission[],
    expiresAt: Date | null,
  ): Promise<{ key: string; kept: ApiKey }> {
    const prefix = `dgk_${randomBytes(6).toString('hex')}`;
    const key = `${prefix}_${randomBytes(32).toString('base64url')}`;
    const kept: ApiKey = {
      prefix,
      name,
      hash: hashOf(key).toString('hex'),
      permissions: [...new Set(permissions)].join(','),
      createdAt: new Date(),
      expiresAt,
      revokedAt: null,
      lastUsedAt: null,
    };
    await this.#database.change((session) => insertApiKey(session, kept));
    return { key, kept };
  }

  /** Lists all keys, the newest first. */
  list(): Promise<ApiKey[]> {
    return this.#database.read(selectApiKeys);
  }

  /**
   * Revokes a key: it stops within {@link keyCacheTime} on every gateway.
   *
   * @returns false where there is no such key, or it was revoked before
   */
  async revoke(prefix: string): Promise<boolean> {
    if (!prefixPattern.test(prefix)) return false;
    const revoked = await this.#database.change((session) => revokeApiKey(session, prefix, new Date()));
    return revoked > 0;
  }

  /**
   * Finds whose key this is.
   *
   * @param allowsStale whether a key that was good within the hour is taken for good where the database does not answer soon
   * @throws DomainError UNAUTHENTICATED, the same for a key that never was and one that is revoked; CREDENTIAL_EXPIRED
   */
  async callerOf(key: string, allowsStale = false): Promise<Caller> {
    const hash = hashOf(key);
    const found = await this.#find(key, hash, allowsStale);
    const isMatch = timingSafeEqual(hash, found?.hash ?? dummyHash);
    if (found === undefined || !isMatch) throw new DomainError('UNAUTHENTICATED', invalidKeyMessage);
    if (found.key.revokedAt !== null) throw new RefusedCallerError('UNAUTHENTICATED', invalidKeyMessage, found.caller);
    if (found.key.expiresAt !== null && found.key.expiresAt.getTime() <= Date.now()) {
      const message = 'The API key has expired. Ask for a new one.';
      throw new RefusedCallerError('CREDENTIAL_EXPIRED', message, found.caller);
    }
    this.#recordUse(found.key.prefix);
    if (allowsStale) this.#keepFresh(found.key.prefix, hash);
    return found.caller;
  }

  async #find(key: string, hash: Buffer, allowsStale: boolean): Promise<CachedKey | undefined> {
    const cacheKey = hash.toString('hex');
    const cached = this.#cache.get(cacheKey);
    if (cached !== undefined && Date.now() - cached.readAt < keyCacheTime) return cached;
    const prefix = keyPattern.exec(key)?.[1];
    if (prefix === undefined) return undefined;
    if (allowsStale && cached !== undefined && Date.now() - cached.readAt < maxStaleTime) {
      const late = sleep(maxWaitWhereStale, cached, { ref: false });
      return Promise.race([this.#read(prefix, hash, cacheKey), late]).catch((error: unknown) => {
        if (error instanceof UnavailableError) return cached;
        throw error;
      });
    }
    return this.#read(prefix, hash, cacheKey);
  }

  /** A key that may be taken for good without the database is read again and again while that answers, so that a revoked one stops. */
  #keepFresh(prefix: string, hash: Buffer): void {
    const cacheKey = hash.toString('hex');
    if (this.#refreshed.size < maxRefreshedKeys || this.#refreshed.has(cacheKey)) {
      this.#refreshed.set(cacheKey, { prefix, hash, askedAt: Date.now() });
    }
    this.#refreshTimer ??= setInterval(() => {
      for (const [key, { prefix, hash, askedAt }] of this.#refreshed) {
        if (Date.now() - askedAt > maxStaleTime || !this.#cache.has(key)) this.#refreshed.delete(key);
        else this.#read(prefix, hash, key).catch(() => undefined);
      }
    }, keyCacheTime).unref();
  }

  /** Ends what runs beside requests. */
  close(): void {
    clearInterval(this.#refreshTimer);
  }

  async #read(prefix: string, hash: Buffer, cacheKey: string): Promise<CachedKey | undefined> {
    const readAt = Date.now();
    const key = await this.#database.read((session) => selectApiKey(session, prefix));
    this.#cache.delete(cacheKey);
    if (key === undefined) return undefined;
    const found = { key, hash: Buffer.from(key.hash, 'hex'), caller: callerFor(key), readAt };
    // Whoever does not hold a valid key is always looked up, so that the time it takes does not tell which keys there are.
    if (key.revokedAt === null && timingSafeEqual(hash, found.hash)) {
      if (this.#cache.size >= maxCachedKeys) this.#cache.clear();
      this.#cache.set(cacheKey, found);
    }
    return found;
  }

  #recordUse(prefix: string): void {
    const now = Date.now();
    if (now - (this.#usedAt.get(prefix) ?? 0) < usageInterval) return;
    this.#usedAt.set(prefix, now);
    this.#database
      .change((session) => updateApiKeyUse(session, prefix, new Date(now), new Date(now - usageInterval)))
      .catch(this.#onUsageFailure);
  }
}

function callerFor({ prefix, name, permissions }: ApiKey): Caller {
  return {
    means: 'key',
    name: `${name} (${prefix})`,
    permissions: new Set(parsePermissions(permissions.split(',')) ?? []),
  };
}

function hashOf(key: string): Buffer {
  // The first is faster, and not in Node.js before 20.12.
  return crypto.hash?.('sha256', key, 'buffer') ?? createHash('sha256').update(key).digest();
}
