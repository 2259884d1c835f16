import { DomainError } from '../errors.js';
import { parseLegacyBody } from '../input/legacy-body.js';
import { type FileRow, Refusal, type RowContent, type RowKind, unseenCharacters } from './row.js';

/** Bytes of a row at most: several times what the longest values take, however they are escaped. */
export const maxRowBytes = 1024 * 1024;

const newline = 0x0a;

/** Reads JSON Lines: a JSON object a line, in UTF-8. Empty lines are passed over. */
export async function* readJsonLines(file: AsyncIterable<Buffer>): AsyncGenerator<FileRow> {
  for await (const { line, bytes, size } of linesOf(file)) {
    if (bytes === undefined) {
      yield { line, size, content: new Refusal('BAD_USER_INPUT', `A line must have at most ${maxRowBytes} bytes.`) };
    } else if (!isEmpty(bytes)) {
      yield { line, size, content: contentOf(bytes) };
    }
  }
}

/** Writes an object as a line. */
export function jsonLine(kind: RowKind | 'credential_key', values: object): string {
  return `${JSON.stringify({ kind, ...values }).replace(unseenCharacters, jsonEscape)}\n`;
}

// All of them are in the first plane.
function jsonEscape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

function isEmpty(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

function contentOf(bytes: Buffer): RowContent | Refusal {
  try {
    const { kind, ...values } = parseLegacyBody(bytes, 'utf-8');
    return { kind, values };
  } catch (error) {
    if (!(error instanceof DomainError)) throw error;
    return new Refusal('BAD_USER_INPUT', 'A line must be a JSON object, in UTF-8.');
  }
}

/** Splits a file into its lines; of one that is too long only the length is kept. */
async function* linesOf(file: AsyncIterable<Buffer>) {
  let line = 1;
  let size = 0;
  let parts: Buffer[] = [];
  const take = (part: Buffer) => {
    size += part.length;
    if (size <= maxRowBytes) parts.push(part);
    else parts = [];
  };
  const ended = () => ({ line, size, bytes: size <= maxRowBytes ? Buffer.concat(parts) : undefined });
  for await (const chunk of file) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, start)) {
      take(chunk.subarray(start, end));
      yield ended();
      start = end + 1;
      [line, size, parts] = [line + 1, 0, []];
    }
    take(chunk.subarray(start));
  }
  if (size > 0) yield ended();
}
