import { InputType } from 'type-graphql';
import { Parameter } from '../input/parameter.js';

const provider = { kind: 'integer', from: 1, targetPart: 'accountProvider' } as const;
const accountId = { kind: 'identifier', maxLength: 255, targetPart: 'accountId' } as const;
const region = { kind: 'identifier', maxLength: 64, targetPart: 'region' } as const;

/** The three parameters that say which account. */
@InputType({ description: 'The key of an account. All three fields are compared exactly, including case.' })
export class AccountKey {
  /** The id of the cloud provider. */
  @Parameter({ ...provider, description: 'The id of the cloud provider.' })
  accountProvider!: number;

  /** The account's id at the provider. */
  @Parameter({ ...accountId, description: "The account's id at the provider." })
  accountId!: string;

  /** The region that the account is registered for. */
  @Parameter({ ...region, description: 'The region that the account is registered for.' })
  region!: string;
}

/** The parameters of Add Account. */
@InputType({ description: 'The account to add.' })
export class AddAccountInput extends AccountKey {}

/** The parameters of Delete Account. */
@InputType({ description: 'The account to delete, with all of its datasources.' })
export class DeleteAccountInput extends AccountKey {}

/** The limits of the parameters that name an account, for the inputs of datasources, which name it too. */
export const accountParameters = { provider, accountId, region } as const;
