import 'reflect-metadata';
import { writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders } from 'node:http';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runCommand } from '../support/command.js';
import { type GatewayProcess, startGatewayProcess, temporaryDirectory } from '../support/process.js';
import { sendRaw } from '../support/raw-request.js';

// What is linear takes tens of milliseconds; what grows with the square of the text takes a minute at the least.
const maxTime = 30_000;
const bodyLimit = 2 * 1024 * 1024;
const headerLimit = 15_000;
const documentLimit = 100_000;
const lineLimit = 1024 * 1024;

let directory: string;
let gateway: GatewayProcess;

beforeAll(async () => {
  directory = temporaryDirectory();
  const database = `sqlite:${join(directory, 'gateway.sqlite')}`;
  gateway = await startGatewayProcess({
    DATABASE_URL: database,
    TRUST_PROXY: '10.0.0.0/8,127.0.0.1',
    RATE_LIMIT: '100000',
  });
});
afterAll(() => gateway?.kill('SIGKILL'));

/** Repeats a piece, between a start and an end, up to a length in all. */
function filled(length: number, start: string, piece: string, end = ''): string {
  return `${start}${piece.repeat(Math.floor((length - start.length - end.length) / piece.length))}${end}`;
}

/** JSON objects that take longer than others to read, or to refuse. */
function hostileObjects(length: number): [string, string][] {
  return [
    ['digits behind a fraction', filled(length, '{"a":1.5,"region":', '1', '}')],
    ['digits that never end', filled(length, '{"a":1.5,"region":', '1')],
    ['zeros in a fraction', filled(length, '{"region":1.', '0', '1}')],
    ['zeros between ones in a fraction', filled(length, '{"region":1.', '0001', '}')],
    ['digits of an exponent', filled(length, '{"region":1e', '0', '1}')],
    ['points', filled(length, '{"region":1.5', '.5', '}')],
    ['fractions', filled(length, '{"instances":[1.5', ',1.5', ']}')],
    ['escaped quotes that no quote ends', filled(length, '{"a":1.5,"region":"', '\\"')],
    ['escaped quotes in a string', filled(length, '{"a":1.5,"region":"', '\\"', '"}')],
    ['quotes', filled(length, '{"a":1.5', '"', '}')],
    ['backslashes', filled(length, '{"a":1.5,"region":"', '\\')],
    ['what looks like numbers in a string', filled(length, '{"a":1.5,"region":"', ',1.', '"}')],
    ['white space', filled(length, '{"a":1.5,"region":', ' ', '1}')],
    ['white space in a string', filled(length, '{"region":"x', ' ', 'x"}')],
    ['digits in a string', filled(length, '{"account_provider":"', '1', 'x"}')],
    ['a fraction of a second', filled(length, '{"glue_crawler_last_updated":"2024-02-29T13:05:00.', '1', '"}')],
    ['a URL', filled(length, '{"jdbc_connection_url":"jdbc:mysql://', 'a:', '"}')],
    ['lists in lists', filled(length, '{"instances":', '[')],
    ['objects in objects', filled(length, '', '{"a":')],
    ['entries of a list', filled(length, '{"instances":["a"', ',"a"', ']}')],
    ['names', `{${Array.from({ length: length / 16 }, (_, at) => `"name${at}":1`).join()}}`],
    ['one name', filled(length, '{"', 'a', '":1}')],
  ];
}

async function answeredInTime(
  path: string,
  request: { method?: string; headers?: OutgoingHttpHeaders; body?: string },
) {
  const started = performance.now();
  const { httpStatus } = await sendRaw(`${gateway.url}${path}`, {
    ...request,
    headers: { 'content-type': 'application/json', ...request.headers },
  });
  expect(httpStatus).toBeLessThan(500);
  expect(performance.now() - started).toBeLessThan(maxTime);
}

describe.each(['add_account', 'delete_account', 'add-jdbc-conn', 'delete-jdbc'])('to /data-source/%s', (route) => {
  test.each(hostileObjects(bodyLimit))('a body that is as large as it may be, of %s, is answered at once', (_, body) =>
    answeredInTime(`/data-source/${route}`, { body }),
  );
});

describe('to /graphql', () => {
  const addition = 'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { code } }';
  const start = `{"query":${JSON.stringify(addition)},"variables":{"input":`;

  test.each(hostileObjects(bodyLimit - start.length - 2))(
    'variables that are as large as they may be, of %s, are answered at once',
    (_, input) => answeredInTime('/graphql', { body: `${start}${input}}}` }),
  );

  test.each([
    ['words of an error', filled(documentLimit, '{ node(id: "', ' String ', '") { } }')],
    ['words of a suggestion', filled(documentLimit, '{ accounts(first: "', ' Did you mean ', '") { totalCount } }')],
    ['a string where none may stand', filled(documentLimit, '{ "', String.raw`\" Name \"`, '" }')],
    ['a string without end', filled(documentLimit, '{ node(id: "', String.raw`\"`)],
    ['a block string', filled(documentLimit, '{ node(id: """', String.raw`\"""`, '""") { id } }')],
    ['a block string without end', filled(documentLimit, '{ node(id: """', '" ')],
    ['a comment', filled(documentLimit, '{ node(id: "1") { id } } #', '#')],
    ['commas', filled(documentLimit, '{ node(id: "1") { id } }', ',')],
    ['digits', filled(documentLimit, '{ accounts(first: ', '1', ') { totalCount } }')],
    ['digits of a fraction', filled(documentLimit, '{ accounts(first: 1.', '1', ') { totalCount } }')],
    ['a name', filled(documentLimit, '{ ', 'a', ' }')],
    ['an id', filled(documentLimit, '{ node(id: "', 'A', '") { id } }')],
    ['a cursor', filled(documentLimit, '{ accounts(after: "', 'eyJ', '") { totalCount } }')],
    ['a search', filled(documentLimit, '{ accounts(filter: { search: "', '%_', '" }) { totalCount } }')],
    [
      'a date',
      filled(documentLimit, '{ auditEvents(filter: { from: "2024-02-29T13:05:00.', '1', '" }) { totalCount } }'),
    ],
    ['lists', filled(4_000, '{ accounts(first: ', '[')],
    ['objects', filled(6_000, '{ accounts(filter: ', '{a:')],
    ['fields', filled(8_000, '{ ', 'x{', '')],
    [
      'variables',
      `query (${Array.from({ length: 450 }, (_, at) => `$v${at}: Int`).join()}) { accounts { totalCount } }`,
    ],
    [
      'fragments',
      `{ ...f0 } ${Array.from({ length: 280 }, (_, at) => `fragment f${at} on Query { ...f${at + 1} }`).join(' ')}`,
    ],
  ])('a document that is as large as it may be, of %s, is answered at once', async (_, query) => {
    await answeredInTime('/graphql', { body: JSON.stringify({ query }) });
    await answeredInTime(`/graphql?query=${encodeURIComponent(query).slice(0, headerLimit)}`, { method: 'GET' });
  });
});

describe('headers that are as large as they may be', () => {
  const names = [
    'accept',
    'authorization',
    'content-type',
    'content-encoding',
    'cookie',
    'origin',
    'host',
    'x-api-key',
  ].concat([
    'x-forwarded-for',
    'x-request-id',
    'user-agent',
    'sec-fetch-site',
    'traceparent',
    'accept-language',
    'expect',
  ]);
  const texts: [string, string][] = [
    ['white space', filled(headerLimit, 'Bearer ', ' ', 'x y')],
    ['commas', filled(headerLimit, '127.0.0.1', ',')],
    ['addresses', filled(headerLimit, '1.1.1.1', ',10.0.0.1')],
    ['colons', filled(headerLimit, '[', ':')],
    ['digits', filled(headerLimit, 'a:', '1', 'x')],
    ['types', filled(headerLimit, 'text/html', ';q=0.1,text/html')],
    ['charsets', filled(headerLimit, 'application/json', '; charset= "')],
    ['white space behind a type', filled(headerLimit, 'application/json; charset=x', ' ', 'x')],
    ['a token', filled(headerLimit, 'Bearer ', 'eyJ.')],
    ['pairs', filled(headerLimit, 'a=b', '; a=b')],
  ];
  const routes = ['/data-source/add_account', '/graphql', '/healthz'];

  test.each(names)('%s', async (name) => {
    for (const [, text] of texts) {
      for (const route of routes) {
        const method = route === '/healthz' ? 'GET' : 'POST';
        await answeredInTime(route, {
          method,
          headers: { [name]: text },
          ...(method === 'POST' ? { body: '{}' } : {}),
        });
      }
    }
  });
});

test.each([
  ['slashes', filled(headerLimit, '/', '/')],
  ['dots', filled(headerLimit, '/', '../')],
  ['percent signs', filled(headerLimit, '/', '%41')],
  ['broken percent signs', filled(headerLimit, '/', '%')],
  ['a file of a page', filled(headerLimit, '/playground/', 'a/')],
  ['pairs', filled(headerLimit, '/graphql?', 'query=1&')],
  ['ampersands', filled(headerLimit, '/graphql?', '&')],
  ['equals signs', filled(headerLimit, '/graphql?query', '=')],
  ['plus signs', filled(headerLimit, '/graphql?query=', '+')],
  ['question marks', filled(headerLimit, '/graphql', '?')],
])('a path that is as long as it may be, of %s, is answered at once', (_, path) =>
  answeredInTime(path, { method: 'GET' }),
);

describe('registry import', () => {
  const csvLength = lineLimit - 1000;

  test('reads lines of JSON that are as long as they may be, whatever is in them', async () => {
    const file = join(directory, 'hostile.jsonl');
    writeFileSync(
      file,
      hostileObjects(lineLimit - 2000)
        .map(([, text]) => text.replace('{', '{"kind":"datasource",'))
        .join('\n'),
    );
    await importedInTime(file, hostileObjects(lineLimit).length);
  });

  test.each([
    ['quotes', filled(csvLength, 'account_provider,account_id,region\n1,1,"', '""', '"')],
    ['quotes without end', filled(csvLength, 'account_provider,account_id,region\n1,1,"', '""')],
    ['apostrophes', filled(csvLength, 'account_provider,account_id,region\n1,1,', "'", '=')],
    ['escapes', filled(csvLength, 'account_provider,account_id,region\n1,1,', '\\u{a')],
    ['cells', filled(csvLength, 'account_provider,account_id,region\n', ',1')],
    ['lines in a cell', filled(csvLength, 'account_provider,account_id,region\n1,1,"', '\n', '"')],
    ['columns', filled(csvLength, 'x', ',region', '\n1')],
    ['columns that are not known', filled(csvLength / 2, '', 'x,', filled(csvLength / 2, 'region', ',region'))],
  ])('reads CSV whose row is as long as it may be, of %s', async (name, text) => {
    const file = join(directory, `${name.replaceAll(' ', '-')}.csv`);
    writeFileSync(file, text);
    await importedInTime(file, 1);
  });

  async function importedInTime(file: string, pieces: number): Promise<void> {
    const started = performance.now();
    const env = { DATABASE_URL: `sqlite:${join(directory, 'import.sqlite')}` };
    const kind = file.endsWith('.csv') ? ['--kind', 'accounts'] : [];
    const words = ['registry', 'import', file, ...kind, '--dry-run', '--on-error', 'skip'];
    const ended = await runCommand(words, env);
    expect(ended.code).toBe(1);
    expect(ended.stderr.length + ended.stdout.length).toBeLessThan(100_000);
    expect(performance.now() - started).toBeLessThan(2 * maxTime + pieces * 1_000);
  }
});
