import { GraphQLScalarType, Kind } from 'graphql';

const pattern = /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(?:\.(\d+))?(Z|[+-]\d{2}:\d{2})$/;
const legacyPattern = /^(\d{4}-\d{2}-\d{2})[T ](\d{2}:\d{2}:\d{2}(?:\.\d+)?)(Z|[+-]\d{2}:\d{2})?$/;
const earliest = Date.parse('0000-01-01T00:00:00.000Z');
const requirement = 'must be a date and time with an offset, such as 2024-02-29T13:05:00.000Z';

/**
 * Reads `YYYY-MM-DDThh:mm:ss[.fraction]` with `Z` or an offset, to the millisecond. The day must be in the calendar, and
 * the instant within the years 0000 to 9999 of UTC.
 *
 * @returns undefined where the text is not such a date and time
 */
function parseDateTime(text: string): Date | undefined {
  const match = pattern.exec(text);
  if (match === null) return undefined;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const offset = offsetMinutes(match[8] as string);
  if (hour > 23 || minute > 59 || second > 59 || offset === undefined) return undefined;
  const milliseconds = Number(`${match[7] ?? ''}000`.slice(0, 3));
  const local = new Date(0);
  // Date.UTC takes the years 0 to 99 for 1900 to 1999; setUTCFullYear does not.
  local.setUTCFullYear(year, month - 1, day);
  if (local.getUTCMonth() !== month - 1 || local.getUTCDate() !== day) return undefined;
  local.setUTCHours(hour, minute - offset, second, milliseconds);
  return local.getTime() >= earliest && local.getUTCFullYear() <= 9999 ? local : undefined;
}

/** As {@link parseDateTime}, with what legacy clients may write besides: a space for the T, and no offset, meaning UTC. */
export function parseLegacyDateTime(text: string): Date | undefined {
  const match = legacyPattern.exec(text);
  return match === null ? undefined : parseDateTime(`${match[1]}T${match[2]}${match[3] ?? 'Z'}`);
}

function offsetMinutes(offset: string): number | undefined {
  if (offset === 'Z') return 0;
  const hours = Number(offset.slice(1, 3));
  const minutes = Number(offset.slice(4, 6));
  if (hours > 23 || minutes > 59) return undefined;
  return (offset.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}

/** The GraphQL scalar `DateTime`: an instant to the millisecond, written as RFC 3339 in UTC. */
export const DateTimeScalar = new GraphQLScalarType<Date, string>({
  name: 'DateTime',
  description:
    'A date and time, to the millisecond: `YYYY-MM-DDThh:mm:ss[.fraction]` with `Z` or an offset such as `+01:00`. Answers are in UTC. A number is not accepted.',
  specifiedByURL: 'https://www.rfc-editor.org/rfc/rfc3339',
  serialize: (value) => (value as Date).toISOString(),
  parseValue: (value) => parsed(value),
  parseLiteral: (node) => parsed(node.kind === Kind.STRING ? node.value : undefined),
});

function parsed(value: unknown): Date {
  const dateTime = typeof value === 'string' ? parseDateTime(value) : undefined;
  if (dateTime === undefined) throw new TypeError(`DateTime ${requirement}`);
  return dateTime;
}
