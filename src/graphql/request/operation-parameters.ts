import type { FastifyRequest } from 'fastify';
import { TransportError } from './transport-error.js';
import { readUrlParameters } from './url-parameters.js';

/** What a request says of the operation that it asks for. Of which types it is, is looked at where it is used. */
export interface OperationParameters {
  readonly query?: unknown;
  readonly operationName?: unknown;
  readonly variables?: unknown;
  readonly extensions?: unknown;
}

/**
 * Reads what a request asks for: once, whatever looks at it and executes it. A POST has it in its body, everything else in its
 * URL.
 *
 * @throws TransportError where it is in both, or where the URL is not well-formed
 */
export function readOperationParameters({ method, url, body, headers }: FastifyRequest): OperationParameters {
  const inUrl = readUrlParameters(url);
  if (method === 'POST') {
    const [name] = Object.keys(inUrl);
    if (name !== undefined) throw malformed(`A POST has its parameters in its body: take ${name} out of the URL.`);
    return (body ?? {}) as OperationParameters;
  }
  if (headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) !== 0) {
    throw malformed(`A ${method} has its parameters in its URL, and no body.`);
  }
  return {
    ...inUrl,
    ...(inUrl.variables === undefined ? {} : { variables: parsed('variables', inUrl.variables) }),
    ...(inUrl.extensions === undefined ? {} : { extensions: parsed('extensions', inUrl.extensions) }),
  };
}

function parsed(name: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(`The parameter ${name} must be JSON.`);
  }
}

function malformed(message: string): TransportError {
  return new TransportError(400, 'BAD_REQUEST', message);
}
