import {
  ApolloServer,
  type ApolloServerPlugin,
  type GraphQLRequestContextWillSendResponse,
  HeaderMap,
} from '@apollo/server';
import {
  ApolloServerPluginCacheControlDisabled,
  ApolloServerPluginInlineTraceDisabled,
  ApolloServerPluginLandingPageDisabled,
  ApolloServerPluginSchemaReportingDisabled,
  ApolloServerPluginUsageReportingDisabled,
} from '@apollo/server/plugin/disabled';
import type { FastifyBaseLogger, FastifyRequest } from 'fastify';
import {
  type DocumentNode,
  GraphQLError,
  type GraphQLFormattedError,
  type GraphQLSchema,
  OperationTypeNode,
} from 'graphql';
import { InvalidParametersError } from '../errors.js';
import { succeeded } from '../operation-outcome.js';
import type { Refusals } from '../security/refusals.js';
import type { RequestContext } from './context/request-context.js';
import { exceeded } from './document/document-limits.js';
import { variableProblems } from './document/input-problems.js';
import { checkAccess } from './request/operation-access.js';
import type { OperationParameters } from './request/operation-parameters.js';
import { writeJson } from './response/json-writer.js';
import type { Asked, GraphQLResponse, ResponseFormatter } from './response/response-formatter.js';
import { statusOfErrors, statusOfRequestError } from './response/response-status.js';

/** What it is given beside what resolvers know. */
interface ApolloContext extends RequestContext {
  readonly asked: Asked;
}

/** What it is made of. */
export interface ApolloParts {
  readonly schema: GraphQLSchema;
  readonly log: FastifyBaseLogger;
  readonly introspection: boolean;
  /** Bytes of an answer at most. */
  readonly maxBytes: number;
  readonly refusals: Refusals;
  readonly formatter: ResponseFormatter;
}

/**
 * Apollo Server, for what is not executed by a plan: introspection, and requests that are not as they should be. A document
 * comes to it parsed and validated; what is told of errors is made by {@link ResponseFormatter}, as for every other answer.
 */
export class ApolloExecutor {
  readonly #server: ApolloServer<ApolloContext>;

  constructor(parts: ApolloParts) {
    const { schema, log, introspection, maxBytes } = parts;
    this.#server = new ApolloServer<ApolloContext>({
      schema,
      logger: quiet(log),
      introspection,
      // Requests of other sites are refused before they come here, by Sec-Fetch-Site and Origin.
      csrfPrevention: false,
      persistedQueries: false,
      // Documents are kept elsewhere, and given to each request by the plugin.
      documentStore: null,
      includeStacktraceInErrorResponses: false,
      stopOnTerminationSignals: false,
      formatError: formatOutsideOfRequest,
      stringifyResult: (result) => written(result, maxBytes),
      plugins: [
        plugin(parts),
        ApolloServerPluginCacheControlDisabled(),
        ApolloServerPluginInlineTraceDisabled(),
        ApolloServerPluginLandingPageDisabled(),
        ApolloServerPluginSchemaReportingDisabled(),
        ApolloServerPluginUsageReportingDisabled(),
      ],
    });
  }

  /** Makes it ready. */
  start(): Promise<void> {
    return this.#server.start();
  }

  /** Ends it. */
  stop(): Promise<void> {
    return this.#server.stop();
  }

  /** Answers a request. */
  async execute(asked: Asked, parameters: OperationParameters, request: FastifyRequest): Promise<GraphQLResponse> {
    const {
      status = 200,
      headers,
      body,
    } = await this.#server.executeHTTPGraphQLRequest({
      httpGraphQLRequest: {
        method: request.method,
        headers: headerMap(request, asked.accept),
        body: parameters,
        search: request.method === 'POST' ? '' : searchFrom(parameters),
      },
      context: async () => ({ ...asked.context, asked }),
    });
    if (body.kind !== 'complete') throw new Error('an answer in several parts is not supported');
    const [retryAfter, allow] = [headers.get('retry-after'), headers.get('allow')];
    return {
      status,
      body: body.string,
      ...(retryAfter === undefined ? {} : { retryAfter: Number(retryAfter) }),
      ...(allow === undefined ? {} : { allow }),
    };
  }
}

function plugin({ schema, refusals, formatter }: ApolloParts): ApolloServerPlugin<ApolloContext> {
  return {
    async requestDidStart() {
      return {
        async didResolveSource(request) {
          // It looks for a document here before it parses one.
          (request as { document?: DocumentNode }).document = request.contextValue.asked.prepared?.document;
        },
        async didResolveOperation({ operation, operationName, contextValue }) {
          const { asked } = contextValue;
          const prepared = asked.prepared?.operation(operationName);
          if (operation === undefined) return;
          if (prepared === undefined) throw new Error('an operation was not prepared');
          checkAccess(refusals, prepared, asked.variables, contextValue);
          if (schema.getRootType(operation.operation) == null) throw noSuchOperations(operation.operation);
          if (prepared.kind === OperationTypeNode.SUBSCRIPTION) throw onlyAsEvents();
          // graphql-js writes all of a value into each of its errors about it.
          const problems = variableProblems(schema, operation, asked.variables);
          if (problems.length > 0) throw new InvalidParametersError(problems);
        },
        async willSendResponse(request) {
          const { asked, outcome } = request.contextValue;
          const { errors = [], response } = request;
          outcome.code = succeeded.code;
          if (errors.length === 0 || response.body.kind !== 'single') return;
          const { singleResult } = response.body;
          singleResult.errors = formatter.formatErrors(errors, asked);
          setStatus(request, singleResult.errors, singleResult.data === undefined);
        },
      };
    },
  };
}

/** Such a document validates: that there is no type for it is told only where it would be executed. */
function noSuchOperations(kind: string): GraphQLError {
  return new GraphQLError(`This service has no operations of the kind ${kind}.`, {
    extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
  });
}

function onlyAsEvents(): GraphQLError {
  return new GraphQLError(
    'Subscriptions are answered as Server-Sent Events: send the header Accept: text/event-stream.',
    {
      extensions: { code: 'OPERATION_RESOLUTION_FAILURE' },
    },
  );
}

function setStatus(
  { request, response }: GraphQLRequestContextWillSendResponse<ApolloContext>,
  errors: readonly GraphQLFormattedError[],
  isRequestError: boolean,
): void {
  const special = statusOfErrors(errors);
  if (special !== undefined) {
    response.http.status = special.status;
    if (special.retryAfter !== undefined) response.http.headers.set('retry-after', String(special.retryAfter));
  } else if (isRequestError && !errors.some(({ extensions }) => extensions?.code === 'BAD_REQUEST')) {
    // A request without a document, or a mutation by GET, keeps the status that Apollo Server gave it.
    response.http.status = statusOfRequestError(request.http?.headers.get('accept'));
  }
}

async function written(result: object, maxBytes: number): Promise<string> {
  const bytes = await writeJson(result, maxBytes);
  const { message, extensions } = exceeded('bytes', maxBytes, 'GRAPHQL_MAX_BYTES');
  return bytes === undefined ? JSON.stringify({ errors: [{ message, extensions }] }) : `${bytes}\n`;
}

/** The errors of a request are made by the plugin, which knows the request; these come before there is one. */
function formatOutsideOfRequest(formatted: GraphQLFormattedError): GraphQLFormattedError {
  const code = formatted.extensions?.code;
  return code === 'BAD_REQUEST'
    ? { message: formatted.message, extensions: { code } }
    : { message: 'The service failed to answer.', extensions: { code: 'INTERNAL_SERVER_ERROR' } };
}

/** Apollo Server's own lines may repeat messages of errors, so only that there was one is logged. */
function quiet(log: FastifyBaseLogger) {
  const line = (level: 'warn' | 'error') => () => log[level]('Apollo Server reported a problem');
  return { debug: () => undefined, info: () => undefined, warn: line('warn'), error: line('error') };
}

/** Apollo Server reads the parameters of a GET from a text, which is made of what was read before. */
function searchFrom({ query, operationName, variables, extensions }: OperationParameters): string {
  const given = { query, operationName, variables: asJson(variables), extensions: asJson(extensions) };
  return new URLSearchParams(
    Object.entries(given).filter((one): one is [string, string] => one[1] !== undefined),
  ).toString();
}

function asJson(value: unknown): string | undefined {
  return value === undefined ? undefined : JSON.stringify(value);
}

/** The headers that Apollo Server looks at. */
function headerMap(
  { headers: { 'content-type': contentType } }: FastifyRequest,
  accept: string | undefined,
): HeaderMap {
  const headers = new HeaderMap();
  if (accept !== undefined) headers.set('accept', accept);
  if (contentType !== undefined) headers.set('content-type', contentType);
  return headers;
}
