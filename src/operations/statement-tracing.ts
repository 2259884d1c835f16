import { context, SpanKind, SpanStatusCode, type Tracer, trace } from '@opentelemetry/api';
import { DatabaseError, type StatementObserver } from '../database/database.js';

const maxTextLength = 2_000;

/**
 * Makes a span of every statement that is run for a request, by the semantic conventions for databases. A statement's text
 * has `?` for every value, and what a driver says of an error is left out, since that may repeat values.
 */
export function traced(tracer: Tracer, system: 'mysql' | 'sqlite'): StatementObserver {
  return async (sql, run) => {
    if (trace.getSpan(context.active())?.isRecording() !== true) return run();
    const { operation, table } = subjectOf(sql);
    const span = tracer.startSpan(table === undefined ? operation : `${operation} ${table}`, {
      kind: SpanKind.CLIENT,
      attributes: {
        'db.system.name': system,
        'db.operation.name': operation,
        'db.query.text': sql.slice(0, maxTextLength),
        ...(table === undefined ? {} : { 'db.collection.name': table }),
      },
    });
    try {
      return await run();
    } catch (error) {
      span.setAttribute('error.type', typeOf(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
      throw error;
    } finally {
      span.end();
    }
  };
}

function subjectOf(sql: string) {
  const [, operation = 'statement'] = /^\W*(\w+)/.exec(sql) ?? [];
  const [, table] = /\b(?:FROM|INTO|UPDATE)\s+(\w+)/.exec(sql.slice(0, maxTextLength)) ?? [];
  return { operation: operation.toUpperCase(), table };
}

function typeOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error;
  const failure = error.cause instanceof DatabaseError ? error.cause : error;
  return failure instanceof DatabaseError ? failure.code : failure.name;
}
