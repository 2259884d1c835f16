import { Ajv, type ErrorObject } from 'ajv';
import { portalFileSchema } from './portal-file.schema.js';

/** A provider of accounts. */
export interface PortalProvider {
  readonly id: number;
  readonly name: string;
  readonly description?: string;
  readonly defaultRegion?: string;
}

/** A region of a provider. */
export interface PortalRegion {
  readonly provider: number;
  readonly name: string;
  readonly alias?: string;
  readonly longitude: number;
  readonly latitude: number;
}

/** What some entry of the file is for; a part that is absent stands for all. */
export interface PortalScope {
  readonly provider: number;
  readonly region?: string;
  readonly accountId?: string;
}

/** A virtual network. */
export interface PortalVpc {
  readonly id: string;
  readonly name?: string;
  readonly subnets: readonly {
    readonly id: string;
    readonly name?: string;
    readonly arn?: string;
    readonly zone: string;
  }[];
  readonly securityGroups: readonly { readonly id: string; readonly name?: string }[];
}

/** Networks of some accounts. */
export interface PortalNetwork extends PortalScope {
  readonly vpcs: readonly PortalVpc[];
}

/** The name of a secret for some accounts. */
export interface PortalSecret extends PortalScope {
  readonly name: string;
  readonly arn?: string;
}

/** What the file says. */
export interface PortalFile {
  readonly providers: readonly PortalProvider[];
  readonly regions: readonly PortalRegion[];
  readonly networks: readonly PortalNetwork[];
  readonly secrets?: readonly PortalSecret[];
}

/** Names a place in the file, and says what is wrong there. */
type Problem = string;

const maxShown = 50;

/**
 * Checks what the file that PORTAL_FILE names has in it.
 *
 * @returns what is wrong with it, each with its place, where something is
 */
export function readPortalFile(content: object): PortalFile | { readonly problems: readonly Problem[] } {
  const validate = new Ajv({ allErrors: true, strict: true, unicodeRegExp: true }).compile(portalFileSchema);
  const problems = validate(content)
    ? contradictionsIn(content as PortalFile)
    : (validate.errors ?? []).map(({ instancePath, ...error }) => `${pathOf(instancePath)} ${requirement(error)}`);
  if (problems.length === 0) return content as PortalFile;
  const others = problems.length - maxShown;
  return { problems: others > 0 ? [...problems.slice(0, maxShown), `and ${others} others`] : problems };
}

/** What no schema can tell: that entries fit each other. */
function contradictionsIn({ providers, regions, networks, secrets = [] }: PortalFile): Problem[] {
  const known = new Set(providers.map(({ id }) => id));
  const named = new Set(regions.map(({ provider, name }) => `${provider} ${name}`));
  const hasRegion = (provider: number, region: string) => named.has(`${ownerIn(regions, provider)} ${region}`);
  const scopeProblems = (list: string, scopes: readonly PortalScope[]) =>
    scopes.flatMap(({ provider, region }, at) => [
      ...(known.has(provider) ? [] : [`${list}[${at}].provider must be the id of a provider`]),
      ...(region === undefined || !known.has(provider) || hasRegion(provider, region)
        ? []
        : [`${list}[${at}].region must be a region of the provider`]),
    ]);
  return [
    ...repeats('providers', providers, ({ id }) => id, 'id'),
    ...providers.flatMap(({ id, defaultRegion }, at) =>
      defaultRegion === undefined || hasRegion(id, defaultRegion)
        ? []
        : [`providers[${at}].defaultRegion must be a region of the provider`],
    ),
    ...regions.flatMap(({ provider }, at) =>
      known.has(provider) ? [] : [`regions[${at}].provider must be the id of a provider`],
    ),
    ...repeats('regions', regions, ({ provider, name }) => `${provider} ${name}`, 'name'),
    ...scopeProblems('networks', networks),
    ...networks.flatMap(({ vpcs }, at) => [
      ...repeats(`networks[${at}].vpcs`, vpcs, ({ id }) => id, 'id'),
      ...vpcs.flatMap(({ subnets, securityGroups }, number) => [
        ...repeats(`networks[${at}].vpcs[${number}].subnets`, subnets, ({ id }) => id, 'id'),
        ...repeats(`networks[${at}].vpcs[${number}].securityGroups`, securityGroups, ({ id }) => id, 'id'),
      ]),
    ]),
    ...scopeProblems('secrets', secrets),
  ];
}

/** The provider whose entries in a list are a provider's: the JDBC proxy has those of AWS where it has none of its own. */
export function ownerIn(list: readonly { readonly provider: number }[], provider: number): number {
  return provider === jdbcProxy && !list.some((entry) => entry.provider === jdbcProxy) ? aws : provider;
}

/** The provider that the portal shows accounts of the JDBC proxy under. */
export const aws = 1;
/** The provider of accounts that have nothing but JDBC connections. */
export const jdbcProxy = 4;

function repeats<Entry>(
  list: string,
  entries: readonly Entry[],
  keyOf: (entry: Entry) => unknown,
  name: string,
): Problem[] {
  const seen = new Set<unknown>();
  return entries.flatMap((entry, at) => {
    const key = keyOf(entry);
    if (seen.has(key)) return [`${list}[${at}].${name} must not be there twice`];
    seen.add(key);
    return [];
  });
}

/** `/networks/0/vpcs` as `networks[0].vpcs`. */
function pathOf(instancePath: string): string {
  const path = instancePath.replace(/\/(\d+)/g, '[$1]').replace(/\//g, '.');
  return path === '' ? 'the file' : path.replace(/^\./, '');
}

function requirement({ keyword, params, message }: Omit<ErrorObject, 'instancePath'>): string {
  if (keyword === 'additionalProperties') return `must not have ${JSON.stringify(params.additionalProperty)}`;
  if (keyword === 'required') return `must have ${JSON.stringify(params.missingProperty)}`;
  if (keyword === 'pattern') return 'must have no white space at either end, and no line break';
  return String(message).replace('must NOT', 'must not');
}
