import { execFile, execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterEach, describe, expect, test } from '@jest/globals';
import { freePort } from '../support/database-server.js';
import { mysqlKind, type TestDatabase } from '../support/databases.js';
import { builtGateway, temporaryDirectory } from '../support/process.js';

/**
 * Every command in README.md and docs/ is run here, by the rules that CONTRIBUTING.md states: a block marked `sh` is run,
 * all of one document in one shell and in a fresh copy of the tree; a block marked `json` or `output` behind it is what it
 * must print.
 */
const root = fileURLToPath(new URL('../..', import.meta.url));
const documents = [
  'README.md',
  ...readdirSync(join(root, 'docs'))
    .filter((name) => name.endsWith('.md'))
    .map((name) => `docs/${name}`),
];
const registerUrl = 'mysql://user:password@db.example.com:3306/gateway';
const languages = ['sh', 'json', 'output', 'graphql', 'yaml', 'promql', 'ini', 'nginx', 'text'];

interface Block {
  readonly language: string;
  readonly text: string;
}

interface Step {
  readonly commands: string;
  /** What it must print; undefined where the document does not say. */
  readonly answer: Block | undefined;
}

function blocksOf(document: string): Block[] {
  const text = readFileSync(join(root, document), 'utf8');
  return [...text.matchAll(/^( *)```(\w*)\n([\s\S]*?)^\1```$/gm)].map(
    ([, indent = '', language = '', content = '']) => ({
      language,
      text: content.replaceAll(new RegExp(`^${indent}`, 'gm'), ''),
    }),
  );
}

function stepsOf(document: string): Step[] {
  const blocks = blocksOf(document);
  return blocks.flatMap(({ language, text }, at) => {
    const next = blocks[at + 1];
    const answer = next !== undefined && ['json', 'output'].includes(next.language) ? next : undefined;
    return language === 'sh' ? [{ commands: text, answer }] : [];
  });
}

/**
 * What differs from run to run is made the same on both sides: ids, keys and their prefixes, times, the ids of requests
 * and of sealing keys, the gateway's version.
 */
function normalised(text: string): string {
  return text
    .trim()
    .replace(/\b[A-Z]0[0-9A-HJKMNP-TV-Z]{25}\b/g, 'ID')
    .replace(/\bdgk_[0-9a-f]{12}(_[\w-]{43})?/g, 'KEY')
    .replace(/\b\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z/g, 'TIME')
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UUID')
    .replace(/"version": ?"\d+\.\d+\.\d+"/g, '"version": "VERSION"')
    .replace(/\b[0-9a-f]{16}\b/g, 'SEALING-KEY');
}

function answerIn({ language, text }: Block): unknown {
  const lines = normalised(text);
  if (language !== 'json') return lines.replace(/ +/g, ' ');
  try {
    return JSON.parse(lines);
  } catch {
    return lines.split('\n').map((line) => JSON.parse(line));
  }
}

/** A copy of the tree as `git clone` and `npm ci` leave it, with a home of its own. */
async function freshCopy(directory: string): Promise<void> {
  const made = ['.git', 'node_modules', 'dist', 'data'];
  for (const name of readdirSync(root).filter((entry) => !made.includes(entry))) {
    cpSync(join(root, name), join(directory, name), {
      recursive: true,
      filter: (path) => !path.endsWith('node_modules'),
    });
  }
  symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
  cpSync(await builtGateway(), join(directory, 'dist'), { recursive: true });
  for (const page of ['playground', 'docs']) {
    if (existsSync(join(root, 'dist', page))) symlinkSync(join(root, 'dist', page), join(directory, 'dist', page));
  }
  writeFileSync(join(directory, 'dist/.complete'), '');
}

/** What a document has MySQL's own client do, it does to a register that a gateway has made. */
const makeRegister = `DATABASE_URL=$REGISTER SECRETS_KEY=${'A'.repeat(43)}= node dist/cli.js keys list >/dev/null`;

function asksMysql(steps: readonly Step[]): boolean {
  return steps.some(({ commands }) => /\bmysql(dump)? gateway\b/.test(commands));
}

/** Runs all steps in one shell; what each printed. */
async function run(steps: readonly Step[], directory: string, port: number, database: TestDatabase | undefined) {
  const outputs = join(directory, '..', 'outputs');
  const home = join(directory, '..', 'home');
  for (const folder of [directory, outputs, home]) mkdirSync(folder, { recursive: true });
  await freshCopy(directory);
  if (database !== undefined) {
    const { hostname, port: databasePort, username, password } = new URL(database.url);
    const client = { host: hostname, port: databasePort, user: username, password: decodeURIComponent(password) };
    const lines = Object.entries(client).map(([name, value]) => `${name}=${value}`);
    writeFileSync(join(home, '.my.cnf'), ['[client]', 'protocol=tcp', ...lines, ''].join('\n'));
  }
  const name = database?.url.replace(/^.*\//, '') ?? '';
  const here = (commands: string) =>
    commands
      .replaceAll(/(127\.0\.0\.1|localhost):4000/g, `127.0.0.1:${port}`)
      .replaceAll(new RegExp(`${registerUrl}(\\?ssl=\\w+)?`, 'g'), database?.url ?? '')
      .replaceAll(/\b(mysql|mysqldump) gateway\b/g, `$1 ${name}`);
  const script = [
    readFileSync(join(root, 'test/support/document-shell.sh'), 'utf8'),
    ...(asksMysql(steps) ? [makeRegister] : []),
    ...steps.map(({ commands }, at) => `exec >${outputs}/${at}\necho '# step ${at}' >&2\n${here(commands)}`),
  ].join('\n');
  writeFileSync(join(home, 'script.sh'), script);
  const env = {
    PATH: process.env.PATH,
    HOME: home,
    PORT: String(port),
    LOG_LEVEL: 'warn',
    npm_config_update_notifier: 'false',
    REGISTER: database?.url ?? '',
  };
  // With whatever they have started, where they take longer than all of it may.
  await promisify(execFile)('timeout', ['60', 'bash', join(home, 'script.sh')], { cwd: directory, env }).catch(
    (error: Error & { stderr: string }) => {
      throw new Error(`the commands failed: ${error.stderr}`);
    },
  );
  return steps.map((_, at) => readFileSync(join(outputs, String(at)), 'utf8'));
}

// On CI a missing program must fail, not pass unseen.
const missingPrograms = execFileSync('sh', [
  '-c',
  'for name; do command -v "$name" >/dev/null || echo "$name"; done',
  ...['sh', 'bash', 'curl', 'openssl', 'sqlite3', 'timeout'],
])
  .toString()
  .trim();
const isSkipped = missingPrograms !== '' && !process.env.CI;
if (isSkipped) console.warn(`The commands of the documents are not run, for want of: ${missingPrograms}`);

describe.each(documents)('%s', (document) => {
  const directory = temporaryDirectory();
  let database: TestDatabase | undefined;

  afterEach(async () => {
    await database?.drop();
    rmSync(directory, { recursive: true, force: true });
  });

  test('marks its blocks as what they are', () => {
    const text = readFileSync(join(root, document), 'utf8');
    expect(blocksOf(document).filter(({ language }) => !languages.includes(language))).toEqual([]);
    // Outside of fences, and of lists that have more than one paragraph in a point.
    const unfenced = text.replaceAll(/^( *)```\w*\n[\s\S]*?^\1```$/gm, '').match(/(?<=\n\n) {4,}\S.*/g);
    expect(unfenced).toBeNull();
  });

  test('names only scripts that there are', () => {
    const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    const named = readFileSync(join(root, document), 'utf8').matchAll(/npm run (?:--silent )?([\w:]+)/g);
    for (const [, name = ''] of named) expect(Object.keys(scripts)).toContain(name);
  });

  test('links to what is there', () => {
    const text = readFileSync(join(root, document), 'utf8').replaceAll(/^( *)```\w*\n[\s\S]*?^\1```$/gm, '');
    const links = [...text.matchAll(/\]\((?!https?:|#)([^)#]+)(#[^)]*)?\)/g)].map(([, path = '']) => path);
    const missing = links.filter((path) => !existsSync(join(root, document, '..', path)));
    expect(missing).toEqual([]);
  });

  (isSkipped ? test.skip : test)(
    'has commands that work, with the answers that it shows',
    async () => {
      const steps = stepsOf(document);
      if (steps.length === 0) return;
      if (asksMysql(steps) || steps.some(({ commands }) => commands.includes(registerUrl))) {
        // Without a server the setup has said so.
        if (mysqlKind === undefined) return;
        database = await mysqlKind.create();
      }
      const printed = await run(steps, join(directory, 'tree'), await freePort(), database);
      for (const [at, { commands, answer }] of steps.entries()) {
        if (answer === undefined) continue;
        const came = answerIn({ language: answer.language, text: printed[at] ?? '' });
        expect({ commands, answer: came }).toEqual({ commands, answer: answerIn(answer) });
      }
    },
    120_000,
  );
});
