import { accountParameters } from '../accounts/account.input.js';
import { Parameter } from '../input/parameter.js';

/** Which provider a list or a number is of. */
export class ProviderQuestion {
  /** The id of the provider. */
  @Parameter({ ...accountParameters.provider, description: 'The id of the provider.' })
  providerId!: number;
}

/** Which account something is asked for, as the forms of connections write it. */
export class AccountQuestion {
  /** The provider of the account. */
  @Parameter({ ...accountParameters.provider, description: 'The provider of the account.' })
  accountProviderId!: number;

  /** The id of the account. */
  @Parameter({ ...accountParameters.accountId, description: 'The id of the account.' })
  accountId!: string;

  /** The region of the account. */
  @Parameter({ ...accountParameters.region, description: 'The region of the account.' })
  region!: string;
}

/** Which account the names of secrets are asked for. */
export class SecretsQuestion {
  /** The provider of the account. */
  @Parameter({ ...accountParameters.provider, description: 'The provider of the account.' })
  provider!: number;

  /** The id of the account. */
  @Parameter({ ...accountParameters.accountId, description: 'The id of the account.' })
  account!: string;

  /** The region of the account. */
  @Parameter({ ...accountParameters.region, description: 'The region of the account.' })
  region!: string;
}

/** Which databases there are where a connection leads. */
export class DatabasesQuestion {
  /** The JDBC URL of the connection. */
  @Parameter({
    kind: 'text',
    maxLength: 1024,
    description: 'The JDBC URL of a MySQL server, with or without `jdbc:mysql://`.',
  })
  connectionUrl!: string;

  /** The user that connects. */
  @Parameter({ kind: 'text', optional: true, maxLength: 255, description: 'The user that connects.' })
  username?: string | null;

  /** The password of that user. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 1024,
    description: 'The password of that user. It is not kept.',
  })
  password?: string | null;

  /** The name of a secret. */
  @Parameter({ kind: 'text', optional: true, maxLength: 1024, description: 'The name of a secret. It is not kept.' })
  secretId?: string | null;

  /** Whether the server's certificate is verified. */
  @Parameter({ kind: 'flag', optional: true, description: "Whether the server's certificate is verified." })
  sslVerifyCert?: boolean | null;
}

/** Which suggestions a filter asks for. */
export class ValuesQuestion {
  /** The table of the list. */
  @Parameter({ kind: 'text', maxLength: 64, description: 'The list: `source_account` or `source_jdbc_instance`.' })
  table!: string;

  /** The column of the list. */
  @Parameter({ kind: 'text', maxLength: 64, description: 'The column of the list.' })
  column!: string;

  /** A condition, as JSON. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 10_000,
    description: 'A condition on `account_provider_id`, as JSON.',
  })
  condition?: string | null;
}
