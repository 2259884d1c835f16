const interval = 200;

/** Shows on a terminal how far a command is; elsewhere it shows nothing. */
export class Progress {
  readonly #terminal: NodeJS.WriteStream;
  readonly #started = performance.now();
  #shown = 0;
  #rows = 0;

  /** @param terminal where it is shown, if it is a terminal */
  constructor(terminal: NodeJS.WriteStream) {
    this.#terminal = terminal;
  }

  /** Says that so many rows more are done. */
  add(rows: number): void {
    this.#rows += rows;
    const now = performance.now();
    if (!this.#terminal.isTTY || now - this.#shown < interval) return;
    this.#shown = now;
    const rate = Math.round((1000 * this.#rows) / (now - this.#started));
    this.#terminal.write(`\r\u001b[K${this.#rows.toLocaleString('en')} rows, ${rate.toLocaleString('en')} a second`);
  }

  /** Takes the line away. */
  clear(): void {
    if (this.#shown > 0) this.#terminal.write('\r\u001b[K');
  }
}
