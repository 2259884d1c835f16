/** What each part of the code is for, in the order in which a request meets them. */

/**
 * The first whose pattern fits a frame has its time, and that of what it calls and no layer claims: Node.js and its own
 * modules go to whoever calls them. A pattern is tried on `path function`, the path from the root of this tree.
 */
const patterns = [
  ['waiting', /\(idle\)$/],
  ['collecting garbage', /\(garbage collector\)$/],
  [
    'JSON: reading the body',
    /(graphql\.routes|legacy-body)\.ts parse(?:Body|LegacyBody)$|operation-parameters|url-parameters|content-type-parser/,
  ],
  [
    'JSON: writing the answer',
    /response-formatter\.ts format$|json-writer|fast-json-stringify|reply\.js serialize$|error-serializer/,
  ],
  ['GraphQL: parsing and validating', /graphql\/(?:language|validation)\/|graphql\/document\//],
  ['GraphQL: Apollo Server', /@apollo\//],
  ['GraphQL: variables', /variable-plan|coerceInputValue|input-problems|convert-args/],
  [
    'GraphQL: finding and executing the operation',
    /src\/graphql\/|\/(?:graphql|type-graphql|dataloader)\/|\.resolver\.ts/,
  ],
  ['input validation', /src\/input\/(?!date-time)|class-validator/],
  ['JDBC URL', /jdbc-url/],
  ['sealing', /src\/(?:security\/sealing|datasources\/credential-seal)/],
  ['knowing the caller', /src\/security\/|request-guard/],
  ['audit: what changed', /src\/audit\/|datasource-changes/],
  ['hydration', /table-mapping\.ts hydrate|columns\.ts|statements\.ts hydrated/],
  ['SQL and its values', /table-mapping|\.statements\.ts|src\/database\/page|condition/],
  ['driver, with its socket', /\/(?:mysql2|lru\.min|sqlstring|iconv-lite|denque|long|generate-function)\//],
  ['transactions, deadlines, the pool', /src\/database\/|src\/register/],
  ['services', /\.service\.ts|global-id|\/ulid\//],
  ['log line', /request-log|src\/log\.ts|\/(?:pino|sonic-boom|safe-stable-stringify|quick-format-unescaped)\//],
  ['metrics', /src\/operations\/|\/prom-client\//],
  ['load limit', /load-limit/],
  ['legacy routes', /src\/rest\/|\.routes\.ts/],
  ['HTTP: Fastify', /\/(?:fastify|find-my-way|fastq|avvio|@fastify)[^ ]*\/|src\/(?:http|app)/],
  ['HTTP: Node.js, with its socket', /^node:(?:_http|internal\/http)/],
];

/** What no layer claims. */
export const others = 'the event loop, and what no layer claims';

/** The layers, in order, without the time in which nothing is done. */
export const layers = [...patterns.map(([name]) => name).filter((name) => name !== 'waiting'), others];

/** The layer of a frame; undefined where its caller's is to be taken. */
export function layerOf(path, functionName) {
  return patterns.find(([, pattern]) => pattern.test(`${path} ${functionName}`))?.[0];
}
