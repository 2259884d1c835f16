/**
 * Which module may import which: `npm run import-rules`. CONTRIBUTING.md draws the same as a picture.
 *
 * A rule holds for `import type` as for any other import: the parser does not tell them apart, and a type ties two modules
 * together as a value does.
 */

/** Packages, as they lie in node_modules. */
const packages = (...names) => `^node_modules/(${names.join('|')})(/|$)`;

const features = '^src/(accounts|changes|connection-test|datasources|history)/';
const entities = '[.]entity[.]ts$';
const statements = '[.]statements[.]ts$';
const services = '[.]service[.]ts$';
const inputs = '[.]input[.]ts$';
const documentations = '[.]openapi[.]ts$';
const filters = '[.]filter[.]ts$';
const types = '[.]type[.]ts$';
const resolvers = '[.]resolver[.]ts$';
const routes = '[.]routes[.]ts$';

const http = packages('fastify', '@fastify');
const graphql = packages('graphql', 'graphql-scalars', 'type-graphql', '@apollo');
const ground = '^src/(errors|global-id|operation-outcome)[.]ts$';
const drivers = packages('typeorm', 'mysql2', 'pg', 'pg-protocol', '@photostructure');

const rules = [
  {
    name: 'no-cycles',
    comment: 'Modules that need each other cannot be read, tested or moved one at a time.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-cycles-of-folders',
    comment:
      'A folder is a room with one use. Two that need each other are one room with a wall through it: what both need stands in the wrong one.',
    scope: 'folder',
    from: {},
    to: { circular: true },
  },
  {
    name: 'no-unresolvable',
    comment: 'An import that leads nowhere fails when it is first reached, perhaps in production.',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'only-production-dependencies',
    comment:
      'The gateway runs with the production dependencies alone, so it may import no others; nor one that it has only because another package has it. The playground is bundled beforehand.',
    from: { path: '^src/', pathNot: '^src/playground/' },
    to: { dependencyTypes: ['npm-dev', 'npm-optional', 'npm-peer', 'npm-no-pkg', 'npm-unknown'] },
  },
  {
    name: 'nothing-from-outside-src',
    comment: 'Tests and the build know the sources; the sources do not know them.',
    from: { path: '^src/' },
    to: { path: '^(test|build|docs)/' },
  },

  // One direction, as the picture in CONTRIBUTING.md has it.
  {
    name: 'composed-from-above',
    comment:
      'What stands beside the folders reads the settings and puts the parts together. A part that asks for one of these hides what it needs: it takes that by its constructor. Below everything are the ids, the errors, and what a success says.',
    from: { path: '^src/[^/]+/' },
    to: { path: '^src/[^/]+[.]ts$', pathNot: ground },
  },
  {
    name: 'accounts-know-no-datasources',
    comment: 'Datasources refer to accounts. The other way round would close a circle between the two.',
    from: { path: '^src/accounts/' },
    to: { path: '^src/datasources/' },
  },
  {
    name: 'datasources-know-no-tests',
    comment:
      'A test asks for a datasource, and leaves with it what came of it. Of how it was made a datasource knows nothing.',
    from: { path: '^src/datasources/' },
    to: { path: '^src/connection-test/' },
  },
  {
    name: 'audit-knows-no-feature',
    comment: 'The audit keeps what it is told, so that every feature can tell it.',
    from: { path: '^src/audit/' },
    to: { path: features },
  },
  {
    name: 'commands-are-called-from-the-command-line',
    comment:
      'A command ends its process and writes to the terminal; what a gateway shares with it stands in a module of its own.',
    from: { path: '^src/', pathNot: ['^src/cli[.]ts$', '^src/command-line/'] },
    to: { path: '^src/command-line/' },
  },
  {
    name: 'transfer-serves-commands',
    comment:
      'A register is read out and filled from the command line. Nothing that serves requests waits for what takes minutes.',
    from: { path: '^src/', pathNot: '^src/(transfer|command-line)/' },
    to: { path: '^src/transfer/' },
  },
  {
    name: 'transfer-knows-no-requests',
    comment: 'A file is no request.',
    from: { path: '^src/transfer/' },
    to: { path: [http, graphql, resolvers, routes, types, '^src/(http|rest|graphql|operations|command-line)/'] },
  },
  {
    name: 'portal-is-put-on-top',
    comment:
      'The profile of the web portal can be taken away: nothing but the composition root knows of it, and what it needs of the register it asks services for.',
    from: { path: '^src/', pathNot: ['^src/(app|legacy-api)[.]ts$', '^src/portal/'] },
    to: { path: '^src/portal/' },
  },
  {
    name: 'portal-translates',
    comment:
      'It turns what the portal sends into what the operations take, and what services give into what the portal reads. A rule in it would not hold for others.',
    from: { path: '^src/portal/' },
    to: {
      path: ['^src/', graphql, drivers],
      pathNot: ['^src/portal/', services, inputs, '^src/(rest|input)/', '^src/(errors|datasources/jdbc-url)[.]ts$'],
    },
  },
  {
    name: 'pure-modules-import-nothing',
    comment: 'What only computes can be understood and tested by itself.',
    from: {
      path: [
        '^src/(errors|operation-outcome)[.]ts$',
        '^src/input/rules[.]ts$',
        '^src/database/database-url[.]ts$',
        '^src/datasources/(jdbc-url|delete-account-path)[.]ts$',
        '^src/security/browser-origin[.]ts$',
      ],
    },
    to: { path: ['^src/', '^node_modules/'] },
  },

  // Kinds of file: noun.kind.ts.
  {
    name: 'entities-are-tables-only',
    comment: 'An entity says how a table is kept, and nothing of who asks for it.',
    from: { path: entities },
    to: { path: ['^src/', '^node_modules/'], pathNot: [entities, '^src/database/columns[.]ts$', packages('typeorm')] },
  },
  {
    name: 'statements-know-tables-only',
    comment: 'SQL stands in one kind of file, which knows tables and sessions, and nothing of who asks.',
    from: { path: statements },
    to: { path: ['^src/', '^node_modules/'], pathNot: [entities, statements, '^src/database/'] },
  },
  {
    name: 'statements-are-put-together-in-statements',
    comment: 'What only SQL needs leads to SQL. test/tree/source-rules.test.ts looks for the words themselves.',
    from: { path: '^src/', pathNot: [statements, '^src/database/'] },
    to: { path: '^src/database/(table-mapping|condition|index-hint)[.]ts$' },
  },
  {
    name: 'inputs-declare-parameters-only',
    comment:
      'An input is the one declaration of an operation’s parameters for both surfaces. With an entity in it, a column could not change without the API.',
    from: { path: inputs },
    to: { path: '^src/', pathNot: [inputs, '^src/input/'] },
  },
  {
    name: 'documentations-show-what-is-sent',
    comment: 'What describes an operation knows its input and its failures, and nothing of how it is done.',
    from: { path: documentations },
    to: {
      path: '^src/',
      pathNot: [documentations, inputs, '^src/(errors|rest/openapi|datasources/jdbc-url)[.]ts$'],
    },
  },
  {
    name: 'filters-declare-parameters-only',
    comment: 'As inputs; a filter also says in what order its service lists.',
    from: { path: filters },
    to: {
      path: '^src/',
      pathNot: [
        inputs,
        services,
        '^src/input/',
        '^src/graphql/schema/connection[.]type[.]ts$',
        '^src/datasources/test-outcome([.]type)?[.]ts$',
      ],
    },
  },
  {
    name: 'services-know-no-surface',
    comment: 'Both surfaces call the same service method, so it must not know which one has called.',
    from: { path: services },
    to: { path: [http, graphql, resolvers, routes, types, filters, '^src/(http|rest|graphql|operations)/'] },
  },
  {
    name: 'services-write-no-sql',
    comment: 'A service decides; its statements know the database’s language.',
    from: { path: services },
    to: { path: drivers },
  },
  {
    name: 'types-are-output-only',
    comment:
      'What GraphQL shows is declared apart from what is stored and what is sent, so that a secret is absent from it.',
    from: { path: types, pathNot: '^src/graphql/' },
    to: { path: ['^src/(database|rest|security)/', entities, statements, services, inputs, resolvers, routes] },
  },
  {
    name: 'resolvers-ask-services',
    comment: 'A resolver turns a field into a call of a service. A rule in it would not hold on the other surface.',
    from: { path: resolvers },
    to: { path: [drivers, http, entities, routes, '^src/(database|rest)/'] },
  },
  {
    name: 'legacy-routes-ask-services',
    comment: 'A legacy route turns a body into a call of a service. A rule in it would not hold on the other surface.',
    from: { path: `${features}.*${routes}` },
    to: { path: [drivers, graphql, entities, statements, types, filters, resolvers, '^src/(database|graphql)/'] },
  },

  // Folders.
  {
    name: 'input-serves-every-surface',
    comment: 'The declaration of parameters is below both surfaces and all features.',
    from: { path: '^src/input/' },
    to: { path: '^src/', pathNot: ['^src/input/', '^src/errors[.]ts$'] },
  },
  {
    name: 'rest-knows-no-feature',
    comment: 'The legacy surface carries any operation that it is given. GraphQL is the other surface.',
    from: { path: '^src/rest/' },
    to: { path: [features, graphql, drivers, '^src/(graphql|database)/'] },
  },
  {
    name: 'http-knows-no-surface',
    comment: 'What holds for every route must hold whatever the route does.',
    from: { path: '^src/http/' },
    to: { path: [features, graphql, drivers, '^src/(audit|database|graphql|rest)/'] },
  },
  {
    name: 'graphql-knows-no-feature',
    comment:
      'The GraphQL surface carries any schema that it is given: gateway-schema.ts puts that of the features together.',
    from: { path: '^src/graphql/' },
    to: { path: [features, '^src/audit/'] },
  },
  {
    name: 'graphql-shows-features-two-rooms',
    comment:
      'What a schema is declared with, and what a resolver is given. How a request is answered is no business of theirs.',
    from: { path: '^src/', pathNot: '^src/(graphql/|documentation/|[^/]+[.]ts$)' },
    to: { path: '^src/graphql/', pathNot: '^src/graphql/(schema|context)/' },
  },
  {
    name: 'graphql-is-not-rest',
    comment: 'The two surfaces share what is below them, and not each other.',
    from: { path: '^src/graphql/' },
    to: { path: ['^src/rest/', drivers] },
  },
  {
    name: 'graphql-reads-no-database',
    comment: 'A page is what the database and a connection both know; the rest goes through a service.',
    from: { path: '^src/graphql/' },
    to: { path: '^src/database/', pathNot: '^src/database/page[.]ts$' },
  },
  {
    name: 'database-knows-no-feature',
    comment: 'It would serve any table.',
    from: { path: '^src/database/' },
    to: { path: [features, '^src/(audit|security)/'] },
  },
  {
    name: 'database-knows-no-surface',
    comment: 'The database is below both surfaces.',
    from: { path: '^src/database/' },
    to: { path: [http, graphql, '^src/(http|rest|graphql|input|operations)/'] },
  },
  {
    name: 'security-knows-no-feature',
    comment: 'Sealing and knowing callers serve every feature and every surface.',
    from: { path: '^src/security/' },
    to: { path: [features, graphql, '^src/(audit|http|rest|graphql|operations)/'] },
  },
  {
    name: 'drivers-behind-the-database',
    comment:
      'What differs between databases, and how they are driven, stands in database/; entities are declared to TypeORM. A connection test drives databases that are not the gateway’s.',
    from: { path: '^src/', pathNot: ['^src/database/', '^src/connection-test/[a-z]+-session[.]ts$', entities] },
    to: { path: drivers },
  },
  {
    name: 'typeorm-by-its-parts',
    comment:
      'The whole of TypeORM has the drivers of twenty databases in it, which would take a part of each start. It is loaded where a migration is run; entities and migrations import its parts.',
    from: { path: '^src/', pathNot: '^src/database/data-source[.]ts$' },
    to: { path: '^node_modules/typeorm/index[.]' },
  },
  {
    name: 'http-at-the-surfaces',
    comment: 'Fastify is what carries requests: below the surfaces there are none.',
    from: { path: '^src/', pathNot: ['^src/app[.]ts$', '^src/(http|rest|graphql|operations)/', routes] },
    to: { path: http },
  },

  // The playground and the page of the legacy API run in a browser.
  {
    name: 'playground-stands-alone',
    comment:
      'The playground is bundled for the browser: what it imports of the gateway would be sent to every visitor.',
    from: { path: '^src/(playground|docs-page)/' },
    to: { path: '^src/', pathNot: '^src/playground/' },
  },
  {
    name: 'gateway-serves-the-bundle',
    comment: 'The gateway serves its pages as files: nothing of their sources runs in Node.js.',
    from: { path: '^src/', pathNot: '^src/(playground|docs-page)/' },
    to: { path: '^src/(playground|docs-page)/' },
  },
];

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: rules.map((rule) => ({ ...rule, severity: 'error' })),
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    // The parser takes no JSX.
    exclude: { path: '[.]tsx$' },
    doNotFollow: { path: '^node_modules/' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'types', 'default'],
      extensions: ['.ts', '.js'],
    },
  },
};
