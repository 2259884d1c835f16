import type { Logger } from 'pino';
import type { AuditTrail } from './audit-trail.js';

const interval = 3_600_000;
const day = 86_400_000;

/**
 * Removes what is older than so many days from the audit, soon after the start and once an hour.
 *
 * @returns stops it
 */
export function startAuditRetention(audit: AuditTrail, days: number, log: Logger): () => void {
  const run = () => {
    audit.removeBefore(new Date(Date.now() - days * day)).then(
      (removed) => {
        if (removed > 0) log.info({ removed, days }, 'removed old events from the audit');
      },
      (error: unknown) => log.warn({ err: error }, 'failed to remove old events from the audit'),
    );
  };
  const first = setTimeout(run, 10_000);
  const repeated = setInterval(run, interval);
  first.unref();
  repeated.unref();
  return () => {
    clearTimeout(first);
    clearInterval(repeated);
  };
}
