import type { Session } from './database.js';

/** A setting of the server under which it loses commits that it has acknowledged, when its machine crashes. */
export interface LossySetting {
  /** As it is. */
  readonly name: string;
  readonly value: string;
  /** What to set it to. */
  readonly needed: string;
}

const needed = '1';

/**
 * Finds the settings of a MySQL or MariaDB server under which it answers a COMMIT before it is on the disk. After a crash,
 * the binary log decides which transactions hold, so where there is one it must be on the disk too.
 */
export async function findLossySettings(session: Session): Promise<LossySetting[]> {
  const rows = await session.rows<{ Variable_name: string; Value: string }>(
    "SHOW GLOBAL VARIABLES WHERE Variable_name IN ('innodb_flush_log_at_trx_commit', 'log_bin', 'sync_binlog')",
  );
  const values = new Map(rows.map((row) => [row.Variable_name.toLowerCase(), row.Value]));
  const names = ['innodb_flush_log_at_trx_commit', ...(values.get('log_bin') === 'ON' ? ['sync_binlog'] : [])];
  return names
    .map((name) => ({ name, value: values.get(name) ?? needed, needed }))
    .filter(({ value }) => value !== needed);
}
