import { type ExecutionResult, type GraphQLSchema, getVariableValues, type OperationDefinitionNode } from 'graphql';
import Negotiator from 'negotiator';
import type { AuditTrail } from '../audit/audit-trail.js';
import { InvalidParametersError } from '../errors.js';
import { succeeded } from '../operation-outcome.js';
import { nameOf } from './answer.plugin.js';
import { statusOfErrors, statusOfRequestError } from './answer-status.js';
import { formatGraphQLError } from './errors.js';
import { variableProblems } from './input-problems.js';
import type { KnownOperation } from './known-operations.js';
import { checkAccess } from './operation-access.js';
import type { RequestContext } from './request-context.js';

type Variables = Readonly<Record<string, unknown>>;

/** An answer as it is sent. */
export interface KnownOperationAnswer {
  readonly status: number;
  readonly retryAfter: number | undefined;
  readonly body: string;
}

const json = 'application/json; charset=utf-8';
const offered = [json, 'application/graphql-response+json; charset=utf-8', 'application/json; callbackSpec=1.0'];
const chosen = new Map<string, string | undefined>();
const mostChosen = 100;

/**
 * The media type of an answer, by what the client accepts.
 *
 * @returns undefined where it accepts none of those that are usual
 */
export function mediaTypeFor(accept: string | undefined): string | undefined {
  if (accept === undefined || accept === '') return json;
  if (chosen.has(accept)) return chosen.get(accept);
  const preferred = new Negotiator({ headers: { accept } }).mediaType(offered);
  const usual = offered.slice(0, 2).find((type) => type === preferred);
  if (chosen.size >= mostChosen) chosen.clear();
  chosen.set(accept, usual);
  return usual;
}

/** Executes an operation that is known, and answers as Apollo Server with the plugins beside this file does. */
export async function answerKnownOperation(
  { schema, audit }: { readonly schema: GraphQLSchema; readonly audit: AuditTrail },
  known: KnownOperation,
  variables: Variables,
  context: RequestContext,
  accept: string | undefined,
): Promise<KnownOperationAnswer> {
  const { requestId, log, outcome } = context;
  const { data, errors: thrown = [] } = await execute(schema, audit, known, variables, context);
  outcome.operation = nameOf(known.operation);
  if (thrown.length === 0) {
    outcome.code = succeeded.code;
    return { status: 200, retryAfter: undefined, body: lineOf({ data }) };
  }
  const errors = thrown.map((error) => formatGraphQLError(error, requestId, log));
  outcome.code = (errors[0]?.extensions?.code as string | undefined) ?? succeeded.code;
  const status = statusOfErrors(errors) ?? { status: data === undefined ? statusOfRequestError(accept) : 200 };
  return { status: status.status, retryAfter: status.retryAfter, body: lineOf({ errors, data }) };
}

/** What is thrown before anything is executed leaves the answer without data. */
async function execute(
  schema: GraphQLSchema,
  audit: AuditTrail,
  known: KnownOperation,
  variables: Variables,
  context: RequestContext,
): Promise<{ data?: ExecutionResult['data']; errors?: readonly unknown[] | undefined }> {
  const { operation, plan } = known;
  try {
    checkAccess(audit, schema, known, variables, context.call);
    return await plan.execute(context, known.coerce(variables) ?? coerced(schema, operation, variables));
  } catch (error) {
    return { errors: [error] };
  }
}

function coerced(schema: GraphQLSchema, operation: OperationDefinitionNode, variables: Variables): Variables {
  const result = getVariableValues(schema, operation.variableDefinitions ?? [], variables, { maxErrors: 1 });
  if (result.coerced === undefined) throw new InvalidParametersError(variableProblems(schema, operation, variables));
  return result.coerced;
}

function lineOf(answer: object): string {
  return `${JSON.stringify(answer)}\n`;
}
