/** Prints a line with what was measured, under the results of the tests. */
export function report(what: string, figures: Readonly<Record<string, string | number>>): void {
  const text = Object.entries(figures).map(([name, value]) => `${name} ${value}`);
  process.stdout.write(`    ${what}: ${text.join(', ')}\n`);
}

/** The one in the middle. */
export function median(figures: readonly number[]): number {
  return [...figures].sort((one, other) => one - other)[Math.floor(figures.length / 2)] ?? Number.NaN;
}
