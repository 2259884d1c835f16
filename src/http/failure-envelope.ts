/** One invalid parameter in an envelope. */
export interface ParameterReference {
  readonly name: string;
  readonly message: string;
}

/** What a legacy client gets for a failure. */
export interface FailureEnvelope {
  readonly status: 'fail';
  readonly code: number;
  readonly message: string;
  readonly ref: readonly ParameterReference[] | null;
}

/** An envelope with the HTTP status that carries it. */
export interface Failure {
  readonly httpStatus: number;
  readonly envelope: FailureEnvelope;
}

/** The envelope of a failure of the transport, whose code repeats the HTTP status. */
export function transportFailure(httpStatus: number, message: string): Failure {
  return { httpStatus, envelope: { status: 'fail', code: httpStatus, message, ref: null } };
}
