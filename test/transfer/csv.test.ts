import 'reflect-metadata';
import { Readable } from 'node:stream';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { csvHeader, csvRows, readCsv } from '../../src/transfer/csv.js';
import { type FileRow, Refusal } from '../../src/transfer/row.js';

// What spreadsheet programs and parsers of CSV take for something else than text.
const special = fc.constantFrom(
  '=',
  '+',
  '-',
  '@',
  '＝',
  "'",
  '"',
  ',',
  ';',
  '\t',
  '\r',
  '\n',
  '\r\n',
  '\ufeff',
  ' ',
  '0',
  '\\',
  '\\u{202e}',
  'u{41}',
  '{',
  '\u202e',
  '\u0000',
);
const text = fc.array(fc.oneof({ weight: 3, arbitrary: special }, fc.string({ unit: 'binary' })), { maxLength: 8 });
const wellFormed = text.map((parts) => parts.join('').toWellFormed());

/** Reads a text that comes in pieces of some bytes. */
async function read(content: string, pieceLength: number): Promise<FileRow[]> {
  const bytes = Buffer.from(content);
  const pieces = Array.from({ length: Math.ceil(bytes.length / pieceLength) }, (_, piece) =>
    bytes.subarray(piece * pieceLength, (piece + 1) * pieceLength),
  );
  const rows: FileRow[] = [];
  for await (const row of readCsv(Readable.from(pieces), 'account')) rows.push(row);
  return rows;
}

test('any text comes back as it was, and none begins as a formula does', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ account_id: wellFormed, region: wellFormed }), { maxLength: 5 }),
      fc.integer({ min: 1, max: 40 }),
      async (rows, pieceLength) => {
        const written =
          csvHeader('account') +
          csvRows(
            'account',
            rows.map((row) => ({ account_provider: 1, ...row })),
          );
        const given = await read(written, pieceLength);
        const values = given.map(({ content }) => (content instanceof Refusal ? content : content.values));
        expect(values).toEqual(
          rows.map(({ account_id, region }) => ({
            account_provider: '1',
            ...(account_id === '' ? {} : { account_id }),
            ...(region === '' ? {} : { region }),
          })),
        );
        // The cells of a text without line breaks in it stand between its commas and quotes.
        for (const { account_id } of rows) {
          const [cell = ''] = csvRows('account', [{ account_id }])
            .slice(1)
            .split(/,$|,\n$/);
          expect(cell).not.toMatch(/^"?[=+\-@\t\r\n＝＋－＠]/);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('characters that are not seen are written out, and what looks like them comes back as it was', async () => {
  const values = { account_id: 'jdbc:\u202emoc.live//\u202c\u0007', region: 'C:\\u{41}\\u' };
  const written = csvRows('account', [{ account_provider: 1, ...values }]);
  expect(written).toBe('1,jdbc:\\u{202e}moc.live//\\u{202c}\\u{7},C:\\u{5c}u{41}\\u\n');
  const [row] = await read(csvHeader('account') + written, 7);
  expect(row?.content).toMatchObject({ values });
});

test('an escape that no character has stays as it is', async () => {
  const [row] = await read(`${csvHeader('account')}1,\\u{10ffff},\\u{}\n`, 9);
  expect(row?.content).toMatchObject({ values: { account_id: '\\u{10ffff}', region: '\\u{}' } });
});

test('a row says the line on which it begins', async () => {
  const rows = await read('account_provider,account_id,region\r\n1,"a\r\nb",c\r\n\r\n2,d,e\n3,"f\n\n",g', 3);
  expect(rows.map(({ line }) => line)).toEqual([2, 5, 6]);
});

test('the rows before one that cannot be read are given, and none behind it', async () => {
  const good = Array.from({ length: 50 }, (_, number) => `1,a-${number},r\n`).join('');
  const rows: FileRow[] = [];
  const reading = (async () => {
    const content = `account_provider,account_id,region\n${good}1,"b" c,r\n${good}`;
    for await (const row of readCsv(Readable.from([Buffer.from(content)]), 'account')) rows.push(row);
  })();
  await expect(reading).rejects.toThrow(/line 52 has a quote/);
  expect(rows).toHaveLength(50);
});
