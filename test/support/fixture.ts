import { afterAll, beforeAll } from '@jest/globals';
import type { DatabaseKind, TestDatabase } from './databases.js';
import { startGateway, type TestGateway } from './gateway.js';
import { type KeyedGateway, startKeyedGateway } from './keyed-gateway.js';

/**
 * A gateway on a database of its own for the tests of the `describe` that calls this: both are there from before the first of
 * them, and before what is registered behind, to after the last.
 *
 * @param settings besides those of the database
 */
export function useGateway(
  kind: DatabaseKind,
  settings: Record<string, string> = {},
): { readonly database: TestDatabase; readonly gateway: TestGateway } {
  const started: { database?: TestDatabase; gateway?: TestGateway } = {};
  beforeAll(async () => {
    started.database = await kind.create();
    started.gateway = await startGateway({ ...started.database.env, ...settings });
  });
  afterAll(async () => {
    await started.gateway?.close();
    await started.database?.drop();
  });
  return { database: later(() => started.database), gateway: later(() => started.gateway) };
}

/** As {@link useGateway}, of a gateway that lets in callers with keys. */
export function useKeyedGateway(kind: DatabaseKind, settings: Record<string, string> = {}): KeyedGateway {
  const started: { keyed?: KeyedGateway } = {};
  beforeAll(async () => {
    started.keyed = await startKeyedGateway(kind, settings);
  });
  afterAll(() => started.keyed?.close());
  return later(() => started.keyed);
}

/** What will be there when a test asks it. */
function later<T extends object>(get: () => T | undefined): T {
  const there = (): T => {
    const found = get();
    if (found === undefined) throw new Error('It is not started yet: ask it in a test, or in a hook.');
    return found;
  };
  return new Proxy({} as T, {
    get: (_, name) => Reflect.get(there(), name),
    ownKeys: () => Reflect.ownKeys(there()),
    getOwnPropertyDescriptor: (_, name) => ({
      configurable: true,
      enumerable: true,
      value: Reflect.get(there(), name),
    }),
  });
}
