import { expect, test } from '@jest/globals';
import { normalAddress } from '../../src/http/client-address.js';
import { clientNetwork } from '../../src/security/client-network.js';

test.each([
  ['127.0.0.9', '127.0.0.9'],
  ['::ffff:127.0.0.9', '127.0.0.9'],
  ['::FFFF:7f00:9', '127.0.0.9'],
  ['192.0.2.7:50123', '192.0.2.7'],
  ['2001:DB8:0:1:0:0:0:1', '2001:db8:0:1::/64'],
  ['[2001:db8:0:1:ffff::2]:443', '2001:db8:0:1::/64'],
  ['2001:db8:0:2::1', '2001:db8:0:2::/64'],
  ['fe80::1%eth0', 'fe80:0:0:0::/64'],
])('%s is counted as %s', (text, network) => {
  expect(clientNetwork(normalAddress(text) as string)).toBe(network);
});

test.each(['', 'unknown', '127.1', '0x7f.0.0.1', '256.0.0.1', '192.0.2.7:', ':50123', '192.0.2.7 ', 'a::b::c'])(
  '%j is no address',
  (text) => {
    expect(normalAddress(text)).toBeUndefined();
  },
);
