import { pipeline, Readable } from 'node:stream';
import { CsvError, parse } from 'csv-parse';
import { stringify } from 'csv-stringify/sync';
import { maxRowBytes } from './json-lines.js';
import {
  columnsOf,
  credentialNames,
  type FileRow,
  Refusal,
  type RowContent,
  type RowKind,
  shortName,
  unseenCharacters,
} from './row.js';

/** A file that cannot be read on. The message says where, and repeats no value of it. */
export class FileFormatError extends Error {
  override readonly name = 'FileFormatError';
}

interface CsvRecord {
  readonly record: readonly string[];
  readonly raw: string;
}

const maxProblems = 20;
// A cell that begins so is a formula to spreadsheet programs. An apostrophe before it makes it text to them.
const formula = /^'*[=+\-@\t\r\n＝＋－＠]/;
const apostrophes = /^'+[=+\-@\t\r\n＝＋－＠]/;

// How a character is written that is not seen; where a text has the like of it, its backslash is.
const writtenEscape = /\\u\{([0-9a-f]{1,6})\}/g;
const likeAnEscape = /\\(?=u\{[0-9a-f]{1,6}\})/g;

/**
 * Reads CSV (RFC 4180) in UTF-8, with a first row that names the columns, in any order. An empty cell is an absent value.
 *
 * @throws FileFormatError where the columns are not those of the kind, or the quotes do not match
 */
export async function* readCsv(file: AsyncIterable<Buffer>, kind: RowKind): AsyncGenerator<FileRow> {
  const parser = parse({
    raw: true,
    relax_column_count: true,
    // With records of any length, a quote that is never closed would take in the rest of the file.
    max_record_size: maxRowBytes,
    record_delimiter: ['\r\n', '\n'],
    // The parser is ahead of what was read of it: so an error does not take away the rows before it.
    skip_records_with_error: true,
  });
  let failure: CsvError | undefined;
  parser.on('skip', (error) => {
    failure ??= error;
  });
  // What fails before the parser comes out of it.
  pipeline(Readable.from(decoded(file)), parser, () => undefined);
  let line = 1;
  let records = 0;
  let names: readonly string[] | undefined;
  for await (const { record, raw } of parser as AsyncIterable<CsvRecord>) {
    if (failure !== undefined && records >= Number(failure.records)) break;
    const begins = line;
    records += 1;
    line += linesIn(raw);
    if (record.length === 1 && record[0] === '') continue;
    if (names === undefined) names = checkedNames(record, kind);
    else yield { line: begins, size: Buffer.byteLength(raw), content: contentOf(record, names, kind) };
  }
  if (failure !== undefined) throw malformed(failure, line);
  if (names === undefined) throw new FileFormatError('The first row must name the columns.');
}

/** Writes the first row, which names the columns. */
export function csvHeader(kind: RowKind): string {
  return stringify([[...columnsOf[kind]]]);
}

/** Writes rows of values by their names. */
export function csvRows(kind: RowKind, rows: readonly Readonly<Record<string, unknown>>[]): string {
  const cells = rows.map((values) => columnsOf[kind].map((name) => cell(values[name])));
  return stringify(cells, { quoted_match: /[\r\n]/ });
}

function cell(value: unknown): string {
  if (typeof value !== 'string') return value === undefined ? '' : String(value);
  const text = value.replace(likeAnEscape, escaped).replace(unseenCharacters, escaped);
  return formula.test(text) ? `'${text}` : text;
}

function escaped(character: string): string {
  return `\\u{${character.charCodeAt(0).toString(16)}}`;
}

function unescaped(text: string): string {
  return text.replace(writtenEscape, (written, digits: string) => {
    const code = Number.parseInt(digits, 16);
    return code <= 0xffff ? String.fromCharCode(code) : written;
  });
}

function contentOf(record: readonly string[], names: readonly string[], kind: RowKind): RowContent | Refusal {
  if (record.length !== names.length) {
    return new Refusal('BAD_USER_INPUT', `The row has ${record.length} cells; the first row names ${names.length}.`);
  }
  const values: Record<string, string> = {};
  for (const [place, text] of record.entries()) {
    if (text !== '') values[names[place] as string] = unescaped(apostrophes.test(text) ? text.slice(1) : text);
  }
  return { kind, values };
}

function checkedNames(record: readonly string[], kind: RowKind): readonly string[] {
  const seen = new Set<string>();
  const problems = record.flatMap((name) => {
    if (credentialNames.some((credential) => credential === name) || name === 'credentials') {
      return [`CSV carries no credentials: take the column ${name} out, or import JSON Lines.`];
    }
    if (!columnsOf[kind].includes(name)) return [`There is no column ${JSON.stringify(shortName(name))}.`];
    if (seen.has(name)) return [`The column ${name} is there twice.`];
    seen.add(name);
    return [];
  });
  if (problems.length > 0) {
    const told = problems.slice(0, maxProblems);
    if (problems.length > told.length) told.push(`And ${problems.length - told.length} more.`);
    throw new FileFormatError(`${told.join('\n')}\nThe columns of kind ${kind}: ${columnsOf[kind].join(', ')}.`);
  }
  return record;
}

async function* decoded(file: AsyncIterable<Buffer>): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true });
  try {
    for await (const chunk of file) yield decoder.decode(chunk, { stream: true });
    yield decoder.decode();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw code === 'ERR_ENCODING_INVALID_ENCODED_DATA' ? new FileFormatError('The file must be in UTF-8.') : error;
  }
}

/** The parser gives a record with the first character of what ends it. */
function linesIn(raw: string): number {
  return raw.slice(0, -1).split('\n').length;
}

/** The parser's own messages repeat what stands around the place. */
function malformed(error: CsvError, line: number): FileFormatError {
  const what =
    error.code === 'CSV_MAX_RECORD_SIZE'
      ? `is longer than ${maxRowBytes} bytes; perhaps a quote is not closed`
      : 'has a quote where none may stand, or one that is not closed';
  return new FileFormatError(
    `The row that begins on line ${line} ${what}. This row and all rows after it were not read.`,
  );
}
