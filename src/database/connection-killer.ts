import { setTimeout as sleep } from 'node:timers/promises';
import type { Connection, Pool, RowDataPacket } from 'mysql2';
import { dropConnection, socketOf } from './mysql-socket.js';

// A server that does not answer by then is away itself, and its own limits end what it is at.
const killTimeout = 1_000;

/**
 * Ends on a server what nobody waits for any more. A server does not look whether its client is still there while it is at a
 * statement: it would go on to the end, and keep its locks.
 */
export class ConnectionKiller {
  readonly #pool: Pool;
  readonly #waiting = new Map<number, string>();
  #isKilling = false;

  /** @param pool of connections to the server, of which one is borrowed */
  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /** Closes a connection whose statement is abandoned, and ends it on the server; nobody waits for that. */
  kill(connection: Connection): void {
    const { threadId } = connection;
    const { localPort } = socketOf(connection);
    dropConnection(connection);
    if (threadId === null || threadId === undefined || localPort === undefined) return;
    this.#waiting.set(threadId, `:${localPort}`);
    if (this.#isKilling) return;
    this.#isKilling = true;
    void this.#killAll().finally(() => {
      this.#isKilling = false;
    });
  }

  async #killAll(): Promise<void> {
    while (this.#waiting.size > 0) {
      const abandoned = new Map(this.#waiting);
      this.#waiting.clear();
      await this.#killThese(abandoned).catch(() => undefined);
    }
  }

  async #killThese(abandoned: ReadonlyMap<number, string>): Promise<void> {
    const connection = await new Promise<Connection & { release(): void }>((resolve, reject) => {
      this.#pool.getConnection((error, acquired) => (error ? reject(error) : resolve(acquired)));
    });
    const work = async () => {
      for (const { Id, Host } of await ask(connection, 'SHOW PROCESSLIST')) {
        // Behind a proxy the same number may be another's on another server; the port of its socket tells.
        const port = abandoned.get(Number(Id));
        if (port !== undefined && String(Host).endsWith(port)) await ask(connection, `KILL ${Number(Id)}`);
      }
      return true;
    };
    const isDone = await Promise.race([work().catch(() => false), sleep(killTimeout, false)]);
    if (isDone) connection.release();
    else dropConnection(connection);
  }
}

function ask(connection: Connection, sql: string): Promise<RowDataPacket[]> {
  return new Promise((resolve, reject) => {
    connection.query<RowDataPacket[]>(sql, (error, rows) => (error ? reject(error) : resolve(rows)));
  });
}
