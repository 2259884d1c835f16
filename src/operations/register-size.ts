import { setTimeout as sleep } from 'node:timers/promises';
import type { RegisterSize } from './metrics.js';

const countInterval = 60_000;
const maxWait = 500;

/**
 * Counts what is in the register, once a minute at most and only when somebody asks. Nobody waits long for it: where the
 * database is away or slow, the last count stands.
 *
 * @param count counts it in the database
 * @returns gives the last count; undefined where there was none yet
 */
export function countingRarely(count: () => Promise<RegisterSize>): () => Promise<RegisterSize | undefined> {
  let last: RegisterSize | undefined;
  let countedAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (performance.now() - countedAt >= countInterval) {
      countedAt = performance.now();
      const counted = count().then(
        (size) => {
          last = size;
        },
        () => undefined,
      );
      await Promise.race([counted, sleep(maxWait, undefined, { ref: false })]);
    }
    return last;
  };
}
