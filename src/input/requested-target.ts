import { parametersOfTarget, problemOf, type TargetPart } from './parameter.js';

/** An account, or a datasource in it, as a caller names it. */
export interface RequestedTarget {
  readonly accountProvider: number;
  readonly accountId: string;
  readonly region: string;
  readonly instanceId?: string;
}

/**
 * Finds what a refused call was to be done to, in the parameters of either surface, as far as they have the form that they
 * should have. Of several datasources only their account is given.
 */
export function requestedTarget(parameters: unknown): RequestedTarget | undefined {
  if (typeof parameters !== 'object' || parameters === null) return undefined;
  const accountProvider = partIn(parameters, 'accountProvider') as number | undefined;
  const accountId = partIn(parameters, 'accountId') as string | undefined;
  const region = partIn(parameters, 'region') as string | undefined;
  if (accountProvider === undefined || accountId === undefined || region === undefined) return undefined;
  const instanceId = partIn(parameters, 'instanceId') as string | undefined;
  return { accountProvider, accountId, region, ...(instanceId === undefined ? {} : { instanceId }) };
}

function partIn(parameters: object, part: TargetPart): unknown {
  for (const [name, parameter] of parametersOfTarget(part)) {
    const given = (parameters as Record<string, unknown>)[name];
    if (given === undefined || given === null) continue;
    const isList = parameter.kind === 'identifierList';
    const [one, ...others] = isList && Array.isArray(given) ? given : [given];
    if (others.length > 0) continue;
    // As legacy clients may write it.
    const value = parameter.kind === 'integer' ? Number(one) : Number.isSafeInteger(one) ? String(one) : one;
    if (problemOf(parameter, isList ? [value] : value) === undefined) return value;
  }
  return undefined;
}
