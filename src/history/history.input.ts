import { InputType } from 'type-graphql';
import { DatasourceKey, expectedVersionParameter } from '../datasources/datasource.input.js';
import { Parameter } from '../input/parameter.js';

/** The parameters of going back to a version, which is offered by GraphQL only. */
@InputType({
  description:
    'Which version to go back to. A change of the URL, the driver class, the driver jar, SSL or the certificate needs every credential that is to stay again.',
})
export class RevertDatasourceInput extends DatasourceKey {
  /** The version whose values the datasource is to have. */
  @Parameter({ kind: 'integer', from: 1, description: 'The version whose values the datasource is to have.' })
  toVersion!: number;

  /** The version that the datasource is expected to be at. */
  @Parameter(expectedVersionParameter)
  expectedVersion?: number | null;

  /** The password to store. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 1024,
    description: 'The password to store: left out it stays, null clears it. What it was at that version is not kept.',
  })
  password?: string | null;

  /** The name of, or reference to, the secret to store. */
  @Parameter({
    kind: 'text',
    optional: true,
    maxLength: 1024,
    description: 'The secret to store: left out it stays, null clears it. What it was at that version is not kept.',
  })
  secret?: string | null;
}
