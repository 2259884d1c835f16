import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createConnection } from 'mysql2/promise';

/** An empty database of one test's own. */
export interface TestDatabase {
  /** What DATABASE_URL is set to. */
  readonly url: string;
  /** Settings that a gateway on this database needs, DATABASE_URL included. */
  readonly env: Record<string, string>;
  /** Removes it. */
  drop(): Promise<void>;
}

/** A kind of database that the gateway can be tested on here. */
export interface DatabaseKind {
  readonly name: 'SQLite' | 'MySQL';
  create(): Promise<TestDatabase>;
}

const sqlite: DatabaseKind = {
  name: 'SQLite',
  async create() {
    const directory = mkdtempSync(join(tmpdir(), 'gateway-sqlite-'));
    const url = `sqlite:${join(directory, 'gateway.sqlite')}`;
    return { url, env: { DATABASE_URL: url }, drop: async () => rmSync(directory, { recursive: true, force: true }) };
  },
};

const mysql: DatabaseKind = {
  name: 'MySQL',
  async create() {
    const name = `gateway_${randomBytes(6).toString('hex')}`;
    await onServer(`CREATE DATABASE ${name}`);
    const url = `${testServer()}/${name}`;
    const env = { DATABASE_URL: url, SECRETS_KEY: randomBytes(32).toString('base64') };
    return { url, env, drop: () => onServer(`DROP DATABASE ${name}`) };
  },
};

/** The kinds of database that can be tested on here: always SQLite, and MySQL or MariaDB where there is a server. */
export const databaseKinds: readonly DatabaseKind[] = process.env.GATEWAY_TEST_SERVER ? [sqlite, mysql] : [sqlite];

/** MySQL or MariaDB; undefined where there is no server, and the setup has said so. */
export const mysqlKind: DatabaseKind | undefined = databaseKinds.find((kind) => kind === mysql);

/** SQLite. */
export const sqliteKind: DatabaseKind = sqlite;

/** The address of the server, without a database's name. */
export function testServer(): string {
  return process.env.GATEWAY_TEST_SERVER as string;
}

async function onServer(sql: string): Promise<void> {
  const connection = await createConnection(testServer());
  try {
    await connection.query(sql);
  } finally {
    await connection.end();
  }
}
