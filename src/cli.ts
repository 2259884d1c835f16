import 'reflect-metadata';
import { pino } from 'pino';
import { UsageError } from './command-line/command.js';
import { keysUsage, runKeysCommand } from './command-line/keys.command.js';
import { registryCommand } from './command-line/registry.command.js';
import { registryUsage } from './command-line/registry-arguments.js';
import { runSecretsCommand, secretsUsage } from './command-line/secrets.command.js';
import { loadConfig } from './config.js';
import { ownEndpoints } from './connection-test/own-endpoints.js';
import { UnavailableError } from './errors.js';
import { createLog } from './log.js';
import { Register } from './register.js';
import { ApiKeys } from './security/api-keys.js';

const usage = `Usage: node dist/cli.js COMMAND, with the gateway's own settings in the environment. The commands:\n\n${keysUsage}\n\n${secretsUsage}\n\n${registryUsage}`;
const print = (line: string) => void process.stdout.write(`${line}\n`);
const printProgress = (line: string) => void process.stderr.write(`${line}\n`);

// Who reads the output may have had enough of it (`| head -1`): what was begun is done all the same.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
});

/**
 * Runs one command on the register, beside gateways that may be serving it. The process ends with 0 where all is well, with 1 where something
 * failed or was found wrong, and with 2 where the command was called in another way than its usage says.
 */
async function main([command, ...words]: readonly string[]): Promise<void> {
  if (command !== 'keys' && command !== 'secrets' && command !== 'registry') throw new UsageError(usage);
  const runRegistry = command === 'registry' ? registryCommand(words) : undefined;
  const config = loadConfig(process.env);
  const register = new Register(config, createLog('warn', pino.destination({ dest: 2, sync: true })), 'tool');
  try {
    await register.prepareOnce();
    const keys = () => register.sealingKeys;
    if (runRegistry !== undefined) {
      const passphrase = config.registryPassphrase;
      process.exitCode = await runRegistry({
        database: register,
        keys,
        passphrase,
        connectionTests: config.connectionTests,
        ownEndpoints: () => ownEndpoints(config.database, config),
        print,
        printNote: printProgress,
      });
    } else if (command === 'keys') await runKeysCommand(new ApiKeys(register), words, print);
    else process.exitCode = await runSecretsCommand(register, keys, words, print, printProgress);
  } finally {
    await register.close();
  }
}

main(process.argv.slice(2)).catch((error: unknown) => {
  printProgress(explain(error as Error));
  process.exitCode = error instanceof UsageError ? 2 : 1;
});

function explain(error: Error): string {
  if (error instanceof UnavailableError)
    return 'The database does not answer. Check DATABASE_URL, and that the database runs.';
  const isForOperator = /^(Usage|Command|Config|SealingKey|FileFormat|CredentialEncryption)Error$/.test(error.name);
  return isForOperator ? error.message : (error.stack ?? error.message);
}
