import { isIP } from 'node:net';
import { networkInterfaces } from 'node:os';
import ipaddr from 'ipaddr.js';

type Address = ipaddr.IPv4 | ipaddr.IPv6;
type Network = [address: Address, prefix: number];

/**
 * Networks in which a database is hardly ever, and the machine itself or a cloud's credentials are: loopback, link-local
 * with the metadata addresses in it and those elsewhere, unspecified, multicast, reserved with broadcast, and tunnels that
 * do not tell where they lead. They are part of no network but one that is listed from inside them.
 */
const special = [
  '0.0.0.0/8',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
  '100.100.100.200/32',
  '168.63.129.16/32',
  '192.0.0.192/32',
  '::/127',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
  '64:ff9b:1::/48',
  '2001::/32',
  '100::/64',
  'fd00:ec2::254/128',
  'fd20:ce::254/128',
].map((network) => ipaddr.parseCIDR(network) as Network);

/** Where the IPv4 address stands in the IPv6 addresses that are a way to write, translate or tunnel to one. */
const carriers: readonly [network: Network, firstByte: number][] = [
  [ipaddr.parseCIDR('::/96'), 12],
  [ipaddr.parseCIDR('::ffff:0:0/96'), 12],
  [ipaddr.parseCIDR('::ffff:0:0:0/96'), 12],
  [ipaddr.parseCIDR('64:ff9b::/96'), 12],
  [ipaddr.parseCIDR('2002::/16'), 2],
];

/** Which addresses connections may be tested to. */
export class NetworkPolicy {
  readonly #usual: readonly Network[];
  readonly #listedByThemselves: readonly Network[];

  /** @param networks in CIDR notation, IPv4 and IPv6; none where nothing may be tested */
  constructor(networks: readonly string[]) {
    const listed = networks.map((network) => ipaddr.parseCIDR(network) as Network);
    this.#usual = listed.filter((network) => !isSpecial(network));
    this.#listedByThemselves = listed.filter(isSpecial);
  }

  /** Whether any address may be connected to. */
  get isEmpty(): boolean {
    return this.#usual.length === 0 && this.#listedByThemselves.length === 0;
  }

  /**
   * Whether an address may be connected to.
   *
   * @param address as the resolver gives it, with or without a zone
   */
  allows(address: string): boolean {
    return standsFor(withoutZone(address)).every((one) => {
      const networks = special.some((network) => contains(network, one)) ? this.#listedByThemselves : this.#usual;
      return networks.some((network) => contains(network, one));
    });
  }
}

/** Whether a text is a network in CIDR notation, its address written in the usual way. */
export function isNetwork(text: string): boolean {
  const [, address = ''] = /^([^/%]+)\/\d{1,3}$/.exec(text) ?? [];
  return isIP(address) !== 0 && ipaddr.isValidCIDR(text);
}

/** The addresses that one is, however it is written: IPv4 where an IPv6 address is only a way to it. */
export function canonicalAddresses(address: string): string[] {
  return standsFor(withoutZone(address)).map((one) => one.toNormalizedString());
}

/** Whether an address is one of this machine's own. */
export function isOwnAddress(address: string): boolean {
  const own = new Set(
    Object.values(networkInterfaces()).flatMap((entries) =>
      (entries ?? []).flatMap(({ address: one }) => canonicalAddresses(one)),
    ),
  );
  return standsFor(withoutZone(address)).some(
    (one) => ['loopback', 'unspecified'].includes(one.range()) || own.has(one.toNormalizedString()),
  );
}

function standsFor(address: string): Address[] {
  const parsed = ipaddr.parse(address);
  if (parsed.kind() === 'ipv4' || special.some((network) => contains(network, parsed))) return [parsed];
  const bytes = parsed.toByteArray();
  const carrier = carriers.find(([network]) => contains(network, parsed));
  if (carrier !== undefined) return [ipaddr.fromByteArray(bytes.slice(carrier[1], carrier[1] + 4))];
  // ISATAP: a tunnel within a site, whose end is both.
  const isTunnel = /^0[02]005efe/.test(Buffer.from(bytes.slice(8)).toString('hex'));
  return isTunnel ? [parsed, ipaddr.fromByteArray(bytes.slice(12))] : [parsed];
}

function isSpecial([address, prefix]: Network): boolean {
  return special.some((network) => prefix >= network[1] && contains(network, address));
}

function contains([network, prefix]: Network, address: Address): boolean {
  return network.kind() === address.kind() && (address as ipaddr.IPv4).match(network as ipaddr.IPv4, prefix);
}

function withoutZone(address: string): string {
  return address.split('%', 1)[0] as string;
}
