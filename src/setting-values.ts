import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { isNetwork } from './connection-test/network-policy.js';
import { type DatabaseLocation, databaseUrlRequirement, parseDatabaseUrl } from './database/database-url.js';
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

/** What the values of a setting are, and how they are read. */
export interface SettingKind<T> {
  /** What a value must be, as the end of a sentence. */
  readonly requirement: string;
  /** The same for the documents, where the description of a setting does not say it in its own words. */
  readonly documented?: string;
  /** Reads a value; undefined where it is not one. */
  read(value: string): T | undefined;
}

/** The content of a file; undefined where it cannot be read. */
export function readText(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
}

/** The name or address of a host. */
export const hostName: SettingKind<string> = {
  requirement: 'a host name or an IP address',
  read: (value) => (/^[^\s/]+$/.test(value) ? value : undefined),
};

/** A whole number within limits, both included. */
export function wholeNumber(from: number, to: number): SettingKind<number> {
  const requirement = `a whole number from ${from} to ${to}`;
  return {
    requirement,
    documented: requirement,
    read(value) {
      const number = /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
      return number >= from && number <= to ? number : undefined;
    },
  };
}

const minPassphraseLength = 12;

/** A passphrase, which must not be guessed soon. */
export const passphrase: SettingKind<string> = {
  requirement: `a passphrase of at least ${minPassphraseLength} characters`,
  documented: `at least ${minPassphraseLength} characters`,
  read: (value) => ([...value].length >= minPassphraseLength ? value : undefined),
};

/** One of several words. */
export function oneOf<const T extends string>(values: readonly T[]): SettingKind<T> {
  return {
    requirement: `one of ${values.join(', ')}`,
    documented: `one of ${values.map((value) => `\`${value}\``).join(', ')}`,
    read: (value) => values.find((known) => known === value),
  };
}

/** Where the register is kept. */
export const databaseUrl: SettingKind<DatabaseLocation> = {
  requirement: databaseUrlRequirement,
  read: parseDatabaseUrl,
};

/** The content of the PEM file at a path. */
export const pemFile: SettingKind<string> = {
  requirement: 'the path of a readable PEM file',
  read(path) {
    const content = readText(path);
    return content?.includes('-----BEGIN CERTIFICATE-----') ? content : undefined;
  },
};

/** The content of the JSON file at a path. */
export const jsonFile: SettingKind<object> = {
  requirement: 'the path of a readable JSON file that has an object in it',
  read(path) {
    try {
      const content: unknown = JSON.parse(readFileSync(path, 'utf8'));
      return typeof content === 'object' && content !== null ? content : undefined;
    } catch {
      return undefined;
    }
  },
};

/** One sealing key. */
export const sealingKey: SettingKind<SealingKey[]> = {
  requirement: '32 bytes in base64 (44 characters); make one with `openssl rand -base64 32`',
  read(value) {
    const key = parseSealingKey(value);
    return key === undefined ? undefined : [key];
  },
};

/** Several sealing keys. */
export const sealingKeys: SettingKind<SealingKey[]> = {
  requirement: 'different keys of 32 bytes in base64 (44 characters) each, separated by commas',
  read(value) {
    const keys = value.split(',').map((part) => parseSealingKey(part.trim()));
    const ids = new Set(keys.map((key) => key?.id));
    return keys.includes(undefined) || ids.size < keys.length ? undefined : (keys as SealingKey[]);
  },
};

/** True or false. */
export const trueOrFalse: SettingKind<boolean> = {
  requirement: 'one of true, false',
  documented: '`true` or `false`',
  read: (value) => (value === 'true' || value === 'false' ? value === 'true' : undefined),
};

/** A text of any form. */
export const anyText: SettingKind<string> = { requirement: 'a text', read: (value) => value };

/** A list of anything, each entry with something in it. */
export const list: SettingKind<string[]> = {
  requirement: 'a list separated by commas, with no empty entry',
  read(value) {
    const parts = value.split(',').map((part) => part.trim());
    return parts.includes('') ? undefined : parts;
  },
};

/** A list of known words. */
export function listOf<const T extends string>(values: readonly T[]): SettingKind<T[]> {
  return {
    requirement: `a list of ${values.join(', ')}`,
    documented: `a list, separated by commas, of ${values.map((value) => `\`${value}\``).join(', ')}`,
    read(value) {
      const found = list.read(value)?.map((part) => values.find((known) => known === part));
      return found === undefined || found.includes(undefined) ? undefined : (found as T[]);
    },
  };
}

/** Who is let in. */
export const authenticationWays: SettingKind<(typeof ways)[number][]> = {
  requirement: 'keys, oidc, keys,oidc or none',
  read(value) {
    const accepted = listOf(ways).read(value);
    if (accepted === undefined || new Set(accepted).size < accepted.length) return undefined;
    return accepted.includes('none') && accepted.length > 1 ? undefined : accepted;
  },
};

/** The URL of an issuer. */
export const issuerUrl: SettingKind<string> = {
  requirement: 'an https URL without a query (http only on a loopback address)',
  read(value) {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isSafe = url?.protocol === 'https:' || (url?.protocol === 'http:' && isLoopbackAddress(url.hostname));
    return isSafe && url.search === '' && url.hash === '' && url.username === '' ? value : undefined;
  },
};

/** The URL of a collector of traces. */
export const collectorUrl: SettingKind<string> = {
  requirement: 'an http or https URL without a user, a password or a query, such as http://127.0.0.1:4318',
  read(value) {
    const url = URL.canParse(value) ? new URL(value) : undefined;
    const isHttp = url?.protocol === 'https:' || url?.protocol === 'http:';
    const isBare = url?.search === '' && url.hash === '' && url.username === '' && url.password === '';
    return isHttp && isBare ? value : undefined;
  },
};

/** How many proxies are trusted, or which. */
export const proxies: SettingKind<number | string[]> = {
  requirement: 'a number of proxies, or addresses and networks such as 10.0.0.0/8, separated by commas',
  read(value) {
    if (/^\d{1,2}$/.test(value)) return Number(value);
    const addresses = list.read(value);
    return addresses?.every(isAddressOrNetwork) ? addresses : undefined;
  },
};

function isAddressOrNetwork(text: string): boolean {
  const [, address = '', prefix = '1'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const maxPrefix = { 0: 0, 4: 32, 6: 128 }[isIP(address)] ?? 0;
  return Number(prefix) >= 1 && Number(prefix) <= maxPrefix;
}

/** A list of networks in CIDR notation. */
export const networks: SettingKind<string[]> = {
  requirement: 'networks in CIDR notation, such as 10.0.0.0/8 or fd00::/8, separated by commas',
  read(value) {
    const found = list.read(value);
    return found?.every(isNetwork) ? found : undefined;
  },
};

/** A list of exact origins. */
export const origins: SettingKind<string[]> = {
  requirement: 'origins such as https://portal.example.com, in lower case, separated by commas',
  read(value) {
    const parts = value.split(',').map((part) => part.trim());
    return parts.every(isExactOrigin) ? parts : undefined;
  },
};

function isExactOrigin(text: string): boolean {
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  // The URL standard takes a star for a letter; here it would only be mistaken for a pattern.
  return parsed !== undefined && /^https?:$/.test(parsed.protocol) && parsed.origin === text && !text.includes('*');
}
