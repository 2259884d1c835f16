import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { beforeAll, describe, expect, test } from '@jest/globals';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('../..', import.meta.url));
const module = join(root, 'node_modules/.cache/log-output/log.mjs');
const lines = 2000;

/** Logs lines in a process of its own, and reads them slowly. */
async function logged(use: 'own' | 'shared', ending: string): Promise<{ output: string; maxWriteBytes: number }> {
  // What is written at once, as the operating system is told it.
  const program = `
    import fs from 'node:fs';
    let largest = 0;
    const write = fs.write;
    fs.write = (fd, text, ...rest) => { largest = Math.max(largest, Buffer.byteLength(text)); return write(fd, text, ...rest); };
    const { createLog, standardOutput } = await import(${JSON.stringify(pathToFileURL(module).href)});
    const output = standardOutput('${use}');
    const log = createLog('info', output);
    process.on('exit', () => fs.writeSync(2, String(largest)));
    for (let number = 0; number < ${lines}; number += 1) {
      log.info({ number, caller: '数据源登记处的网关'.repeat(number % 20) }, 'request');
      if (number % 50 === 0) await new Promise((resolve) => setTimeout(resolve, 1));
    }
    ${ending}`;
  const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
    cwd: root,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const ended = new Promise((resolve) => child.once('close', resolve));
  const chunks: Buffer[] = [];
  let told = '';
  child.stderr.on('data', (text) => {
    told += text;
  });
  const reading = (async () => {
    for await (const chunk of child.stdout) {
      chunks.push(chunk as Buffer);
      await sleep(1);
    }
  })();
  await Promise.all([ended, reading]);
  return { output: Buffer.concat(chunks).toString(), maxWriteBytes: Number(told) };
}

describe('the standard output of a process that logs', () => {
  beforeAll(async () => {
    await build({
      absWorkingDir: root,
      entryPoints: ['src/log.ts'],
      outfile: module,
      bundle: true,
      format: 'esm',
      platform: 'node',
      packages: 'external',
    });
  });

  test.each([
    ['ends by itself', ''],
    ['stops when what it logged is written', 'await output.drained(); process.exit(0);'],
  ])('has every line, whole and in order, where it %s', async (_, ending) => {
    for (const use of ['own', 'shared'] as const) {
      const { output } = await logged(use, ending);
      const numbers = output
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line).number);
      expect(numbers).toEqual(Array.from({ length: lines }, (_unused, number) => number));
    }
  });

  test('gets no more at once than a pipe takes as one piece, where several processes share it', async () => {
    const { maxWriteBytes } = await logged('shared', '');
    expect(maxWriteBytes).toBeGreaterThan(2000);
    expect(maxWriteBytes).toBeLessThanOrEqual(4096);
  });
});
