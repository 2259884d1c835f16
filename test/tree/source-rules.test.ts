import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
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
  expect(linesWith(/(startsWith|=) ?\(?'\/data-source\//, (file) => file === 'rest/legacy-path.ts')).toEqual([]);
});

test('a test stands where what it tests does, save those of the whole', () => {
  const ofTheWhole = /^(e2e|integration|browser|tree)\//;
  const tests = readdirSync(join(root, 'test'), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.test.ts') && !ofTheWhole.test(file))
    .map((file) => file.replace(/[^/]*$/, ''));
  const folders = new Set(['', ...files.map((file) => file.replace(/[^/]*$/, ''))]);
  expect(tests.filter((folder) => !folders.has(folder))).toEqual([]);
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

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder))
    .filter((file) => file.endsWith('.md'))
    .map((file) => `${folder}/${file}`);
}
