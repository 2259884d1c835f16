import type { FastifyInstance } from 'fastify';
import { registerBundledPage } from '../http/bundled-page.js';
import { type LegacyAdditions, type LegacyDocumentations, openApiDocument } from '../rest/openapi.js';

/** Adds `GET /openapi.json`, which describes the legacy API, and `GET /docs`, where a browser shows it to try it out. */
export function registerOpenApi(
  app: FastifyInstance,
  version: string,
  documentations: LegacyDocumentations,
  additions?: LegacyAdditions,
): void {
  const document = JSON.stringify(openApiDocument(version, documentations, additions));
  const page = registerBundledPage(app, { name: 'docs', title: 'Datasource gateway: the legacy REST API' });
  app.get('/openapi.json', (_, reply) => reply.type('application/json; charset=utf-8').send(document));
  app.get('/docs', (_, reply) => reply.headers(page.headers).send(page.html));
}
