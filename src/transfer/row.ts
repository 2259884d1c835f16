import { AddAccountInput } from '../accounts/account.input.js';
import type { AccountIdentity } from '../accounts/account.statements.js';
import { AddDatasourceInput } from '../datasources/datasource.input.js';
import type { DatasourceIdentity } from '../datasources/datasource.statements.js';
import { DomainError, type ErrorName } from '../errors.js';
import { readInput } from '../input/legacy-body.js';
import { parametersOf } from '../input/parameter.js';

/** The kinds of object that a file carries. */
export type RowKind = 'account' | 'datasource';

/** A row as it stands in a file, whatever its format. */
export interface FileRow {
  /** The line on which it begins, from 1. */
  readonly line: number;
  /** About how many bytes it has. */
  readonly size: number;
  readonly content: RowContent | Refusal;
}

/** What a row says: values by the REST names of the parameters. */
export interface RowContent {
  /** The kind as it is written. */
  readonly kind: unknown;
  readonly values: Readonly<Record<string, unknown>>;
}

/** Why a row is not taken. The reason repeats no value of the row. */
export class Refusal {
  /**
   * @param code the error's name, as in GraphQL
   * @param reason what is wrong, for the person who made the file
   */
  constructor(
    readonly code: ErrorName,
    readonly reason: string,
  ) {}
}

/** An account that a row declares. */
export interface AccountRow {
  readonly kind: 'account';
  readonly input: AddAccountInput;
}

/** A datasource that a row declares, whole. */
export interface DatasourceRow {
  readonly kind: 'datasource';
  readonly input: AddDatasourceInput;
}

/** The parameters that hold credentials; no file has them in clear unless somebody wrote it by hand. */
export const credentialNames = ['password', 'secret'] as const;

/** The names of a kind's values in their order: the REST names of the parameters, without credentials. */
export const columnsOf: Readonly<Record<RowKind, readonly string[]>> = {
  account: columns(AddAccountInput),
  datasource: columns(AddDatasourceInput),
};

/** The values of a stored object by their names in a file; those that are absent are left out. */
export function valuesOf(kind: RowKind, stored: object): Record<string, string | number | boolean> {
  const values: Record<string, string | number | boolean> = {};
  for (const { property, restName } of parameters[kind]) {
    const value = (stored as Record<string, unknown>)[property];
    if (value === null || value === undefined) continue;
    values[restName] = value instanceof Date ? value.toISOString() : (value as string | number | boolean);
  }
  return values;
}

/**
 * Reads what a row declares, by the rules of the operations that add it.
 *
 * @throws DomainError BAD_USER_INPUT
 */
export function declaredBy({ kind, values }: RowContent): AccountRow | DatasourceRow {
  switch (kind) {
    case 'account':
      return { kind, input: readInput(AddAccountInput, values, 'refuse') };
    case 'datasource':
      return { kind, input: readInput(AddDatasourceInput, values, 'refuse') };
    default:
      throw new DomainError('BAD_USER_INPUT', 'kind must be account or datasource.');
  }
}

/** The refusal that an error of the domain means. Its message may repeat names out of the file. */
export function refusalOf(error: DomainError): Refusal {
  return new Refusal(error.errorName, printable(error.message));
}

/** The parts of a row's key in the order in which they are shown. */
export function keyOf({ kind, input }: AccountRow | DatasourceRow): readonly (string | number)[] {
  return kind === 'account' ? accountKey(input) : datasourceKey(input);
}

/** The parts of an account's key. */
export function accountKey({ accountProvider, accountId, region }: AccountIdentity) {
  return [accountProvider, accountId, region] as const;
}

/** The parts of a datasource's key: its account's, and its own name. */
export function datasourceKey({ accountProviderId, accountId, region, instanceId }: DatasourceIdentity) {
  return [accountProviderId, accountId, region, instanceId] as const;
}

/**
 * What a person who looks at a text does not see, though it may change what is seen: control characters but tabs and line
 * breaks, those that turn the direction of writing, separators of lines and paragraphs, and the mark of the byte order.
 */
export const unseenCharacters = /(?![\t\n\r])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\ufeff]/gu;

/** Text out of a file as it may stand on a terminal: characters that are not seen are written out. */
export function printable(text: string): string {
  return text.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** A name out of a file, for a message: what it is meant to be is known only once it is. */
export function shortName(name: string): string {
  return printable(name.length > 64 ? `${name.slice(0, 64)}…` : name);
}

const parameters = {
  account: parametersOf(AddAccountInput),
  datasource: parametersOf(AddDatasourceInput).filter(({ property }) => !isCredential(property)),
};

function columns(inputClass: new () => object): string[] {
  return parametersOf(inputClass)
    .map(({ restName }) => restName)
    .filter((name) => !isCredential(name));
}

function isCredential(name: string): boolean {
  return credentialNames.some((credential) => credential === name);
}
