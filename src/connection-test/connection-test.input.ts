import { InputType } from 'type-graphql';
import { Parameter } from '../input/parameter.js';

/** A connection whose databases are asked for. */
@InputType({ description: 'The connection whose databases to list. Nothing of it is stored.' })
export class DatabasesInput {
  /** The JDBC URL, without a password. */
  @Parameter({ kind: 'text', maxLength: 1024, description: 'The JDBC URL, which must not contain a password.' })
  jdbcConnectionUrl!: string;

  /** The user that connects. */
  @Parameter({ kind: 'text', maxLength: 255, description: 'The user that connects.' })
  masterUsername!: string;

  /** The password of that user. */
  @Parameter({ kind: 'text', maxLength: 1024, description: 'The password of that user.' })
  password!: string;

  /** Whether the connection must use SSL. */
  @Parameter({ kind: 'flag', optional: true, description: 'Whether the connection must use SSL.' })
  jdbcEnforceSsl?: boolean | null;

  /** Whether the validation of a custom certificate is skipped. */
  @Parameter({
    kind: 'flag',
    optional: true,
    description: 'Whether the validation of a custom certificate is skipped.',
  })
  skipCustomJdbcCertValidation?: boolean | null;

  /** The custom certificate's distinguished name. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 1024,
    description: "The custom certificate's distinguished name.",
  })
  customJdbcCertString?: string | null;
}
