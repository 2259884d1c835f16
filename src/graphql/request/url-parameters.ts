import { TransportError } from './transport-error.js';

const names = ['query', 'operationName', 'variables', 'extensions'] as const;

/** The parameters of an operation that stand in a URL, as texts. */
export type UrlParameters = Readonly<Partial<Record<(typeof names)[number], string>>>;

/** Whether a URL names a `query`, well-formed or not. */
export function hasQuery(url: string): boolean {
  return new URLSearchParams(searchOf(url)).has('query');
}

/**
 * Reads the parameters of an operation from the URL of a request. What is checked and what is executed are these: where
 * another parser could find others in the same URL, it is refused.
 *
 * @param url the request's target, as it came
 * @throws TransportError where a parameter is given twice or in parts, where an escape is broken or is not UTF-8, or where the
 *   URL has characters that must be escaped
 */
export function readUrlParameters(url: string): UrlParameters {
  const search = searchOf(url);
  if (/[^!"$-~]/.test(url)) throw malformed('Characters that a URL may not have must be escaped.');
  if (!isDecodable(search)) throw malformed('Every % must begin an escape, and the escapes must be UTF-8.');
  const found: Partial<Record<string, string>> = {};
  for (const [name, value] of new URLSearchParams(search)) {
    const known = names.find((one) => name === one || name.startsWith(`${one}[`));
    if (known === undefined) continue;
    if (name !== known || found[known] !== undefined) throw malformed(`The parameter ${known} must be given once.`);
    found[known] = value;
  }
  return found;
}

/** With the `?`; empty where there is none. */
function searchOf(url: string): string {
  const start = url.indexOf('?');
  return start === -1 ? '' : url.slice(start);
}

function isDecodable(text: string): boolean {
  try {
    decodeURIComponent(text);
    return true;
  } catch {
    return false;
  }
}

function malformed(what: string): TransportError {
  return new TransportError(400, 'BAD_REQUEST', `The URL is not well-formed. ${what}`);
}
