import { CreateAccounts1764000000001 } from './1-create-accounts.js';
import { CreateDatasources1764000000002 } from './2-create-datasources.js';
import { CreateSealingKeyChecks1764000000003 } from './3-create-sealing-key-checks.js';
import { CreateApiKeys1764000000004 } from './4-create-api-keys.js';
import { CreateAuditEvents1764000000005 } from './5-create-audit-events.js';
import { IndexAccountsByPlace1764000000006 } from './6-index-accounts-by-place.js';
import { IndexDatasourcesByPlace1764000000007 } from './7-index-datasources-by-place.js';
import { VersionAuditEvents1764000000008 } from './8-version-audit-events.js';
import { CreateAccountIdClaims1764000000009 } from './9-create-account-id-claims.js';
import { PositionAuditEvents1764000000010 } from './10-position-audit-events.js';
import { CreateChangeFeed1764000000011 } from './11-create-change-feed.js';
import { CreateConnectionTests1764000000012 } from './12-create-connection-tests.js';

/**
 * Every migration, in order, for every database. On MySQL a schema statement cannot be rolled back, so a migration is one
 * statement there that does nothing where it is already done. Those that have been released are never changed.
 */
export const migrations = [
  CreateAccounts1764000000001,
  CreateDatasources1764000000002,
  CreateSealingKeyChecks1764000000003,
  CreateApiKeys1764000000004,
  CreateAuditEvents1764000000005,
  IndexAccountsByPlace1764000000006,
  IndexDatasourcesByPlace1764000000007,
  VersionAuditEvents1764000000008,
  CreateAccountIdClaims1764000000009,
  PositionAuditEvents1764000000010,
  CreateChangeFeed1764000000011,
  CreateConnectionTests1764000000012,
];
