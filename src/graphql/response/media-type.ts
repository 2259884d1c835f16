import Negotiator from 'negotiator';

const json = 'application/json; charset=utf-8';
const graphqlJson = 'application/graphql-response+json; charset=utf-8';
const chosen = new Map<string, string | undefined>();
const maxChosen = 100;

/**
 * The media type of an answer, by what the client accepts.
 *
 * @returns undefined where it accepts none of those that there are
 */
export function mediaTypeFor(accept: string | undefined): string | undefined {
  if (accept === undefined || accept === '') return json;
  if (chosen.has(accept)) return chosen.get(accept);
  const preferred = new Negotiator({ headers: { accept } }).mediaType([json, graphqlJson]);
  if (chosen.size >= maxChosen) chosen.clear();
  chosen.set(accept, preferred);
  return preferred;
}
