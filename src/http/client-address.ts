import { isIP, isIPv4 } from 'node:net';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import ipaddr from 'ipaddr.js';

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The network address of the client, or of the proxy nearest to it that is known by one; an IPv4 address is written as
     * one, on an IPv6 socket too. Null where the connection is gone already.
     */
    clientAddress: string | null;
  }
}

const addressAndPort = /^(?:\[([0-9a-fA-F:.]+)\]|(\d{1,3}(?:\.\d{1,3}){3}))(?::\d{1,5})?$/;

/** Finds the address of every request's client. */
export function registerClientAddress(http: FastifyInstance): void {
  http.decorateRequest('clientAddress', null);
  http.addHook('onRequest', (request, _, done) => {
    request.clientAddress = clientAddress(request);
    done();
  });
}

/**
 * An address in the form in which it is compared and logged.
 *
 * @param text an address, as some proxies send it with a port
 * @returns undefined where the text is no address
 */
export function normalAddress(text: string | undefined): string | undefined {
  if (text === undefined || isIPv4(text)) return text;
  const [, v6, v4] = addressAndPort.exec(text) ?? [];
  const [address = ''] = (v6 ?? v4 ?? text).split('%', 1);
  return isIP(address) === 0 ? undefined : ipaddr.process(address).toString();
}

/** A proxy that does not know its client sends a word for its address: then the client is who sent that word. */
function clientAddress(request: FastifyRequest): string | null {
  const chain = request.ips ?? [request.ip];
  for (let hop = chain.length - 1; hop >= 0; hop -= 1) {
    const address = normalAddress(chain[hop]);
    if (address !== undefined) return address;
  }
  return null;
}
