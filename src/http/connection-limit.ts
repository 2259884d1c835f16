import type { RequestListener, Server } from 'node:http';
import { BlockList, isIP, type Socket } from 'node:net';
import { clientNetwork } from '../security/client-network.js';
import { normalAddress } from './client-address.js';
import { lingeringClose } from './http-server.js';
import type { LoadLimits } from './load-limit.js';
import { headersOfEveryAnswer, requestIdOf } from './request-log.js';

/** How many connections are taken. */
export interface ConnectionLimits extends Pick<LoadLimits, 'exempt' | 'refusalOf'> {
  /** Connections of one client at most: of an IPv4 address, or of an IPv6 network of 64 bits. */
  readonly perClient: number;
  /** The proxies whose own connections are not counted for them, since they carry those of many clients. */
  readonly trustProxy: number | readonly string[] | false;
  /** Told of each connection beyond a bound, with the address that it came from. */
  readonly onGuest: (address: string | undefined) => void;
}

// More than others hold, so that one that waits for its turn is answered, and few enough for what each takes in memory.
const maxConnections = 5_000;
const maxGuests = 256;

/**
 * Bounds the connections that are open, in all and of each client. One that is beyond a bound is a guest: it may ask how the
 * gateway is, so that who watches it is answered from whatever address; anything else is refused. Of more than 256 guests the
 * oldest is closed.
 */
export class ConnectionLimit {
  readonly #limits: ConnectionLimits;
  readonly #isTrusted: (address: string) => boolean;
  readonly #ofClients = new Map<string, number>();
  readonly #guests = new Set<Socket>();
  #connections = 0;

  constructor(limits: ConnectionLimits) {
    this.#limits = limits;
    this.#isTrusted = trusted(limits.trustProxy);
  }

  /** Counts the connections of a server. */
  register(server: Server): void {
    // Not by the server's own bound: workers pass a connection that is beyond it on to each other without end.
    server.on('connection', (socket) => this.#take(socket));
  }

  /** Keeps the requests of guests from a handler, save those that are always served. */
  before(handle: RequestListener): RequestListener {
    return (request, response) => {
      const { socket, url = '' } = request;
      if (!this.#guests.has(socket)) return handle(request, response);
      response.shouldKeepAlive = false;
      if (this.#limits.exempt.has(url)) return handle(request, response);
      const body = this.#limits.refusalOf(url);
      lingeringClose(socket);
      response.writeHead(503, {
        ...headersOfEveryAnswer(requestIdOf(request.headers['x-request-id'])),
        'content-type': 'application/json; charset=utf-8',
        'content-length': Buffer.byteLength(body),
        'retry-after': '1',
      });
      return response.end(body);
    };
  }

  #take(socket: Socket): void {
    const address = normalAddress(socket.remoteAddress);
    const client = address === undefined || this.#isTrusted(address) ? undefined : clientNetwork(address);
    const ofClient = client === undefined ? 0 : (this.#ofClients.get(client) ?? 0);
    if (this.#connections >= maxConnections || ofClient >= this.#limits.perClient) {
      this.#limits.onGuest(address);
      this.#takeGuest(socket);
      return;
    }
    this.#connections += 1;
    if (client !== undefined) this.#ofClients.set(client, ofClient + 1);
    socket.once('close', () => {
      this.#connections -= 1;
      if (client !== undefined) this.#leave(client);
    });
  }

  #leave(client: string): void {
    const left = (this.#ofClients.get(client) ?? 1) - 1;
    if (left === 0) this.#ofClients.delete(client);
    else this.#ofClients.set(client, left);
  }

  #takeGuest(socket: Socket): void {
    this.#guests.add(socket);
    socket.once('close', () => this.#guests.delete(socket));
    const [oldest] = this.#guests;
    if (this.#guests.size > maxGuests) oldest?.destroy();
  }
}

/** Whether an address is that of a proxy; where it is only said how many there are, whoever connects is one. */
function trusted(proxies: ConnectionLimits['trustProxy']): (address: string) => boolean {
  if (typeof proxies !== 'object') return () => proxies !== false && proxies > 0;
  const list = new BlockList();
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/', 2);
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4';
    if (prefix === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(prefix), family);
  }
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4');
}
