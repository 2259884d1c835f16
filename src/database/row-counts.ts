/**
 * How many of some rows one statement writes: all of a few, or else a round number of them. A statement stays prepared on each
 * connection, with as many parameters as its rows have values, so there are to be few of different lengths.
 */
export function roundCount(rows: number): number {
  if (rows <= 8) return rows;
  return rows - (rows % (rows <= 16 ? 2 : 4));
}

/** Parts of a list in its order, each with a round number of rows. */
export function inRoundCounts<Row>(rows: readonly Row[]): (readonly Row[])[] {
  const parts: (readonly Row[])[] = [];
  for (let start = 0; start < rows.length; ) {
    const end = start + roundCount(rows.length - start);
    parts.push(rows.slice(start, end));
    start = end;
  }
  return parts;
}
