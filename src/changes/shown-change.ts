import { shownChanges } from '../audit/recorded-changes.js';
import type { RecordedChange } from './change.statements.js';
import { writeCursor } from './change-cursor.js';

/** A change as it may be shown to whoever may read. */
export class ShownChange {
  readonly #recorded: RecordedChange;

  /** @param recorded as it was read */
  constructor(recorded: RecordedChange) {
    this.#recorded = recorded;
  }

  get cursor(): string {
    return writeCursor(this.#recorded);
  }

  get operation() {
    return this.#recorded.operation;
  }

  get id() {
    return this.#recorded.targetId as string;
  }

  get accountProvider() {
    return this.#recorded.accountProvider as number;
  }

  get accountId() {
    return this.#recorded.accountId as string;
  }

  get region() {
    return this.#recorded.region as string;
  }

  get instanceId() {
    return this.#recorded.instanceId;
  }

  get version() {
    return this.#recorded.version;
  }

  get time() {
    return this.#recorded.createdAt;
  }

  /** What changed. */
  get fields() {
    return shownChanges(this.#recorded.changes) ?? [];
  }
}
