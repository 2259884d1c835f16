import type { FastifyInstance } from 'fastify';

/** Whether the gateway can serve; where it cannot, what is missing, in words for an operator. */
export interface Readiness {
  /** What is missing; empty where nothing is. */
  missing(): Promise<readonly string[]>;
}

/** Adds `GET /healthz`, which answers while the process lives, and `GET /readyz`, which answers 200 while it can serve. */
export function registerHealth(app: FastifyInstance, version: string, readiness: Readiness): void {
  app.get('/healthz', async () => ({ status: 'ok', version }));
  app.get('/readyz', async (_, reply) => {
    const missing = await readiness.missing();
    if (missing.length === 0) return { status: 'ready' };
    return reply.code(503).header('retry-after', '1').send({ status: 'not ready', missing });
  });
}
