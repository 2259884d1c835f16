import type { Dialect } from './database.js';

/**
 * Tells the database by which index to read a table, behind the table's name. Without it MySQL goes by its statistics, and
 * while a table fills they say that it is small, and that reading and sorting all of it is the shortest way.
 *
 * @param index the name of an index or of a unique key
 */
export function byIndex({ name }: Dialect, index: string): string {
  if (name === 'mysql') return ` FORCE INDEX (${index})`;
  // SQLite gives the index of a unique key a name of its own. It keeps no statistics, and finds that one by itself.
  return index.startsWith('uq_') ? '' : ` INDEXED BY ${index}`;
}
