import type { DatabaseLocation } from '../database/database-url.js';
import { canonicalAddresses, isOwnAddress } from './network-policy.js';

/** Something of the gateway's own that listens on a port, and that no test is made of. */
export interface OwnEndpoint {
  /** A name or an address. */
  readonly host: string;
  readonly port: number;
}

/** Where a gateway's database is, and where it listens itself. */
export function ownEndpoints(database: DatabaseLocation, listening: OwnEndpoint): OwnEndpoint[] {
  return database.kind === 'mysql' ? [...database.hosts, listening] : [listening];
}

/**
 * Whether one of some addresses, with a port, is the gateway's own: its database, or where it listens. A server of this
 * machine's is known by all of its addresses.
 *
 * @param resolve finds the addresses of a name
 */
export async function isOwnEndpoint(
  addresses: readonly string[],
  port: number,
  endpoints: readonly OwnEndpoint[],
  resolve: (host: string) => Promise<readonly string[]>,
): Promise<boolean> {
  for (const endpoint of endpoints) {
    if (endpoint.port !== port) continue;
    const others = await resolve(endpoint.host).catch(() => undefined);
    // What cannot be told apart from it is taken for it.
    if (others === undefined) return true;
    const isHere = addresses.some(isOwnAddress);
    const canonical = new Set(addresses.flatMap(canonicalAddresses));
    const isSame = (other: string) =>
      (isHere && isOwnAddress(other)) || canonicalAddresses(other).some((one) => canonical.has(one));
    if (others.some(isSame)) return true;
  }
  return false;
}
