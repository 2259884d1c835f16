/**
 * Times the worst documents that a caller can send: what each costs the server before it is refused, or answered where it
 * is within every limit. It needs a build: `npm run build && node bench/document-refusal.js [path of a server.js]`. It
 * ends with 1 where a document that was refused cost more than the gateway promises.
 */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Lexer, Source, TokenKind } from 'graphql';

const most = 50;
const runs = 7;
const maxTokens = 2000;
const bodyLimit = 2 * 1024 * 1024;
const built = fileURLToPath(new URL('../dist/server.js', import.meta.url));
const server = process.argv[2] === undefined ? built : resolve(process.argv[2]);
// Answers over the channel to this process, so that the gateway needs nothing of its own for it.
const meter = "process.on('message', () => process.send(process.cpuUsage())); process.channel.unref();";

const directory = mkdtempSync(join(tmpdir(), 'gateway-bench-'));
const child = spawn(process.execPath, ['--import', `data:text/javascript,${encodeURIComponent(meter)}`, server], {
  cwd: directory,
  env: { PATH: process.env.PATH, PORT: '0', DATABASE_URL: `sqlite:${join(directory, 'gateway.sqlite')}` },
  stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
});
const rows = [];
try {
  const url = await listening();
  await warmUp(url);
  for (const [name, document] of documents()) {
    const size = { tokens: tokensOf(document) ?? 'none', bytes: bytesOf(document) };
    rows.push({ document: name, ...size, ...(await time(url, document)) });
  }
} finally {
  child.kill('SIGKILL');
  rmSync(directory, { recursive: true, force: true });
}
rows.sort((one, other) => other.cpu - one.cpu);
console.table(rows);
console.log(`CPU and wall in milliseconds, each the least of ${runs} runs; at most ${most} of CPU before a refusal.`);
process.exitCode = rows.some(({ answer, cpu }) => answer !== 'answered' && cpu > most) ? 1 : 0;

function* documents() {
  const page = '{totalCount}';
  const blanks = ' '.repeat(2_000_000);
  const breaks = '\n'.repeat(1_000_000);
  yield ['one leaf, repeated', fill('{', () => ' __typename', '}')];
  yield ['one leaf of an object, repeated', fill('{accounts{edges{node{', () => ' id', '}}}}')];
  yield ['one unknown field, repeated', fill('{', () => ' acount', '}')];
  yield ['unknown fields', fill('{', (i) => ` accounts${i}`, '}')];
  yield ['one page, repeated', fill('{', () => ` accounts${page}`, '}')];
  yield ['one page with other arguments each time', fill('{', (i) => ` accounts(first:${i})${page}`, '}')];
  yield ['pages inside each other, repeated', fill('{', () => ` accounts{edges{node{datasources${page}}}}`, '}')];
  yield ['aliases', fill('{', (i) => ` a${i}:__typename`, '}')];
  yield ['one alias of many fields', fill('{', (i) => ` a:accounts${i}`, '}')];
  yield ['one field of the schema, repeated', fill('{__schema{', () => ' types{name}', '}}')];
  yield ['one leaf of the schema, repeated', fill('{__schema{types{', () => ' name', '}}}')];
  yield ['types of types', `{__schema{types{${nest(900, 'ofType{', 'name', '}')}}}}`];
  yield ['types of types, repeated', fill('{__schema{types{', () => ' ofType{ofType{ofType{name}}}', '}}}')];
  yield ['everything of the schema', '{__schema{types{fields{type{fields{type{name}args{name type{name}}}}}}}}'];
  yield ['fields inside each other', nest(990, '{accounts', '{id}', '}')];
  yield ['inline fragments inside each other', `{${nest(600, '...{', 'id', '}')}}`];
  yield ['inline fragments, repeated', fill('{', () => `...{accounts${page}}`, '}')];
  yield ['inline fragments on a type, repeated', fill('{', () => '...on Query{__typename}', '}')];
  yield ['a fragment, spread again and again', fill('{', () => '...f', `}fragment f on Query{accounts${page}}`)];
  yield ['a fragment that is not there', fill('{', () => '...f', '}')];
  yield ['fragments in a chain', fill('{...f0}', (i) => `fragment f${i} on Query{...f${i + 1}}`)];
  yield ['fragments in a ring', fill('{...f0}', (i, n) => `fragment f${i} on Query{...f${(i + 1) % n}}`)];
  yield ['fragments, each in itself', fill('{...f0}', (i) => `fragment f${i} on Query{...f${i} accounts${page}}`)];
  yield ['fragments that double', fill('{...f0}', (i) => `fragment f${i} on Query{...f${i + 1} ...f${i + 1}}`)];
  yield [
    'fields and fragments that double',
    fill('{...f0}', (i) => `fragment f${i} on Query{node(id:"a"){...f${i + 1}} account{...f${i + 1}}}`),
  ];
  yield [
    'fields in fragments in a ring',
    fill('{...f0}', (i, n) => `fragment f${i} on Query{a{...f${(i + 1) % n} ...f${(i + 2) % n}}}`),
  ];
  yield [
    'fields of the schema in fragments in a ring',
    fill(
      '{__schema{types{...f0}}}',
      (i, n) => `fragment f${i} on __Type{ofType{...f${(i + 1) % n} ...f${(i + 2) % n}}}`,
    ),
  ];
  yield ['fragments with one field, all spread', spreadAll(() => `accounts${page}`)];
  yield ['fragments with other arguments each, all spread', spreadAll((i) => `accounts(first:${i})${page}`)];
  for (const times of [10, 20, 40, 80]) yield [`every of ${times} fragments in every other`, everyInEvery(times)];
  yield ['fragments nobody spreads', fill('{__typename}', (i) => `fragment f${i} on Query{__typename}`)];
  yield [
    'fragments nobody spreads, of repeated fields',
    fill('{__typename}fragment f on Query{', () => ' __typename', '}'),
  ];
  yield ['fragments of one name', fill('{...f}', () => 'fragment f on Query{__typename}')];
  yield [
    'two fragments of one name, the first large',
    fill('{...f}fragment f on Query{', () => ' id', '}fragment f on Query{id}'),
  ];
  yield ['operations', fill('', (i) => ` query q${i}{__typename}`)];
  yield ['operations of one name', fill('', () => ' query q{__typename}')];
  for (const times of [50, 150])
    yield [`${times} operations that spread fragments with variables`, operationsAndFragments(times)];
  yield ['operations with variables', fill('', (i) => ` query q${i}($a:Int){accounts(first:$a)${page}}`)];
  yield ['variables nobody uses', fill('query(', (i) => `$v${i}:Int`, '){__typename}')];
  yield ['variables of one name', fill('query(', () => '$v:Int', '){__typename}')];
  yield ['variables of unknown types', fill('query(', (i) => `$v${i}:Intt`, '){__typename}')];
  yield ['variables nobody declared', fill('{accounts(filter:{accountId:{in:[', (i) => ` $v${i}`, `]}})${page}}`)];
  yield ['a type of lists', `query($v:${nest(900, '[', 'Int', ']')}){__typename}`];
  yield ['a default of lists', `query($v:Int=${nest(900, '[', '1', ']')}){__typename}`];
  yield ['lists inside each other', `{accounts(first:${nest(900, '[', '1', ']')})${page}}`];
  yield ['objects inside each other', `{accounts(filter:${nest(480, '{and:', '1', '}')})${page}}`];
  yield ['filters inside each other', `{accounts(filter:${nest(300, '{and:[', '', ']}')})${page}}`];
  yield ['a list of wrong values', fill('{accounts(filter:{accountId:{in:[', (i) => ` ${i}`, `]}})${page}}`)];
  yield ['wrong values in an argument each', fill('{', (i) => ` accounts(first:"${i}")${page}`, '}')];
  yield ['an object of unknown fields', fill('{account(key:{', (i) => ` acountId${i}:1`, '}){id}}')];
  yield ['an object of one field', fill('{account(key:{', () => ' accountId:"a"', '}){id}}')];
  yield ['unknown arguments', fill('{accounts(', (i) => ` firsst${i}:1`, `)${page}}`)];
  yield ['arguments of one name', fill('{accounts(', () => ' first:1', `)${page}}`)];
  yield ['directives', fill('{__typename', () => ' @skip(if:true)', '}')];
  yield ['unknown directives', fill('{__typename', (i) => ` @skp${i}`, '}')];
  yield ['directives of an operation', fill('query', () => ' @skip', '{__typename}')];
  yield ['too many tokens', `{${' id'.repeat(600_000)}}`];
  yield ['braces', '{'.repeat(2_000_000)];
  yield ['braces after a field', nest(330_000, '{a', '', '}')];
  yield ['comments', `${'#\n'.repeat(600_000)}{__typename}`];
  yield ['comments and an error', `${'#\n'.repeat(600_000)}{a}`];
  yield ['one long comment', `#${'a'.repeat(2_000_000)}\n{id}`];
  yield ['commas', `{${','.repeat(2_000_000)}id}`];
  yield ['blanks', `{${blanks}id}`];
  yield ['byte order marks', `${'\ufeff'.repeat(600_000)}{id}`];
  yield ['line breaks before an error', `${breaks}{id}`];
  yield ['line breaks before a syntax error', `${breaks}{`];
  yield ['line breaks before many errors', fill(`${breaks}{`, (i) => ` a${i}`, '}')];
  yield ['carriage returns before many errors', fill(`${breaks.replaceAll('\n', '\r')}{`, (i) => ` a${i}`, '}')];
  yield ['a line break after every token', fill(`${'\n'.repeat(1000)}{`, (i) => ` a${i}\n`, '}')];
  yield ['line breaks in a comment of many errors', fill(`{`, (i) => ` a${i}${'#\n'.repeat(300)}`, '}')];
  yield ['blanks before many errors', fill(`{${blanks}`, (i) => ` a${i}`, '}')];
  yield ['blanks before many wrong values', fill(`{accounts(first:[${blanks}`, () => ' "a"', `])${page}}`)];
  yield ['blanks before many fields in conflict', fill(`{${blanks}`, (i) => ` accounts(first:${i})${page}`, '}')];
  yield ['blanks before many fields in conflict inside others', conflicts(blanks.slice(0, 95_000))];
  yield [
    'both before many fields in conflict inside others',
    conflicts(blanks.slice(0, 93_000) + breaks.slice(0, 1_990)),
  ];
  yield ['line breaks before many fields in conflict inside others', conflicts(breaks.slice(0, 1_900))];
  yield ['fragments with a field of their own each, all spread', spreadAll((i) => ` a${i}`)];
  yield ['as many blanks as may be, before many errors', fill(`{${blanks.slice(0, 80_000)}`, (i) => ` a${i}`, '}')];
  yield ['as many line breaks as may be, before many errors', fill(`{${breaks.slice(0, 1_990)}`, (i) => ` a${i}`, '}')];
  yield ['as many escapes as may be', `{node(id:"${'\\n'.repeat(49_000)}"){idd}}`];
  yield ['as many short comments as may be', `${'#\n'.repeat(1_990)}{a}`];
  yield ['as long names as may be', fill('{', (i) => ` a${i}${'a'.repeat(44)}`, '}')];
  yield ['as long a name as may be', `{${'a'.repeat(99_000)}}`];
  yield ['as many fields of one name as may be', `{${' accounts(first:1){edges{node{id}}}'.repeat(17)}}`];
  yield ['a long name', `{${'a'.repeat(2_000_000)}}`];
  yield ['long names', fill('{', (i) => ` a${i}${'a'.repeat(1000)}`, '}')];
  yield ['long names of arguments', fill('{accounts(', (i) => ` a${i}${'a'.repeat(2000)}:1`, `)${page}}`)];
  yield ['a long name of an operation', `query ${'a'.repeat(2_000_000)}{id}`];
  yield ['a long string', `{node(id:"${'a'.repeat(2_000_000)}"){idd}}`];
  yield ['a long string where a number belongs', `{accounts(first:"${'a'.repeat(2_000_000)}")${page}}`];
  yield ['escapes', `{node(id:"${'\\u0041'.repeat(290_000)}"){idd}}`];
  yield ['short escapes', `{node(id:"${'\\n'.repeat(690_000)}"){idd}}`];
  yield ['escapes in braces', `{node(id:"${'\\u{41}'.repeat(250_000)}"){idd}}`];
  yield ['a long block string', `{node(id:"""${' a\n'.repeat(500_000)}"""){idd}}`];
  yield ['line breaks of a block string', `{node(id:"""${breaks}"""){idd}}`];
  yield ['escapes of a block string', `{node(id:"""${'\\"""'.repeat(250_000)}"""){idd}}`];
  yield ['a string without an end', `{node(id:"${'a'.repeat(2_000_000)}`];
  yield ['a long number', `{accounts(first:${'1'.repeat(2_000_000)})${page}}`];
  yield ['long strings in fields of one name', fill('{', (i) => ` node(id:"${i}${'a'.repeat(9500)}"){id}`, '}')];
  yield [
    'long strings of control characters in fields of one name',
    fill('{', (i) => ` node(id:"${i}${'\\u0001'.repeat(1300)}"){id}`, '}'),
  ];
  yield ['long lists in fields of one name', fill('{', () => ` accounts(filter:[${'[] '.repeat(90)}])${page}`, '}')];
  yield ['lists of long strings in two fields of one name', twoLists()];
}

/** Repeats a part as often as the tokens of one document, and the bytes of one body, allow. */
function fill(before, part, after = '') {
  const tokens = (tokensOf(before + after) ?? 0) + 1;
  const bytes = bodyLimit - bytesOf(before + after);
  const times = Math.floor(
    Math.min((maxTokens - tokens) / tokensOf(part(1000, 1001)), bytes / (bytesOf(part(1000, 1001)) + 1)),
  );
  return before + Array.from({ length: times }, (_, i) => part(i, times)).join('') + after;
}

function nest(depth, open, inner, close) {
  return open.repeat(depth) + inner + close.repeat(depth);
}

function spreadAll(selection) {
  const times = Math.floor((maxTokens - 4) / (tokensOf(`fragment f on Query{${selection(1)}}`) + 2));
  const numbers = Array.from({ length: times }, (_, i) => i);
  const fragments = numbers.map((i) => `fragment f${i} on Query{${selection(i)}}`);
  return `{${numbers.map((i) => `...f${i}`).join('')}}${fragments.join('')}`;
}

function everyInEvery(times) {
  const numbers = Array.from({ length: times }, (_, i) => i);
  const width = Math.min(times, Math.floor((maxTokens / times - 11) / 2));
  const spreads = (i) => Array.from({ length: width }, (_, j) => `...f${(i + j + 1) % times}`).join('');
  return `{...f0}${numbers.map((i) => `fragment f${i} on Query{accounts{totalCount}${spreads(i)}}`).join('')}`;
}

function operationsAndFragments(times) {
  const operations = Array.from({ length: times }, (_, i) => ` query q${i}{...f0}`).join('');
  return fill(operations, (i) => `fragment f${i} on Query{accounts(first:$v${i}){totalCount}...f${i + 1}}`);
}

/** Fields of one name in one place with fields in conflict inside them: few errors, each with many locations. */
function conflicts(before) {
  const inside = (i) => [0, 1, 2, 3, 4].map((j) => ` id${j}(a:${i})`).join('');
  return `${before}{${Array.from({ length: 12 }, (_, i) => ` account{${inside(i)}}`).join('')}}`;
}

function twoLists() {
  const list = Array.from({ length: 970 }, () => `"${'a'.repeat(1000)}"`).join(' ');
  return `{accounts(filter:[${list}]){totalCount} accounts(filter:[${list}]){totalCount}}`;
}

function tokensOf(text) {
  const lexer = new Lexer(new Source(text));
  try {
    for (let count = 0; ; count += 1) if (lexer.advance().kind === TokenKind.EOF) return count;
  } catch {
    return undefined;
  }
}

function bytesOf(document) {
  return Buffer.byteLength(JSON.stringify({ query: document }));
}

async function time(url, document) {
  const least = { cpu: Number.POSITIVE_INFINITY, wall: Number.POSITIVE_INFINITY, answer: '' };
  for (let run = 0; run < runs && (run === 0 || least.wall < 2000); run += 1) {
    // Another each time: a document that was answered is remembered.
    const body = JSON.stringify({ query: `${document}#${run}` });
    const before = await cpuMilliseconds();
    const started = performance.now();
    least.answer = await post(url, body);
    least.wall = Math.min(least.wall, round(performance.now() - started));
    least.cpu = Math.min(least.cpu, round((await cpuMilliseconds()) - before));
  }
  return least;
}

async function post(url, body) {
  const headers = { 'content-type': 'application/json' };
  const response = await fetch(`${url}/graphql`, { method: 'POST', headers, body });
  const { errors } = await response.json();
  if (errors === undefined) return 'answered';
  const { code, limit } = errors[0].extensions;
  return limit === undefined ? `${response.status} ${code} (${errors.length})` : `${response.status} ${code}: ${limit}`;
}

async function warmUp(url) {
  const query = '{accounts{totalCount edges{node{id datasources{totalCount}}}}}';
  for (let i = 0; i < 300; i += 1) await post(url, JSON.stringify({ query: `#${i}\n${query}${i % 2 ? ' {' : ''}` }));
}

function cpuMilliseconds() {
  return new Promise((answered) => {
    child.once('message', ({ user, system }) => answered((user + system) / 1000));
    child.send('');
  });
}

function listening() {
  return new Promise((listens, fails) => {
    let output = '';
    child.once('exit', () => fails(new Error(`The gateway ended: ${output}`)));
    child.stdout.on('data', async (data) => {
      output += data;
      const url = /Server listening at (http:\/\/[\d.]+:\d+)/.exec(output)?.[1];
      if (url === undefined) return;
      child.stdout.removeAllListeners('data').resume();
      while ((await fetch(`${url}/readyz`)).status !== 200);
      listens(url);
    });
  });
}

function round(milliseconds) {
  return Math.round(milliseconds * 10) / 10;
}
