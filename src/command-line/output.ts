import { randomBytes } from 'node:crypto';
import { rmSync, statSync } from 'node:fs';
import { type FileHandle, open, rename } from 'node:fs/promises';
import { CommandError } from './command.js';

/** Where a command writes what is long: it waits until what was written before is taken. */
export interface Output {
  /** @throws CommandError where it cannot be written */
  write(text: string): Promise<void>;
  /** Says that it is whole. */
  finish(): Promise<void>;
  /** Takes back what was written, where that can be done. */
  discard(): Promise<void>;
}

const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

/** Standard output. */
export function standardOutput(): Output {
  return {
    write: (text) =>
      new Promise((resolve, reject) => {
        process.stdout.write(text, (error) => {
          if (error) reject(new CommandError('The reader of the output closed it before the end.'));
          else resolve();
        });
      }),
    finish: async () => undefined,
    discard: async () => undefined,
  };
}

/**
 * A file that only its owner can read, and that is there under its name only once it is whole.
 *
 * @throws CommandError where it cannot be made, or where something else than a file has the name
 */
export async function wholeFile(path: string): Promise<Output> {
  if (statSync(path, { throwIfNoEntry: false })?.isFile() === false) throw new CommandError(`${path} is not a file.`);
  const unfinished = `${path}.${randomBytes(6).toString('hex')}.unfinished`;
  const failed = (error: NodeJS.ErrnoException) => new CommandError(`${path} cannot be written: ${error.code}.`);
  const file = await open(unfinished, 'wx', 0o600).catch((error) => Promise.reject(failed(error)));
  const remove = () => rmSync(unfinished, { force: true });
  const end = (signal: NodeJS.Signals) => {
    remove();
    ignore();
    process.kill(process.pid, signal);
  };
  const ignore = () => void signals.map((signal) => process.off(signal, end));
  for (const signal of signals) process.on(signal, end);
  return {
    write: (text) => written(file, text).catch((error) => Promise.reject(failed(error))),
    async finish() {
      await file.sync();
      await file.close();
      await rename(unfinished, path).catch((error) => Promise.reject(failed(error)));
      ignore();
    },
    async discard() {
      await file.close();
      remove();
      ignore();
    },
  };
}

/**
 * A file that only its owner can read, and that has what was written so far.
 *
 * @throws CommandError where it cannot be made
 */
export async function growingFile(path: string): Promise<Output> {
  const failed = (error: NodeJS.ErrnoException) => new CommandError(`${path} cannot be written: ${error.code}.`);
  const file = await open(path, 'w', 0o600).catch((error) => Promise.reject(failed(error)));
  return {
    write: (text) => written(file, text).catch((error) => Promise.reject(failed(error))),
    finish: () => file.close(),
    discard: () => file.close(),
  };
}

async function written(file: FileHandle, text: string): Promise<void> {
  await file.writeFile(text);
}
