import { randomUUID } from 'node:crypto';
import { open, readFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { AuditTrail } from '../audit/audit-trail.js';
import { type ConnectionTestLimits, ConnectionTestService } from '../connection-test/connection-test.service.js';
import type { OwnEndpoint } from '../connection-test/own-endpoints.js';
import type { Database } from '../database/database.js';
import { CredentialSeal } from '../datasources/credential-seal.js';
import { DatasourceService } from '../datasources/datasource.service.js';
import type { Call } from '../security/call.js';
import { permissions } from '../security/caller.js';
import type { SealingKey } from '../security/sealing-key.js';
import { CredentialEncryption } from '../transfer/credential-encryption.js';
import { csvHeader, csvRows, readCsv } from '../transfer/csv.js';
import { jsonLine, readJsonLines } from '../transfer/json-lines.js';
import { type ExportedPage, RegisterExport } from '../transfer/register-export.js';
import { type ImportReport, RegisterImport, type RowOutcome } from '../transfer/register-import.js';
import { printable, type RowKind } from '../transfer/row.js';
import { CommandError, type Print, UsageError } from './command.js';
import { followChanges } from './follow.js';
import { growingFile, standardOutput, wholeFile } from './output.js';
import { Progress } from './progress.js';
import {
  type ExportArguments,
  type Format,
  type ImportArguments,
  readRegistryArguments,
  registryUsage,
  type TestArguments,
} from './registry-arguments.js';
import { testRegister } from './registry-test.js';

/** What the command works on. */
export interface RegistryParts {
  readonly database: Database;
  /** The keys that open stored credentials, of which the first seals. */
  readonly keys: () => readonly [SealingKey, ...SealingKey[]];
  /** What opens the credentials of a file, where it is in the settings. */
  readonly passphrase: string | undefined;
  /** What bounds connection tests. */
  readonly connectionTests: ConnectionTestLimits;
  /** What is the gateway's own, and never tested. */
  readonly ownEndpoints: () => readonly OwnEndpoint[];
  readonly print: Print;
  /** Where to say what is not what was asked for: warnings, and what was done. */
  readonly printNote: Print;
}

const shortestPassphrase = 12;

/**
 * Reads the arguments with which the command is called.
 *
 * @returns runs it, and gives the exit code: 0, or 1 where a row was refused or credentials could not be read
 * @throws UsageError where it is called in another way than {@link registryUsage} says
 */
export function registryCommand(args: readonly string[]): (parts: RegistryParts) => Promise<number> {
  const read = readRegistryArguments(args);
  return (parts) => {
    if (read.action === 'follow') return followChanges(read, parts.database, parts.printNote);
    if (read.action === 'export') return exportRegister(read, parts);
    return read.action === 'import' ? importRegister(read, parts) : testConnections(read, parts);
  };
}

async function exportRegister(args: ExportArguments, parts: RegistryParts): Promise<number> {
  const passphrase = args.withCredentials ? await passphraseOf(args.passphraseFile, parts) : undefined;
  if (args.withCredentials && passphrase === undefined) {
    throw new UsageError(
      `Credentials are exported under a passphrase: give it by --passphrase-file FILE, or in REGISTRY_PASSPHRASE.\n${registryUsage}`,
    );
  }
  const call = commandLineCall();
  const { database, keys } = parts;
  const register = new RegisterExport(database, new CredentialSeal(keys), new AuditTrail(database), call);
  const output = args.output === undefined ? standardOutput() : await wholeFile(args.output);
  const progress = new Progress(process.stderr);
  try {
    const created = passphrase === undefined ? undefined : await CredentialEncryption.create(passphrase);
    if (created !== undefined) await output.write(jsonLine('credential_key', { jwe: created.wrappedKey }));
    if (args.format === 'csv' && args.kind !== undefined) await output.write(csvHeader(args.kind));
    let broken = 0;
    for await (const page of pages(register, args.kind, created?.encryption)) {
      await output.write(text(page, args.format));
      progress.add(page.rows.length);
      for (const { key, reason } of page.broken) {
        progress.clear();
        parts.printNote(`Without credentials, for those that are stored cannot be opened: ${shown(key)}: ${reason}.`);
      }
      broken += page.broken.length;
    }
    progress.clear();
    await output.finish();
    if (created !== undefined) parts.printNote(`The audit has what was read under the request id ${call.requestId}.`);
    return broken === 0 ? 0 : 1;
  } catch (error) {
    progress.clear();
    await output.discard();
    throw error;
  }
}

function testConnections(words: TestArguments, parts: RegistryParts): Promise<number> {
  const { database, connectionTests, ownEndpoints, print } = parts;
  const credentials = new CredentialSeal(parts.keys);
  const audit = new AuditTrail(database);
  return testRegister(words, {
    datasources: new DatasourceService(database, credentials, audit),
    connectionTests: new ConnectionTestService({ database, credentials, audit, ownEndpoints }, connectionTests),
    call: commandLineCall(),
    print,
  });
}

async function* pages(
  register: RegisterExport,
  kind: RowKind | undefined,
  encryption: CredentialEncryption | undefined,
): AsyncGenerator<ExportedPage> {
  if (kind !== 'datasource') yield* register.accounts();
  if (kind !== 'account') yield* register.datasources(encryption);
}

function text({ kind, rows }: ExportedPage, format: Format): string {
  return format === 'csv' ? csvRows(kind, rows) : rows.map((values) => jsonLine(kind, values)).join('');
}

async function importRegister(args: ImportArguments, parts: RegistryParts): Promise<number> {
  const passphrase = await passphraseOf(args.passphraseFile, parts);
  const call = commandLineCall();
  const audit = new AuditTrail(parts.database);
  const datasources = new DatasourceService(parts.database, new CredentialSeal(parts.keys), audit);
  const register = new RegisterImport(parts.database, datasources, audit, call, { ...args, passphrase });
  const file = await inputOf(args.input);
  const refusals = args.report === undefined ? undefined : await growingFile(args.report);
  const progress = new Progress(process.stderr);
  let lastLine = 0;
  const tell = async (outcome: RowOutcome) => {
    lastLine = outcome.line;
    progress.add(1);
    if (outcome.action === 'refuse') await refusals?.write(reportLine(outcome));
    if (!args.isDryRun && outcome.action !== 'refuse') return;
    progress.clear();
    parts.print(outcomeLine(outcome));
  };
  try {
    const rows = args.format === 'csv' ? readCsv(file, args.kind as RowKind) : readJsonLines(file);
    const report = await register.run(rows, tell);
    progress.clear();
    for (const line of summary(report, args.isDryRun)) parts.print(line);
    const changed = report.accountsAdded + report.datasourcesAdded + report.datasourcesEdited;
    if (changed > 0 && !args.isDryRun)
      parts.print(`The audit has what was changed under the request id ${call.requestId}.`);
    return report.refused === 0 ? 0 : 1;
  } catch (error) {
    progress.clear();
    if (lastLine > 0 && !args.isDryRun) {
      parts.printNote(`All rows up to line ${lastLine} are done: they are left alone when the file is imported again.`);
    }
    throw error;
  } finally {
    await refusals?.finish();
  }
}

function summary(report: ImportReport, isDryRun: boolean): string[] {
  const { accountsAdded, datasourcesAdded, datasourcesEdited, left, refused, stoppedAt } = report;
  const counts = `accounts added ${accountsAdded}, datasources added ${datasourcesAdded}, datasources edited ${datasourcesEdited}, rows left as they are ${left}, rows refused ${refused}.`;
  return [
    `${isDryRun ? 'It would be' : 'Done'}: ${counts}`,
    ...(stoppedAt === undefined
      ? []
      : [
          `Stopped at line ${stoppedAt}: nothing behind it was done. Mend the row, or leave out such rows with --on-error skip.`,
        ]),
  ];
}

function outcomeLine({ line, kind, key, action, fields, refusal }: RowOutcome): string {
  const target = key === undefined ? '' : ` ${kind} ${shown(key)}`;
  const details = refusal === undefined ? fields.join(', ') : `${refusal.code}: ${refusal.reason}`;
  return `line ${line}: ${action}${target}${details === '' ? '' : `: ${details}`}`;
}

function reportLine({ line, kind, key, refusal }: RowOutcome): string {
  return `${JSON.stringify({ line, kind: kind ?? null, key: key ?? null, code: refusal?.code, reason: refusal?.reason })}\n`;
}

function shown(key: readonly (string | number)[]): string {
  return printable(JSON.stringify(key));
}

/** Who runs the command: the user of the operating system. */
function commandLineCall(): Call {
  let name: string;
  try {
    name = userInfo().username;
  } catch {
    name = `user ${process.getuid?.()}`;
  }
  const caller = { means: 'command line', name, permissions: new Set(permissions) } as const;
  return { caller, surface: 'command line', address: null, requestId: randomUUID() };
}

async function inputOf(path: string): Promise<AsyncIterable<Buffer>> {
  if (path === '-') return process.stdin;
  const file = await open(path).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`${path} cannot be read: ${error.code}.`);
  });
  if (!(await file.stat()).isDirectory()) return file.createReadStream({ highWaterMark: 256 * 1024 });
  await file.close();
  throw new CommandError(`${path} is a directory.`);
}

async function passphraseOf(file: string | undefined, { passphrase }: RegistryParts): Promise<string | undefined> {
  if (file === undefined) return passphrase;
  const content = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`The file of --passphrase-file cannot be read: ${error.code}.`);
  });
  const given = content.trim();
  if ([...given].length >= shortestPassphrase) return given;
  throw new CommandError(`The file of --passphrase-file must hold at least ${shortestPassphrase} characters.`);
}
