import {
  type DocumentNode,
  type FieldNode,
  type FragmentDefinitionNode,
  GraphQLError,
  Kind,
  type OperationDefinitionNode,
  parse,
  type SelectionNode,
  type SelectionSetNode,
} from 'graphql';

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
}

/** What a document asks of the server, before it is looked at against the schema. */
interface Measure {
  readonly depth: number;
  readonly aliases: number;
  readonly cost: number;
}

type Variables = Readonly<Record<string, unknown>>;

const usualPage = 20;
const largestPage = 100;
const connections = new Set(['accounts', 'datasources', 'auditEvents', 'history', 'datasourceHistory']);
const nothing: Measure = { depth: 0, aliases: 0, cost: 0 };
const tooMuch = Number.MAX_SAFE_INTEGER;
const charactersPerToken = 50;
const costOfRepetition = 100;
const leastCostOfValidation = 10_000;

/**
 * Refuses a document that would cost too much, before it is validated: validation itself takes time that grows with the
 * square of some documents. Introspection counts for tokens and aliases only; graphql-js bounds how deep it may go.
 *
 * @returns the document, or nothing where it does not parse for another reason than its size
 * @throws GraphQLError naming the limit and what it is
 */
export function parseWithin(query: string, limits: DocumentLimits): DocumentNode | undefined {
  const document = parseText(query, limits);
  if (document !== undefined) checkRepetitions(document, Math.max(limits.maxCost, leastCostOfValidation), limits);
  return document;
}

/** What stands between tokens, and in strings, takes time too: to be read, and to be searched for where an error is. */
function parseText(query: string, { maxTokens }: DocumentLimits): DocumentNode | undefined {
  const maxCharacters = maxTokens * charactersPerToken;
  if (query.length > maxCharacters) throw exceeded('characters', maxCharacters, 'GRAPHQL_MAX_TOKENS');
  if (countLines(query, maxTokens + 1) > maxTokens) throw exceeded('lines', maxTokens, 'GRAPHQL_MAX_TOKENS');
  try {
    return parse(query, { maxTokens });
  } catch (error) {
    // The parser's own words for it: it has no code.
    if (/more tha[nt] \d+ tokens/.test((error as Error).message)) {
      throw exceeded('tokens', maxTokens, 'GRAPHQL_MAX_TOKENS');
    }
    return undefined;
  }
}

/** How many lines a text has, as graphql-js counts them; counted no further than asked for. */
export function countLines(text: string, most: number): number {
  return text.split(/\r\n|[\n\r]/, most).length;
}

/**
 * Validation compares every two fields that stand in one place under one name, also where they come by fragments, and all
 * that is inside them. So fields are put together here as they are there, and each such pair has its cost.
 */
function checkRepetitions(document: DocumentNode, budget: number, limits: DocumentLimits): void {
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
  let left = budget;
  for (const root of roots) {
    if (met.has(root)) continue;
    // Places, each with all that stands there; more are found on the way.
    const places: SelectionSetNode[][] = [[root]];
    for (const place of places) {
      const fields = new Map<string, { count: number; inside: SelectionSetNode[] }>();
      const sets = new Set(place);
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
        places.push(inside);
      }
    }
  }
}

/**
 * As {@link parseWithin}, for the limits of a document that was parsed.
 *
 * @returns whether the variables had a say in it, so that others may lead to another answer
 * @throws GraphQLError naming the limit and what it is
 */
export function checkLimits(document: DocumentNode, variables: Variables, limits: DocumentLimits): boolean {
  const fragments = new Map<string, FragmentDefinitionNode>();
  const operations: OperationDefinitionNode[] = [];
  for (const definition of document.definitions) {
    if (definition.kind === Kind.FRAGMENT_DEFINITION) fragments.set(definition.name.value, definition);
    if (definition.kind === Kind.OPERATION_DEFINITION) operations.push(definition);
  }
  const measuring: Measuring = { fragments, variables, measures: new Map(), usesVariables: false };
  // A fragment counts where it is spread, so that those of introspection are exempt with it.
  for (const { selectionSet } of operations) {
    const { depth, aliases, cost } = measureSelections(selectionSet, measuring);
    if (depth > limits.maxDepth) throw exceeded('depth', limits.maxDepth, 'GRAPHQL_MAX_DEPTH');
    if (aliases > limits.maxAliases) throw exceeded('aliases', limits.maxAliases, 'GRAPHQL_MAX_ALIASES');
    if (cost > limits.maxCost) throw exceeded('cost', limits.maxCost, 'GRAPHQL_MAX_COST');
  }
  return measuring.usesVariables;
}

interface Measuring {
  readonly fragments: ReadonlyMap<string, FragmentDefinitionNode>;
  /** Of the fragments that were met, so that each is looked at once. */
  readonly measures: Map<string, Measure>;
  readonly variables: Variables;
  /** Whether a page's size was looked up in the variables. */
  usesVariables: boolean;
}

function measureSelections(set: SelectionSetNode, measuring: Measuring): Measure {
  let sum = nothing;
  for (const selection of set.selections) {
    const one = measureSelection(selection, measuring);
    sum = {
      depth: Math.max(sum.depth, one.depth),
      aliases: Math.min(sum.aliases + one.aliases, tooMuch),
      cost: Math.min(sum.cost + one.cost, tooMuch),
    };
  }
  return sum;
}

function measureSelection(selection: SelectionNode, measuring: Measuring): Measure {
  switch (selection.kind) {
    case Kind.FIELD:
      return measureField(selection, measuring);
    case Kind.INLINE_FRAGMENT:
      return measureSelections(selection.selectionSet, measuring);
    case Kind.FRAGMENT_SPREAD:
      return measureFragment(selection.name.value, measuring);
  }
}

function measureField(field: FieldNode, measuring: Measuring): Measure {
  const inner = field.selectionSet === undefined ? nothing : measureSelections(field.selectionSet, measuring);
  const aliases = inner.aliases + (field.alias === undefined ? 0 : 1);
  if (field.name.value === '__schema' || field.name.value === '__type') return { depth: 1, aliases, cost: 1 };
  return {
    depth: inner.depth + 1,
    aliases,
    cost: Math.min(1 + inner.cost * pageSize(field, measuring), tooMuch),
  };
}

function measureFragment(name: string, measuring: Measuring): Measure {
  const known = measuring.measures.get(name);
  if (known !== undefined) return known;
  // A fragment that spreads itself is refused by validation; here it must only come to an end.
  measuring.measures.set(name, nothing);
  const fragment = measuring.fragments.get(name);
  const measure = fragment === undefined ? nothing : measureSelections(fragment.selectionSet, measuring);
  measuring.measures.set(name, measure);
  return measure;
}

function pageSize(field: FieldNode, measuring: Measuring): number {
  if (!connections.has(field.name.value)) return 1;
  const sizes = (field.arguments ?? [])
    .filter(({ name, value }) => (name.value === 'first' || name.value === 'last') && value.kind !== Kind.NULL)
    .map(({ value }) => {
      if (value.kind === Kind.INT) return Number(value.value);
      if (value.kind !== Kind.VARIABLE) return usualPage;
      measuring.usesVariables = true;
      const given = measuring.variables[value.name.value];
      // A variable that is not given may have a default, which is at most the largest page.
      return typeof given === 'number' ? given : largestPage;
    });
  return Math.min(Math.max(...(sizes.length === 0 ? [usualPage] : sizes), 1), largestPage);
}

function exceeded(limit: string, allowed: number, setting: string): GraphQLError {
  return new GraphQLError(
    `The document exceeds the limit of ${allowed} for its ${limit} (${setting}). Ask for less at a time.`,
    { extensions: { code: 'GRAPHQL_LIMIT_EXCEEDED', limit, allowed } },
  );
}
