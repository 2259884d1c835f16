import type { RecordedChange } from './change.statements.js';
import type { ChangeBroadcast, Following } from './change-broadcast.js';
import { ShownChange } from './shown-change.js';

/** A change as a subscription gives it. */
export interface ChangeEvent {
  readonly value: ShownChange;
  readonly cursor: string;
}

/** Who subscribes. */
export interface ChangeSubscriber {
  /** Given the next change. The one behind it comes when the promise resolves. */
  onEvent(event: ChangeEvent): Promise<void>;
  /** Told why there are no more. */
  onFailure(error: unknown): void;
}

/** Of the same change all subscribers are given the same. */
const events = new WeakMap<RecordedChange, ChangeEvent>();

/** As {@link ChangeBroadcast.follow}, as a subscription gives the changes. */
export function subscribeToChanges(
  broadcast: ChangeBroadcast,
  after: string | null | undefined,
  subscriber: ChangeSubscriber,
): Following {
  return broadcast.follow(after, {
    onChange: (change) => subscriber.onEvent(eventOf(change)),
    onFailure: (error) => subscriber.onFailure(error),
  });
}

function eventOf(change: RecordedChange): ChangeEvent {
  const known = events.get(change);
  if (known !== undefined) return known;
  const value = new ShownChange(change);
  const event = { value, cursor: value.cursor };
  events.set(change, event);
  return event;
}
