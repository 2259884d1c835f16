/** What of a request's headers a browser sets and a page cannot. */
export interface BrowserHeaders {
  readonly origin?: string | undefined;
  readonly 'sec-fetch-site'?: string | string[] | undefined;
  readonly host?: string | undefined;
}

/**
 * Whether a request comes from a page of another site that was not let in. Browsers say so in `Sec-Fetch-Site` or
 * `Origin`; anything else sends neither.
 *
 * @param allowedOrigins exact origins, besides the gateway's own, that are let in
 */
export function isCrossSite(headers: BrowserHeaders, allowedOrigins: ReadonlySet<string>): boolean {
  const { origin, host } = headers;
  if (origin !== undefined && allowedOrigins.has(origin)) return false;
  const site = headers['sec-fetch-site'];
  if (site === 'cross-site' || site === 'same-site') return true;
  // Behind a proxy that ends TLS the gateway does not know its own scheme, so either is its own.
  return origin !== undefined && origin !== `http://${host}` && origin !== `https://${host}`;
}

/**
 * Whether a `Host` header names this machine itself. A page of another site can make its own name resolve to a loopback
 * address (DNS rebinding), but cannot make the browser send another `Host` than that name.
 */
export function isLoopbackHost(host: string | undefined): boolean {
  const name = host?.replace(/:\d*$/, '').toLowerCase() ?? '';
  return name === '[::1]' || /^127(\.\d{1,3}){3}$/.test(name) || name === 'localhost' || name.endsWith('.localhost');
}

/** Whether an address to listen on is reached from this machine only. */
export function isLoopbackAddress(address: string): boolean {
  return address === '::1' || isLoopbackHost(address);
}
