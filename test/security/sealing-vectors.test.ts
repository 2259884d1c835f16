import { createCipheriv, createDecipheriv } from 'node:crypto';
import { describe, expect, test } from '@jest/globals';
import { open, SealBrokenError, seal } from '../../src/security/sealing.js';
import { parseSealingKey, type SealingKey } from '../../src/security/sealing-key.js';

interface KnownAnswer {
  readonly name: string;
  readonly key: string;
  readonly nonce: string;
  readonly aad: string;
  readonly text: string;
  readonly ciphertext: string;
  readonly tag: string;
}

const longKey = 'feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308';
const longText =
  'd9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255';
const longCiphertext =
  '522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad';

/** Test cases 13 to 16 of "The Galois/Counter Mode of Operation", McGrew and Viega: those with 256-bit keys and 96-bit nonces. */
const knownAnswers: readonly KnownAnswer[] = [
  {
    name: '13: no text',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    text: '',
    ciphertext: '',
    tag: '530f8afbc74536b9a963b4f1c4cb738b',
  },
  {
    name: '14: a block of zeros',
    key: '00'.repeat(32),
    nonce: '00'.repeat(12),
    aad: '',
    text: '00'.repeat(16),
    ciphertext: 'cea7403d4d606b6e074ec5d3baf39d18',
    tag: 'd0d1c8a799996bf0265b98b5d48ab919',
  },
  {
    name: '15: four blocks',
    key: longKey,
    nonce: 'cafebabefacedbaddecaf888',
    aad: '',
    text: longText,
    ciphertext: longCiphertext,
    tag: 'b094dac5d93471bdec1a502270e3cc6c',
  },
  {
    name: '16: a part of a block, and authenticated data',
    key: longKey,
    nonce: 'cafebabefacedbaddecaf888',
    aad: 'feedfacedeadbeeffeedfacedeadbeefabaddad2',
    text: longText.slice(0, 120),
    ciphertext: longCiphertext.slice(0, 120),
    tag: '76fc6ece0f4e1768cddf8853bb2d551b',
  },
];

const algorithm = 'aes-256-gcm';
const hex = (text: string) => Buffer.from(text, 'hex');
const keyOf = (bytes: string) => parseSealingKey(hex(bytes).toString('base64')) as SealingKey;

/** AES-256-GCM with the algorithm, the kind of key and the lengths that sealing uses. */
function encrypt(key: SealingKey, nonce: Buffer, aad: Buffer, text: Buffer) {
  const cipher = createCipheriv(algorithm, key.key, nonce, { authTagLength: 16 });
  cipher.setAAD(aad);
  return { ciphertext: Buffer.concat([cipher.update(text), cipher.final()]), tag: cipher.getAuthTag() };
}

function decrypt(key: SealingKey, nonce: Buffer, aad: Buffer, ciphertext: Buffer, tag: Buffer): Buffer {
  const decipher = createDecipheriv(algorithm, key.key, nonce, { authTagLength: 16 });
  decipher.setAAD(aad);
  decipher.setAuthTag(tag);
  return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
}

describe('the cipher under a sealing key', () => {
  test.each(knownAnswers)('gives the known answer of test case $name', (known) => {
    const { ciphertext, tag } = encrypt(keyOf(known.key), hex(known.nonce), hex(known.aad), hex(known.text));
    expect(ciphertext.toString('hex')).toBe(known.ciphertext);
    expect(tag.toString('hex')).toBe(known.tag);
    const text = decrypt(keyOf(known.key), hex(known.nonce), hex(known.aad), ciphertext, tag);
    expect(text.toString('hex')).toBe(known.text);
  });

  test.each(knownAnswers)('opens nothing of test case $name where one bit of the tag is another', (known) => {
    for (let bit = 0; bit < 128; bit += 1) {
      const tag = hex(known.tag);
      tag.writeUInt8(tag.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
      expect(() => decrypt(keyOf(known.key), hex(known.nonce), hex(known.aad), hex(known.ciphertext), tag)).toThrow();
    }
  });
});

describe('what is sealed with the key of a known answer', () => {
  const place = ['datasource', 1, '123456789012', 'eu-west-1', 'orders', 'password'] as const;
  const authenticated = (header: Buffer) => Buffer.concat([header, Buffer.from(JSON.stringify(place))]);

  test.each(knownAnswers)('is what the cipher of test case $name gives at the nonce that it carries', (known) => {
    const key = keyOf(known.key);
    for (const text of ['', 'x', 'Zeichen für Zeichen 🔑', known.text]) {
      const sealed = seal(text, place, key);
      const [header, nonce] = [sealed.subarray(0, 9), sealed.subarray(9, 21)];
      const { ciphertext, tag } = encrypt(key, nonce, authenticated(header), Buffer.from(text));
      expect(sealed.subarray(21).toString('hex')).toBe(Buffer.concat([ciphertext, tag]).toString('hex'));
    }
  });

  test.each(knownAnswers)('opens where the cipher of test case $name made it, under its own nonce', (known) => {
    const key = keyOf(known.key);
    const header = Buffer.concat([Buffer.from([1]), hex(key.id)]);
    const { ciphertext, tag } = encrypt(key, hex(known.nonce), authenticated(header), Buffer.from(known.text));
    const sealed = Buffer.concat([header, hex(known.nonce), ciphertext, tag]);
    expect(open(sealed, place, [key])).toBe(known.text);
  });

  test('does not open with a tag that is shorter, as the cipher by itself would allow', () => {
    const key = keyOf(longKey);
    const sealed = seal('hunter2', place, key);
    for (const length of [4, 8, 12, 13, 14, 15]) {
      expect(() => open(sealed.subarray(0, sealed.length - 16 + length), place, [key])).toThrow(SealBrokenError);
    }
  });
});
