import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { operationOnDeleteAccountPath } from '../../src/datasources/delete-account-path.js';

const deletionNames = ['account_provider', 'account_id', 'region'];

/** Names that an edit has, names that look like a deletion's, and names that every object has. */
const temptingNames = [
  'instance_id',
  'account_provider_id',
  'password',
  'expected_version',
  'ACCOUNT_PROVIDER',
  'Account_Id',
  'Region',
  'region ',
  ' region',
  'region\u0000',
  'accountProvider',
  'accountId',
  'rеgion',
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  'length',
  '0',
  '',
];

const otherName = fc
  .oneof(fc.constantFrom(...temptingNames), fc.string({ unit: 'binary' }))
  .filter((name) => !deletionNames.includes(name));

/** A body's names in any order, as `Object.keys` of what JSON.parse made gives them. */
function names(others: { minLength: number }): fc.Arbitrary<string[]> {
  return fc
    .tuple(fc.subarray(deletionNames), fc.uniqueArray(otherName, { ...others, maxLength: 30 }))
    .chain(([some, more]) => fc.shuffledSubarray([...some, ...more], { minLength: some.length + more.length }));
}

describe('what a body on the path of Delete Account asks for', () => {
  test('a body with any name beyond the three is never a deletion', () => {
    fc.assert(
      fc.property(names({ minLength: 1 }), (given) => {
        expect(operationOnDeleteAccountPath(given)).not.toBe('delete');
      }),
      { numRuns: 5000 },
    );
  });

  test('a body with any name beyond the three is refused with account_provider, and an edit without it', () => {
    fc.assert(
      fc.property(names({ minLength: 1 }), (given) => {
        const isRefused = given.some((name) => name === 'account_provider');
        expect(operationOnDeleteAccountPath(given)).toBe(isRefused ? 'refuse' : 'edit');
      }),
      { numRuns: 5000 },
    );
  });

  test('the same holds of the names of parsed JSON, whatever the values', () => {
    fc.assert(
      fc.property(names({ minLength: 1 }), fc.infiniteStream(fc.jsonValue()), (given, values) => {
        const members = given.map((name) => `${JSON.stringify(name)}: ${JSON.stringify(values.next().value)}`);
        const parsed = Object.keys(JSON.parse(`{${members.join(', ')}}`));
        expect(operationOnDeleteAccountPath(parsed)).toBe(given.includes('account_provider') ? 'refuse' : 'edit');
      }),
    );
  });

  test('a body whose names are all among the three is a deletion, in any order and with any of them missing', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray(deletionNames), (given) => {
        expect(operationOnDeleteAccountPath(given)).toBe('delete');
      }),
    );
  });
});
