import { DeleteAccountInput } from '../accounts/account.input.js';
import type { AccountService } from '../accounts/account.service.js';
import {
  AddDatasourceInput,
  DatasourceKey,
  EditDatasourceInput,
  UpdateDatasourceInput,
} from '../datasources/datasource.input.js';
import type { DatasourceService } from '../datasources/datasource.service.js';
import { DomainError } from '../errors.js';
import { type LegacyBody, readInput } from '../input/legacy-body.js';
import { parametersOf } from '../input/parameter.js';
import type { LegacyOperation } from '../rest/legacy-routes.js';
import type { PortalDirectory } from './portal-directory.js';
import { aws, jdbcProxy } from './portal-file.js';

/** What the portal never sends of a datasource, so that an edit leaves it as it is. */
const neverSent = new Set(['kafkaSslEnabled', 'glueCrawlerLastUpdated', 'creationTime', 'lastUpdatedTime']);
const keyed = new Set(parametersOf(DatasourceKey).map(({ property }) => property));
const editable = parametersOf(AddDatasourceInput).filter(
  ({ property }) => !keyed.has(property) && !['password', 'secret', 'createType'].includes(property),
);

/**
 * Add Account as the portal sends it: of an account of which it sends an empty region, the region is the provider's usual one.
 *
 * @param add what adds an account as the document has it
 */
export function portalAddAccount(directory: PortalDirectory, add: LegacyOperation): LegacyOperation {
  return (body, request) => {
    const region = body.region === '' ? directory.defaultRegionOf(Number(body.account_provider)) : undefined;
    return add(region === undefined ? body : { ...body, region }, request);
  };
}

/**
 * Delete Account as the portal sends it: accounts of the JDBC proxy are shown under AWS, and their deletion names AWS. Where
 * both have an account with this id and region, nothing tells which one is meant.
 */
export function portalDeleteAccount(accounts: AccountService): LegacyOperation {
  return async (body, { call }) => {
    const input = readInput(DeleteAccountInput, body, 'refuse');
    if (input.accountProvider !== aws) return accounts.delete(input, call);
    const ofProxy = Object.assign(new DeleteAccountInput(), { ...input, accountProvider: jdbcProxy });
    const found = await accounts.byKeys([input, ofProxy], call);
    if (found.length > 1) {
      throw new DomainError(
        'BAD_USER_INPUT',
        `There are two accounts with this id and region, of the providers ${aws} and ${jdbcProxy}, and the portal does not say which one is meant. Nothing was deleted. Delete one of them by another client.`,
      );
    }
    return accounts.delete(found[0]?.accountProvider === jdbcProxy ? ofProxy : input, call);
  };
}

/**
 * Add Datasource as the portal sends it: it does not say that it is added, nor in which zone the subnet is.
 *
 * @param add what adds a datasource as the document has it
 */
export function portalAddDatasource(directory: PortalDirectory, add: LegacyOperation): LegacyOperation {
  return (body, request) => add({ create_type: 1, ...body, ...zoneIn(directory, body, isBlank) }, request);
}

/**
 * Edit Datasource as the portal sends it. Its body has no `create_type`, without which the document knows no edit. What the
 * portal never sends stays, the credential too where it sends none, by the rules of a change to a part of a datasource.
 *
 * @param edit what edits a datasource as the document has it
 */
export function portalEditDatasource(
  directory: PortalDirectory,
  datasources: DatasourceService,
  edit: LegacyOperation,
): LegacyOperation {
  return async (body, request) => {
    if (Object.hasOwn(body, 'create_type')) return edit(body, request);
    // The portal sends the zone of the subnet of before, whichever is chosen.
    const whole = { ...body, ...zoneIn(directory, body), create_type: 1 };
    return datasources.updateAsShown(patchOf(readInput(EditDatasourceInput, whole), body), request.call);
  };
}

/**
 * Delete Datasource as the portal sends it: it wants to be told of each datasource.
 *
 * @param remove what deletes datasources as the document has it
 */
export function portalDeleteDatasources(remove: LegacyOperation): LegacyOperation {
  return async (body, request) => {
    const deleted = (await remove(body, request)) as readonly string[];
    return deleted.map((instanceId) => [instanceId, '']);
  };
}

/** What is to change: all that the portal sends, and of the credentials all or nothing. */
function patchOf(input: EditDatasourceInput, body: LegacyBody): UpdateDatasourceInput {
  const { instanceId, accountProviderId, accountId, region, expectedVersion, password, secret } = input;
  const values = editable
    .filter(({ property, restName }) => !neverSent.has(property) || Object.hasOwn(body, restName))
    .map(({ property }) => [property, input[property as keyof EditDatasourceInput] ?? null]);
  return Object.assign(new UpdateDatasourceInput(), {
    ...{ instanceId, accountProviderId, accountId, region, expectedVersion },
    ...Object.fromEntries(values),
    ...(password || secret ? { password: password || null, secret: secret || null } : {}),
  });
}

/** The zone of the subnet that a body names, where the file knows it. */
function zoneIn(directory: PortalDirectory, body: LegacyBody, isToBeFilled: (zone: unknown) => boolean = () => true) {
  if (!isToBeFilled(body.network_availability_zone)) return {};
  const account = {
    provider: Number(body.account_provider_id),
    accountId: String(body.account_id),
    region: String(body.region),
  };
  const zone = directory.zoneOf(account, body.network_subnet_id);
  return zone === undefined ? {} : { network_availability_zone: zone };
}

function isBlank(value: unknown): boolean {
  return value === undefined || value === null || (typeof value === 'string' && value.trim() === '');
}
