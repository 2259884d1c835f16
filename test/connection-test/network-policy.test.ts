import { networkInterfaces } from 'node:os';
import { describe, expect, test } from '@jest/globals';
import { isNetwork, isOwnAddress, NetworkPolicy } from '../../src/connection-test/network-policy.js';
import { isOwnEndpoint } from '../../src/connection-test/own-endpoints.js';

describe('addresses that may be connected to', () => {
  const policy = new NetworkPolicy(['10.0.0.0/8', 'fd00::/8', '203.0.113.7/32']);

  test.each(['10.0.0.1', '10.255.255.255', 'fd00::1', 'fdff::1', '203.0.113.7'])('%s, in a network', (address) => {
    expect(policy.allows(address)).toBe(true);
  });

  test.each(['11.0.0.1', '9.255.255.255', '203.0.113.8', 'fe00::1', '2001:db8::1'])('not %s, in none', (address) => {
    expect(policy.allows(address)).toBe(false);
  });

  test.each([
    ['IPv4 in IPv6', '::ffff:10.0.0.1', '::ffff:11.0.0.1'],
    ['the same in hexadecimal', '::ffff:a00:1', '::ffff:b00:1'],
    ['IPv4 in IPv6 of old', '::10.0.0.1', '::11.0.0.1'],
    ['IPv4 translated', '::ffff:0:a00:1', '::ffff:0:b00:1'],
    ['NAT64', '64:ff9b::a00:1', '64:ff9b::b00:1'],
    ['6to4', '2002:a00:1::1', '2002:b00:1::1'],
    ['a zone', 'fd00::1%eth0', 'fe00::1%eth0'],
  ])('%s is what it stands for', (_, allowed, refused) => {
    expect([policy.allows(allowed), policy.allows(refused)]).toEqual([true, false]);
  });

  test('a tunnel within a site is both of its ends', () => {
    expect(policy.allows('fd00::5efe:10.0.0.1')).toBe(true);
    expect(policy.allows('fd00::5efe:11.0.0.1')).toBe(false);
    expect(policy.allows('2001:db8::5efe:10.0.0.1')).toBe(false);
  });
});

const everything = ['0.0.0.0/0', '::/0'];
const special = [
  ['loopback', '127.0.0.1', '127.0.0.0/8'],
  ['loopback, elsewhere', '127.255.0.9', '127.0.0.0/8'],
  ['loopback, IPv6', '::1', '::1/128'],
  ['link-local', '169.254.7.7', '169.254.0.0/16'],
  ['metadata', '169.254.169.254', '169.254.169.254/32'],
  ['metadata, IPv6', 'fd00:ec2::254', 'fd00:ec2::254/128'],
  ['metadata, elsewhere', '100.100.100.200', '100.100.100.200/32'],
  ['a host of the cloud', '168.63.129.16', '168.63.129.16/32'],
  ['link-local, IPv6', 'fe80::1', 'fe80::/10'],
  ['link-local, with a zone', 'fe80::1%eth0', 'fe80::/64'],
  ['unspecified', '0.0.0.0', '0.0.0.0/8'],
  ['unspecified, IPv6', '::', '::/128'],
  ['multicast', '224.0.0.1', '224.0.0.0/4'],
  ['multicast, IPv6', 'ff02::1', 'ff00::/8'],
  ['broadcast', '255.255.255.255', '255.255.255.255/32'],
  ['reserved', '240.0.0.1', '240.0.0.0/4'],
  ['a tunnel that does not tell its end', '2001:0:a00:1::1', '2001::/32'],
  ['a translation that does not tell its end', '64:ff9b:1::a00:1', '64:ff9b:1::/48'],
] as const;

describe('addresses where a database hardly is', () => {
  const policy = new NetworkPolicy(everything);

  test.each(special)('%s, %s, is in no network but its own', (_, address, own) => {
    expect(policy.allows(address)).toBe(false);
    expect(new NetworkPolicy([...everything, own]).allows(address)).toBe(true);
  });

  test.each(['::ffff:127.0.0.1', '64:ff9b::7f00:1', '2002:7f00:1::', '::ffff:169.254.169.254', '2002:a9fe:a9fe::'])(
    '%s is in none either',
    (address) => {
      expect(policy.allows(address)).toBe(false);
      expect(new NetworkPolicy([...everything, '127.0.0.0/8', '169.254.0.0/16']).allows(address)).toBe(true);
    },
  );

  test('all others are allowed by a network of everything', () => {
    for (const address of ['8.8.8.8', '192.168.0.1', '2a00::1', 'fd12::1']) expect(policy.allows(address)).toBe(true);
  });

  test('a network is its own only where it is all inside', () => {
    expect(new NetworkPolicy(['126.0.0.0/7']).allows('127.0.0.1')).toBe(false);
    expect(new NetworkPolicy(['127.0.0.1/32']).allows('127.0.0.2')).toBe(false);
  });
});

describe('networks in the settings', () => {
  test.each(['10.0.0.0/8', '0.0.0.0/0', '::/0', 'fd00::/8', '::1/128'])('%s is one', (text) => {
    expect(isNetwork(text)).toBe(true);
  });
  test.each([
    '10.0.0.0',
    '10.0.0.0/33',
    '10.0.0/8',
    '0x7f.1/8',
    '010.0.0.0/8',
    'fe80::%eth0/64',
    '::/129',
    'x/8',
    '10.0.0.0/-1',
    '10.0.0.0/8/8',
    '/8',
    '',
  ])('%j is none', (text) => {
    expect(isNetwork(text)).toBe(false);
  });
});

describe("the gateway's own", () => {
  const found = async (host: string) => (host === 'db.example.com' ? ['10.0.0.5'] : [host]);

  test.each([
    ['10.0.0.5', 3306, true],
    ['::ffff:10.0.0.5', 3306, true],
    ['64:ff9b::a00:5', 3306, true],
    ['10.0.0.5', 3307, false],
    ['10.0.0.6', 3306, false],
    ['127.0.0.1', 4000, true],
    ['127.0.0.9', 4000, true],
    ['::1', 4000, true],
    ['0.0.0.0', 4000, true],
    ['10.0.0.5', 4000, false],
  ])('%s port %i: %s', async (address, port, isOwn) => {
    const endpoints = [
      { host: 'db.example.com', port: 3306 },
      { host: '127.0.0.1', port: 4000 },
    ];
    expect(await isOwnEndpoint([address], port, endpoints, found)).toBe(isOwn);
  });

  test("includes this machine's every address where it listens on all", async () => {
    const addresses = Object.values(networkInterfaces()).flatMap((entries) => entries ?? []);
    for (const { address } of addresses) {
      expect(isOwnAddress(address)).toBe(true);
      expect(await isOwnEndpoint([address], 4000, [{ host: '0.0.0.0', port: 4000 }], found)).toBe(true);
    }
  });

  test('is not allowed either where its name is not found any more', async () => {
    const never = async () => Promise.reject(new Error('not found'));
    await expect(isOwnEndpoint(['10.0.0.5'], 3306, [{ host: 'db.example.com', port: 3306 }], never)).resolves.toBe(
      true,
    );
  });
});
