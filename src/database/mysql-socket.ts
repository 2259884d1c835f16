import type { Socket } from 'node:net';
import type { Connection } from 'mysql2';

/** The socket of a connection, which the driver's types keep to themselves. */
export function socketOf(connection: Connection): Socket {
  return (connection as unknown as { readonly stream: Socket }).stream;
}

/**
 * Closes a connection at once, and takes it out of its pool. The driver's own way only says goodbye, and keeps the socket until
 * the other side has answered, which one that is frozen or gone never does.
 */
export function dropConnection(connection: Connection): void {
  connection.destroy();
  socketOf(connection).destroy();
}
