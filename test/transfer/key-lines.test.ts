import { expect, test } from '@jest/globals';
import { KeyLines } from '../../src/transfer/key-lines.js';

test('says where a key stood first, among very many', () => {
  const seen = new KeyLines();
  const total = 20_000;
  for (let line = 1; line <= total; line += 1) expect(seen.note(['datasource', line], line)).toBeUndefined();
  for (let line = 1; line <= total; line += 97) {
    expect(seen.note(['datasource', line], total + line)).toBe(line);
    expect(seen.lineOf(['datasource', line])).toBe(line);
  }
  expect(seen.lineOf(['account', 1])).toBeUndefined();
  expect(seen.lineOf(['datasource', '1'])).toBeUndefined();
});
