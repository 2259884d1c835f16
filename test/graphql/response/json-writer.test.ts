import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { writeJson } from '../../../src/graphql/response/json-writer.js';

describe('JSON that is written piece by piece', () => {
  test('is what JSON.stringify writes', async () => {
    await fc.assert(
      fc.asyncProperty(fc.jsonValue({ maxDepth: 4 }), fc.string({ unit: 'binary' }), async (value, text) => {
        const answer = { errors: undefined, data: value, text, none: null };
        expect(String(await writeJson(answer, 1_000_000))).toBe(JSON.stringify(answer));
      }),
    );
  });

  test('may have as many bytes as it is told, and no more', async () => {
    const value = { list: Array.from({ length: 1000 }, (_, number) => ({ number, text: 'ü\u0001'.repeat(100) })) };
    const bytes = Buffer.byteLength(JSON.stringify(value));
    expect((await writeJson(value, bytes))?.length).toBe(bytes);
    expect(await writeJson(value, bytes - 1)).toBeUndefined();
  });

  test('lets others be answered meanwhile', async () => {
    const text = 'x'.repeat(10_000);
    const order: string[] = [];
    setImmediate(() => order.push('other'));
    await writeJson(
      Array.from({ length: 500 }, () => ({ text })),
      10_000_000,
    );
    order.push('written');
    expect(order).toEqual(['other', 'written']);
  });
});
