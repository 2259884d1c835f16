import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { type DatabaseLocation, parseDatabaseUrl } from './database/database-url.js';
import { isLoopbackAddress } from './security/browser-origin.js';
import { parseSealingKey, type SealingKey } from './security/sealing-key.js';

/** Every level of the log, from most to least. */
export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;

/** How much is logged, from most to least. */
export type LogLevel = (typeof logLevels)[number];

/** Every signature algorithm that tokens may be signed with. */
export const signatureAlgorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
] as const;

const ways = ['keys', 'oidc', 'none'] as const;

/** A value that a setting must not have. The message says what it must be, and not what it is. */
export class Requirement extends Error {}

function must(requirement: string): never {
  throw new Requirement(`must be ${requirement}.`);
}

/** The content of a file; undefined where it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** Reads the name or address of a host. */
export function hostName(value: string): string {
  return /^[^\s/]+$/.test(value) ? value : must('a host name or an IP address');
}

/** Reads a whole number within limits, both included. */
export function wholeNumber(from: number, to: number) {
  return (value: string): number => {
    const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
    return number >= from && number <= to ? number : must(`a whole number from ${from} to ${to}`);
  };
}

/** Reads a passphrase, which must not be guessed soon. */
export function passphrase(value: string): string {
  return [...value].length >= 12 ? value : must('a passphrase of at least 12 characters');
}

/** Reads one of several words. */
export function oneOf<const T extends string>(values: readonly T[]) {
  return (value: string): T => values.find((known) => known === value) ?? must(`one of ${values.join(', ')}`);
}

/** Reads where the register is kept. */
export function databaseLocation(certificateAuthority: string | undefined) {
  return (value: string): DatabaseLocation => {
    const parsed = parseDatabaseUrl(value, certificateAuthority);
    return 'problem' in parsed ? must(parsed.problem) : parsed;
  };
}

/** Reads the PEM file at a path. */
export function pemFile(path: string): string {
  const content = readText(path);
  return content?.includes('-----BEGIN CERTIFICATE-----') ? content : must('the path of a readable PEM file');
}

/** Reads one sealing key. */
export function sealingKey(value: string): SealingKey[] {
  const key = parseSealingKey(value);
  return key === undefined
    ? must('32 bytes in base64 (44 characters); make one with `openssl rand -base64 32`')
    : [key];
}

/** Reads several sealing keys. */
export function sealingKeys(value: string): SealingKey[] {
  const keys = value.split(',').map((part) => parseSealingKey(part.trim()));
  const ids = new Set(keys.map((key) => key?.id));
  return keys.includes(undefined) || ids.size < keys.length
    ? must('different keys of 32 bytes in base64 (44 characters) each, separated by commas')
    : (keys as SealingKey[]);
}

/** Reads true or false. */
export function trueOrFalse(value: string): boolean {
  return oneOf(['true', 'false'])(value) === 'true';
}

/** Reads a list of anything, each entry with something in it. */
export function list(value: string): string[] {
  const parts = value.split(',').map((part) => part.trim());
  return parts.includes('') ? must('a list separated by commas, with no empty entry') : parts;
}

/** Reads a list of known words. */
export function listOf<const T extends string>(values: readonly T[]) {
  return (value: string): T[] =>
    list(value).map((part) => values.find((known) => known === part) ?? must(`a list of ${values.join(', ')}`));
}

/** Reads who is let in. */
export function authenticationWays(value: string): (typeof ways)[number][] {
  const accepted = listOf(ways)(value);
  const isRight = new Set(accepted).size === accepted.length && (!accepted.includes('none') || accepted.length === 1);
  return isRight ? accepted : must('keys, oidc, keys,oidc or none');
}

/** Reads the URL of an issuer. */
export function issuerUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isRight = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackAddress(url.hostname));
  return isRight && url.search === '' && url.hash === '' && url.username === ''
    ? value
    : must('an https URL without a query (http only on a loopback address)');
}

/** Reads the URL of a collector of traces. */
export function collectorUrl(value: string): string {
  const url = URL.canParse(value) ? new URL(value) : undefined;
  const isRight = url?.protocol === 'https:' || url?.protocol === 'http:';
  return isRight && url?.search === '' && url.hash === '' && url.username === '' && url.password === ''
    ? value
    : must('an http or https URL without a user, a password or a query, such as http://127.0.0.1:4318');
}

/** Reads how many proxies are trusted, or which. */
export function proxies(value: string): number | string[] {
  if (/^\d{1,2}$/.test(value)) return Number(value);
  const addresses = list(value);
  return addresses.every(isAddressOrNetwork)
    ? addresses
    : must('a number of proxies, or addresses and networks such as 10.0.0.0/8, separated by commas');
}

function isAddressOrNetwork(text: string): boolean {
  const [, address = '', prefix = '1'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const longest = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  return Number(prefix) >= 1 && Number(prefix) <= longest;
}

/** Reads a list of exact origins. */
export function origins(value: string): string[] {
  return value.split(',').map((part) => {
    const origin = part.trim();
    const parsed = URL.canParse(origin) ? new URL(origin) : undefined;
    // The URL standard takes a star for a letter; here it would only be mistaken for a pattern.
    const exact =
      parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.origin === origin && !origin.includes('*');
    return exact ? origin : must('origins such as https://portal.example.com, in lower case, separated by commas');
  });
}
