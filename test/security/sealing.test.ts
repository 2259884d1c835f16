import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, test } from '@jest/globals';
import { CredentialSeal } from '../../src/datasources/credential-seal.js';
import { open, SealBrokenError, seal, sealingKeyIdOf } from '../../src/security/sealing.js';
import { parseSealingKey, type SealingKey } from '../../src/security/sealing-key.js';

const place = ['datasource', 1, '123456789012', 'eu-west-1', 'orders', 'password'] as const;

function keyOf(bytes: Buffer): SealingKey {
  return parseSealingKey(bytes.toString('base64')) as SealingKey;
}

const bytes = Buffer.from('000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f', 'hex');
const key = keyOf(bytes);
const otherKey = keyOf(randomBytes(32));

describe('what is sealed', () => {
  test.each([
    '',
    'a',
    'hunter2',
    ' leading and trailing ',
    'p\u0000q\n\r\t\u0001',
    '密码🔑e\u0301é',
    'x'.repeat(4096),
    '🐘'.repeat(1024),
  ])('opens to the same text: %j', (text) => {
    expect(open(seal(text, place, key), place, [key])).toBe(text);
  });

  test('is different each time, nonce and ciphertext', () => {
    const sealed = Array.from({ length: 1000 }, () => seal('the same', place, key));
    expect(new Set(sealed.map((value) => value.subarray(9, 21).toString('hex'))).size).toBe(1000);
    expect(new Set(sealed.map((value) => value.subarray(21).toString('hex'))).size).toBe(1000);
  });

  test('does not contain the text', () => {
    expect(seal('hunter2', place, key).includes('hunter2')).toBe(false);
  });

  test.each([
    ['another kind', ['account', 1, '123456789012', 'eu-west-1', 'orders', 'password']],
    ['another provider', ['datasource', 2, '123456789012', 'eu-west-1', 'orders', 'password']],
    ['another account', ['datasource', 1, '123456789013', 'eu-west-1', 'orders', 'password']],
    ['another region', ['datasource', 1, '123456789012', 'eu-west-2', 'orders', 'password']],
    ['another datasource', ['datasource', 1, '123456789012', 'eu-west-1', 'Orders', 'password']],
    ['another field', ['datasource', 1, '123456789012', 'eu-west-1', 'orders', 'secret']],
    ['a number as a text', ['datasource', '1', '123456789012', 'eu-west-1', 'orders', 'password']],
    ['parts that run into each other', ['datasource', 1, '123456789012eu-west-1', '', 'orders', 'password']],
    ['parts that quote each other', ['datasource', 1, '123456789012","eu-west-1', 'orders', 'password']],
    ['fewer parts', ['datasource', 1, '123456789012', 'eu-west-1', 'orders']],
    ['no place', []],
  ])('does not open at %s', (_, elsewhere) => {
    expect(() => open(seal('hunter2', place, key), elsewhere, [key])).toThrow(SealBrokenError);
  });

  test('does not open when any one of its bytes is another, in any of its bits', () => {
    const sealed = seal('hunter2', place, key);
    for (let at = 0; at < sealed.length; at += 1) {
      for (let bit = 0; bit < 8; bit += 1) {
        const changed = Buffer.from(sealed);
        changed.writeUInt8(changed.readUInt8(at) ^ (1 << bit), at);
        expect(() => open(changed, place, [key])).toThrow(SealBrokenError);
      }
    }
  });

  test('does not open when it was cut short or made longer', () => {
    const sealed = seal('hunter2', place, key);
    for (let length = 0; length < sealed.length; length += 1) {
      expect(() => open(sealed.subarray(0, length), place, [key])).toThrow(SealBrokenError);
    }
    expect(() => open(Buffer.concat([sealed, Buffer.from([0])]), place, [key])).toThrow(SealBrokenError);
    expect(() => open(Buffer.concat([Buffer.from([0]), sealed]), place, [key])).toThrow(SealBrokenError);
  });

  test('opens with its own key among others, and with no other', () => {
    const sealed = seal('hunter2', place, key);
    expect(open(sealed, place, [otherKey, key])).toBe('hunter2');
    expect(() => open(sealed, place, [otherKey])).toThrow(SealBrokenError);
    expect(() => open(sealed, place, [])).toThrow(SealBrokenError);
    expect(() => open(sealed, place, [{ ...otherKey, id: key.id }])).toThrow(SealBrokenError);
  });

  test('does not open under the id of another key that is there', () => {
    const sealed = seal('hunter2', place, key);
    const renamed = Buffer.concat([sealed.subarray(0, 1), Buffer.from(otherKey.id, 'hex'), sealed.subarray(9)]);
    expect(sealingKeyIdOf(renamed)).toBe(otherKey.id);
    expect(() => open(renamed, place, [key, otherKey])).toThrow(SealBrokenError);
    expect(() => open(renamed, place, [{ ...key, id: otherKey.id }])).toThrow(SealBrokenError);
  });

  test('breaks with an error that says nothing of the value', () => {
    const sealed = seal('hunter2', place, key);
    sealed.writeUInt8(sealed.readUInt8(25) ^ 1, 25);
    try {
      open(sealed, place, [key]);
      throw new Error('it opened');
    } catch (error) {
      expect(error).toBeInstanceOf(SealBrokenError);
      for (const form of [inspect(error, { depth: 9 }), JSON.stringify(error), String((error as Error).stack)]) {
        expect(form).not.toMatch(/hunter|orders|123456789012/);
      }
    }
  });
});

describe('the format', () => {
  test('is a 1, the id of the key, the nonce, AES-256-GCM of the text, and its tag, as node:crypto reads it', () => {
    const sealed = seal('hunter2', place, key);
    expect(sealed).toHaveLength(1 + 8 + 12 + 7 + 16);
    expect(sealed[0]).toBe(1);
    expect(sealed.subarray(1, 9).toString('hex')).toBe(key.id);
    const decipher = createDecipheriv('aes-256-gcm', bytes, sealed.subarray(9, 21));
    decipher.setAAD(
      Buffer.concat([
        sealed.subarray(0, 9),
        Buffer.from('["datasource",1,"123456789012","eu-west-1","orders","password"]'),
      ]),
    );
    decipher.setAuthTag(sealed.subarray(28));
    expect(decipher.update(sealed.subarray(21, 28), undefined, 'utf8') + decipher.final('utf8')).toBe('hunter2');
  });

  test('is read where it was written by node:crypto', () => {
    const header = Buffer.concat([Buffer.from([1]), Buffer.from(key.id, 'hex')]);
    const nonce = Buffer.alloc(12, 7);
    const cipher = createCipheriv('aes-256-gcm', bytes, nonce);
    cipher.setAAD(Buffer.concat([header, Buffer.from('["a",1]')]));
    const ciphertext = Buffer.concat([cipher.update('密码', 'utf8'), cipher.final()]);
    expect(open(Buffer.concat([header, nonce, ciphertext, cipher.getAuthTag()]), ['a', 1], [key])).toBe('密码');
  });

  test('stays as it is: a value that was sealed once still opens', () => {
    const kept = Buffer.from(keptValue, 'base64');
    expect(sealingKeyIdOf(kept)).toBe(key.id);
    expect(open(kept, place, [key])).toBe('hunter2');
  });

  test('knows the id of a key to be the first 8 bytes of a hash of it', () => {
    const hash = createHash('sha256').update('datasource-gateway sealing key id\0').update(bytes).digest();
    expect(key.id).toBe(hash.subarray(0, 8).toString('hex'));
  });

  test.each([
    ['nothing', Buffer.alloc(0)],
    ['text', Buffer.from('hunter2 in clear, and long enough to be a sealed value')],
    ['another format', Buffer.concat([Buffer.from([2]), seal('x', place, key).subarray(1)])],
    ['a header alone', seal('x', place, key).subarray(0, 36)],
  ])('does not take %s for a sealed value', (_, value) => {
    expect(() => sealingKeyIdOf(value)).toThrow(SealBrokenError);
    expect(() => open(value, place, [key])).toThrow(SealBrokenError);
  });
});

describe('AES-256-GCM here', () => {
  // Test cases 13 and 16 of "The Galois/Counter Mode of Operation", McGrew and Viega.
  test.each([
    {
      keyHex: '00'.repeat(32),
      nonce: '00'.repeat(12),
      aad: '',
      text: '',
      ciphertext: '',
      tag: '530f8afbc74536b9a963b4f1c4cb738b',
    },
    {
      keyHex: 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308',
      nonce: 'cafebabefacedbaddecaf888',
      aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
      text: 'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39',
      ciphertext:
        '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662',
      tag: '76fc6ece0f4e1768cddf8853bb2d551b',
    },
  ])('agrees with the known answer of tag $tag', ({ keyHex, nonce, aad, text, ciphertext, tag }) => {
    const known = keyOf(Buffer.from(keyHex, 'hex'));
    const cipher = createCipheriv('aes-256-gcm', known.key, Buffer.from(nonce, 'hex'), { authTagLength: 16 });
    cipher.setAAD(Buffer.from(aad, 'hex'));
    expect(cipher.update(text, 'hex', 'hex') + cipher.final('hex')).toBe(ciphertext);
    expect(cipher.getAuthTag().toString('hex')).toBe(tag);
  });
});

describe('a key', () => {
  test('is 32 bytes in base64', () => {
    expect(parseSealingKey(bytes.toString('base64'))?.key.export()).toEqual(bytes);
  });

  test.each([
    ['nothing', ''],
    ['31 bytes', randomBytes(31).toString('base64')],
    ['33 bytes', randomBytes(33).toString('base64')],
    ['64 bytes', randomBytes(64).toString('base64')],
    ['hexadecimal', bytes.toString('hex')],
    ['base64url', Buffer.alloc(32, 0xfb).toString('base64url')],
    [
      'the URL alphabet with padding',
      Buffer.alloc(32, 0xfb).toString('base64').replaceAll('+', '-').replaceAll('/', '_'),
    ],
    ['no padding', bytes.toString('base64').replace('=', '')],
    ['too much padding', `${bytes.toString('base64')}=`],
    ['white space at an end', `${bytes.toString('base64')}\n`],
    ['white space within', bytes.toString('base64').replace(/^(.{10})/, '$1 ')],
    ['characters that base64 has not', `*${bytes.toString('base64')}`],
    ['bits beyond the last byte', bytes.toString('base64').replace(/.=$/, '9=')],
    ['two keys', `${bytes.toString('base64')},${bytes.toString('base64')}`],
  ])('is not %s', (_, text) => {
    expect(parseSealingKey(text)).toBeUndefined();
  });

  test('has the same id wherever it is read, and another one than any other key', () => {
    expect(parseSealingKey(bytes.toString('base64'))?.id).toBe(key.id);
    expect(key.id).toMatch(/^[0-9a-f]{16}$/);
    expect(otherKey.id).not.toBe(key.id);
  });

  test('is not shown by what prints objects', () => {
    const forms = [inspect(key, { depth: 9, showHidden: true }), JSON.stringify(key), `${key}`, String(key.key)];
    for (const form of forms) {
      expect(form).not.toContain(bytes.toString('base64').slice(0, 12));
      expect(form).not.toContain(bytes.toString('hex').slice(0, 12));
      expect(form).not.toContain('0, 1, 2, 3');
      expect(form).not.toContain('0,1,2,3');
    }
  });
});

describe('a credential', () => {
  const owner = { accountProviderId: 1, accountId: '123456789012', region: 'eu-west-1', instanceId: 'orders' };
  const credentials = new CredentialSeal(() => [key, otherKey]);

  test('is bound to its datasource and its field', () => {
    const sealed = credentials.sealed(owner, 'password', 'hunter2') as Buffer;
    expect(open(sealed, place, [key])).toBe('hunter2');
    expect(credentials.opened(owner, 'password', sealed)).toBe('hunter2');
    expect(() => credentials.opened(owner, 'secret', sealed)).toThrow(SealBrokenError);
    expect(() => credentials.opened({ ...owner, instanceId: 'Orders' }, 'password', sealed)).toThrow(SealBrokenError);
    expect(() => open(sealed, [...place.slice(0, -1), 'secret'], [key])).toThrow(SealBrokenError);
  });

  test('is sealed with the first key, and opened with any of them', () => {
    const sealed = credentials.sealed(owner, 'password', 'hunter2') as Buffer;
    expect(sealingKeyIdOf(sealed)).toBe(key.id);
    expect(new CredentialSeal(() => [otherKey, key]).opened(owner, 'password', sealed)).toBe('hunter2');
    expect(credentials.opened(owner, 'password', null)).toBeNull();
  });

  test.each([undefined, null, ''])('that is %j is none', (none) => {
    expect(credentials.sealed(owner, 'secret', none)).toBeNull();
  });
});

/** `hunter2`, sealed with the key of bytes 0 to 31 at {@link place} in the format of the first release. */
const keptValue = 'Aa+cBMeXfx3KobLD1OX2BxgpOktcalMPjfpAVVGg5yAtrberob0SUjJr8Ds=';
