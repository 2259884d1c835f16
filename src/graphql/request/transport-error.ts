/** An error of the transport, in the form of a GraphQL answer. */
export class TransportError extends Error {
  /**
   * @param statusCode the HTTP status
   * @param code what clients read in `extensions.code`
   * @param message for the person who sent the request
   */
  constructor(
    readonly statusCode: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}
