import { describe } from '@jest/globals';
import { findChromium, howToGetChromium } from './chromium.js';
import { findMysqlServer, findServer } from './database-server.js';
import { mysqlKind } from './databases.js';
import { findPostgresql } from './postgresql-server.js';

/** A suite that needs what may be absent here: it is then left out, and its name says so. */
export interface Suite {
  readonly run: typeof describe | typeof describe.skip;
  readonly name: string;
}

/** What is tried on MySQL or MariaDB. */
export const onMysql = suite('MySQL', mysqlKind === undefined ? 'there is no server' : undefined);

/** What starts and kills a database server of its own. */
export const onPrivateServer = suite(
  'a server of its own',
  findServer() === undefined ? 'none is installed' : undefined,
);

/** What starts a server of MySQL's own. */
export const onMysqlServer = suite(
  "MySQL's own server",
  findMysqlServer() === undefined ? 'none is installed, and TEST_MYSQLD names none' : undefined,
);

/** What starts a PostgreSQL server of its own. On CI one that is missing must fail, and not pass unseen. */
export const onPostgresql = suite(
  'PostgreSQL',
  findPostgresql() || process.env.CI ? undefined : 'it is not installed (Debian: apt-get install postgresql)',
);

/** What needs a browser. On CI one that is missing must fail, and not pass unseen. */
export const inChromium = suite('Chromium', findChromium() || process.env.CI ? undefined : howToGetChromium);

/** @param missing what is absent; undefined where nothing is */
export function suite(name: string, missing: string | undefined): Suite {
  return missing === undefined
    ? { run: describe, name }
    : { run: describe.skip, name: `${name} (left out: ${missing})` };
}
