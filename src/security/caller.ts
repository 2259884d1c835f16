/** What a caller may do; each is given on its own. */
export type Permission = (typeof permissions)[number];

/** Every permission there is. */
export const permissions = ['read', 'write', 'credentials', 'connect', 'admin'] as const;

/** By which means a caller said who it is. */
export type CallerMeans = 'anonymous' | 'key' | 'token' | 'command line';

/** Who sent a request. */
export interface Caller {
  readonly means: CallerMeans;
  /** The name that it is known by in the log and the audit: a key's name and prefix, or a token's subject. */
  readonly name: string;
  readonly permissions: ReadonlySet<Permission>;
}

/** What every caller is where the gateway is open: it may not read credentials, and not administer. It may have connections tested where that is on. */
export const anonymous: Caller = {
  means: 'anonymous',
  name: 'anonymous',
  permissions: new Set<Permission>(['read', 'write', 'connect']),
};

/** Gives the words that are permissions; undefined where one is not. */
export function parsePermissions(words: readonly string[]): Permission[] | undefined {
  const known = words.map((word) => permissions.find((permission) => permission === word));
  return known.includes(undefined) ? undefined : (known as Permission[]);
}
