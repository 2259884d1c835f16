import 'reflect-metadata';
import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { jsonLine, maxRowBytes, readJsonLines } from '../../src/transfer/json-lines.js';
import { type FileRow, Refusal } from '../../src/transfer/row.js';

async function read(pieces: readonly Buffer[]): Promise<FileRow[]> {
  const rows: FileRow[] = [];
  for await (const row of readJsonLines(Readable.from(pieces))) rows.push(row);
  return rows;
}

test('any text comes back as it was, in whatever pieces the file comes', async () => {
  const values = fc.dictionary(fc.string({ unit: 'grapheme', minLength: 1 }), fc.string({ unit: 'binary' }));
  await fc.assert(
    fc.asyncProperty(fc.array(values, { maxLength: 5 }), fc.integer({ min: 1, max: 30 }), async (rows, length) => {
      const named = rows.map(({ kind: _, ...row }) => row);
      const bytes = Buffer.from(named.map((row) => jsonLine('datasource', row)).join('\r\n'));
      const pieces = Array.from({ length: Math.ceil(bytes.length / length) }, (_, piece) =>
        bytes.subarray(piece * length, (piece + 1) * length),
      );
      const given = await read(pieces);
      expect(given.map(({ content }) => content)).toEqual(
        JSON.parse(JSON.stringify(named)).map((row: object) => ({ kind: 'datasource', values: row })),
      );
      expect(given.map(({ line }) => line)).toEqual(named.map((_, place) => 1 + 2 * place));
    }),
    { numRuns: 200 },
  );
});

test('characters that are not seen are written out', () => {
  const written = jsonLine('account', { account_id: 'a\u202eb\u0085\u2028\u{1f418}é\ufeff\u0007' });
  expect(written).toBe(String.raw`{"kind":"account","account_id":"a\u202eb\u0085\u2028🐘é\ufeff\u0007"}`.concat('\n'));
});

test('a line that is too long is refused without being kept, and those behind it are read', async () => {
  const piece = Buffer.alloc(maxRowBytes / 4, 'x');
  const rows = await read([...Array.from({ length: 40 }, () => piece), Buffer.from('\n{"kind":"account"}')]);
  expect(rows).toEqual([
    { line: 1, size: 10 * maxRowBytes, content: expect.any(Refusal) },
    { line: 2, size: 18, content: { kind: 'account', values: {} } },
  ]);
});
