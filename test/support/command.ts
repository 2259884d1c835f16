import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { pino } from 'pino';
import { registryCommand } from '../../src/command-line/registry.command.js';
import { loadConfig } from '../../src/config.js';
import { ownEndpoints } from '../../src/connection-test/own-endpoints.js';
import { Register } from '../../src/register.js';
import { builtGateway } from './process.js';

/** What a command of the command line did. */
export interface CommandEnd {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** A command in a process of its own. */
export interface RunningCommand {
  readonly child: ChildProcess;
  readonly ended: Promise<CommandEnd>;
}

/** Starts a command in a process of its own, built from the sources as they are, with these settings and no others. */
export async function startCommand(
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  input?: string,
): Promise<RunningCommand> {
  const program = join(await builtGateway(), 'cli.js');
  const child = spawn(process.execPath, [program, ...words], { env: { PATH: process.env.PATH, ...env } });
  const output = { stdout: '', stderr: '' };
  child.stdout.on('data', (data) => {
    output.stdout += data;
  });
  child.stderr.on('data', (data) => {
    output.stderr += data;
  });
  child.stdin.on('error', () => undefined).end(input);
  const ended = new Promise<CommandEnd>((resolve) => child.once('close', (code) => resolve({ code, ...output })));
  return { child, ended };
}

/** Runs a command in a process of its own to its end. */
export async function runCommand(...given: Parameters<typeof startCommand>): Promise<CommandEnd> {
  return (await startCommand(...given)).ended;
}

/**
 * Runs `registry` in the process of the test, for what needs no process of its own.
 *
 * @returns the lines for standard output and standard error; for a command that fails its error's name and message
 */
export async function runRegistry(words: readonly string[], env: Readonly<Record<string, string>>) {
  const config = loadConfig(env);
  const register = new Register(config, pino({ level: 'silent' }), 'tool');
  const lines: string[] = [];
  const notes: string[] = [];
  try {
    const run = registryCommand(words);
    await register.prepareOnce();
    const code = await run({
      database: register,
      keys: () => register.sealingKeys,
      passphrase: config.registryPassphrase,
      connectionTests: config.connectionTests,
      ownEndpoints: () => ownEndpoints(config.database, config),
      print: (line) => void lines.push(line),
      printNote: (line) => void notes.push(line),
    });
    return { code, lines, notes };
  } catch (error) {
    const { name, message } = error as Error;
    return { code: name, lines, notes: [...notes, message] };
  } finally {
    await register.close();
  }
}
