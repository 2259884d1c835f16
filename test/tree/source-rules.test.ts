import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';

/** Rules of the sources that imports do not show: for those, `npm run import-rules`. */
const root = fileURLToPath(new URL('../..', import.meta.url));
const source = fileURLToPath(new URL('../../src/', import.meta.url));
const files = readdirSync(source, { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));

function linesWith(pattern: RegExp, isExempt: (file: string) => boolean): string[] {
  return files
    .filter((file) => !isExempt(file))
    .flatMap((file) =>
      readFileSync(join(source, file), 'utf8')
        .split('\n')
        .flatMap((line, at) => (pattern.test(line) ? [`${file}:${at + 1}: ${line.trim()}`] : [])),
    );
}

test('SQL stands in *.statements.ts, and in database/', () => {
  const isStatements = (file: string) => file.endsWith('.statements.ts') || file.startsWith('database/');
  expect(linesWith(/session\s*\.(rows|run)\b|['"`](SELECT|INSERT INTO|UPDATE|DELETE FROM) /, isStatements)).toEqual([]);
});

test('what the path of a legacy route begins with is matched in one place', () => {
  expect(linesWith(/(startsWith|=) ?\(?'\/data-source\//, (file) => file === 'http/legacy-path.ts')).toEqual([]);
});

test('imports lead down in the picture of the folders that CONTRIBUTING.md has', () => {
  const levels = levelsOfContributing();
  const levelOf = (file: string) => {
    const level = levels.findIndex((level) => level.includes(file) || level.includes(dirname(file)));
    // What stands beside the folders is above all of them.
    return level === -1 && !file.includes('/') ? 0 : level;
  };
  expect(
    files.filter((file) => levelOf(file) === -1 && !/^(playground|docs-page|database.migrations)/.test(file)),
  ).toEqual([]);
  const up = files.flatMap((file) =>
    [...readFileSync(join(source, file), 'utf8').matchAll(/(?:from|import) ?\(?'(\.[^']+)\.js'/g)]
      .map(([, to = '']) => `${join(dirname(file), to)}.ts`)
      .filter((to) => dirname(to) !== dirname(file) && levelOf(to) !== -1 && levelOf(to) <= levelOf(file))
      .map((to) => `${file} -> ${to}`),
  );
  expect(up).toEqual([]);
});

test('a test begins with the name of what it tests and stands where that does, save those of the whole', () => {
  const ofTheWhole = /^(e2e|integration|browser|tree)\//;
  const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' }).filter(
    (file) => file.endsWith('.test.ts') && !ofTheWhole.test(file),
  );
  const isTestOf = (test: string, file: string) =>
    new RegExp(`^${file.replace(/\.ts$/, '')}(-[a-z-]+)?\\.test\\.ts$`).test(test);
  expect(tests.filter((test) => !files.some((file) => isTestOf(test, file)))).toEqual([]);
});

test('a file that a document names is there', () => {
  const documents = [
    'README.md',
    'CONTRIBUTING.md',
    'CHANGELOG.md',
    ...markdownIn('docs'),
    ...markdownIn('docs/decisions'),
  ];
  const named = documents.flatMap((document) =>
    [...readFileSync(join(root, document), 'utf8').matchAll(/`((?:src|test|build|bench)\/[\w./-]+)`/g)].map(
      ([, file = '']) => `${document}: ${file}`,
    ),
  );
  const isThere = (entry: string) => existsSync(join(root, entry.replace(/^.*: /, '')));
  expect(named.filter((entry) => !isThere(entry) && !entry.endsWith('/N-what-it-does.ts'))).toEqual([]);
});

/** The lines of the picture, from the top, each with the folders and files that it names. */
function levelsOfContributing(): string[][] {
  const text = readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8');
  const [, picture = ''] = /each folder imports only what stands below it[^\n]*\n\n((?: {4}.*\n)+)/.exec(text) ?? [];
  return picture
    .trim()
    .split('\n')
    .map((line) =>
      line
        .trim()
        .split(/ {2,}/)
        .map((name) => name.replace(/\/$/, '')),
    );
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`);
}
