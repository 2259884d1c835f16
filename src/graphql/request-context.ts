import DataLoader from 'dataloader';
import type { FastifyBaseLogger } from 'fastify';
import type { Call } from '../call.js';
import type { RequestOutcome } from '../request-outcome.js';

// SQLite takes at most 500 parts in one union, and each may have a dozen values.
const largestBatch = 100;

/** What a resolver knows of the request that it works for. Apollo Server copies it, so what changes stands inside. */
export interface RequestContext {
  /** The id of the request, as in the log. */
  readonly requestId: string;
  /** The log, with that id in every line. */
  readonly log: FastifyBaseLogger;
  /** Who asks, and how. */
  readonly call: Call;
  /** What gathers reads into few statements. */
  readonly loaders: Loaders;
  /** What came of the request, for its log line. */
  readonly outcome: RequestOutcome;
}

/**
 * Gathers what the resolvers of one step of a request ask for, so that it is read in one statement. It remembers nothing:
 * a query that follows a change in the same request reads what is stored.
 */
export class Loaders {
  readonly #loaders = new Map<string, DataLoader<unknown, unknown>>();

  /**
   * @param kind what is asked for; the same kind must always be given the same `readAll`
   * @param key one thing that is asked for
   * @param readAll reads all that was asked for, in its order
   */
  load<Key, Value>(
    kind: string,
    key: Key,
    readAll: (keys: readonly Key[]) => Promise<readonly (Value | Error)[]>,
  ): Promise<Value> {
    let loader = this.#loaders.get(kind) as DataLoader<Key, Value> | undefined;
    if (loader === undefined) {
      loader = new DataLoader<Key, Value>(readAll, { cache: false, maxBatchSize: largestBatch });
      this.#loaders.set(kind, loader as DataLoader<unknown, unknown>);
    }
    return loader.load(key);
  }
}
