import { isIPv4 } from 'node:net';
import ipaddr from 'ipaddr.js';

/** What is counted as one client: an IPv4 address, or the network of 64 bits that one host has of IPv6. */
export function clientNetwork(address: string): string {
  if (isIPv4(address)) return address;
  const parsed = ipaddr.parse(address);
  return parsed instanceof ipaddr.IPv6
    ? `${parsed.parts
        .slice(0, 4)
        .map((part) => part.toString(16))
        .join(':')}::/64`
    : address;
}
