import { connect } from 'node:net';
import { describe, expect, test } from '@jest/globals';
import { getIntrospectionQuery } from 'graphql';
import { sqliteKind } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { type KeyedGateway, startKeyedGateway } from '../support/keyed-gateway.js';
import { sendRaw } from '../support/raw-request.js';
import { accountKey, findAccount, legacyBody } from '../support/samples.js';

const json = { 'content-type': 'application/json' };
const maxBodyBytes = 2 * 1024 * 1024;
const aliases = (times: number) => `{${Array.from({ length: times }, (_, i) => ` a${i}: __typename`).join('')}}`;
const pages = (first: string) =>
  `accounts(first: ${first}) { edges { node { datasources(first: 100) { edges { node { id version createType instanceId } } } } } }`;
const depth = (times: number) =>
  `{ node(id: "x") { ... on Datasource { ${'account { datasources { edges { node { '.repeat(times)} id ${'} } } } '.repeat(times)} } } }`;

interface Limit {
  readonly limit: string;
  readonly setting: string;
  readonly allowed: number;
  readonly exceeding: string;
  /** A document that passes by default, a setting under which it does not, and what the setting is then. */
  readonly usual: string;
  readonly lower: number;
}

const limits: readonly Limit[] = [
  {
    limit: 'tokens',
    setting: 'GRAPHQL_MAX_TOKENS',
    allowed: 2000,
    exceeding: `{${' a'.repeat(2000)}}`,
    usual: `{ accounts(first: 1) { totalCount ${'... { __typename } '.repeat(25)} } }`,
    lower: 100,
  },
  {
    limit: 'depth',
    setting: 'GRAPHQL_MAX_DEPTH',
    allowed: 8,
    exceeding: depth(2),
    usual: depth(1),
    lower: 5,
  },
  {
    limit: 'aliases',
    setting: 'GRAPHQL_MAX_ALIASES',
    allowed: 15,
    exceeding: aliases(16),
    usual: aliases(15),
    lower: 14,
  },
  {
    limit: 'cost',
    setting: 'GRAPHQL_MAX_COST',
    allowed: 50_000,
    exceeding: `{ ${pages('100')} }`,
    usual: `{ ${pages('10')} }`,
    lower: 5_000,
  },
];

describe('a document', () => {
  const { gateway } = useGateway(sqliteKind);

  describe.each(limits)('with too much $limit', ({ limit, setting, allowed, exceeding, usual, lower }) => {
    test('is refused, and told which limit it is and what it is', async () => {
      const { httpStatus, data, errors } = await gateway.graphql(exceeding);
      expect([httpStatus, data]).toEqual([200, undefined]);
      expect(errors).toEqual([
        {
          message: expect.stringMatching(new RegExp(`\\b${allowed}\\b.*\\b${limit}\\b.*\\b${setting}\\b`)),
          extensions: { code: 'GRAPHQL_LIMIT_EXCEEDED', limit, allowed },
        },
      ]);
    });

    test('is refused in the same way by GET', async () => {
      const refused = await gateway.graphql(exceeding);
      const response = await fetch(`${gateway.url}/graphql?query=${encodeURIComponent(exceeding)}`);
      expect(((await response.json()) as { errors: unknown }).errors).toEqual(refused.errors);
    });

    test('is refused whatever else the request says', async () => {
      const refused = await gateway.graphql(exceeding);
      for (const others of [{ extensions: {} }, { extensions: { a: 1 } }, { operationName: 7 }, { variables: [] }]) {
        const { text } = await sendRaw(`${gateway.url}/graphql`, {
          headers: json,
          body: JSON.stringify({ query: exceeding, ...others }),
        });
        expect(JSON.parse(text)).toEqual({ errors: refused.errors });
      }
    });

    test('is refused with 400 where the client takes application/graphql-response+json', async () => {
      const accept = { accept: 'application/graphql-response+json' };
      expect((await gateway.graphql(exceeding, undefined, accept)).httpStatus).toBe(400);
    });

    test('is logged as refused', async () => {
      const { headers } = await gateway.graphql(exceeding);
      const id = headers.get('x-request-id');
      const line = await logged(gateway, id);
      expect(line).toMatchObject({ code: 'GRAPHQL_LIMIT_EXCEEDED', httpStatus: 200 });
    });

    test('is told the setting, where that is lower', async () => {
      expect((await gateway.graphql(usual)).errors).toBeUndefined();
      const strict = await startGateway({ [setting]: String(lower) });
      try {
        const { errors } = await strict.graphql(usual);
        expect(errors?.map(({ extensions }) => extensions)).toEqual([
          { code: 'GRAPHQL_LIMIT_EXCEEDED', limit, allowed: lower },
        ]);
        expect(errors?.[0].message).toContain(String(lower));
      } finally {
        await strict.close();
      }
    });

    test('passes where the setting is higher', async () => {
      const lenient = await startGateway({ [setting]: '100', GRAPHQL_MAX_COST: '100000000', ...higher(setting) });
      try {
        const { errors } = await lenient.graphql(exceeding);
        const reached = errors?.map(({ extensions }) => extensions.limit) ?? [];
        expect(reached).not.toContain(limit);
      } finally {
        await lenient.close();
      }
    });
  });

  test('counts the aliases of fragments wherever they are spread', async () => {
    const fragment = 'fragment F on Query { a: __typename b: __typename c: __typename d: __typename }';
    const inline = `{ ...F ...F ...F ... { x: __typename } } ${fragment}`;
    expect((await gateway.graphql(inline)).errors).toBeUndefined();
    const { errors } = await gateway.graphql(`{ ...F ...F ...F ...F } ${fragment}`);
    expect(errors?.[0].extensions).toMatchObject({ code: 'GRAPHQL_LIMIT_EXCEEDED', limit: 'aliases' });
  });

  test('costs as much as the pages that its variables ask for', async () => {
    const query = `query ($n: Int) { ${pages('$n')} }`;
    expect((await gateway.graphql(query, { n: 10 })).errors).toBeUndefined();
    expect((await gateway.graphql(query, { n: 100 })).errors?.[0].extensions).toMatchObject({ limit: 'cost' });
    expect((await gateway.graphql(query, { n: 10 })).errors).toBeUndefined();
  });

  test("costs as much as its variables' defaults may ask for", async () => {
    const query = `query ($n: Int = 100) { ${pages('$n')} }`;
    expect((await gateway.graphql(query)).errors?.[0].extensions).toMatchObject({ limit: 'cost' });
    expect((await gateway.graphql(query, { n: 10 })).errors).toBeUndefined();
  });

  test('that a tool introspects with passes', async () => {
    const { data, errors } = await gateway.graphql(getIntrospectionQuery());
    expect(errors).toBeUndefined();
    expect(data.__schema.queryType.name).toBe('Query');
  });

  test('that introspects without an end does not', async () => {
    const { errors } = await gateway.graphql(
      `{ __schema { types { ${'fields { type { '.repeat(5)} name ${'} } '.repeat(5)} } } }`,
    );
    expect(errors?.[0].extensions.code).toBe('GRAPHQL_VALIDATION_FAILED');
  });

  test('with fragments in a ring is refused as one that does not validate', async () => {
    const { httpStatus, errors } = await gateway.graphql('{ ...F } fragment F on Query { ...F }');
    expect([httpStatus, errors?.[0].extensions.code]).toEqual([200, 'GRAPHQL_VALIDATION_FAILED']);
  });

  test('with a syntax error is told so, not that the service failed', async () => {
    const { httpStatus, errors } = await gateway.graphql('{'.repeat(500));
    expect([httpStatus, errors?.[0].extensions.code]).toEqual([200, 'GRAPHQL_PARSE_FAILED']);
    const nested = await gateway.graphql('{'.repeat(1000));
    expect([nested.httpStatus, nested.errors?.[0].extensions.code]).toEqual([200, 'GRAPHQL_LIMIT_EXCEEDED']);
  });

  test('with a mutation is not taken by GET', async () => {
    const query =
      'mutation { addAccount(input: {accountProvider: 1, accountId: "123456789012", region: "eu-west-1"}) { code } }';
    for (const accept of ['application/json', 'application/graphql-response+json', '*/*']) {
      for (const document of [query, `query Q { __typename } ${query.replace('mutation', 'mutation M')}`]) {
        const search = new URLSearchParams({ query: document, ...(document === query ? {} : { operationName: 'M' }) });
        const response = await fetch(`${gateway.url}/graphql?${search}`, { headers: { accept } });
        expect(response.status).toBe(405);
        expect(response.headers.get('allow')).toContain('POST');
        expect(await response.json()).toHaveProperty('errors');
      }
    }
    expect(await findAccount(gateway)).toBeNull();
  });

  test('is one at a time: several in a list are refused', async () => {
    const one = { query: '{ __typename }' };
    const mutation = {
      query: 'mutation ($input: AddAccountInput!) { addAccount(input: $input) { code } }',
      variables: { input: accountKey() },
    };
    for (const batch of [[], [one], [one, one], [mutation, mutation]]) {
      const response = await fetch(`${gateway.url}/graphql`, {
        method: 'POST',
        headers: json,
        body: JSON.stringify(batch),
      });
      expect(response.status).toBe(400);
      const { errors, data } = (await response.json()) as { errors: { extensions: object }[]; data?: unknown };
      expect([errors.map(({ extensions }) => extensions), data]).toEqual([[{ code: 'BAD_REQUEST' }], undefined]);
    }
    expect(await findAccount(gateway)).toBeNull();
  });
});

describe('a document in a URL', () => {
  const { gateway } = useGateway(sqliteKind);

  const get = (search: string, headers = {}) => sendRaw(`${gateway.url}/graphql${search}`, { method: 'GET', headers });
  const escaped = encodeURIComponent;
  const tooMany = escaped(aliases(16).replaceAll('__typename', 'accounts { totalCount }'));

  test.each([
    ['an escape that is broken', `?query=${tooMany}%23%zz`],
    ['an escape that ends too soon', `?query=${tooMany}%23%a`],
    ['an escape that is not UTF-8', `?query=${tooMany}%23%ff`],
    ['half of a character', `?query=${tooMany}%23%f0%9f`],
    ['a name with a broken escape', `?query=${tooMany}&%zz=1`],
    ['two of them', `?query=%7B__typename%7D&query=${tooMany}`],
    ['two of them, one by an escaped name', `?query=%7B__typename%7D&%71uery=${tooMany}`],
    ['a list of them', `?query[]=${tooMany}`],
    ['a part of one', `?query=%7B__typename%7D&query%5B1%5D=${tooMany}`],
    [
      'two operation names',
      '?query=query%20A%7Ba:__typename%7Dquery%20B%7Bb:__typename%7D&operationName=A&operationName=B',
    ],
    ['two sets of variables', '?query=%7B__typename%7D&variables=%7B%7D&variables=%7B%7D'],
    ['variables that are not JSON', '?query=%7B__typename%7D&variables=%7B'],
    ['a fragment', `?query=%7B__typename%7D#&query=${tooMany}`],
    ['a fragment before it', `#?query=${tooMany}`],
  ])('is refused with %s', async (_, search) => {
    // Not with fetch, which mends a URL.
    const { hostname, port } = new URL(gateway.url);
    const answer = await new Promise<string>((resolve, reject) => {
      const socket = connect(Number(port), hostname, () => {
        socket.end(`GET /graphql${search} HTTP/1.1\r\nHost: ${hostname}\r\nConnection: close\r\n\r\n`);
      });
      let text = '';
      socket.on('data', (data) => {
        text += data;
      });
      socket.on('close', () => resolve(text));
      socket.on('error', reject);
    });
    expect(answer).toMatch(/^HTTP\/1.1 400 /);
    expect(answer).toContain('"BAD_REQUEST"');
    expect(answer).not.toContain('"data"');
  });

  test('is refused where a body comes with it, or where a body has another', async () => {
    const body = JSON.stringify({ query: '{ a: __typename }' });
    const search = `?query=${escaped('{ b: __typename }')}`;
    for (const method of ['GET', 'POST']) {
      const { httpStatus, text } = await sendRaw(`${gateway.url}/graphql${search}`, { method, headers: json, body });
      expect([httpStatus, JSON.parse(text).data]).toEqual([400, undefined]);
    }
  });

  test('is executed as every parser reads it', async () => {
    const query = 'query A { a: __typename } query B($id: ID!) { b: __typename node(id: $id) { id } }';
    const parameters = { query, operationName: 'B', variables: JSON.stringify({ id: 'ü + &' }), other: 'x' };
    for (const search of [
      new URLSearchParams(parameters).toString(),
      Object.entries(parameters)
        .map(([name, value]) => `${name}=${escaped(value)}`)
        .join('&'),
    ]) {
      const { httpStatus, text } = await get(`?${search}`);
      expect([httpStatus, JSON.parse(text)]).toEqual([200, { data: { b: 'Query', node: null } }]);
    }
  });

  test('costs as much as the pages that the variables in its URL ask for', async () => {
    const search = (n: number) =>
      `?query=${escaped(`query ($n: Int) { ${pages('$n')} }`)}&variables=${escaped(JSON.stringify({ n }))}`;
    expect(JSON.parse((await get(search(10))).text)).toHaveProperty('data');
    expect(JSON.parse((await get(search(100))).text).errors[0].extensions).toMatchObject({ limit: 'cost' });
  });
});

describe('a gateway that lets everyone in', () => {
  test('shows its schema, names that were meant, and the playground', async () => {
    const gateway = await startGateway();
    try {
      expect(await whatIsShown(gateway)).toEqual({ schema: true, suggestions: true, playground: true });
    } finally {
      await gateway.close();
    }
  });

  test('shows none of them where the settings say so', async () => {
    const gateway = await startGateway({ INTROSPECTION: 'false', PLAYGROUND: 'false' });
    try {
      expect(await whatIsShown(gateway)).toEqual({ schema: false, suggestions: false, playground: false });
    } finally {
      await gateway.close();
    }
  });
});

describe('a gateway that knows its callers', () => {
  let keyed: KeyedGateway;

  test('shows neither its schema, nor names that were meant, nor the playground, to one who may do everything', async () => {
    keyed = await startKeyedGateway(sqliteKind);
    try {
      expect(await whatIsShown(keyed.all)).toEqual({ schema: false, suggestions: false, playground: false });
      const asset = await sendRaw(`${keyed.gateway.url}/playground/playground.js`, { method: 'GET' });
      expect(asset.httpStatus).toBe(404);
    } finally {
      await keyed.close();
    }
  });

  test('shows them where the settings say so', async () => {
    keyed = await startKeyedGateway(sqliteKind, { INTROSPECTION: 'true', PLAYGROUND: 'true' });
    try {
      expect(await whatIsShown(keyed.all)).toEqual({ schema: true, suggestions: true, playground: true });
    } finally {
      await keyed.close();
    }
  });

  test('suggests no names of fields, types, arguments, inputs, values and directives where its schema is not shown', async () => {
    keyed = await startKeyedGateway(sqliteKind);
    try {
      for (const query of [
        '{ acounts { totalCount } }',
        '{ accounts { totalCont } }',
        '{ accounts(frst: 1) { totalCount } }',
        '{ accounts { totalCount @inclde(if: true) } }',
        '{ account(key: { accountProvder: 1 }) { id } }',
        '{ accounts(orderBy: { field: CREATED_ATT }) { totalCount } }',
        'query ($f: AccountFiltr) { accounts(filter: $f) { totalCount } }',
        '{ node(id: "x") { accountId } }',
        '{ node(id: "x") { ... on Acount { id } } }',
        '{ account { ...F } } fragment F on Acount { id }',
      ]) {
        const { errors } = await keyed.all.graphql(query);
        expect(errors?.length).toBeGreaterThan(0);
        expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
      }
      const { errors } = await keyed.all.graphql('query ($key: AccountKey!) { account(key: $key) { id } }', {
        key: { accountProvder: 1 },
      });
      expect(JSON.stringify(errors)).not.toMatch(/did you mean/i);
    } finally {
      await keyed.close();
    }
  });
});

describe('a body', () => {
  const { gateway } = useGateway(sqliteKind);

  const graphqlBody = JSON.stringify({ query: '{ __typename }' });
  const legacy = JSON.stringify(legacyBody(accountKey()));
  const surfaces = [
    ['/graphql', graphqlBody, { errors: [{ extensions: { code: 'PAYLOAD_TOO_LARGE' } }] }],
    ['/data-source/add_account', legacy, { status: 'fail', code: 413, ref: null }],
  ] as const;

  describe.each(surfaces)('to %s', (path, body, refusal) => {
    const padded = (length: number, text: string = body) => text.padEnd(length, ' ');

    test('of two mebibytes is read', async () => {
      const { httpStatus } = await sendRaw(gateway.url + path, { headers: json, body: padded(maxBodyBytes) });
      expect(httpStatus).toBe(200);
    });

    test.each([
      ['with its length', padded(maxBodyBytes + 1)],
      ['in pieces', [padded(maxBodyBytes), ' ']],
    ])('of one byte more is refused with 413, %s', async (_, tooLarge) => {
      const answer = await sendRaw(gateway.url + path, { headers: json, body: tooLarge });
      expect(answer.httpStatus).toBe(413);
      expect(JSON.parse(answer.text)).toMatchObject(refusal);
      expect(answer.text).toContain(String(maxBodyBytes));
    });

    test('may have as many bytes as BODY_LIMIT says', async () => {
      const strict = await startGateway({ BODY_LIMIT: '1024' });
      try {
        const send = (length: number) => sendRaw(strict.url + path, { headers: json, body: padded(length) });
        expect((await send(1024)).httpStatus).toBe(200);
        const answer = await send(1025);
        expect([answer.httpStatus, answer.text.includes('1024')]).toEqual([413, true]);
      } finally {
        await strict.close();
      }
    });
  });
});

function higher(setting: string): Record<string, string> {
  return setting === 'GRAPHQL_MAX_TOKENS'
    ? { [setting]: '5000' }
    : setting === 'GRAPHQL_MAX_COST'
      ? { [setting]: '100000000' }
      : {};
}

async function whatIsShown(gateway: TestGateway) {
  const introspected = await gateway.graphql(getIntrospectionQuery());
  const misspelt = await gateway.graphql('{ acounts { totalCount } }');
  const page = await sendRaw(`${gateway.url}/graphql`, { method: 'GET', headers: { accept: 'text/html' } });
  return {
    schema: introspected.errors === undefined,
    suggestions: /did you mean/i.test(JSON.stringify(misspelt.errors)),
    playground: page.text.startsWith('<!doctype html>'),
  };
}

async function logged(gateway: TestGateway, id: string | null): Promise<object> {
  // The line is written when the answer was sent, which a client may see first.
  for (;;) {
    const line = gateway.log.map((text) => JSON.parse(text)).find((one) => one.requestId === id);
    if (line !== undefined) return line;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
