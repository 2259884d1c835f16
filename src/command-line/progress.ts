const interval = 200;
const barWidth = 30;

/** Shows on a terminal how far a command is; elsewhere it shows nothing. */
export class Progress {
  readonly #terminal: NodeJS.WriteStream;
  readonly #started = performance.now();
  #shown = 0;
  readonly #total: number | undefined;
  #rows = 0;

  /**
   * @param terminal where it is shown, if it is a terminal
   * @param total how many rows there are in all, where that is known
   */
  constructor(terminal: NodeJS.WriteStream, total?: number) {
    this.#terminal = terminal;
    this.#total = total;
  }

  /** Says that so many rows more are done. */
  add(rows: number): void {
    this.#rows += rows;
    const now = performance.now();
    if (!this.#terminal.isTTY || now - this.#shown < interval) return;
    this.#shown = now;
    const rate = Math.round((1000 * this.#rows) / (now - this.#started));
    this.#terminal.write(
      `\r\u001b[K${this.#bar()}${this.#rows.toLocaleString('en')} rows, ${rate.toLocaleString('en')} a second`,
    );
  }

  #bar(): string {
    if (!this.#total) return '';
    const done = Math.min(barWidth, Math.floor((barWidth * this.#rows) / this.#total));
    return `[${'#'.repeat(done)}${'.'.repeat(barWidth - done)}] `;
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown > 0) this.#terminal.write('\r\u001b[K');
  }
}
