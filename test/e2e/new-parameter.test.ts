import { execFileSync } from 'node:child_process';
import { cpSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { temporaryDirectory } from '../support/process.js';

/**
 * Follows the list in CONTRIBUTING.md by which a parameter is added, in a copy of the tree: `engineVersion` is declared in the
 * files that the list names as `creationTime` is, and nowhere else. Then each test of a parameter must hold for it.
 */
const root = fileURLToPath(new URL('../..', import.meta.url));
const list = /## A new parameter\n(.*?)\n## /s.exec(readFileSync(join(root, 'CONTRIBUTING.md'), 'utf8'))?.[1] ?? '';
const files = [...list.matchAll(/^\d+\. `([^`]+)`/gm)].map(([, file = '']) => file);
let copy: string;

beforeAll(() => {
  copy = temporaryDirectory();
  for (const name of ['src', 'test', 'build', 'package.json', 'package-lock.json', 'tsconfig.json', '.swcrc']) {
    cpSync(join(root, name), join(copy, name), { recursive: true });
  }
  cpSync(join(root, 'jest.config.js'), join(copy, 'jest.config.js'));
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'), 'dir');
});
afterAll(() => rmSync(copy, { recursive: true, force: true }));

test('a parameter that is added as CONTRIBUTING.md says is stored, shown, changed and imported', () => {
  expect(files.length).toBeLessThanOrEqual(6);
  for (const file of files) change(file, withTwin);
  addMigration();
  run('node_modules/typescript/bin/tsc', '--noEmit');
  const jest = ['--experimental-vm-modules', 'node_modules/jest/bin/jest.js'];
  run(...jest, '-w', '1', 'test/e2e/datasource-fields.test.ts', '-t', 'SQLite');
});

/** Puts behind each declaration of `creationTime` the same of `engineVersion`. */
function withTwin(text: string): string {
  const separator = text.includes('\n  @') ? '\n\n' : '\n';
  return text
    .split(separator)
    .flatMap((part) => (/\bcreationTime\b/.test(part) ? [part, twinOf(part)] : [part]))
    .join(separator);
}

function twinOf(text: string): string {
  return text.replaceAll('creationTime', 'engineVersion').replaceAll('creation_time', 'engine_version');
}

function addMigration(): void {
  const name = 'AddEngineVersion1764000009999';
  writeFileSync(
    join(copy, 'src/database/migrations/9999-add-engine-version.ts'),
    `import type { MigrationInterface } from 'typeorm/migration/MigrationInterface.js';
import type { QueryRunner } from 'typeorm/query-runner/QueryRunner.js';
export class ${name} implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE datasources ADD COLUMN engine_version VARCHAR(64) NULL');
  }
  async down(runner: QueryRunner): Promise<void> {
    await runner.query('ALTER TABLE datasources DROP COLUMN engine_version');
  }
}
`,
  );
  change('src/database/migrations/index.ts', (text) =>
    `import { ${name} } from './9999-add-engine-version.js';\n${text}`.replace(/,\n\];/, `,\n  ${name},\n];`),
  );
}

function change(file: string, by: (text: string) => string): void {
  const before = readFileSync(join(copy, file), 'utf8');
  const after = by(before);
  expect([file, after === before]).toEqual([file, false]);
  writeFileSync(join(copy, file), after);
}

/** Runs a program of Node.js in the copy, and gives what it says; it throws, and says why, where that fails. */
function run(...words: string[]): string {
  try {
    return execFileSync(process.execPath, words, { cwd: copy, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  } catch (error) {
    const { stdout, stderr } = error as { stdout: string; stderr: string };
    throw new Error(`${words.join(' ')} failed:\n${stdout}${stderr}`);
  }
}
