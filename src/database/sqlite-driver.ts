import { openSqliteFile } from './sqlite.database.js';

type Connection = ReturnType<typeof openSqliteFile>;

/**
 * The embedded database in the shape of the better-sqlite3 package, as far as TypeORM's driver of that name uses it. The
 * library has node:sqlite's interface and ships its binaries inside the package, so that nothing is compiled.
 */
export class SqliteDriver {
  readonly #connection: Connection;

  /** @param path the file */
  constructor(path: string) {
    this.#connection = openSqliteFile(path);
  }

  /** A statement that tells whether it returns rows. */
  prepare(sql: string) {
    const statement = this.#connection.prepare(sql);
    return {
      reader: statement.columns().length > 0,
      all: (...values: never[]) => statement.all(...values),
      run: (...values: never[]) => statement.run(...values),
    };
  }

  /** Runs a PRAGMA and gives the rows that it returns. */
  pragma(text: string): unknown[] {
    return this.#connection.prepare(`PRAGMA ${text}`).all();
  }

  /** Closes the file. */
  close(): void {
    this.#connection.close();
  }
}
