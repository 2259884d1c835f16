/** A database for the measurement: a private server, and the register in it. */
import { randomBytes } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { transform } from '@swc/core';
import mysql from 'mysql2/promise';
import { account, accountCount, datasource, datasourceCount, seededId } from './operations.js';

const ordered = 200;
const atOnce = 16;
const root = new URL('../../', import.meta.url);

/** Starts a private MariaDB or MySQL with its durable settings, as the tests do; or takes the one that `url` names. */
export async function startDatabase(url, extraArguments = []) {
  const server =
    url === undefined ? await (await testSupport('database-server.ts')).startServer(extraArguments) : undefined;
  const name = `gateway_bench_${randomBytes(4).toString('hex')}`;
  const base = (server?.url ?? url).replace(/\/[^/]*$/, (end) => (end.includes('@') ? end : ''));
  const admin = await mysql.createConnection(base);
  await admin.query(`CREATE DATABASE ${name}`);
  const [[{ version, durability }]] = await admin.query(
    'SELECT VERSION() AS version, @@innodb_flush_log_at_trx_commit AS durability',
  );
  return {
    url: `${base}/${name}`,
    version,
    durability,
    /** The server's process, where it is a private one. */
    pid: server?.process.pid,
    async remove() {
      await admin.query(`DROP DATABASE ${name}`);
      await admin.end();
      await server?.remove();
    },
  };
}

/** Adds the accounts and datasources that the load asks for, by the gateway itself. */
export async function seed(url, headers) {
  const post = async (query, input) => {
    const response = await fetch(`${url}/graphql`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...headers },
      body: JSON.stringify({ query, variables: { input } }),
    });
    const { errors } = await response.json();
    if (errors !== undefined) throw new Error(`The register was not filled: ${JSON.stringify(errors)}`);
  };
  for (let number = 0; number < accountCount; number += 1) {
    await post('mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }', account(number));
  }
  // In order, for the page that is listed holds the oldest.
  const input = (number) => datasource(seededId(number), number);
  const add = 'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { code } }';
  for (let number = 0; number < ordered; number += 1) await post(add, input(number));
  for (let number = ordered; number < datasourceCount; number += atOnce) {
    const numbers = Array.from({ length: Math.min(atOnce, datasourceCount - number) }, (_, place) => number + place);
    await Promise.all(numbers.map((one) => post(add, input(one))));
  }
}

/** What the tests share is in TypeScript. */
async function testSupport(name) {
  const source = await readFile(new URL(`test/support/${name}`, root), 'utf8');
  const { code } = await transform(source, { jsc: { parser: { syntax: 'typescript' }, target: 'es2022' } });
  const directory = fileURLToPath(new URL('node_modules/.cache/bench/', root));
  mkdirSync(directory, { recursive: true });
  const file = `${directory}${name.replace(/\.ts$/, '.mjs')}`;
  writeFileSync(file, code);
  return import(pathToFileURL(file));
}
