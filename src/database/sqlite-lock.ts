import { closeSync, mkdirSync, openSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from '@photostructure/sqlite';

/** Another gateway serves this SQLite file already. */
export class SqliteFileInUseError extends Error {
  override readonly name = 'SqliteFileInUseError';

  /** @param path the file */
  constructor(path: string) {
    super(
      `Another gateway is serving the SQLite file ${path}. Stop it first, or give this one a file of its own with DATABASE_URL=sqlite:PATH. Several gateways can share a MySQL database.`,
    );
  }
}

/** The right to serve an SQLite file, held by one process at a time. */
export interface SqliteLock {
  /** Gives the right back. */
  release(): void;
}

/**
 * Takes the right to serve an SQLite file. It is an open transaction in a second file beside the first, so the operating
 * system gives it back however the process ends, and command-line tools may still open the first.
 *
 * @throws SqliteFileInUseError where another process holds it
 */
export function lockSqliteFile(path: string): SqliteLock {
  const lockPath = `${path}-gateway-lock`;
  // Before the file itself is opened: of several that make it at once, all but one find it locked for a moment.
  mkdirSync(dirname(path), { recursive: true });
  // What is made without it is readable by everyone.
  closeSync(openSync(lockPath, 'a', 0o600));
  const holder = new DatabaseSync(lockPath, { timeout: 0 });
  try {
    holder.exec('BEGIN EXCLUSIVE');
  } catch {
    holder.close();
    throw new SqliteFileInUseError(path);
  }
  return { release: () => holder.close() };
}
