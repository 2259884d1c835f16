import { setImmediate as nextTurnOfEventLoop } from 'node:timers/promises';

const pieceBytes = 65_536;
const bytesInATurn = 262_144;

/**
 * Writes a large answer as JSON, piece by piece: outside of the heap, with turns of the event loop in between so that others
 * are answered meanwhile, and no further than a limit.
 *
 * @param value objects and lists of what JSON knows
 * @param maxBytes how many bytes it may have
 * @returns as JSON.stringify writes it, in UTF-8; undefined where it has more bytes
 */
export async function writeJson(value: unknown, maxBytes: number): Promise<Buffer | undefined> {
  const written: Buffer[] = [];
  let bytes = 0;
  let lastTurn = 0;
  let piece = '';
  for (const part of partsOf(value)) {
    piece += part;
    if (piece.length < pieceBytes) continue;
    written.push(Buffer.from(piece));
    bytes += written.at(-1)?.length ?? 0;
    piece = '';
    if (bytes > maxBytes) return undefined;
    if (bytes - lastTurn > bytesInATurn) {
      await nextTurnOfEventLoop();
      lastTurn = bytes;
    }
  }
  written.push(Buffer.from(piece));
  bytes += written.at(-1)?.length ?? 0;
  return bytes > maxBytes ? undefined : Buffer.concat(written, bytes);
}

function* partsOf(value: unknown): Generator<string> {
  if (!isNested(value)) {
    yield JSON.stringify(value);
  } else if (Array.isArray(value)) {
    yield* joined('[', ']', value, partsOf);
  } else {
    const entries = Object.entries(value).filter(([, one]) => one !== undefined);
    yield* joined('{', '}', entries, function* ([name, one]) {
      yield `${JSON.stringify(name)}:`;
      yield* partsOf(one);
    });
  }
}

function* joined<T>(
  begin: string,
  end: string,
  entries: readonly T[],
  partsOfEntry: (entry: T) => Iterable<string>,
): Generator<string> {
  let before = begin;
  for (const entry of entries) {
    yield before;
    yield* partsOfEntry(entry);
    before = ',';
  }
  yield entries.length === 0 ? begin + end : end;
}

/** Whether something has objects or lists in it: what has none is written at once. */
function isNested(value: unknown): value is object {
  if (typeof value !== 'object' || value === null || 'toJSON' in value) return false;
  return Object.values(value).some((one) => typeof one === 'object' && one !== null);
}
