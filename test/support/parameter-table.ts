/**
 * The parameters of the five operations as the contract has them, written down apart from the code that is tested: what
 * each takes, what it stores of it, and what it refuses. Tests of parameters are driven by this table alone.
 */

/** What a parameter may hold, in the words of the contract. */
export type Kind = 'integer' | 'identifier' | 'identifierList' | 'text' | 'url' | 'flag' | 'dateTime';

/** One parameter of an operation. */
export interface ParameterRow {
  readonly rest: string;
  readonly graphql: string;
  readonly kind: Kind;
  readonly required: boolean;
  /** Unicode code points at most. */
  readonly maxLength: number;
  readonly from: number;
  readonly to: number;
}

/** One operation. */
export interface OperationRow {
  readonly name: string;
  /** The last part of each path that it has. */
  readonly routes: readonly string[];
  readonly mutation: string;
  readonly inputType: string;
  readonly parameters: readonly ParameterRow[];
}

/** A value as it is sent, and as it is then stored: null where that is "absent". */
export interface Accepted {
  readonly sent: unknown;
  readonly stored: unknown;
}

/** A value that is refused. `missing` stands for no value at all. */
export interface Refused {
  readonly label: string;
  readonly sent: unknown;
}

/** A value's absence. */
export const missing = Symbol('missing');

/** Where a value is sent: legacy clients may write some values in other ways. */
export type Surface = 'REST' | 'GraphQL variables' | 'GraphQL literals';

/** Stands in every refused text, so that an answer that repeats a value is seen. */
export const marker = '5ecret';

const maxInteger = 2147483647;

function row(graphql: string, kind: Kind, required: boolean, limits: Partial<ParameterRow> = {}): ParameterRow {
  const rest = graphql.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
  return { rest, graphql, kind, required, maxLength: 0, from: 1, to: maxInteger, ...limits };
}

const account = [
  row('accountProvider', 'integer', true),
  row('accountId', 'identifier', true, { maxLength: 255 }),
  row('region', 'identifier', true, { maxLength: 64 }),
];

const datasource = [
  row('instanceId', 'identifier', true, { maxLength: 255 }),
  row('accountProviderId', 'integer', true),
  row('accountId', 'identifier', true, { maxLength: 255 }),
  row('region', 'identifier', true, { maxLength: 64 }),
  row('description', 'text', false, { maxLength: 2048 }),
  row('jdbcConnectionUrl', 'url', true, { maxLength: 1024 }),
  row('jdbcConnectionSchema', 'text', true, { maxLength: 1024 }),
  row('jdbcEnforceSsl', 'flag', false),
  row('kafkaSslEnabled', 'flag', false),
  row('masterUsername', 'text', false, { maxLength: 255 }),
  row('password', 'text', false, { maxLength: 1024 }),
  row('secret', 'text', false, { maxLength: 1024 }),
  row('skipCustomJdbcCertValidation', 'flag', false),
  row('customJdbcCert', 'text', false, { maxLength: 1024 }),
  row('customJdbcCertString', 'text', false, { maxLength: 1024 }),
  row('networkAvailabilityZone', 'text', true, { maxLength: 255 }),
  row('networkSubnetId', 'text', true, { maxLength: 255 }),
  row('networkSgId', 'text', true, { maxLength: 255 }),
  row('glueCrawlerLastUpdated', 'dateTime', false),
  row('creationTime', 'text', false, { maxLength: 64 }),
  row('lastUpdatedTime', 'text', false, { maxLength: 64 }),
  row('jdbcDriverClassName', 'text', false, { maxLength: 2048 }),
  row('jdbcDriverJarUri', 'text', false, { maxLength: 2048 }),
  row('createType', 'integer', true, { from: 0, to: 1 }),
];

/** The five operations. */
export const operations = {
  addAccount: {
    name: 'Add Account',
    routes: ['add_account'],
    mutation: 'addAccount',
    inputType: 'AddAccountInput',
    parameters: account,
  },
  deleteAccount: {
    name: 'Delete Account',
    routes: ['delete_account'],
    mutation: 'deleteAccount',
    inputType: 'DeleteAccountInput',
    parameters: account,
  },
  addDatasource: {
    name: 'Add Datasource',
    routes: ['add-jdbc-conn'],
    mutation: 'addDatasource',
    inputType: 'AddDatasourceInput',
    parameters: datasource,
  },
  editDatasource: {
    name: 'Edit Datasource',
    routes: ['update-jdbc-conn', 'delete_account'],
    mutation: 'editDatasource',
    inputType: 'EditDatasourceInput',
    parameters: [...datasource, row('expectedVersion', 'integer', false)],
  },
  deleteDatasources: {
    name: 'Delete Datasource',
    routes: ['delete-jdbc'],
    mutation: 'deleteDatasources',
    inputType: 'DeleteDatasourcesInput',
    parameters: [...account, row('instances', 'identifierList', true, { maxLength: 255 })],
  },
} as const satisfies Record<string, OperationRow>;

/** So many code points, each of two UTF-16 units, after some that are given. */
export function ofLength(codePoints: number, start = ''): string {
  return start + '😀'.repeat(codePoints - [...start].length);
}

/** So many code points of letters with a combining accent, which people see as half as many characters. */
export function ofCombined(codePoints: number, start = ''): string {
  return (start + 'e\u0301'.repeat(codePoints)).slice(0, codePoints);
}

/**
 * Values that a parameter takes on a surface, each with what is stored of it.
 *
 * @param tag makes the identifiers differ from those of another call; digits only
 */
export function accepted(parameter: ParameterRow, surface: Surface, tag: string): Accepted[] {
  const isRest = surface === 'REST';
  const same = (...values: unknown[]) => values.map((value) => ({ sent: value, stored: value }));
  const as = (sent: unknown, stored: unknown) => ({ sent, stored });
  const { maxLength, from, to, required } = parameter;
  const none = required ? [] : [as(missing, null), as(null, null)];
  const emptyText = required ? [] : [as('', null), ...same('   ', '\u00a0')];
  switch (parameter.kind) {
    case 'integer':
      return [
        ...none,
        ...same(from, to),
        ...(isRest ? [as(String(from), from), as(String(to), to), as(`00${from}`, from)] : []),
        ...(isRest && !required ? [as('', null)] : []),
      ];
    case 'identifier':
      return [
        ...same(
          tag,
          ofLength(maxLength, tag),
          ofCombined(maxLength, tag),
          `${tag} inner\tspace`,
          `${tag}\u0000'";%_\\`,
        ),
        ...(isRest ? [as(Number(`9${tag}`), `9${tag}`), as(-Number(`9${tag}`), `-9${tag}`)] : []),
      ];
    case 'identifierList':
      return [
        ...same([tag], [`${tag}b`, ofLength(maxLength, tag)]),
        ...(isRest ? [as([Number(`9${tag}`), `${tag}c`], [`9${tag}`, `${tag}c`])] : []),
      ];
    case 'url':
      return [
        ...same('jdbc:mysql://db.example.com:3306/orders', ofLength(maxLength, 'jdbc:custom:')),
        ...same('jdbc:custom:Ä/ä?x=%_&y=\\'),
      ];
    case 'text':
      return [
        ...none,
        ...emptyText,
        ...same(
          'x',
          ' at both ends \n',
          'two\r\nlines\u2028',
          'null',
          '\u0000\u0001\u007f',
          "'; DROP TABLE accounts; --",
        ),
        ...same(ofLength(maxLength), ofCombined(maxLength), 'a'.repeat(maxLength)),
        ...(isRest ? [as(123123123123, '123123123123'), as(0, '0'), as(-7, '-7')] : []),
        ...(isRest ? [as(Number.MAX_SAFE_INTEGER, '9007199254740991'), as(-(2 ** 53 - 1), '-9007199254740991')] : []),
      ];
    case 'flag':
      return [
        ...none,
        ...same(true, false),
        ...(isRest ? [as('true', true), as('False', false), as('TRUE', true), as('fAlSe', false), as('', null)] : []),
      ];
    case 'dateTime':
      return [
        ...none,
        as('2024-02-29T13:05:00Z', '2024-02-29T13:05:00.000Z'),
        as('2024-02-29T13:05:00.1Z', '2024-02-29T13:05:00.100Z'),
        as('2024-02-29T13:05:00.123999999Z', '2024-02-29T13:05:00.123Z'),
        as('1969-12-31T23:59:59.9999Z', '1969-12-31T23:59:59.999Z'),
        as('2024-03-01T00:30:00+01:00', '2024-02-29T23:30:00.000Z'),
        as('2024-02-29T23:30:00.5-05:45', '2024-03-01T05:15:00.500Z'),
        as('2000-02-29T00:00:00+00:00', '2000-02-29T00:00:00.000Z'),
        as('0000-01-01T00:00:00Z', '0000-01-01T00:00:00.000Z'),
        as('0099-12-31T00:00:00Z', '0099-12-31T00:00:00.000Z'),
        as('9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'),
        ...(isRest
          ? [
              as('2024-02-29 13:05:00', '2024-02-29T13:05:00.000Z'),
              as('2024-02-29T13:05:00', '2024-02-29T13:05:00.000Z'),
              as('2024-02-29 13:05:00.25', '2024-02-29T13:05:00.250Z'),
              as('2024-02-29 13:05:00.25+02:00', '2024-02-29T11:05:00.250Z'),
              as('', null),
            ]
          : []),
      ];
  }
}

/** Values that a parameter refuses on a surface with the code 400. */
export function refused(parameter: ParameterRow, surface: Surface): Refused[] {
  const isRest = surface === 'REST';
  const { required, maxLength, from, to } = parameter;
  const none: unknown[] = required ? [missing, null] : [];
  const values = [...none, ...wrong()];
  // A literal with a lone surrogate does not even parse.
  const sendable = surface === 'GraphQL literals' ? values.filter((value) => isWellFormed(value)) : values;
  return sendable.map((sent) => ({ label: labelOf(sent), sent }));

  function wrong(): unknown[] {
    const lists = [[], [marker], [[1]]];
    const objects = [{}, { a: marker }];
    const tooLong =
      maxLength === 0
        ? []
        : [ofLength(maxLength + 1, marker), ofCombined(maxLength + 1, marker), `${marker}${'a'.repeat(maxLength)}`];
    const surrogates = [`${marker}\ud800`, `\udc00${marker}`, `${marker}\ud83d${marker}`];
    const notText = [1.5, 2 ** 53, -(2 ** 53), 1e300, true, false, ...lists, ...objects, ...(isRest ? [] : [0, 5377])];
    switch (parameter.kind) {
      case 'integer':
        return [
          ...[from - 1, to + 1, -1, 1.5, 2147483648, 4294967297, 1e300, true, false, ...lists, ...objects],
          ...(isRest ? [] : [String(from), '']),
          ...(isRest && required ? [''] : []),
          ...[`${from} `, ` ${from}`, '1.0', '-1', '+1', '0x1', '1e0', 'x', '١', '2147483648', '9'.repeat(400)],
        ];
      case 'identifier':
        return [
          ...['', ' ', '\t\n', '\u3000', ` ${marker}`, `${marker} `, `\u00a0${marker}`, `${marker}\ufeff`],
          ...[...tooLong, ...surrogates, ...notText],
        ];
      case 'identifierList':
        return [
          ...[[], [''], [' '], [`${marker} `], ['x', ` ${marker}`], [null], ['x', null], [true], [1.5], [2 ** 53]],
          ...[[['x']], [{ a: marker }], { a: marker }, true, 1.5, [surrogates[0]], tooLong.slice(0, 1)],
          ...[Array.from({ length: 1001 }, () => 'x'), ...(isRest ? ['x', 5, '', '["x"]'] : [5])],
        ];
      case 'url':
      case 'text':
        return [...(required ? ['', ' ', '\t\n\u2003'] : []), ...tooLong, ...surrogates, ...notText];
      case 'flag':
        return [
          ...['yes', 'no', '1', '0', 'on', ' true', 'true ', 'tru\u0435', 0, 1, 1.5, ...objects],
          ...[[], [true], ...(isRest ? [] : ['true', 'False', ''])],
        ];
      case 'dateTime':
        return [
          ...[0, 1709211900, 1709211900000, 1.5, true, ...lists, ...objects, 'now', '1709211900', '2024-02-29'],
          ...['2024-02-30T00:00:00Z', '2023-02-29T00:00:00Z', '1900-02-29T00:00:00Z', '2024-04-31T00:00:00Z'],
          ...['2024-13-01T00:00:00Z', '2024-00-01T00:00:00Z', '2024-01-00T00:00:00Z', '2024-01-32T00:00:00Z'],
          ...['2024-01-01T24:00:00Z', '2024-01-01T23:60:00Z', '2024-01-01T23:59:60Z', '2024-01-01T00:00Z'],
          ...['2024-01-01T00:00:00.Z', '2024-01-01T00:00:00,5Z', '2024-01-01T00:00:00+24:00'],
          ...['2024-01-01T00:00:00+01:60', '2024-01-01T00:00:00+0100', '2024-01-01T00:00:00+01'],
          ...['2024-01-01t00:00:00Z', '2024-01-01T00:00:00z', ' 2024-01-01T00:00:00Z', '2024-01-01T00:00:00Z\n'],
          ...['10000-01-01T00:00:00Z', '+02024-01-01T00:00:00Z', '-0001-01-01T00:00:00Z', '24-01-01T00:00:00Z'],
          ...['0000-01-01T00:00:00+00:01', '9999-12-31T23:59:59-00:01', '2024-1-1T00:00:00Z', marker],
          ...['2024-01-01  00:00:00', '2024-01-01\t00:00:00', '2024-01-01T00:00:00 Z'],
          ...(isRest ? [] : ['2024-01-01 00:00:00Z', '2024-01-01T00:00:00', '']),
        ];
    }
  }
}

function isWellFormed(value: unknown): boolean {
  return Array.isArray(value) ? value.every(isWellFormed) : typeof value !== 'string' || value.isWellFormed();
}

function labelOf(value: unknown): string {
  if (value === missing) return 'missing';
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 40)}… (${text.length} characters)` : text;
}

/** A value as a GraphQL literal. */
export function literalOf(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(literalOf).join(', ')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  return `{${Object.entries(value)
    .filter(([, field]) => field !== missing)
    .map(([name, field]) => `${name}: ${literalOf(field)}`)
    .join(', ')}}`;
}
