import { isIdentifier, isInteger } from '../input/rules.js';
import type { AuditTarget } from './audit-trail.js';

const largestProvider = 2147483647;

/**
 * Finds what a refused call was to be done to, in the parameters of either surface, as far as they have the form that they
 * should have. Of several datasources only their account is given.
 */
export function targetNamedIn(parameters: unknown): AuditTarget | undefined {
  if (typeof parameters !== 'object' || parameters === null) return undefined;
  const values = parameters as Record<string, unknown>;
  const accountProvider = Number(
    values.accountProvider ?? values.accountProviderId ?? values.account_provider ?? values.account_provider_id,
  );
  const accountId = textOf(values.accountId ?? values.account_id);
  const { region } = values;
  if (!isInteger(accountProvider, 0, largestProvider) || !isIdentifier(accountId, 255) || !isIdentifier(region, 64)) {
    return undefined;
  }
  const account = { accountProvider, accountId, region };
  const [onlyInstance, ...others] = Array.isArray(values.instances) ? values.instances : [];
  const instanceId = textOf(
    values.instanceId ?? values.instance_id ?? (others.length === 0 ? onlyInstance : undefined),
  );
  return isIdentifier(instanceId, 255) ? { ...account, instanceId } : account;
}

function textOf(value: unknown): unknown {
  return Number.isSafeInteger(value) ? String(value) : value;
}
