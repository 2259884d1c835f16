import { lookup } from 'node:dns/promises';
import { isIP, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import type { SecureContext } from 'node:tls';
import { aborting, type Resolve } from './name-lookups.js';
import type { NetworkPolicy } from './network-policy.js';
import { isOwnEndpoint, type OwnEndpoint } from './own-endpoints.js';
import { maxBytesOf, type ServerSession, type SessionEnd } from './server-session.js';
import { openSocket, watchBytes } from './server-socket.js';
import { cleaned } from './server-words.js';
import { type ServerTest, TestFailure, type TestStep, type TestStepName } from './test-outcome.js';
import type { TestTarget } from './test-target.js';
import { beginTls } from './tls-handshake.js';

/** What holds for every test. */
export interface TestRules {
  readonly policy: NetworkPolicy;
  /** What is the gateway's own, and never tested. */
  readonly ownEndpoints: () => readonly OwnEndpoint[];
  readonly resolve: Resolve;
  readonly secureContext: () => SecureContext;
}

/** A server whose name was looked up, and which may be connected to or not. */
export interface CheckedServer {
  readonly target: TestTarget;
  readonly steps: readonly TestStep[];
  /** The addresses that may be connected to: all that the name has, or the first {@link maxAddresses} of them. */
  readonly addresses: readonly string[];
  /** Why it may not be connected to. */
  readonly refusal: TestFailure | undefined;
}

/** How one server is tested. */
export interface ServerTestOptions {
  readonly listsDatabases: boolean;
  readonly showsWhyUnreached: boolean;
  readonly mayTryAnother: () => boolean;
  readonly time: number;
}

/** How a test of one server ended. */
export interface EndedTest {
  readonly server: ServerTest;
  readonly databases: readonly unknown[] | undefined;
}

/** Addresses of one name that are tried at most. */
export const maxAddresses = 8;

// What TLS takes for itself, certificates included, in bytes.
const maxHandshake = 256 * 1024;
// Of a server that is not reached nobody is to learn by the time why.
const maxReach = 3000;

/** By the system's own resolver, as drivers do it. */
export const systemResolve: Resolve = async (host) =>
  (await lookup(host, { all: true, order: 'verbatim' })).map(({ address }) => address);

/** Looks up a server's name, once, and checks every address that it has. */
export async function checkServer(target: TestTarget, rules: TestRules, signal: AbortSignal): Promise<CheckedServer> {
  const started = performance.now();
  const steps: TestStep[] = [];
  try {
    const found = await aborting(signal, rules.resolve(target.host)).catch((error: unknown) => {
      if (signal.aborted) throw signal.reason;
      throw error instanceof TestFailure ? error : unresolved();
    });
    const addresses = [...new Set(found)];
    if (addresses.length === 0 || !addresses.every((address) => isIP(address) !== 0)) throw unresolved();
    steps.push({ name: 'RESOLVED', milliseconds: performance.now() - started });
    for (const address of addresses) {
      if (!rules.policy.allows(address)) {
        throw new TestFailure(
          'NOT_ALLOWED',
          `The address ${address} is in none of the networks that CONNECTION_TEST_NETWORKS lists.`,
        );
      }
    }
    if (await aborting(signal, isOwnEndpoint(addresses, target.port, rules.ownEndpoints(), rules.resolve))) {
      throw new TestFailure('NOT_ALLOWED', "This is the gateway's own database or its own listening address.");
    }
    return { target, steps, addresses: addresses.slice(0, maxAddresses), refusal: undefined };
  } catch (error) {
    if (!(error instanceof TestFailure)) throw error;
    return { target, steps, addresses: [], refusal: error };
  }
}

/**
 * Tests a server: connects to the addresses that were checked, in their order, until one is reached, and speaks to that.
 *
 * @param showsWhyUnreached whether the caller may know why a server is not reached; for others it takes as long as it may
 * @param mayTryAnother asked before each address behind the first, which counts as one more server for its caller
 * @param time for this server, in milliseconds
 * @param signal ends the test, and closes what it has opened
 */
export async function testServer(
  checked: CheckedServer,
  rules: TestRules,
  { listsDatabases, showsWhyUnreached, mayTryAnother, time }: ServerTestOptions,
  signal: AbortSignal,
): Promise<EndedTest> {
  const { target } = checked;
  const steps = [...checked.steps];
  const said: { product: string | null; version: string | null } = { product: null, version: null };
  let since = performance.now();
  const took = (name: TestStepName) => {
    const now = performance.now();
    steps.push({ name, milliseconds: now - since });
    since = now;
  };
  const end = new AbortController();
  const timer = setTimeout(() => end.abort(timedOut()), time);
  const forward = () => end.abort(signal.reason);
  signal.addEventListener('abort', forward, { once: true });
  if (signal.aborted) forward();
  const ended = (outcome: ServerTest['outcome'], message: string, databases?: readonly unknown[]): EndedTest => ({
    server: { host: target.host, port: target.port, outcome, message, steps, ...said },
    databases,
  });
  let socket: Socket | undefined;
  let stopWatching: () => void = () => undefined;
  try {
    const reachable = { time: Math.min(maxReach, time / 2), showsWhy: showsWhyUnreached, mayTryAnother };
    socket = await reach(checked, reachable, end.signal);
    took('REACHED');
    const session: ServerSession = {
      socket,
      target,
      secureContext: rules.secureContext,
      listsDatabases,
      took,
      says: (product, version) => {
        said.product = cleaned(product);
        said.version = cleaned(version);
      },
    };
    stopWatching = watchBytes(socket, maxBytesOf(session) + maxHandshake, (failure) => end.abort(failure));
    const { isLoggedIn, isEncrypted, databases } = await aborting(end.signal, converse(session));
    return ended(isLoggedIn ? 'CONNECTED' : 'REACHED', messageOf(target, isLoggedIn, isEncrypted), databases);
  } catch (error) {
    if (end.signal.aborted && end.signal.reason instanceof TestFailure) {
      return ended(end.signal.reason.outcome, end.signal.reason.message);
    }
    if (error instanceof TestFailure) return ended(error.outcome, error.message);
    throw error;
  } finally {
    clearTimeout(timer);
    stopWatching();
    signal.removeEventListener('abort', forward);
    socket?.destroy();
  }
}

const unreached =
  'The server was not reached: nothing answers there, or it may not be tested. Ask a caller with admin.';

async function reach(
  { addresses, refusal, target }: CheckedServer,
  { time, showsWhy, mayTryAnother }: { time: number; showsWhy: boolean; mayTryAnother: () => boolean },
  signal: AbortSignal,
): Promise<Socket> {
  const until = performance.now() + time;
  let failure = refusal;
  for (const [place, address] of addresses.entries()) {
    if (place > 0 && !mayTryAnother()) break;
    const share = (until - performance.now()) / (addresses.length - place);
    const waiting = new AbortController();
    const timer = setTimeout(() => waiting.abort(noAnswer()), share);
    const forward = () => waiting.abort(signal.reason);
    signal.addEventListener('abort', forward, { once: true });
    if (signal.aborted) forward();
    try {
      const socket = await openSocket(address, target.port, waiting.signal);
      // From here on it is ended with the test.
      signal.addEventListener('abort', () => socket.destroy(signal.reason as Error), { once: true });
      return socket;
    } catch (error) {
      if (signal.aborted) throw error;
      failure = error instanceof TestFailure && error.outcome !== 'PROTOCOL_ERROR' ? error : closed();
    } finally {
      clearTimeout(timer);
      signal.removeEventListener('abort', forward);
    }
  }
  if (failure?.outcome === 'UNRESOLVED' || failure?.outcome === 'TIMED_OUT' || showsWhy) throw failure ?? closed();
  await sleep(Math.max(0, until - performance.now()), undefined, { signal });
  throw new TestFailure('UNREACHABLE', unreached);
}

async function converse(session: ServerSession): Promise<SessionEnd> {
  // Drivers are loaded by the first test that needs them.
  switch (session.target.login) {
    case 'mysql':
      return (await import('./mysql-session.js')).mysqlSession(session);
    case 'postgresql':
      return (await import('./postgresql-session.js')).postgresqlSession(session);
    case 'none': {
      const isEncrypted = session.target.tls.use === 'at once';
      if (isEncrypted) {
        await beginTls(session.socket, session.target, session.secureContext());
        session.took('TLS');
      }
      return { isLoggedIn: false, isEncrypted };
    }
  }
}

function messageOf(target: TestTarget, isLoggedIn: boolean, isEncrypted: boolean): string {
  const verified = { nothing: 'not verified', authority: 'verified but for its name', identity: 'verified' };
  const tls = isEncrypted
    ? `The connection is encrypted, and the server's certificate was ${verified[target.tls.verify]}.`
    : target.login === 'none' && target.tls.use !== 'never'
      ? 'TLS was not tested.'
      : 'The connection is not encrypted.';
  if (isLoggedIn) return `The user was let in. ${tls}`;
  if (target.login === 'none') {
    return `The server was reached. ${isEncrypted ? tls : 'TLS was not tested.'} The user and the database were not tested: there is no driver for this database here.`;
  }
  return `The server was reached. ${tls} The user and the database were not tested: there is no user name with a password, and what a secret's name stands for is not known here.`;
}

function unresolved(): TestFailure {
  return new TestFailure('UNRESOLVED', 'The name of the server has no address.');
}

function timedOut(): TestFailure {
  return new TestFailure('TIMED_OUT', 'The server was reached, and did not answer in time.');
}

function noAnswer(): TestFailure {
  return new TestFailure('UNREACHABLE', 'Nothing answers at the address: it may be filtered on the way.');
}

function closed(): TestFailure {
  return new TestFailure('UNREACHABLE', 'Nothing listens at the address and port.');
}
