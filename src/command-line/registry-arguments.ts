import { resolve } from 'node:path';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import type { RowKind } from '../transfer/row.js';
import { UsageError } from './command.js';

/** How the command is called. */
export const registryUsage = [
  'registry export [--output FILE] [--format jsonl|csv] [--kind accounts|datasources]',
  '                [--with-credentials] [--passphrase-file FILE]',
  'registry import FILE|- [--format jsonl|csv] [--kind accounts|datasources] [--dry-run]',
  '                [--on-error stop|skip] [--report FILE] [--passphrase-file FILE]',
  'registry follow [--after CURSOR] [--once]',
  'registry test [--provider NUMBER --account ID --region REGION] [--format table|jsonl]',
].join('\n');

/** How rows are written. */
export type Format = 'jsonl' | 'csv';

/** What an export was asked for. */
export interface ExportArguments {
  readonly action: 'export';
  /** The file to write; standard output where it is undefined. */
  readonly output: string | undefined;
  readonly format: Format;
  /** The kind to export; all where it is undefined, which CSV cannot be. */
  readonly kind: RowKind | undefined;
  readonly withCredentials: boolean;
  readonly passphraseFile: string | undefined;
}

/** What an import was asked for. */
export interface ImportArguments {
  readonly action: 'import';
  /** The file to read; `-` for standard input. */
  readonly input: string;
  readonly format: Format;
  /** The kind of every row of a CSV file. */
  readonly kind: RowKind | undefined;
  readonly isDryRun: boolean;
  readonly onError: 'stop' | 'skip';
  /** The file that the refused rows are written to. */
  readonly report: string | undefined;
  readonly passphraseFile: string | undefined;
}

/** What following the changes was asked for. */
export interface FollowArguments {
  readonly action: 'follow';
  /** The cursor behind which to begin; where it is undefined, the oldest change that is kept comes first. */
  readonly after: string | undefined;
  /** Whether to end once there are no more changes, and not to wait for the next. */
  readonly once: boolean;
}

/** What a test of the connections was asked for. */
export interface TestArguments {
  readonly action: 'test';
  /** The account whose datasources are tested; of all where it is empty. */
  readonly account: { readonly accountProviderId?: number; readonly accountId?: string; readonly region?: string };
  readonly format: 'table' | 'jsonl';
}

const formats = { jsonl: 'jsonl', csv: 'csv' } as const;
const kinds = { accounts: 'account', datasources: 'datasource' } as const;
const testFormats = { table: 'table', jsonl: 'jsonl' } as const;
const reactions = { stop: 'stop', skip: 'skip' } as const;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;
const common = { format: text, kind: text, 'passphrase-file': text } as const;

/**
 * Reads the arguments with which the command is called.
 *
 * @throws UsageError where they are others than {@link registryUsage} says
 */
export function readRegistryArguments([action, ...args]: readonly string[]):
  | ExportArguments
  | ImportArguments
  | FollowArguments
  | TestArguments {
  if (action === 'export') return exportArguments(args);
  if (action === 'import') return importArguments(args);
  if (action === 'follow') return followArguments(args);
  if (action === 'test') return testArguments(args);
  throw new UsageError(registryUsage);
}

function followArguments(args: string[]): FollowArguments {
  const { values, positionals } = parsed(args, { after: text, once: flag });
  if (positionals.length > 0) throw wrong('Unexpected argument: give the cursor with --after.');
  return { action: 'follow', after: values.after, once: values.once ?? false };
}

function exportArguments(args: string[]): ExportArguments {
  const { values, positionals } = parsed(args, { ...common, output: text, 'with-credentials': flag });
  if (positionals.length > 0) throw wrong('Unexpected argument: give the file to write with --output.');
  const format = formatOf(values.format, values.output);
  const kind = oneOf('kind', kinds, values.kind);
  const withCredentials = values['with-credentials'] ?? false;
  if (format === 'csv' && withCredentials) throw wrong('CSV cannot contain credentials: export them as JSON Lines.');
  if (format === 'csv' && kind === undefined) throw wrong('A CSV file has rows of one kind: give it with --kind.');
  return {
    action: 'export',
    output: values.output,
    format,
    kind,
    withCredentials,
    passphraseFile: values['passphrase-file'],
  };
}

function importArguments(args: string[]): ImportArguments {
  const options = { ...common, 'dry-run': flag, 'on-error': text, report: text };
  const { values, positionals } = parsed(args, options);
  const [input] = positionals;
  if (input === undefined || positionals.length > 1) throw wrong('An import takes one file, or - for standard input.');
  const format = formatOf(values.format, input);
  const kind = oneOf('kind', kinds, values.kind);
  if (format === 'csv' && kind === undefined) throw wrong('A CSV file has rows of one kind: give it with --kind.');
  if (format === 'jsonl' && kind !== undefined)
    throw wrong('--kind is only for CSV: each line of JSON Lines has its kind.');
  const { report } = values;
  if (report !== undefined && resolve(report) === resolve(input)) throw wrong('--report must be another file.');
  return {
    action: 'import',
    input,
    format,
    kind,
    isDryRun: values['dry-run'] ?? false,
    onError: oneOf('on-error', reactions, values['on-error']) ?? 'stop',
    report,
    passphraseFile: values['passphrase-file'],
  };
}

function testArguments(args: string[]): TestArguments {
  const options = { format: text, provider: text, account: text, region: text };
  const { values, positionals } = parsed(args, options);
  if (positionals.length > 0) throw wrong('A test takes no other arguments.');
  const { provider, account, region } = values;
  const format = oneOf('format', testFormats, values.format) ?? 'table';
  if (provider === undefined && account === undefined && region === undefined) {
    return { action: 'test', account: {}, format };
  }
  if (provider === undefined || !/^[1-9]\d{0,9}$/.test(provider) || !account || !region) {
    throw wrong('An account is given by all of --provider, a number, --account and --region.');
  }
  return { action: 'test', account: { accountProviderId: Number(provider), accountId: account, region }, format };
}
function parsed<const Options extends NonNullable<ParseArgsConfig['options']>>(args: string[], options: Options) {
  try {
    return parseArgs({ args: args, allowPositionals: true, options });
  } catch {
    throw new UsageError(registryUsage);
  }
}

function formatOf(given: string | undefined, file: string | undefined): Format {
  return oneOf('format', formats, given) ?? (file?.toLowerCase().endsWith('.csv') ? 'csv' : 'jsonl');
}

function oneOf<T>(name: string, meanings: Readonly<Record<string, T>>, given: string | undefined): T | undefined {
  if (given === undefined) return undefined;
  if (Object.hasOwn(meanings, given)) return meanings[given];
  throw wrong(`--${name} must be ${Object.keys(meanings).join(' or ')}.`);
}

function wrong(what: string): UsageError {
  return new UsageError(`${what}\n${registryUsage}`);
}
