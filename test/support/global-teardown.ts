import type { DatabaseServer } from './database-server.ts';

/** Stops the private server that the setup started. */
export default async function globalTeardown(): Promise<void> {
  await (globalThis as { gatewayTestServer?: DatabaseServer }).gatewayTestServer?.remove();
}
