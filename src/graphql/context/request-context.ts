import DataLoader from 'dataloader';
import type { FastifyBaseLogger } from 'fastify';
import type { RequestOutcome } from '../../http/request-outcome.js';
import type { Call } from '../../security/call.js';
import type { ResponseBounds } from './response-bounds.js';

// SQLite takes at most 500 parts in one union, and each may have a dozen values.
const maxBatch = 100;

/** What a resolver knows of the request that it works for. */
export interface RequestContext {
  /** The id of the request, as in the log. */
  readonly requestId: string;
  /** The log, with that id in every line. */
  readonly log: FastifyBaseLogger;
  /** Who asks, and how. */
  readonly call: Call;
  /** What gathers reads into few statements. */
  readonly loaders: Loaders;
  /** Ends what is done for the request, when nobody waits for its answer any more. */
  readonly abandoned: () => AbortSignal;
  /** What came of the request, for its log line. */
  readonly outcome: RequestOutcome;
  /** What bounds the answer. */
  readonly bounds: ResponseBounds;
}

/** An answer or a connection, which ends. */
interface Closable {
  readonly destroyed: boolean;
  once(event: 'close', listener: () => void): unknown;
}

/**
 * Gives a signal that comes when a connection is closed before its answer is sent. There is none before it is asked for: few
 * requests need it.
 */
export function abandonment(response: Closable): () => AbortSignal {
  let controller: AbortController | undefined;
  return () => {
    if (controller === undefined) {
      const end = new AbortController();
      controller = end;
      response.once('close', () => end.abort());
      if (response.destroyed) end.abort();
    }
    return controller.signal;
  };
}

/**
 * Gathers what the resolvers of one step of a request ask for, so that it is read in one statement. It remembers nothing:
 * a query that follows a change in the same request reads what is stored.
 */
export class Loaders {
  readonly #loaders = new Map<string, DataLoader<unknown, unknown>>();
  #last: Promise<unknown> = Promise.resolve();

  /**
   * @param kind what is asked for; the same kind must always be given the same `readAll`
   * @param key one thing that is asked for
   * @param readAll reads all that was asked for, in its order
   * @param maxBatchSize how many are read at once at most
   */
  load<Key, Value>(
    kind: string,
    key: Key,
    readAll: (keys: readonly Key[]) => Promise<readonly (Value | Error)[]>,
    maxBatchSize = maxBatch,
  ): Promise<Value> {
    let loader = this.#loaders.get(kind) as DataLoader<Key, Value> | undefined;
    if (loader === undefined) {
      // One batch after the other, so that one request holds no more than one of them and one connection.
      const readInTurn = (keys: readonly Key[]) => {
        const read = this.#last.then(() => readAll(keys));
        this.#last = read.catch(() => undefined);
        return read;
      };
      loader = new DataLoader<Key, Value>(readInTurn, {
        cache: false,
        maxBatchSize: Math.min(maxBatchSize, maxBatch),
      });
      this.#loaders.set(kind, loader as DataLoader<unknown, unknown>);
    }
    return loader.load(key);
  }
}
