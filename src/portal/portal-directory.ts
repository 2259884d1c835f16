import {
  aws,
  jdbcProxy,
  ownerIn,
  type PortalFile,
  type PortalProvider,
  type PortalRegion,
  type PortalScope,
  type PortalSecret,
  type PortalVpc,
} from './portal-file.js';

/** Which account something is asked for. */
export interface PortalAccount {
  readonly provider: number;
  readonly accountId: string;
  readonly region: string;
}

/** What the register does not know of accounts: looked up in what the file says. */
export class PortalDirectory {
  readonly #file: PortalFile;

  /** @param file what PORTAL_FILE says */
  constructor(file: PortalFile) {
    this.#file = file;
  }

  /** The providers, in their order. */
  get providers(): readonly PortalProvider[] {
    return this.#file.providers;
  }

  /** The regions of a provider, in their order. */
  regionsOf(provider: number): PortalRegion[] {
    const { regions } = this.#file;
    return regions.filter((region) => region.provider === ownerIn(regions, provider));
  }

  /** The region of an account that is added with an empty one; undefined where there is none. */
  defaultRegionOf(provider: number): string | undefined {
    return this.#file.providers.find(({ id }) => id === provider)?.defaultRegion;
  }

  /** The networks of an account. */
  vpcsOf(account: PortalAccount): PortalVpc[] {
    return entriesFor(account, this.#file.networks).flatMap(({ vpcs }) => vpcs);
  }

  /** The zone of a subnet; undefined where it is none of the account's. */
  zoneOf(account: PortalAccount, subnetId: unknown): string | undefined {
    const subnets = this.vpcsOf(account).flatMap((vpc) => vpc.subnets);
    return subnets.find(({ id }) => id === subnetId)?.zone;
  }

  /** The names of the secrets of an account. */
  secretsOf(account: PortalAccount): PortalSecret[] {
    return entriesFor(account, this.#file.secrets ?? []);
  }
}

/** The providers whose accounts the portal shows under one: those of the JDBC proxy are shown under AWS. */
export function shownUnder(provider: number): number[] {
  return provider === aws ? [aws, jdbcProxy] : [provider];
}

function entriesFor<Entry extends PortalScope>(
  { provider, ...account }: PortalAccount,
  list: readonly Entry[],
): Entry[] {
  const owner = ownerIn(list, provider);
  return list.filter(
    (entry) =>
      entry.provider === owner &&
      (entry.region === undefined || entry.region === account.region) &&
      (entry.accountId === undefined || entry.accountId === account.accountId),
  );
}
