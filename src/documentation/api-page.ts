import {
  type GraphQLArgument,
  type GraphQLField,
  type GraphQLInputField,
  type GraphQLInterfaceType,
  type GraphQLNamedType,
  type GraphQLObjectType,
  type GraphQLSchema,
  getNamedType,
  isEnumType,
  isInputObjectType,
  isInterfaceType,
  isIntrospectionType,
  isObjectType,
  isScalarType,
  isSpecifiedScalarType,
} from 'graphql';
import { DomainError, type ErrorName, errorCodes, errorMeanings } from '../errors.js';
import { formatGraphQLError } from '../graphql/response/errors.js';
import { statusOfCode } from '../graphql/response/response-status.js';
import { accessTo } from '../graphql/schema/field-rules.js';
import { failureOf } from '../rest/envelope.js';

/** The page about the GraphQL API. */
export function apiPage(schema: GraphQLSchema): string {
  const types = Object.values(schema.getTypeMap())
    .filter((type) => !isIntrospectionType(type) && !isSpecifiedScalarType(type))
    .sort((one, other) => (one.name < other.name ? -1 : 1));
  const roots = [schema.getQueryType(), schema.getMutationType()];
  const shown = types.filter((type) => !roots.some((root) => root === type));
  return [
    heading,
    section('Queries', operationsOf(schema.getQueryType())),
    section('Mutations', operationsOf(schema.getMutationType())),
    section(
      'Inputs',
      shown.filter(isInputObjectType).map((type) => typeSection(type, inputTable(type.getFields()))),
    ),
    section(
      'Types',
      shown
        .filter((type) => isObjectType(type) || isInterfaceType(type))
        .map((type) => typeSection(type, fieldTable(type))),
    ),
    section(
      'Enumerations',
      shown.filter(isEnumType).map((type) => {
        const rows = type.getValues().map(({ name, description }) => [`\`${name}\``, oneLine(description)]);
        return typeSection(type, table(['value', 'what it is'], rows));
      }),
    ),
    section(
      'Scalars',
      shown.filter(isScalarType).map((type) => typeSection(type, '')),
    ),
    section('Errors', [errors]),
  ]
    .join('\n\n')
    .concat('\n');
}

const heading = `<!-- Made from the schema by \`npm run docs\`: change the code, not this file. -->

# The GraphQL API

\`POST /graphql\` takes \`{ "query", "variables", "operationName" }\` as JSON; \`GET /graphql\` takes queries, and never a mutation. The same as a
schema is in [schema.graphql](../schema.graphql). What clients of the legacy routes call instead is in [migrating.md](migrating.md).

The permission that a field needs stands behind it; where none does, every caller who is let in may see it. See [security.md](security.md)
for who holds which.`;

const errors = `A request that fails has \`errors\`, each with \`extensions.code\`, the name by which programs tell it, and \`extensions.legacyCode\`, the number that
the legacy routes answer. For invalid parameters \`extensions.parameters\` lists each \`{ name, message }\`; for a version that is another one
\`extensions.currentVersion\` says which. Mutations of one request run one after the other, each in its own transaction, and those behind one that
failed are not run.

${table(
  ['error', '`extensions.code`', 'HTTP', '`legacyCode`, REST `code`', 'REST HTTP', 'what it means'],
  (Object.keys(errorCodes) as ErrorName[]).map((name) => {
    const error = new DomainError(name, '');
    const { extensions } = formatGraphQLError(error, '', { error: () => undefined, warn: () => undefined });
    const { httpStatus, envelope } = failureOf(error);
    const code = String(extensions?.code);
    const statuses = [String(statusOfCode.get(code) ?? 200), String(envelope.code), String(httpStatus)];
    return [name, `\`${code}\``, ...statuses, errorMeanings[name]];
  }),
)}

A document that does not parse, does not fit the schema or is larger than the limits has none of these: its codes are \`GRAPHQL_PARSE_FAILED\`,
\`GRAPHQL_VALIDATION_FAILED\`, \`GRAPHQL_LIMIT_EXCEEDED\`, \`OPERATION_RESOLUTION_FAILURE\` and \`BAD_REQUEST\`. What is about the transport is
\`METHOD_NOT_ALLOWED\` (405), \`PAYLOAD_TOO_LARGE\` (413) or \`UNSUPPORTED_MEDIA_TYPE\` (415).`;

function section(title: string, parts: readonly string[]): string {
  return `## ${title}\n\n${parts.join('\n\n')}`;
}

function operationsOf(root: GraphQLObjectType | null | undefined): string[] {
  return root == null ? [] : Object.values(root.getFields()).map((field) => operation(root, field));
}

function operation(root: GraphQLObjectType, field: GraphQLField<unknown, unknown>): string {
  const { name, args, type, description } = field;
  const rows = args.map((argument) => [`\`${argument.name}\``, linked(argument), described(argument)]);
  return [
    `### ${root.name}.${name}`,
    `${oneLine(description)} Needs \`${accessTo(root, field)}\`. Gives ${linked({ type })}.`,
    ...(rows.length === 0 ? [] : [table(['argument', 'type', 'what it is'], rows)]),
  ].join('\n\n');
}

function typeSection(type: GraphQLNamedType, content: string): string {
  return [`### ${type.name}`, oneLine(type.description), content].filter(Boolean).join('\n\n');
}

function inputTable(fields: Readonly<Record<string, GraphQLInputField>>): string {
  const rows = Object.values(fields).map((field) => [`\`${field.name}\``, linked(field), described(field)]);
  return table(['field', 'type', 'what it is'], rows);
}

function fieldTable(type: GraphQLObjectType | GraphQLInterfaceType): string {
  const rows = Object.values(type.getFields()).map((field) => {
    const access = accessTo(type, field);
    const needs = access === undefined || access === 'known' ? '' : ` Needs \`${access}\`.`;
    const taken = field.args.map((argument) => `\`${argument.name}\`: ${linked(argument)}`).join(', ');
    const takes = taken === '' ? '' : ` Takes ${taken}.`;
    return [`\`${field.name}\``, linked(field), `${oneLine(field.description)}${needs}${takes}`];
  });
  return table(['field', 'type', 'what it is'], rows);
}

function described({ description, defaultValue }: GraphQLArgument | GraphQLInputField): string {
  const unlessGiven = defaultValue === undefined ? '' : ` \`${JSON.stringify(defaultValue)}\` unless given.`;
  return `${oneLine(description)}${unlessGiven}`;
}

/** A type as it is written, with a link to where it is described. */
function linked({ type }: Pick<GraphQLField<unknown, unknown> | GraphQLInputField, 'type'>): string {
  const named = getNamedType(type);
  const text = `\`${type}\``;
  return isSpecifiedScalarType(named) ? text : `[${text}](#${named.name.toLowerCase()})`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [line(head), line(head.map(() => '---')), ...rows.map(line)].join('\n');
}

function oneLine(text: string | null | undefined): string {
  return (text ?? '')
    .split('\n')
    .map((line) => line.trim())
    .join(' ');
}
