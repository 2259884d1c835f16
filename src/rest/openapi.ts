import { DomainError, type ErrorName, errorCodes, errorMeanings } from '../errors.js';
import type { LegacyPath } from '../http/legacy-path.js';
import { type LegacyBody, readInput } from '../input/legacy-body.js';
import { describeInput, type Parameter, parametersOf } from '../input/parameter.js';
import { succeeded } from '../operation-outcome.js';
import { failuresOfEveryOperation, transportFailures } from './documented-failures.js';
import { failureOf } from './envelope.js';
import { parameterSchema } from './parameter-schema.js';

/** A body that is shown in the description, and what comes of it. */
export interface LegacyExample {
  /** What it shows, in a few words. */
  readonly summary: string;
  readonly body: LegacyBody;
  /** Why it fails; undefined where it succeeds, or where its parameters are invalid, which is found by reading it. */
  readonly failure?: DomainError;
}

/** What the description says of an operation besides its parameters, which it takes from the input class. */
export interface LegacyDocumentation {
  /** What programs call it: the name of its mutation. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** What it does, in whole sentences. */
  readonly description: string;
  readonly input: new () => object;
  /** Required parameters that may be left out on this gateway, by their REST names. */
  readonly mayBeAbsent?: readonly string[];
  /** By a name that no other example of its path has; the first succeeds. */
  readonly examples: Readonly<Record<string, LegacyExample>>;
}

/** The operations of each path: several where it is documented for several, and then nothing in a body is ignored. */
export type LegacyDocumentations = Readonly<Record<LegacyPath, readonly LegacyDocumentation[]>>;

type Json = Readonly<Record<string, unknown>>;

/** What the description says of a question, whose answer is shown as `data`. */
export interface LegacyQuestionDocumentation {
  readonly method: 'GET' | 'POST';
  /** What programs call it. */
  readonly name: string;
  /** What people call it. */
  readonly title: string;
  /** What it answers, in whole sentences. */
  readonly description: string;
  /** The parameters in the path. */
  readonly query?: new () => object;
  /** The parameters in the body, or its schema. */
  readonly body?: (new () => object) | Json;
  /** The schema of what it answers. */
  readonly data: Json;
}

/** The questions by their path. */
export type LegacyQuestionDocumentations = Readonly<Record<`/${string}`, LegacyQuestionDocumentation>>;

/** What is described besides the operations of the document. */
export interface LegacyAdditions {
  /** What is said of them at the start, in whole sentences. */
  readonly introduction: string;
  readonly questions: LegacyQuestionDocumentations;
}

/** Describes the legacy API in the form of OpenAPI 3.1. */
export function openApiDocument(version: string, paths: LegacyDocumentations, additions?: LegacyAdditions): Json {
  const all = new Set(Object.values(paths).flat());
  return {
    openapi: '3.1.0',
    info: {
      title: 'Datasource gateway: the legacy REST API',
      version,
      license: { name: 'MIT', identifier: 'MIT' },
      description:
        'The routes that legacy clients use. What came of an operation is in `status`, `code` and `message`, and travels as HTTP status 200 wherever a client can act on it; every other HTTP status is about the transport.\n\nEvery example of a body has an example of its answer, by the same name, from a register that holds the account 1, `123456789012`, `eu-west-1`, and in it the datasource `orders-db` at version 1. The GraphQL API at `/graphql` does the same by the same rules, and more.'.concat(
          additions === undefined ? '' : `\n\n${additions.introduction}`,
        ),
    },
    servers: [{ url: '/' }],
    security: [{ apiKey: [] }, { bearer: [] }, {}],
    paths: Object.fromEntries([
      ...Object.entries(paths).map(([path, operations]) => [path, { post: operationOf(operations) }]),
      ...Object.entries(additions?.questions ?? {}).map(([path, question]) => [
        path,
        { [question.method.toLowerCase()]: questionOf(question) },
      ]),
    ]),
    components: {
      schemas: {
        ...Object.fromEntries(
          [...all].map(({ name, input, mayBeAbsent }) => [schemaNameOf(name), schemaOf(input, mayBeAbsent)]),
        ),
        Success: additions === undefined ? successSchema : successWithData,
        Failure: failureSchema,
      },
      responses: transportResponses(),
      headers: {
        RequestId: {
          description: 'The id by which the request is found in the log: the one that was sent with it, or a new one.',
          schema: { type: 'string' },
        },
        RetryAfter: {
          description: 'After how many seconds the same request may succeed.',
          schema: { type: 'integer', minimum: 1 },
        },
      },
      examples: Object.fromEntries(
        Object.entries(failuresOfEveryOperation).map(([name, { summary, failure }]) => [
          name,
          { summary, value: failureOf(failure).envelope },
        ]),
      ),
      securitySchemes: {
        apiKey: {
          type: 'apiKey',
          in: 'header',
          name: 'x-api-key',
          description: 'An API key with the permission `write`, where the gateway accepts keys.',
        },
        bearer: {
          type: 'http',
          scheme: 'bearer',
          bearerFormat: 'JWT',
          description:
            'A token of the OpenID Connect issuer with the permission `write`, where the gateway accepts tokens.',
        },
      },
    },
  };
}

function schemaOf(input: new () => object, mayBeAbsent: readonly string[] = []): Json {
  const parameters = parametersOf(input);
  return {
    type: 'object',
    description: inRestNames(describeInput(input), parameters),
    required: parameters
      .filter(({ optional, restName }) => !optional && !mayBeAbsent.includes(restName))
      .map(({ restName }) => restName),
    properties: Object.fromEntries(
      parameters.map((parameter) => {
        const mayBeEmpty = parameter.kind === 'text' && mayBeAbsent.includes(parameter.restName);
        return [parameter.restName, parameterSchema(mayBeEmpty ? { ...parameter, optional: true } : parameter)];
      }),
    ),
  };
}

/** A description names parameters as GraphQL does. */
function inRestNames(description: string, parameters: readonly Parameter[]): string {
  return parameters.reduce(
    (text, { property, restName }) => text.replaceAll(`\`${property}\``, `\`${restName}\``),
    description,
  );
}

function schemaNameOf(operation: string): string {
  return operation.charAt(0).toUpperCase() + operation.slice(1);
}

function operationOf(operations: readonly LegacyDocumentation[]): Json {
  const isShared = operations.length > 1;
  const unknown = isShared ? 'refuse' : 'ignore';
  const examples = operations.flatMap(({ input, examples }) =>
    Object.entries(examples).map(([name, example]) => ({
      name,
      ...example,
      answer: answerTo(example, input, unknown),
    })),
  );
  const schemas = operations.map(({ name }) => ({ $ref: `#/components/schemas/${schemaNameOf(name)}` }));
  const strict = operations.map(({ title }, at) => ({ title, allOf: [schemas[at]], unevaluatedProperties: false }));
  return {
    tags: ['Operations'],
    operationId: operations.map(({ name }, at) => (at === 0 ? name : `Or${schemaNameOf(name)}`)).join(''),
    summary: operations.map(({ title }) => title).join(', or '),
    description: isShared
      ? `This path has several meanings, told apart by the names of the parameters; none that is unknown is ignored here.\n\n${operations.map(({ title, description }) => `- **${title}**: ${description}`).join('\n')}`
      : `${operations[0]?.description} Parameters that are not listed are ignored.`,
    requestBody: {
      required: true,
      description:
        'A JSON object. The header Content-Type is `application/json`, with or without a charset, or absent.',
      content: {
        'application/json': {
          schema: isShared ? { oneOf: strict } : schemas[0],
          examples: named(examples.map(({ name, summary, body }) => [name, summary, body])),
        },
      },
    },
    responses: {
      200: {
        description: 'What came of it, for better or worse: `code` says.',
        headers: headersOf('RequestId'),
        content: {
          'application/json': {
            schema: { oneOf: [{ $ref: '#/components/schemas/Success' }, { $ref: '#/components/schemas/Failure' }] },
            examples: {
              ...named(examples.map(({ name, summary, answer }) => [name, summary, answer])),
              ...Object.fromEntries(
                Object.keys(failuresOfEveryOperation).map((name) => [name, { $ref: `#/components/examples/${name}` }]),
              ),
            },
          },
        },
      },
      ...Object.fromEntries(
        Object.entries(transportFailures).map(([status, { name }]) => [
          status,
          { $ref: `#/components/responses/${name}` },
        ]),
      ),
    },
  };
}

function questionOf({ method, name, title, description, query, body, data }: LegacyQuestionDocumentation): Json {
  const parameters = query === undefined ? [] : parametersOf(query);
  const schema = typeof body === 'function' ? schemaOf(body) : (body ?? { type: 'object' });
  const { 405: _, ...failures } = transportFailures;
  return {
    tags: ['Web portal'],
    operationId: name,
    summary: title,
    description,
    parameters: parameters.map((parameter) => ({
      name: parameter.restName,
      in: 'query',
      required: !parameter.optional,
      description: parameter.description,
      schema: parameterSchema(parameter),
    })),
    ...(method === 'GET' ? {} : { requestBody: { required: true, content: { 'application/json': { schema } } } }),
    responses: {
      200: {
        description: 'What came of it, for better or worse: `code` says.',
        headers: headersOf('RequestId'),
        content: {
          'application/json': {
            schema: {
              oneOf: [
                {
                  ...successSchema,
                  required: [...Object.keys(succeeded), 'data'],
                  properties: { ...(successSchema.properties as Json), data },
                },
                { $ref: '#/components/schemas/Failure' },
              ],
            },
          },
        },
      },
      ...Object.fromEntries(
        Object.entries(failures).map(([status, failure]) => [
          status,
          { $ref: `#/components/responses/${failure.name}` },
        ]),
      ),
    },
  };
}

function answerTo({ body, failure }: LegacyExample, input: new () => object, unknown: 'ignore' | 'refuse'): Json {
  if (failure !== undefined) return { ...failureOf(failure).envelope };
  try {
    readInput(input, body, unknown);
    return succeeded;
  } catch (error) {
    if (error instanceof DomainError) return { ...failureOf(error).envelope };
    throw error;
  }
}

function transportResponses(): Json {
  return Object.fromEntries(
    Object.values(transportFailures).map(({ name, description, headers = [], examples }) => [
      name,
      {
        description,
        headers: headersOf('RequestId', ...headers),
        content: {
          'application/json': {
            schema: { $ref: '#/components/schemas/Failure' },
            examples: named(Object.entries(examples).map(([key, { summary, envelope }]) => [key, summary, envelope])),
          },
        },
      },
    ]),
  );
}

function headersOf(...names: readonly string[]): Json {
  const headerNames: Readonly<Record<string, string>> = { RequestId: 'x-request-id', RetryAfter: 'retry-after' };
  return Object.fromEntries(names.map((name) => [headerNames[name], { $ref: `#/components/headers/${name}` }]));
}

function named(examples: readonly (readonly [string, string, unknown])[]): Json {
  return Object.fromEntries(examples.map(([name, summary, value]) => [name, { summary, value }]));
}

const successSchema: Json = {
  type: 'object',
  required: Object.keys(succeeded),
  properties: Object.fromEntries(Object.entries(succeeded).map(([name, value]) => [name, { const: value }])),
  additionalProperties: false,
};

/** Where the answers of questions are described, too: there is data in them. */
const successWithData: Json = {
  ...successSchema,
  properties: {
    ...(successSchema.properties as Json),
    data: { description: 'What was asked for, where something was.' },
  },
};

const failureSchema: Json = {
  type: 'object',
  required: ['status', 'code', 'message', 'ref'],
  properties: {
    status: { const: 'fail' },
    code: {
      enum: [...new Set([...Object.values(errorCodes), ...Object.keys(transportFailures).map(Number)])].sort(
        (one, other) => one - other,
      ),
      description: `Which failure it is.\n\n${meaningsOfCodes()}\n\nWhat is about the transport repeats the HTTP status.`,
    },
    message: { type: 'string', description: 'What was wrong and what to do, for the person who sent the request.' },
    ref: {
      description: 'The parameters that are invalid; null where the failure is another one.',
      oneOf: [
        { type: 'null' },
        {
          type: 'array',
          minItems: 1,
          items: {
            type: 'object',
            required: ['name', 'message'],
            properties: { name: { type: 'string' }, message: { type: 'string' } },
            additionalProperties: false,
          },
        },
      ],
    },
  },
  additionalProperties: false,
};

function meaningsOfCodes(): string {
  const names = Object.keys(errorCodes) as ErrorName[];
  return names.map((name) => `- ${errorCodes[name]}: ${errorMeanings[name]}`).join('\n');
}
