import { type DocumentNode, GraphQLError, Kind, Lexer, parse, type SelectionSetNode, Source, TokenKind } from 'graphql';
import type { DocumentMeasure } from './document-measure.js';

/** How large a document may be. */
export interface DocumentLimits {
  /** Lexical tokens. */
  readonly maxTokens: number;
  /** Fields from the root down to a leaf, both counted. */
  readonly maxDepth: number;
  /** Aliases, those of a fragment counted wherever it is spread. */
  readonly maxAliases: number;
  /** Fields in all, those of a page counted once for each entry that it may have. */
  readonly maxCost: number;
  /** Of the answer: what its fields may have at most, and what it has when it is written. */
  readonly maxBytes: number;
}

const charactersPerToken = 50;
/** Brackets of any kind inside each other: far more than the greatest GRAPHQL_MAX_DEPTH needs, and far fewer than the stack holds. */
const maxNesting = 500;
const opening: ReadonlySet<string> = new Set([TokenKind.BRACE_L, TokenKind.BRACKET_L, TokenKind.PAREN_L]);
const closing: ReadonlySet<string> = new Set([TokenKind.BRACE_R, TokenKind.BRACKET_R, TokenKind.PAREN_R]);
const costOfRepetition = 100;
const leastCostOfValidation = 10_000;

/**
 * Parses a document that is not too large. What stands between tokens, and in strings, takes time too: to be read, and to be
 * searched for where an error is.
 *
 * @throws GraphQLError naming the limit and what it is, or with the parser's own message
 */
export function parseDocument(query: string, { maxTokens }: DocumentLimits): DocumentNode {
  const maxCharacters = maxTokens * charactersPerToken;
  if (query.length > maxCharacters) throw exceeded('characters', maxCharacters, 'GRAPHQL_MAX_TOKENS');
  if (countLines(query, maxTokens + 1) > maxTokens) throw exceeded('lines', maxTokens, 'GRAPHQL_MAX_TOKENS');
  checkNesting(query);
  try {
    return parse(query, { maxTokens });
  } catch (error) {
    // The parser's own words for it: it has no code.
    if (/more tha[nt] \d+ tokens/.test((error as Error).message)) {
      throw exceeded('tokens', maxTokens, 'GRAPHQL_MAX_TOKENS');
    }
    throw error;
  }
}

/**
 * The parser calls itself for each bracket inside another, and how many times the stack allows differs with the version of
 * Node.js and with what is compiled at the time. Its own lexer counts them, and only where there are so many at all.
 */
function checkNesting(query: string): void {
  if (query.split(/[[{(]/, maxNesting + 2).length <= maxNesting + 1) return;
  const lexer = new Lexer(new Source(query));
  let nesting = 0;
  for (;;) {
    try {
      lexer.advance();
    } catch {
      // The parser comes as far, and tells of it.
      return;
    }
    const { kind } = lexer.token;
    if (kind === TokenKind.EOF) return;
    if (opening.has(kind)) nesting += 1;
    else if (closing.has(kind)) nesting -= 1;
    if (nesting > maxNesting) throw exceeded('nesting of brackets', maxNesting);
  }
}

/** How many lines a text has, as graphql-js counts them; counted no further than `maxLines`. */
function countLines(text: string, maxLines: number): number {
  return text.split(/\r\n|[\n\r]/, maxLines).length;
}

/**
 * Refuses a document that would cost too much to validate. Validation compares every two fields that stand in one place under
 * one name, also where they come by fragments, and all that is inside them. So fields are put together here as they are there,
 * and each such pair has its cost.
 *
 * @throws GraphQLError naming the limit and what it is
 */
export function checkRepetitions(document: DocumentNode, limits: DocumentLimits): void {
  const fragments = new Map<string, SelectionSetNode>();
  const roots: SelectionSetNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition.selectionSet);
    if (definition.kind === Kind.OPERATION_DEFINITION) roots.push(definition.selectionSet);
  }
  // Fragments come last: most were met by then.
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) roots.push(definition.selectionSet);
  }
  const met = new Set<SelectionSetNode>();
  let left = Math.max(limits.maxCost, leastCostOfValidation);
  for (const root of roots) {
    if (met.has(root)) continue;
    // Response keys, each with all the selection sets below it; more are found on the way.
    const merged: SelectionSetNode[][] = [[root]];
    for (const together of merged) {
      const fields = new Map<string, { count: number; inside: SelectionSetNode[] }>();
      const sets = new Set(together);
      for (const set of sets) {
        met.add(set);
        for (const selection of set.selections) {
          left -= 1;
          if (selection.kind === Kind.FIELD) {
            const name = (selection.alias ?? selection.name).value;
            const field = fields.get(name) ?? { count: 0, inside: [] };
            left -= costOfRepetition * field.count;
            field.count += 1;
            if (selection.selectionSet !== undefined) field.inside.push(selection.selectionSet);
            fields.set(name, field);
          } else {
            const inside =
              selection.kind === Kind.INLINE_FRAGMENT ? selection.selectionSet : fragments.get(selection.name.value);
            if (inside !== undefined) sets.add(inside);
          }
        }
        if (left < 0) throw exceeded('cost', limits.maxCost, 'GRAPHQL_MAX_COST');
      }
      for (const { inside } of fields.values()) {
        const [first, ...others] = inside;
        // What stands alone is the same wherever it is met, which also brings fragments in a ring to an end.
        if (first === undefined || (others.length === 0 && met.has(first))) continue;
        met.add(first);
        merged.push(inside);
      }
    }
  }
}

/**
 * Refuses a document that asks for too much.
 *
 * @throws GraphQLError naming the limit and what it is
 */
export function checkMeasure({ depth, aliases, cost, bytes }: DocumentMeasure, limits: DocumentLimits): void {
  if (depth > limits.maxDepth) throw exceeded('depth', limits.maxDepth, 'GRAPHQL_MAX_DEPTH');
  if (aliases > limits.maxAliases) throw exceeded('aliases', limits.maxAliases, 'GRAPHQL_MAX_ALIASES');
  if (cost > limits.maxCost) throw exceeded('cost', limits.maxCost, 'GRAPHQL_MAX_COST');
  if (bytes > limits.maxBytes) throw exceeded('bytes', limits.maxBytes, 'GRAPHQL_MAX_BYTES');
}

/** A document, or what it asks for, is larger than it may be. */
export function exceeded(limit: string, allowed: number, setting?: string): GraphQLError {
  const adjusted = setting === undefined ? '' : ` (${setting})`;
  return new GraphQLError(
    `The document exceeds the limit of ${allowed} for its ${limit}${adjusted}. Ask for less at a time.`,
    { extensions: { code: 'GRAPHQL_LIMIT_EXCEEDED', limit, allowed } },
  );
}
