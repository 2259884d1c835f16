import { parseArgs } from 'node:util';
import type { ApiKey } from '../security/api-key.entity.js';
import type { ApiKeys } from '../security/api-keys.js';
import { parsePermissions, permissions } from '../security/caller.js';
import { CommandError, type Print, UsageError } from './command.js';

/** How the command is called. */
export const keysUsage = [
  `keys create --name NAME --permissions ${permissions.join(',')} [--expires 90d|12h|YYYY-MM-DD]`,
  'keys list',
  'keys revoke PREFIX',
].join('\n');

const millisecondsOf = { h: 3_600_000, d: 86_400_000 } as const;
const maxNameLength = 255;

/**
 * Makes, lists and revokes API keys.
 *
 * @throws UsageError where it was called in another way than {@link keysUsage} says; CommandError where there is no such key
 */
export async function runKeysCommand(keys: ApiKeys, words: readonly string[], print: Print): Promise<void> {
  const [action, ...rest] = words;
  switch (action) {
    case 'create':
      return create(keys, rest, print);
    case 'list':
      if (rest.length > 0) throw new UsageError(keysUsage);
      return list(keys, print);
    case 'revoke':
      return revoke(keys, rest, print);
    default:
      throw new UsageError(keysUsage);
  }
}

async function create(keys: ApiKeys, words: string[], print: Print): Promise<void> {
  const { values, positionals } = parseWords(words);
  if (positionals.length > 0) throw new UsageError(keysUsage);
  const name = values.name?.trim();
  if (!name || name.length > maxNameLength || !name.isWellFormed()) {
    throw new UsageError(`--name must be the purpose of the key, in 1 to ${maxNameLength} characters.\n${keysUsage}`);
  }
  const permitted = parsePermissions((values.permissions ?? '').split(',').map((word) => word.trim()));
  if (permitted === undefined) {
    throw new UsageError(`--permissions must be some of ${permissions.join(', ')}, separated by commas.\n${keysUsage}`);
  }
  const { key, kept } = await keys.create(name, permitted, expiry(values.expires));
  const end = kept.expiresAt === null ? 'does not expire' : `expires at ${kept.expiresAt.toISOString()}`;
  print(key);
  print(`Keep it now: it is not shown again. It permits ${kept.permissions}, ${end}, and is known by ${kept.prefix}.`);
}

async function list(keys: ApiKeys, print: Print): Promise<void> {
  const rows = (await keys.list()).map((key) => [
    key.prefix,
    key.name,
    key.permissions,
    stateOf(key),
    key.createdAt.toISOString(),
    key.expiresAt?.toISOString() ?? 'never',
    key.lastUsedAt?.toISOString() ?? 'never',
  ]);
  const table = [['PREFIX', 'NAME', 'PERMISSIONS', 'STATE', 'MADE', 'EXPIRES', 'LAST USED'], ...rows];
  const widthOf = (column: number) => Math.max(...table.map((row) => row[column]?.length ?? 0));
  for (const row of table) {
    print(
      row
        .map((cell, column) => cell.padEnd(widthOf(column)))
        .join('  ')
        .trimEnd(),
    );
  }
}

async function revoke(keys: ApiKeys, words: string[], print: Print): Promise<void> {
  const { values, positionals } = parseWords(words);
  const [prefix] = positionals;
  if (prefix === undefined || positionals.length !== 1 || Object.keys(values).length > 0) {
    throw new UsageError(keysUsage);
  }
  if (!(await keys.revoke(prefix))) throw new CommandError('There is no such key, or it is already revoked.');
  print(`Revoked ${prefix}: every gateway stops accepting it within ten seconds.`);
}

function parseWords(words: string[]) {
  try {
    return parseArgs({
      args: words,
      allowPositionals: true,
      options: { name: { type: 'string' }, permissions: { type: 'string' }, expires: { type: 'string' } },
    });
  } catch {
    throw new UsageError(keysUsage);
  }
}

function expiry(text: string | undefined): Date | null {
  if (text === undefined) return null;
  const duration = /^(\d{1,5})([hd])$/.exec(text);
  const expiresAt =
    duration === null
      ? new Date(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : Number.NaN)
      : new Date(Date.now() + Number(duration[1]) * millisecondsOf[duration[2] as keyof typeof millisecondsOf]);
  // A day that is not in the calendar would be taken for one of the next month.
  const isDay = duration !== null || (expiresAt.getTime() > 0 && expiresAt.toISOString().startsWith(text));
  if (!isDay || !(expiresAt.getTime() > Date.now())) {
    throw new UsageError(`--expires must be in the future: 90d, 12h, or a date such as 2030-01-31.\n${keysUsage}`);
  }
  return expiresAt;
}

function stateOf(key: ApiKey): string {
  if (key.revokedAt !== null) return 'revoked';
  return key.expiresAt !== null && key.expiresAt.getTime() <= Date.now() ? 'expired' : 'valid';
}
