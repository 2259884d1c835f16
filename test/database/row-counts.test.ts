import { describe, expect, test } from '@jest/globals';
import { inRoundCounts, roundCount } from '../../src/database/row-counts.js';

describe('the rows of one statement', () => {
  const rows = Array.from({ length: 100 }, (_, place) => place);

  test.each([1, 8, 9, 31, 32, 33, 100])('are all of %d rows, in their order', (count) => {
    const some = rows.slice(0, count);
    expect(inRoundCounts(some).flat()).toEqual(some);
  });

  test('are none of no rows', () => {
    expect(inRoundCounts([])).toEqual([]);
  });

  test('have few different lengths, and are most of what there is', () => {
    const counts = new Set(rows.slice(1, 33).map(roundCount));
    expect(counts.size).toBe(16);
    for (const count of rows.slice(1, 33)) expect(roundCount(count)).toBeGreaterThan(0.8 * count);
  });
});
