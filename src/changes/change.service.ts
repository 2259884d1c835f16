import type { Database, Session } from '../database/database.js';
import { DomainError, InvalidParametersError } from '../errors.js';
import { type RecordedChange, selectChangesFrom, selectLastPosition } from './change.statements.js';
import { type ChangeCursor, readCursor } from './change-cursor.js';

const usualPage = 20;

/** Some of the feed, in its order. */
export interface ChangePage {
  readonly changes: readonly RecordedChange[];
  /** Where to go on from: behind the last of them, or where the page began. */
  readonly cursor: ChangeCursor;
  /** Whether there were more when it was read. */
  readonly hasMore: boolean;
}

/** The changes of the register in the one order that all readers see. */
export class ChangeService {
  readonly #database: Database;

  /** @param database where the audit is kept, which the feed is read from */
  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * Reads on from a cursor.
   *
   * @param after the cursor; absent for the oldest change that is kept
   * @param first how many at most, 1 to `maxFirst`
   * @throws InvalidParametersError; DomainError CURSOR_TOO_OLD
   */
  async page(after: string | null | undefined, first: number | null | undefined, maxFirst = 100): Promise<ChangePage> {
    const cursor = after ? readCursor(after) : undefined;
    const problems = [
      ...(after && cursor === undefined ? [{ property: 'after', problem: 'must be a cursor that the feed gave' }] : []),
      ...(first === undefined || first === null || (first >= 1 && first <= maxFirst)
        ? []
        : [{ property: 'first', problem: `must be a whole number from 1 to ${maxFirst}` }]),
    ];
    if (problems.length > 0) throw new InvalidParametersError(problems);
    return this.pageFrom(cursor, first ?? usualPage);
  }

  /**
   * As {@link page}.
   *
   * @throws DomainError CURSOR_TOO_OLD
   */
  pageFrom(cursor: ChangeCursor | undefined, atMost: number): Promise<ChangePage> {
    return this.#database.read((session) => readPage(session, cursor, atMost));
  }

  /** Where the feed ends now: what is listed after this was asked for has every change up to here. */
  end(): Promise<ChangeCursor> {
    return this.#database.read(async (session) => {
      const position = await selectLastPosition(session);
      const [last] = position === 0 ? [] : await selectChangesFrom(session, position, 1);
      return { position, id: last?.position === position ? last.id : '' };
    });
  }
}

async function readPage(session: Session, cursor: ChangeCursor | undefined, atMost: number): Promise<ChangePage> {
  const { position, id } = cursor ?? { position: 0, id: '' };
  // Before the changes: what is numbered in between is only more than that.
  const lastPosition = await selectLastPosition(session);
  // With the change that the cursor stands behind, as long as it is kept.
  const read = await selectChangesFrom(session, Math.max(position, 1), atMost + 2);
  const known = read[0]?.position === position ? read[0] : undefined;
  const behind = known === undefined ? read : read.slice(1);
  const changes = behind.slice(0, atMost);
  if (cursor !== undefined) {
    const isAnother = known !== undefined && id !== '' && known.id !== id;
    const isMissing = position < lastPosition && changes[0]?.position !== position + 1;
    if (isAnother || isMissing || position > lastPosition) throw tooOld();
  }
  const last = changes.at(-1);
  return {
    changes,
    cursor: last === undefined ? { position, id } : { position: last.position, id: last.id },
    hasMore: behind.length > atMost,
  };
}

function tooOld(): DomainError {
  return new DomainError(
    'CURSOR_TOO_OLD',
    'The changes behind this cursor are not all kept any more. Read the register anew with `snapshot`, and go on from its cursor.',
  );
}
