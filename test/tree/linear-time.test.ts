import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from '@jest/globals';
import { parseSync } from '@swc/core';
import { checkSync } from 'recheck';

const sources = fileURLToPath(new URL('../../src', import.meta.url));
// It reads only what is in the tree.
const seesNoClient = new Set(['print-docs.ts']);

interface Pattern {
  readonly pattern: string;
  readonly flags: string;
}

test.each(filesWithPatterns())('every pattern of %s is linear, whatever text it is given', (_, patterns) => {
  expect(patterns.filter((pattern) => growth(pattern) !== 'linear')).toEqual([]);
});

test.each([
  ['every place where it may begin', { pattern: String.raw`"(?:[^"\\]|\\.)*"|-?\d+\.\d+`, flags: 'g' }],
  ['a text that comes again and again', { pattern: String.raw` Did you mean .*\?$`, flags: 's' }],
])('a pattern that looks at the rest of the text from %s is found', (_, pattern) => {
  expect(growth(pattern)).toBe('polynomial');
});

test('no pattern is put together from text, where this could not look at it', () => {
  const made = sourceFiles().filter((file) => /\bRegExp\b/.test(readFileSync(join(sources, file), 'utf8')));
  expect(made).toEqual([]);
});

/** How the time of a pattern grows with the text; what cannot be told is neither. */
function growth({ pattern, flags }: Pattern): string {
  const found = checkSync(pattern, flags, { timeout: 60_000, randomSeed: 0 });
  if (found.status === 'unknown') return 'unknown';
  return found.status === 'safe' ? 'linear' : found.complexity.type;
}

function sourceFiles(): string[] {
  const files = readdirSync(sources, { recursive: true, encoding: 'utf8' });
  return files.filter((file) => /\.tsx?$/.test(file) && !seesNoClient.has(file)).sort();
}

function filesWithPatterns(): [string, Pattern[]][] {
  return sourceFiles()
    .map((file): [string, Pattern[]] => [file, patternsIn(file)])
    .filter(([, patterns]) => patterns.length > 0);
}

function patternsIn(file: string): Pattern[] {
  const text = readFileSync(join(sources, file), 'utf8');
  const found: Pattern[] = [];
  JSON.stringify(parseSync(text, { syntax: 'typescript', tsx: file.endsWith('x'), decorators: true }), (_, node) => {
    if (node?.type === 'RegExpLiteral') found.push({ pattern: node.pattern, flags: node.flags });
    return node;
  });
  return found;
}
