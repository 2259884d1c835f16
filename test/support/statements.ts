import { DatabaseSync } from '@photostructure/sqlite';
import { createConnection } from 'mysql2/promise';
import type { Session } from '../../src/database/database.js';
import { Register } from '../../src/register.js';
import type { TestDatabase } from './databases.js';

/** By these a gateway looks for changes without a place in the feed, whatever it is asked. */
const beside = /FROM change_feed|WHERE position = 0/;

/**
 * The statements that gateways of this process read by while something is done.
 *
 * @param done what is watched; nothing else may be asked meanwhile
 */
export async function statementsOf(done: () => Promise<unknown>): Promise<string[]> {
  const statements: string[] = [];
  const read = Register.prototype.read;
  Register.prototype.read = function (work) {
    return read.call(this, (session) => work(watched(session, statements))) as never;
  };
  try {
    await done();
  } finally {
    Register.prototype.read = read;
  }
  return statements.filter((sql) => !beside.test(sql));
}

/** Runs a statement past the gateway. */
export async function runStatement(database: TestDatabase, sql: string): Promise<void> {
  if (database.url.startsWith('sqlite:')) {
    const connection = new DatabaseSync(database.url.slice('sqlite:'.length), { timeout: 5000 });
    connection.exec(sql);
    connection.close();
    return;
  }
  const connection = await createConnection(database.url);
  await connection.query(sql);
  await connection.end();
}

function watched(session: Session, statements: string[]): Session {
  return {
    dialect: session.dialect,
    rows: (sql, values) => {
      statements.push(sql);
      return session.rows(sql, values);
    },
    run: (sql, values) => {
      statements.push(sql);
      return session.run(sql, values);
    },
    proveCommitBy: (sql, values) => session.proveCommitBy(sql, values),
  };
}
