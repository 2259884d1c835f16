import { connect } from 'node:net';
import { beforeAll, describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { permissions } from '../../src/security/caller.js';
import { databaseKinds, sqliteKind } from '../support/databases.js';
import { useGateway, useKeyedGateway } from '../support/fixture.js';
import { makeKey, readCredentials } from '../support/keyed-gateway.js';
import { sendRaw } from '../support/raw-request.js';
import {
  accountKey,
  addAccount,
  datasourceInput,
  findAccount,
  findDatasource,
  legacyBody,
  snapshot,
} from '../support/samples.js';

// Fixed, so that a run that fails can be run again.
const seed = 20_251_201;
const marker = 'h0stile-s3cret';
const addition = 'mutation ($input: AddDatasourceInput!) { addDatasource(input: $input) { code } }';
const routes = ['add_account', 'delete_account', 'add-jdbc-conn', 'update-jdbc-conn', 'delete-jdbc'];

const knownStrings = [
  ...[
    '',
    ' ',
    '\0',
    'a\0b',
    '\u0001',
    '\u007f',
    '\t',
    '\r\n',
    '\u2028',
    '\u2029',
    '\ufeff',
    '\u200b',
    '\u00a0x',
    'x\u0085',
  ],
  ...[
    '\ud800',
    'a\udc00b',
    '\ud83d',
    '🐘',
    '👩‍👩‍👧‍👦',
    '\u202etxet',
    'e\u0301',
    'é',
    'ﬁ',
    'İı',
    'ß',
    'ｎｕｌｌ',
    '\u{10ffff}',
    '\ufffe',
  ],
  ...[
    "'",
    '"',
    '`',
    '\\',
    "\\'",
    '%',
    '_',
    '?',
    '??',
    ':x',
    '@x',
    '--',
    '#',
    '/*',
    '*/',
    ';',
    "' OR '1'='1",
    "'; DROP TABLE accounts;--",
  ],
  ...[
    `$\{1+1}`,
    '{{7*7}}',
    '<script>alert(1)</script>',
    '%00',
    '%s%n',
    '\\u0000',
    '&amp;',
    '../../etc/passwd',
    'file:///etc/passwd',
  ],
  ...[
    '__proto__',
    'constructor',
    'prototype',
    'toString',
    'null',
    'undefined',
    'NaN',
    'true',
    '0',
    '-1',
    '1e309',
    '0x10',
    '[]',
    '{}',
  ],
  ...[
    '=1+1',
    '+1',
    '@SUM(1)',
    '|calc',
    'x'.repeat(1024),
    '🐘'.repeat(1024),
    'x'.repeat(1025),
    'x'.repeat(100_000),
    '\u0301'.repeat(1000),
  ],
];
const strings = [
  ...knownStrings,
  ...fc.sample(fc.string({ unit: 'binary', maxLength: 60 }), { seed, numRuns: 500 - knownStrings.length }),
];

/** Bodies that are not JSON: a valid one, cut, with a byte changed, one too many, or something else behind it. */
function malformedBodies(valid: string, count: number): Buffer[] {
  const bytes = [...Buffer.from(valid)];
  const at = fc.nat(bytes.length - 1);
  const byte = fc.nat(255);
  const broken = fc.oneof(
    at.map((end) => bytes.slice(0, end)),
    fc.tuple(at, byte).map(([place, other]) => bytes.with(place, other)),
    fc.tuple(at, byte).map(([place, other]) => bytes.toSpliced(place, 0, other)),
    at.map((place) => bytes.toSpliced(place, 1)),
    fc.array(byte, { minLength: 1, maxLength: 20 }).map((tail) => [...bytes, ...tail]),
    fc.nat(50_000).map((depth) => [...Buffer.from('['.repeat(depth + 1))]),
  );
  const bodies = fc.sample(broken, { seed, numRuns: 10 * count }).map((body) => Buffer.from(body));
  return bodies.filter((body) => !isJson(body)).slice(0, count);
}

function isJson(body: Buffer): boolean {
  try {
    JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
    return true;
  } catch {
    return false;
  }
}

describe.each(databaseKinds)('what a hostile client sends, on $name,', (kind) => {
  const keyed = useKeyedGateway(kind);
  let key: string;

  beforeAll(async () => {
    key = await makeKey(keyed.env, permissions);
    await addAccount(keyed.all);
  });

  test('300 malformed bodies are refused, change nothing, and are repeated nowhere', async () => {
    const input = datasourceInput('malformed', { secret: marker });
    const before = await snapshot(keyed.all);
    const headers = { 'content-type': 'application/json', 'x-api-key': key };
    for (const [place, body] of malformedBodies(JSON.stringify(legacyBody(input)), 150).entries()) {
      const url = `${keyed.gateway.url}/data-source/${routes[place % routes.length]}`;
      const { httpStatus, text } = await sendRaw(url, { headers, body });
      expect([httpStatus, JSON.parse(text)]).toMatchObject([200, { status: 'fail', code: 400 }]);
      expect(text).not.toContain(marker);
    }
    for (const body of malformedBodies(JSON.stringify({ query: addition, variables: { input } }), 150)) {
      const { httpStatus, text } = await sendRaw(`${keyed.gateway.url}/graphql`, { headers, body });
      expect([httpStatus, JSON.parse(text)]).toMatchObject([
        400,
        { errors: [{ extensions: { code: 'BAD_REQUEST' } }] },
      ]);
      expect(text).not.toContain(marker);
    }
    expect(await snapshot(keyed.all)).toEqual(before);
    expect(keyed.gateway.log.join('\n')).not.toContain(marker);
  });

  test('500 strings as values are refused, or stored and read back exactly', async () => {
    const outcomes = { stored: 0, refused: 0 };
    for (const [place, text] of strings.entries()) {
      const value = {
        description: text,
        jdbcConnectionSchema: text,
        networkSgId: text,
        password: text,
        secret: `s${text}`,
      };
      const input = datasourceInput(`${place} ${text} .`, { ...value, masterUsername: `u${text}` });
      const { httpStatus, code } = await added(place % 2 === 0 ? 'rest' : 'graphql', input);
      expect([text, httpStatus]).toEqual([text, 200]);
      if (code !== 400) expect([text, code]).toEqual([text, 1001]);
      const found = await findDatasource(keyed.all, input).catch(() => null);
      if (code === 400) {
        outcomes.refused += 1;
        expect([text, found]).toEqual([text, null]);
        continue;
      }
      outcomes.stored += 1;
      const { description, jdbcConnectionSchema, networkSgId } = value;
      expect(found).toMatchObject({
        instanceId: input.instanceId,
        description: description === '' ? null : description,
        jdbcConnectionSchema,
        networkSgId,
      });
      expect(await readCredentials(keyed.all, input)).toEqual({
        masterUsername: input.masterUsername,
        password: text,
        secret: value.secret,
      });
    }
    // Neither alone would show anything.
    expect(outcomes.stored).toBeGreaterThan(300);
    expect(outcomes.refused).toBeGreaterThan(10);
  });

  test.each(['__proto__', 'constructor', 'prototype'])(
    'the name %s is a parameter like any that is not known',
    async (name) => {
      const region = `proto-${name.replaceAll('_', '')}`;
      const hostile = `"${name}": {"polluted": "yes", "prototype": {"polluted": "yes"}, "region": "elsewhere"}`;
      const headers = { 'content-type': 'application/json', 'x-api-key': key };
      const legacy = JSON.stringify(legacyBody(accountKey({ region }))).replace('{', `{${hostile}, `);
      const answer = await sendRaw(`${keyed.gateway.url}/data-source/add_account`, { headers, body: legacy });
      expect(JSON.parse(answer.text)).toMatchObject({ code: 1001 });
      expect(await findAccount(keyed.all, accountKey({ region }))).toMatchObject({ region });
      const body = `{"query": "mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }", ${hostile},
      "variables": {${hostile}, "input": {${hostile}, "accountProvider": 1, "accountId": "1", "region": "${region}-2"}}}`;
      const { httpStatus, text } = await sendRaw(`${keyed.gateway.url}/graphql`, { headers, body });
      expect([httpStatus, JSON.parse(text)]).toMatchObject([
        200,
        { errors: [{ extensions: { code: 'BAD_USER_INPUT' } }] },
      ]);
      expect(({} as { polluted?: string }).polluted).toBeUndefined();
      expect(await findAccount(keyed.all, accountKey({ accountId: '1', region: `${region}-2` }))).toBeNull();
    },
  );

  async function added(surface: 'rest' | 'graphql', input: Record<string, unknown>) {
    if (surface === 'rest') {
      const { httpStatus, body } = await keyed.all.legacy('add-jdbc-conn', legacyBody(input));
      return { httpStatus, code: body.code };
    }
    const { httpStatus, data, errors } = await keyed.all.graphql(addition, { input });
    return { httpStatus, code: errors === undefined ? data.addDatasource.code : errors[0].extensions.legacyCode };
  }
});

describe('a request that a proxy may have read otherwise', () => {
  const { gateway } = useGateway(sqliteKind);

  const body = JSON.stringify(legacyBody(accountKey({ region: 'smuggled' })));
  const host = 'Host: 127.0.0.1\r\n';
  const hidden = `POST /data-source/add_account HTTP/1.1\r\n${host}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
  const post = `POST /data-source/delete_account HTTP/1.1\r\n${host}Content-Type: application/json\r\n`;
  const chunked = `0\r\n\r\n${hidden}`;

  const ambiguous: [string, string][] = [
    ['a length and chunks', `${post}Content-Length: ${chunked.length}\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`],
    ['chunks and a length', `${post}Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunked}`],
    ['two lengths', `${post}Content-Length: 0\r\nContent-Length: ${hidden.length}\r\n\r\n${hidden}`],
    ['a list of lengths', `${post}Content-Length: 0, ${hidden.length}\r\n\r\n${hidden}`],
    ['a length with a sign', `${post}Content-Length: +0\r\n\r\n${hidden}`],
    ['a negative length', `${post}Content-Length: -1\r\n\r\n${hidden}`],
    ['a length in hexadecimal', `${post}Content-Length: 0x0\r\n\r\n${hidden}`],
    ['a length that no number holds', `${post}Content-Length: 18446744073709551616\r\n\r\n${hidden}`],
    ['a coding that is like chunked', `${post}Transfer-Encoding: xchunked\r\n\r\n${chunked}`],
    ['chunked that is not the last coding', `${post}Transfer-Encoding: chunked, identity\r\n\r\n${chunked}`],
    ['a coding with a vertical tab', `${post}Transfer-Encoding: \x0bchunked\r\n\r\n${chunked}`],
    [
      'two codings',
      `${post}Transfer-Encoding: identity\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n${chunked}`,
    ],
    ['a space before the colon', `${post}Content-Length : 0\r\n\r\n${hidden}`],
    ['a name that is continued', `${post}X-A: b\r\n Content-Length: 0\r\nContent-Length: -\r\n\r\n${hidden}`],
    ['bare line feeds', `${post.replaceAll('\r', '')}Transfer-Encoding: chunked\n\n${chunked}`],
    ['bare carriage returns', `${post}X-A: b\rContent-Length: 0\r\n\r\n${hidden}`],
    ['a zero byte in a header', `${post}X-A: \0\r\nContent-Length: 0\r\n\r\n${hidden}`],
    ['a chunk whose length is none', `${post}Transfer-Encoding: chunked\r\n\r\nzz\r\n${chunked}`],
    ['a chunk whose length is too large', `${post}Transfer-Encoding: chunked\r\n\r\n${'f'.repeat(17)}\r\n${chunked}`],
    ['a chunk that is longer than it says', `${post}Transfer-Encoding: chunked\r\n\r\n1\r\nabc\r\n${chunked}`],
    ['no host', `POST /data-source/delete_account HTTP/1.1\r\nContent-Length: -\r\n\r\n${hidden}`],
    ['a method in lower case', `post /data-source/delete_account HTTP/1.1\r\n${host}\r\n${hidden}`],
    [
      'a version that is none',
      `POST /data-source/delete_account HTTP/9.9\r\n${host}Content-Length: 0\r\n\r\n${hidden}`,
    ],
    ['headers without end', `${post}X-A: ${'b'.repeat(100_000)}\r\nContent-Length: 0\r\n\r\n${hidden}`],
    ['another request for a body', `${post}Content-Length: ${hidden.length}\r\n\r\n${hidden}`],
    [
      'another request for the body of a GET',
      `GET /healthz HTTP/1.1\r\n${host}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    ],
    [
      'another request for the body of a refused method',
      `PUT /data-source/add_account HTTP/1.1\r\n${host}Content-Length: ${hidden.length}\r\n\r\n${hidden}`,
    ],
  ];

  test.each(ambiguous)('with %s is one request or none', async (_, bytes) => {
    const received = await exchange(bytes);
    const statuses = [...received.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
    expect(statuses.length).toBeLessThanOrEqual(1);
    for (const status of statuses) expect(status).toBeLessThan(500);
    expect(received).not.toContain('"code":1001');
    expect(await findAccount(gateway, accountKey({ region: 'smuggled' }))).toBeNull();
  });

  test('that is hidden in none of them does what it says', async () => {
    expect(await exchange(hidden)).toContain('"code":1001');
    expect(await findAccount(gateway, accountKey({ region: 'smuggled' }))).not.toBeNull();
  });

  /** Sends bytes, and gives what comes until the connection is closed or nothing more comes for a while. */
  function exchange(bytes: string): Promise<string> {
    return new Promise((resolve) => {
      let received = '';
      const socket = connect(Number(new URL(gateway.url).port), '127.0.0.1', () => socket.write(bytes, 'latin1'));
      socket.setTimeout(150, () => socket.destroy());
      socket.on('data', (data) => {
        received += data;
      });
      socket.on('error', () => undefined);
      socket.on('close', () => resolve(received));
    });
  }
});
