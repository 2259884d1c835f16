/** Where a reader of the feed stands: behind the change at a position. */
export interface ChangeCursor {
  readonly position: number;
  /** The id of that change's line in the audit, which tells whether it is still the same; empty before the first. */
  readonly id: string;
}

/** The cursor as clients have it: opaque. */
export function writeCursor({ position, id }: ChangeCursor): string {
  return Buffer.from(JSON.stringify([position, id])).toString('base64url');
}

/** Reads a cursor; undefined for text that is none. */
export function readCursor(text: string): ChangeCursor | undefined {
  try {
    const [position, id] = JSON.parse(Buffer.from(text, 'base64url').toString());
    return Number.isSafeInteger(position) && position >= 0 && typeof id === 'string' ? { position, id } : undefined;
  } catch {
    return undefined;
  }
}
