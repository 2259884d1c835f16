import type { ChangeBroadcast } from './change-broadcast.js';
import { ShownChange } from './shown-change.js';

/** A change as a subscription gives it. */
export interface ChangeEvent {
  readonly value: ShownChange;
  readonly cursor: string;
}

/** As {@link ChangeBroadcast.follow}, as a subscription gives the changes. */
export async function* changeEvents(
  broadcast: ChangeBroadcast,
  ...[after, signal, idle]: Parameters<ChangeBroadcast['follow']>
): AsyncGenerator<ChangeEvent | undefined> {
  for await (const change of broadcast.follow(after, signal, idle)) {
    const value = change && new ShownChange(change);
    yield value && { value, cursor: value.cursor };
  }
}
