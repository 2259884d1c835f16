import type { FastifyInstance } from 'fastify';
import Negotiator from 'negotiator';
import { type BundledPage, registerBundledPage } from '../http/bundled-page.js';

/** Serves the playground's assets under `/playground/` and returns the page, for `GET /graphql` to answer with. */
export function registerPlayground(app: FastifyInstance, options: { directory?: string } = {}): BundledPage {
  return registerBundledPage(app, {
    name: 'playground',
    title: 'Datasource gateway: GraphQL playground',
    directory: options.directory,
  });
}

/** Whether a `GET /graphql` is answered with the playground: no operation in it, and HTML preferred over JSON. */
export function prefersPlayground(accept: string | undefined, hasQuery: boolean): boolean {
  if (hasQuery) return false;
  const negotiator = new Negotiator({ headers: { accept } });
  const offered = ['application/graphql-response+json', 'application/json', 'text/html'];
  return negotiator.mediaType(offered) === 'text/html';
}
