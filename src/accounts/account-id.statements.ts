import { DatabaseError, type Session } from '../database/database.js';
import { byIndex } from '../database/index-hint.js';
import type { Account } from './account.entity.js';

/** An account id that several accounts have. */
export interface SharedAccountId {
  readonly accountId: string;
  /** The first of them. */
  readonly accounts: readonly Pick<Account, 'accountProvider' | 'region'>[];
}

const checkedAtOnce = 10_000;
const maxShown = 100;

/**
 * Makes an account that was just added the only one with its id. Of several who add one at the same time each wants the
 * same row, so that one wins, on all nodes of a cluster.
 *
 * @returns whether it is the only one
 */
export async function claimAccountId(session: Session, { id }: Account): Promise<boolean> {
  try {
    const claimed = await session.run(
      'INSERT INTO account_id_claims (account_id, account) SELECT account_id, id FROM accounts WHERE id = ? AND NOT EXISTS (SELECT 1 FROM accounts AS other WHERE other.account_id = accounts.account_id AND other.id <> accounts.id)',
      [id],
    );
    return claimed > 0;
  } catch (error) {
    if (error instanceof DatabaseError && error.reason === 'duplicate') return false;
    throw error;
  }
}

/**
 * Finds account ids that several accounts have, a hundred at most, in their order.
 *
 * @param read runs each statement in a unit of work of its own, since there may be many
 */
export async function selectSharedAccountIds(
  read: <T>(work: (session: Session) => Promise<T>) => Promise<T>,
): Promise<SharedAccountId[]> {
  const shared = new Set<string>();
  let last = { accountId: '', id: '' };
  for (;;) {
    const rows = await read((session) => nextIds(session, last));
    for (const row of rows) {
      if (row.accountId === last.accountId) shared.add(row.accountId);
      last = row;
    }
    if (rows.length < checkedAtOnce || shared.size >= maxShown) break;
  }
  const found: SharedAccountId[] = [];
  for (const accountId of [...shared].slice(0, maxShown)) {
    found.push({ accountId, accounts: await read((session) => accountsWith(session, accountId)) });
  }
  return found;
}

function nextIds(session: Session, { accountId, id }: { readonly accountId: string; readonly id: string }) {
  // Each database makes one range of an index of its own form only.
  const [beyond, values] =
    session.dialect.name === 'mysql'
      ? ['(account_id > ? OR (account_id = ? AND id > ?))', [accountId, accountId, id]]
      : ['(account_id, id) > (?, ?)', [accountId, id]];
  return session.rows<{ accountId: string; id: string }>(
    `SELECT account_id AS accountId, id FROM accounts${byIndex(session.dialect, 'ix_accounts_name')} WHERE ${beyond} ORDER BY account_id, id LIMIT ${checkedAtOnce}`,
    values as string[],
  );
}

function accountsWith(session: Session, accountId: string) {
  return session.rows<Pick<Account, 'accountProvider' | 'region'>>(
    `SELECT account_provider AS accountProvider, region FROM accounts${byIndex(session.dialect, 'ix_accounts_name')} WHERE account_id = ? ORDER BY id LIMIT ${maxShown}`,
    [accountId],
  );
}
