import { beforeEach, describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import { type RawRequest, sendRaw } from '../support/raw-request.js';
import {
  accountKey,
  addAccount,
  addDatasource,
  datasourceInput,
  findAccount,
  findDatasource,
  legacyBody,
  samplePassword,
  sampleSecret,
  snapshot,
} from '../support/samples.js';

const routes = ['add_account', 'delete_account', 'add-jdbc-conn', 'update-jdbc-conn', 'delete-jdbc'];
const success = { status: 'success', code: 1001, message: 'Operation succeeded' };
const maxBodyBytes = 2 * 1024 * 1024;
const account = legacyBody(accountKey());
const json = { 'content-type': 'application/json' };

describe.each(databaseKinds)('the legacy API, on $name', (kind) => {
  const { gateway } = useGateway(kind);
  beforeEach(async () => {
    const { accounts } = await snapshot(gateway);
    for (const { node } of accounts.edges) await gateway.legacy('delete_account', legacyBody(keyOf(node)));
    await addAccount(gateway);
  });

  describe('the envelope', () => {
    test('of a success has its three keys in their order', async () => {
      const answer = await raw('add_account', { headers: json, body: JSON.stringify({ ...account, region: 'r2' }) });
      expect(answer.httpStatus).toBe(200);
      expect(answer.text).toBe('{"status":"success","code":1001,"message":"Operation succeeded"}');
      expect(answer.headers['content-type']).toMatch(/^application\/json(; charset=utf-8)?$/);
    });

    test('of a failure has its four keys in their order', async () => {
      const { text } = await raw('add_account', { headers: json, body: JSON.stringify(account) });
      expect(text).toMatch(/^\{"status":"fail","code":1230,"message":"[^"]+","ref":null\}$/);
    });

    test('of invalid parameters has a name and a message for each', async () => {
      const { text } = await raw('add_account', { headers: json, body: '{"account_provider":0,"region":" x"}' });
      const reference = '\\{"name":"[a-z_]+","message":"[^"]+"\\}';
      expect(text).toMatch(
        new RegExp(
          `^\\{"status":"fail","code":400,"message":"[^"]+","ref":\\[${reference},${reference},${reference}\\]\\}$`,
        ),
      );
    });

    test('is the same success for every operation', async () => {
      const datasource = legacyBody(datasourceInput('orders'));
      const other = { ...account, region: 'r2' };
      for (const [route, body] of [
        ['add-jdbc-conn', datasource],
        ['update-jdbc-conn', datasource],
        ['delete_account', datasource],
        ['delete-jdbc', { ...account, instances: ['orders'] }],
        ['add_account', other],
        ['delete_account', other],
      ] as const) {
        const answer = await gateway.legacy(route, body);
        expect([route, answer.httpStatus, JSON.stringify(answer.body)]).toEqual([route, 200, JSON.stringify(success)]);
      }
    });
  });

  describe('the content type', () => {
    test.each([
      ['application/json'],
      ['application/json; charset=utf-8'],
      ['application/json;charset=UTF-8'],
      ['application/json ; charset="utf-8"'],
      ['Application/JSON'],
    ])('%j is taken', async (type) => {
      const answer = await raw('delete_account', { headers: { 'content-type': type }, body: JSON.stringify(account) });
      expect([answer.httpStatus, JSON.parse(answer.text)]).toEqual([200, success]);
    });

    test('that is absent is taken for JSON, in one piece and in chunks', async () => {
      const whole = await raw('delete_account', { body: JSON.stringify(account) });
      expect([whole.httpStatus, JSON.parse(whole.text)]).toEqual([200, success]);
      const chunked = await raw('add_account', { body: ['{"account_provider":1,', '"account_id":"a","region":"r"}'] });
      expect([chunked.httpStatus, JSON.parse(chunked.text)]).toEqual([200, success]);
    });

    test('may name another charset, in which the body is then read', async () => {
      const body = Buffer.from(JSON.stringify({ ...account, account_id: 'Zürich' }), 'latin1');
      const { text } = await raw('add_account', {
        headers: { 'content-type': 'application/json; charset=latin1' },
        body,
      });
      expect(JSON.parse(text)).toEqual(success);
      expect(await findAccount(gateway, accountKey({ accountId: 'Zürich' }))).not.toBeNull();
    });

    test.each([
      ['text/plain'],
      ['application/x-www-form-urlencoded'],
      ['multipart/form-data; boundary=x'],
      ['application/xml'],
      ['application/json-patch+json'],
      ['application/jsonp'],
      ['text/json'],
      ['*/*'],
      ['json'],
      ['application/json; charset=klingon'],
    ])('%j is refused with 415 on every route, with and without a body', async (type) => {
      const before = await snapshot(gateway);
      for (const route of routes) {
        for (const body of [JSON.stringify(account), '']) {
          const answer = await raw(route, { headers: { 'content-type': type }, body });
          expect([route, answer.httpStatus]).toEqual([route, 415]);
          expect(JSON.parse(answer.text)).toEqual({
            status: 'fail',
            code: 415,
            message: expect.any(String),
            ref: null,
          });
        }
      }
      expect(await snapshot(gateway)).toEqual(before);
    });

    test.each(['gzip', 'br', 'GZIP', 'identity, gzip', 'unheard-of'])(
      'a body in the Content-Encoding %s is refused with 415 on every route, though it can be read as it is',
      async (coding) => {
        const before = await snapshot(gateway);
        const headers = { 'content-type': 'application/json', 'content-encoding': coding };
        for (const route of routes) {
          const answer = await raw(route, { headers, body: JSON.stringify(account) });
          expect([route, answer.httpStatus, answer.headers['accept-encoding']]).toEqual([route, 415, 'identity']);
          const message = expect.stringContaining('Content-Encoding');
          expect(JSON.parse(answer.text)).toEqual({ status: 'fail', code: 415, message, ref: null });
        }
        expect(await snapshot(gateway)).toEqual(before);
      },
    );

    test.each(['identity', 'Identity', ''])('a body in the Content-Encoding %j is read', async (coding) => {
      const headers = { 'content-type': 'application/json', 'content-encoding': coding };
      const body = JSON.stringify(legacyBody(accountKey({ region: `coding-${coding}` })));
      expect(JSON.parse((await raw('add_account', { headers, body })).text)).toEqual(success);
    });
  });

  describe('the body', () => {
    test.each([
      ['broken JSON', '{"account_id": "5ecret'],
      ['JSON with something behind it', '{} 5ecret'],
      ['two objects', '{}{}'],
      ['single quotes', "{'account_id': '5ecret'}"],
      ['a trailing comma', '{"account_id": "5ecret",}'],
      ['NaN', '{"account_provider": NaN}'],
      ['a list', '["5ecret"]'],
      ['a string', '"5ecret"'],
      ['a number', '5377'],
      ['true', 'true'],
      ['null', 'null'],
      ['a form', 'account_id=5ecret'],
      ['nothing', ''],
      ['white space', ' \r\n\t'],
      ['a byte that is not UTF-8', Buffer.from('{"account_id": "\xff5ecret"}', 'latin1')],
      ['a surrogate in UTF-8', Buffer.from([0x7b, 0x22, 0xed, 0xa0, 0x80, 0x22, 0x3a, 0x31, 0x7d])],
      ['a deep nest', '['.repeat(100_000)],
    ])('that is %s is an invalid parameter on every route, and is not repeated', async (_, body) => {
      const before = await snapshot(gateway);
      for (const route of routes) {
        for (const headers of [json, {}]) {
          const answer = await raw(route, { headers, body });
          expect([route, answer.httpStatus]).toEqual([route, 200]);
          expect(JSON.parse(answer.text)).toEqual({
            status: 'fail',
            code: 400,
            message: expect.any(String),
            ref: null,
          });
          expect(answer.text).not.toMatch(/5ecret|5377/);
        }
      }
      expect(await snapshot(gateway)).toEqual(before);
    });

    test('may be absent altogether, which is no object either', async () => {
      for (const route of routes) {
        const answer = await raw(route, {});
        expect([route, answer.httpStatus, JSON.parse(answer.text).code]).toEqual([route, 200, 400]);
      }
    });

    test('may start with a byte order mark', async () => {
      const { text } = await raw('delete_account', { headers: json, body: `\ufeff${JSON.stringify(account)}` });
      expect(JSON.parse(text)).toEqual(success);
    });

    test('with a name twice has the last value', async () => {
      const body = `{"region":"wrong","account_provider":1,"account_id":"123456789012","region":"eu-west-1"}`;
      expect((await gateway.legacy('delete_account', body)).body).toEqual(success);
    });

    test('with __proto__ has that for an unknown name and nothing else', async () => {
      const inherited = `{"__proto__": ${JSON.stringify({ ...account, region: 'r2' })}}`;
      const { body } = await gateway.legacy('add_account', inherited);
      expect(body.ref.map(({ name }: { name: string }) => name)).toEqual(['account_provider', 'account_id', 'region']);
      const beside = `{"__proto__": {"region": "r2"}, ${JSON.stringify({ ...account, region: 'r3' }).slice(1)}`;
      expect((await gateway.legacy('add_account', beside)).body).toEqual(success);
      expect(await findAccount(gateway, accountKey({ region: 'r3' }))).not.toBeNull();
    });

    test('may have unknown parameters, also in other styles, which are ignored', async () => {
      const extra = { comment: 'x', accountId: 'y', Region: 'z', constructor: null, '': {}, instances: 5 };
      expect((await gateway.legacy('add_account', { ...account, region: 'r2', ...extra })).body).toEqual(success);
      const datasource = legacyBody(datasourceInput('orders'));
      const more = { ...extra, account_provider: 'ignored' };
      expect((await gateway.legacy('add-jdbc-conn', { ...datasource, ...more })).body).toEqual(success);
      expect((await gateway.legacy('update-jdbc-conn', { ...datasource, ...more })).body).toEqual(success);
      const deletion = { ...account, comment: 'x', account_provider_id: 'y', instances: ['orders'] };
      expect((await gateway.legacy('delete-jdbc', deletion)).body).toEqual(success);
    });

    test('of 2 MiB is read, and of one byte more refused with 413 on every route', async () => {
      const padded = (length: number) => {
        const start = `${JSON.stringify({ ...account, region: 'r2' }).slice(0, -1)},"padding":"`;
        return `${start}${'x'.repeat(length - start.length - 2)}"}`;
      };
      const largest = await raw('add_account', { headers: json, body: padded(maxBodyBytes) });
      expect([largest.httpStatus, JSON.parse(largest.text)]).toEqual([200, success]);
      const before = await snapshot(gateway);
      for (const route of routes) {
        const tooLarge = padded(maxBodyBytes + 1);
        for (const body of [tooLarge, [tooLarge.slice(0, maxBodyBytes), tooLarge.slice(maxBodyBytes)]]) {
          const answer = await raw(route, { headers: json, body });
          expect([route, answer.httpStatus]).toEqual([route, 413]);
          expect(JSON.parse(answer.text)).toEqual({
            status: 'fail',
            code: 413,
            message: expect.stringContaining('2097152'),
            ref: null,
          });
          expect(answer.headers['cache-control']).toBe('no-store');
        }
      }
      expect(await snapshot(gateway)).toEqual(before);
    });
  });

  describe('transport', () => {
    test.each([['GET'], ['HEAD'], ['PUT'], ['PATCH'], ['DELETE'], ['OPTIONS'], ['TRACE']])(
      '%s is refused with 405 and Allow on every route, whatever the body is',
      async (method) => {
        for (const route of routes) {
          for (const request of [
            {},
            { headers: { 'content-type': 'text/plain' }, body: 'x' },
            { headers: json, body: '{' },
          ]) {
            if (method === 'TRACE' && request.body !== undefined) continue;
            const answer = await raw(route, { method, ...request });
            expect([route, answer.httpStatus, answer.headers.allow]).toEqual([route, 405, 'POST']);
            expect(answer.headers['cache-control']).toBe('no-store');
            if (method === 'HEAD') continue;
            expect(JSON.parse(answer.text)).toEqual({
              status: 'fail',
              code: 405,
              message: expect.any(String),
              ref: null,
            });
          }
        }
      },
    );

    test.each([
      ['data-source'],
      ['data-source/'],
      ['data-source/unknown'],
      ['data-source/add_account/'],
      ['data-source/Add_Account'],
      ['data-source/add-account'],
      ['nothing/here'],
    ])('there is nothing at /%s: 404 with the envelope', async (path) => {
      for (const method of ['POST', 'GET']) {
        const answer = await sendRaw(`${gateway.url}/${path}`, { method });
        expect([method, answer.httpStatus]).toEqual([method, 404]);
        expect(JSON.parse(answer.text)).toEqual({ status: 'fail', code: 404, message: expect.any(String), ref: null });
        expect(answer.headers['cache-control']).toBe('no-store');
        expect(answer.headers['x-request-id']).toEqual(expect.any(String));
      }
    });

    test('a path that cannot be decoded is not there either, with the headers of every answer', async () => {
      const answer = await sendRaw(`${gateway.url}/data-source/%E0%A4%A`, { headers: json, body: '{}' });
      expect([answer.httpStatus, JSON.parse(answer.text)]).toEqual([
        404,
        { status: 'fail', code: 404, message: expect.any(String), ref: null },
      ]);
      expect(answer.headers['cache-control']).toBe('no-store');
      expect(answer.headers['x-request-id']).toEqual(expect.any(String));
    });

    test('a query string does not matter', async () => {
      const { text } = await raw('delete_account?region=x', { headers: json, body: JSON.stringify(account) });
      expect(JSON.parse(text)).toEqual(success);
    });

    test('no answer may be kept', async () => {
      for (const body of [{ ...account, region: 'r2' }, account, {}]) {
        expect((await gateway.legacy('add_account', body)).headers.get('cache-control')).toBe('no-store');
      }
      const unsupported = await raw('add_account', { headers: { 'content-type': 'text/plain' }, body: 'x' });
      expect(unsupported.headers['cache-control']).toBe('no-store');
    });

    test.each([['a'], ['abc-123'], ['A.b:c_d-9'], ['0'.repeat(128)]])('the request id %s comes back', async (id) => {
      const answer = await gateway.legacy('add_account', {}, { 'x-request-id': id });
      expect(answer.headers.get('x-request-id')).toBe(id);
      expect(gateway.log.some((line) => JSON.parse(line).requestId === id)).toBe(true);
    });

    test.each([[''], ['0'.repeat(129)], ['a b'], ['a"b'], ['<x>'], ['ä'], ['a,b'], ['{}']])(
      'the request id %j is replaced',
      async (id) => {
        const { headers } = await raw('add_account', { headers: { ...json, 'x-request-id': id }, body: '{}' });
        expect(headers['x-request-id']).toMatch(/^[\w.:-]{1,128}$/);
        expect(headers['x-request-id']).not.toBe(id);
      },
    );

    test('two requests without an id get different ones', async () => {
      const ids = await Promise.all([1, 2].map(async () => (await raw('add_account', {})).headers['x-request-id']));
      expect(new Set(ids).size).toBe(2);
    });
  });

  describe('numbers for strings', () => {
    test('make the same account as the strings', async () => {
      const body = { account_provider: '7', account_id: 123123123123, region: 5 };
      expect((await gateway.legacy('add_account', body)).body).toEqual(success);
      const key = { accountProvider: 7, accountId: '123123123123', region: '5' };
      expect(await findAccount(gateway, key)).toMatchObject(key);
      expect((await gateway.legacy('add_account', legacyBody(key))).body.code).toBe(1230);
      expect((await gateway.legacy('delete_account', body)).body).toEqual(success);
    });

    test.each([
      ['1', 200],
      ['1.0', 200],
      ['1e2', 200],
      ['-0', 200],
      ['9007199254740991', 200],
      ['-9007199254740991', 200],
      ['9007199254740992', 400],
      ['-9007199254740992', 400],
      ['1.5', 400],
      ['1e-7', 400],
      ['1e21', 400],
      ['1e400', 400],
      ['1.5e1', 200],
      ['10e-1', 200],
      ['0.0e-5', 200],
      ['100.000', 200],
      ['1.00000000000000000001', 400],
      ['1.00000000000000000001e5', 400],
      ['-2.99999999999999999999', 400],
      ['15e-1', 400],
      ['1e-400', 400],
      ['1.0000000000000000000100', 400],
    ])('the JSON number %s is taken where it is whole and exact', async (number, expected) => {
      const { body } = await gateway.legacy(
        'add_account',
        `{"account_provider":1,"account_id":${number},"region":"r2"}`,
      );
      expect(body).toMatchObject(expected === 200 ? success : { code: 400, ref: [{ name: 'account_id' }] });
    });
  });

  test('a fraction in a string is text, and one behind it is still a fraction', async () => {
    const body = String.raw`{"note":"\\\" 1.00000000000000000001","account_provider":1,"account_id":"1.00000000000000000001","region":`;
    expect((await gateway.legacy('add_account', `${body}2.00000000000000000001}`)).body.ref).toEqual([
      { name: 'region', message: expect.any(String) },
    ]);
    expect((await gateway.legacy('add_account', `${body}"r3"}`)).body).toEqual(success);
    expect(
      await findAccount(gateway, accountKey({ accountId: '1.00000000000000000001', region: 'r3' })),
    ).not.toBeNull();
  });

  test('of very many invalid parameters a hundred are told, those that the operation has first, and how many more', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 20_000 }, (_, at) => [`${'n'.repeat(80)}${at}`, 1]));
    const edit = legacyBody(datasourceInput('', { accountProviderId: 0 }));
    const { body } = await gateway.legacy('delete_account', { ...unknown, ...edit });
    expect(body).toMatchObject({ code: 400, message: expect.stringMatching(/; and 19902 more\.$/) });
    expect(body.ref).toHaveLength(100);
    expect(body.ref.slice(0, 3)).toEqual([
      { name: 'instance_id', message: expect.any(String) },
      { name: 'account_provider_id', message: expect.any(String) },
      { name: `${'n'.repeat(64)}…`, message: 'is not a parameter of this operation' },
    ]);
    expect(JSON.stringify(body).length).toBeLessThan(40_000);
  });

  describe('the order of checks', () => {
    const everythingWrong = legacyBody(
      datasourceInput('orders', { accountId: 'nowhere', jdbcConnectionUrl: 'http://x', secret: null, createType: 2 }),
    );

    test.each([['add-jdbc-conn'], ['update-jdbc-conn'], ['delete_account']])(
      'is parameters, URL, credential, then what is stored, on %s',
      async (route) => {
        await addDatasource(gateway, datasourceInput('orders'));
        const codeOf = async (changes: object) =>
          (await gateway.legacy(route, { ...everythingWrong, ...changes })).body.code;
        const validUrl = { jdbc_connection_url: 'jdbc:mysql://db.example.com/x' };
        const stored = route === 'add-jdbc-conn' ? 1222 : 1249;
        expect(await codeOf({})).toBe(400);
        expect(await codeOf({ create_type: 1 })).toBe(1253);
        expect(await codeOf({ create_type: 1, ...validUrl })).toBe(1231);
        expect(await codeOf({ create_type: 1, ...validUrl, secret: 'x' })).toBe(stored);
        // Of what is stored, the version comes last.
        const there = { create_type: 1, ...validUrl, account_id: '123456789012' };
        expect(await codeOf({ ...there, expected_version: 9 })).toBe(1231);
        expect(await codeOf({ ...there, secret: 'x', expected_version: 9, create_type: '3' })).toBe(400);
        const last = await codeOf({ ...there, secret: 'x', expected_version: 9 });
        expect(last).toBe(route === 'add-jdbc-conn' ? 1234 : 1901);
        expect(await findDatasource(gateway, datasourceInput('orders'))).toMatchObject({ version: 1 });
      },
    );
  });

  describe('Add Account and Delete Account', () => {
    test('an account that exists is not added again: 1230', async () => {
      const before = await snapshot(gateway);
      const answer = await gateway.legacy('add_account', account);
      expect(answer.httpStatus).toBe(200);
      expect(answer.body).toEqual({
        status: 'fail',
        code: 1230,
        message: expect.stringMatching(/already exists/),
        ref: null,
      });
      expect(await snapshot(gateway)).toEqual(before);
    });

    test.each([
      ['provider', { accountProvider: 2 }],
      ['id', { accountId: '123456789013' }],
      ['region', { region: 'eu-west-2' }],
      ['case of the region', { region: 'EU-WEST-1' }],
      ['letters that look alike', { region: 'еu-west-1' }],
      ['full-width form', { accountId: '１23456789012' }],
    ])('an account of another %s is another account', async (_, changes) => {
      const other = legacyBody(accountKey(changes));
      expect((await gateway.legacy('delete_account', other)).body.code).toBe(1222);
      expect((await gateway.legacy('add_account', other)).body).toEqual(success);
      expect((await gateway.legacy('delete_account', other)).body).toEqual(success);
      expect(await findAccount(gateway)).not.toBeNull();
    });

    test('letters are compared by their code points, whatever they look like', async () => {
      const forms = ['Ä', 'A\u0308', 'ä', 'a\u0308', 'A', 'a', 'ß', 'ss', 'SS', 'ı', 'I', 'i', 'İ', 'ﬀ', 'ff'];
      for (const form of forms) {
        expect([form, (await gateway.legacy('add_account', { ...account, account_id: form })).body]).toEqual([
          form,
          success,
        ]);
      }
      for (const form of forms) {
        expect((await gateway.legacy('delete_account', { ...account, account_id: form })).body).toEqual(success);
      }
    });

    test('an account that does not exist is not deleted: 1222', async () => {
      const before = await snapshot(gateway);
      const answer = await gateway.legacy('delete_account', { ...account, region: 'nowhere' });
      expect(answer.httpStatus).toBe(200);
      expect(answer.body).toEqual({ status: 'fail', code: 1222, message: expect.any(String), ref: null });
      expect(await snapshot(gateway)).toEqual(before);
    });

    test('an account is deleted with its datasources, and only its own', async () => {
      await addAccount(gateway, accountKey({ region: 'eu-west-2' }));
      await addDatasource(gateway, datasourceInput('orders'));
      await addDatasource(gateway, datasourceInput('invoices'));
      await addDatasource(gateway, datasourceInput('orders', { region: 'eu-west-2' }));
      expect((await gateway.legacy('delete_account', account)).body).toEqual(success);
      const left = await snapshot(gateway);
      expect(left.accounts.edges.map(({ node }: { node: { region: string } }) => node.region)).toEqual(['eu-west-2']);
      expect(left.datasources.totalCount).toBe(1);
      await addAccount(gateway);
      expect(await findDatasource(gateway, datasourceInput('orders'))).toBeNull();
    });
  });

  describe('Add Datasource and Edit Datasource', () => {
    const given = { masterUsername: 'user', password: samplePassword, secret: sampleSecret };
    const ways = { absent: undefined, null: null, empty: '', given: true } as const;
    const combinations = Object.entries(ways).flatMap(([username, user]) =>
      Object.entries(ways).flatMap(([password, pass]) =>
        Object.entries(ways).map(([secret, name]) => ({
          label: `master_username ${username}, password ${password}, secret ${secret}`,
          credentials: {
            masterUsername: user === true ? given.masterUsername : user,
            password: pass === true ? given.password : pass,
            secret: name === true ? given.secret : name,
          },
          isEnough: name === true || (user === true && pass === true),
        })),
      ),
    );

    test('need a secret, or a user name with a password, in all combinations: 1231 for any other', async () => {
      await addDatasource(gateway, datasourceInput('existing'));
      expect(combinations).toHaveLength(64);
      for (const [place, { label, credentials, isEnough }] of combinations.entries()) {
        for (const [route, instanceId] of [
          ['add-jdbc-conn', `new-${place}`],
          ['update-jdbc-conn', 'existing'],
        ] as const) {
          const input = datasourceInput(instanceId, credentials);
          const before = await findDatasource(gateway, input);
          const answer = await gateway.legacy(route, legacyBody(input));
          expect([route, label, answer.httpStatus, answer.body.code]).toEqual([
            route,
            label,
            200,
            isEnough ? 1001 : 1231,
          ]);
          if (isEnough) {
            expect([label, await findDatasource(gateway, input)]).toMatchObject([
              label,
              {
                masterUsername: credentials.masterUsername || null,
                hasPassword: Boolean(credentials.password),
                hasSecret: Boolean(credentials.secret),
              },
            ]);
          } else {
            expect(answer.body).toEqual({ status: 'fail', code: 1231, message: expect.any(String), ref: null });
            expect([label, await findDatasource(gateway, input)]).toEqual([label, before]);
          }
        }
      }
      expect(gateway.log.join('\n')).not.toContain('5ecret');
    });

    test('a credential of white space is one', async () => {
      const body = legacyBody(datasourceInput('orders', { secret: undefined, masterUsername: ' ', password: ' ' }));
      expect((await gateway.legacy('add-jdbc-conn', body)).body).toEqual(success);
      expect(await findDatasource(gateway, datasourceInput('orders'))).toMatchObject({
        masterUsername: ' ',
        hasPassword: true,
        hasSecret: false,
      });
    });

    test('an account that does not exist gets no datasource: 1222', async () => {
      const { httpStatus, body } = await gateway.legacy(
        'add-jdbc-conn',
        legacyBody(datasourceInput('orders', { accountId: 'nowhere' })),
      );
      expect(httpStatus).toBe(200);
      expect(body).toEqual({ status: 'fail', code: 1222, message: expect.any(String), ref: null });
      expect((await snapshot(gateway)).datasources.totalCount).toBe(0);
    });

    test('an instance id that the account has is not added again: 1234, and another case of it is another one', async () => {
      await addDatasource(gateway, datasourceInput('orders'));
      const before = await snapshot(gateway);
      const { httpStatus, body } = await gateway.legacy(
        'add-jdbc-conn',
        legacyBody(datasourceInput('orders', { description: 'again' })),
      );
      expect(httpStatus).toBe(200);
      expect(body).toEqual({ status: 'fail', code: 1234, message: expect.any(String), ref: null });
      expect(await snapshot(gateway)).toEqual(before);
      expect((await gateway.legacy('add-jdbc-conn', legacyBody(datasourceInput('Orders')))).body).toEqual(success);
      await addAccount(gateway, accountKey({ region: 'eu-west-2' }));
      const elsewhere = legacyBody(datasourceInput('orders', { region: 'eu-west-2' }));
      expect((await gateway.legacy('add-jdbc-conn', elsewhere)).body).toEqual(success);
    });

    test.each([['update-jdbc-conn'], ['delete_account']])(
      'one that does not exist is not edited on %s, in an account or without one: 1249',
      async (route) => {
        await addDatasource(gateway, datasourceInput('orders'));
        const before = await snapshot(gateway);
        for (const changes of [{ instanceId: 'nowhere' }, { instanceId: 'ORDERS' }, { region: 'nowhere' }]) {
          const { httpStatus, body } = await gateway.legacy(route, legacyBody(datasourceInput('orders', changes)));
          expect(httpStatus).toBe(200);
          expect(body).toEqual({ status: 'fail', code: 1249, message: expect.any(String), ref: null });
        }
        expect(await snapshot(gateway)).toEqual(before);
      },
    );

    test.each([
      ['http://db.example.com/orders'],
      ['jdbc:mysql:db.example.com'],
      ['JDBC:mysql://db.example.com/orders'],
      ['jdbc:mysql://user:5ecret@db.example.com/orders'],
      ['jdbc:postgresql://db.example.com/orders?password=5ecret'],
      ['jdbc:mysql://db.example.com/orders '],
      ['jdbc:mysql://db.example.com/\torders'],
      ['jdbc:custom:'],
    ])('the URL %j is refused when adding and editing: 1253, and is not repeated', async (url) => {
      await addDatasource(gateway, datasourceInput('orders'));
      const before = await snapshot(gateway);
      for (const [route, instanceId] of [
        ['add-jdbc-conn', 'other'],
        ['update-jdbc-conn', 'orders'],
      ] as const) {
        const body = legacyBody(datasourceInput(instanceId, { jdbcConnectionUrl: url }));
        const answer = await gateway.legacy(route, body);
        expect(answer.httpStatus).toBe(200);
        expect(answer.body).toEqual({ status: 'fail', code: 1253, message: expect.any(String), ref: null });
        expect(answer.body.message).not.toContain('5ecret');
        expect(answer.body.message).not.toContain(url);
      }
      expect(await snapshot(gateway)).toEqual(before);
    });

    test('an edit replaces the whole: what is left out, null or empty is cleared', async () => {
      const everything = {
        description: 'x',
        jdbcEnforceSsl: true,
        kafkaSslEnabled: false,
        masterUsername: 'user',
        password: samplePassword,
        secret: sampleSecret,
        skipCustomJdbcCertValidation: true,
        customJdbcCert: 'x',
        customJdbcCertString: 'x',
        glueCrawlerLastUpdated: '2024-02-29T00:00:00.000Z',
        creationTime: 'x',
        lastUpdatedTime: 'x',
        jdbcDriverClassName: 'x',
        jdbcDriverJarUri: 'x',
      };
      const added = await addDatasource(gateway, datasourceInput('orders', everything));
      const { password: _, secret: __, ...visible } = everything;
      expect(added).toMatchObject({ ...visible, hasPassword: true, hasSecret: true, version: 1 });
      const cleared = Object.fromEntries(Object.keys(visible).map((name) => [name, null]));
      for (const [place, nothing] of [undefined, null, ''].entries()) {
        const optional = Object.fromEntries(Object.keys(everything).map((name) => [name, nothing]));
        const edited = datasourceInput('orders', { ...optional, secret: 'x', networkSgId: `sg-${place}` });
        expect((await gateway.legacy('update-jdbc-conn', legacyBody(edited))).body).toEqual(success);
        expect(await findDatasource(gateway, edited)).toMatchObject({
          ...cleared,
          id: added.id,
          createdAt: added.createdAt,
          networkSgId: `sg-${place}`,
          hasPassword: false,
          hasSecret: true,
          version: 2 * place + 2,
        });
        const again = legacyBody(datasourceInput('orders', everything));
        expect((await gateway.legacy('update-jdbc-conn', again)).body).toEqual(success);
        expect(await findDatasource(gateway, edited)).toMatchObject({ ...visible, hasPassword: true, hasSecret: true });
      }
    });

    test('an edit of another version than expected changes nothing: 1901', async () => {
      await addDatasource(gateway, datasourceInput('orders'));
      const body = legacyBody(datasourceInput('orders', { description: 'edited' }));
      for (const expected of [2, '2', 2147483647]) {
        const answer = await gateway.legacy('update-jdbc-conn', { ...body, expected_version: expected });
        expect(answer.httpStatus).toBe(200);
        expect(answer.body).toEqual({ status: 'fail', code: 1901, message: expect.any(String), ref: null });
      }
      expect(await findDatasource(gateway, datasourceInput('orders'))).toMatchObject({ description: null, version: 1 });
      for (const expected of [1, '2', null, '', undefined]) {
        const answer = await gateway.legacy('update-jdbc-conn', { ...body, expected_version: expected });
        expect(answer.body).toEqual(success);
      }
      expect(await findDatasource(gateway, datasourceInput('orders'))).toMatchObject({
        description: 'edited',
        version: 6,
      });
    });
  });

  describe('Delete Datasource', () => {
    beforeEach(async () => {
      for (const instance of ['1', '2', 'orders']) await addDatasource(gateway, datasourceInput(instance));
    });
    const left = async () =>
      (await snapshot(gateway)).datasources.edges.map(({ node }: { node: { instanceId: string } }) => node.instanceId);

    test('deletes those that are listed, numbers and strings alike, and no others', async () => {
      const { body } = await gateway.legacy('delete-jdbc', { ...account, instances: [1, 'orders'] });
      expect(body).toEqual(success);
      expect(await left()).toEqual(['2']);
    });

    test('deletes none where one of them does not exist, and names those missing: 1249', async () => {
      const instances = ['1', 'missing-a', 'Orders', 'orders', 'missing-b', 7];
      const { httpStatus, body } = await gateway.legacy('delete-jdbc', { ...account, instances });
      expect(httpStatus).toBe(200);
      expect(body).toEqual({ status: 'fail', code: 1249, message: expect.any(String), ref: null });
      for (const missing of ['missing-a', 'Orders', 'missing-b', '7']) expect(body.message).toContain(missing);
      expect(body.message).not.toContain('orders');
      expect(await left()).toEqual(['1', '2', 'orders']);
    });

    test('takes repeats for one', async () => {
      const { body } = await gateway.legacy('delete-jdbc', {
        ...account,
        instances: ['1', 1, '1', 'orders', 'orders'],
      });
      expect(body).toEqual(success);
      expect(await left()).toEqual(['2']);
    });

    test('takes 1000 entries and not 1001, counted before repeats are removed', async () => {
      const tooMany = Array.from({ length: 1001 }, () => '1');
      const refused = await gateway.legacy('delete-jdbc', { ...account, instances: tooMany });
      expect(refused.body).toMatchObject({ code: 400, ref: [{ name: 'instances' }] });
      expect(await left()).toEqual(['1', '2', 'orders']);
      const { body } = await gateway.legacy('delete-jdbc', { ...account, instances: tooMany.slice(1) });
      expect(body).toEqual(success);
      expect(await left()).toEqual(['2', 'orders']);
    });

    test('looks for 1000 different ones', async () => {
      const instances = Array.from({ length: 1000 }, (_, place) => `none-${place}`);
      const { body } = await gateway.legacy('delete-jdbc', { ...account, instances });
      expect(body.code).toBe(1249);
      expect(body.message).toContain('none-999');
    });

    test('finds no account that does not exist, whatever is listed: 1222', async () => {
      const { httpStatus, body } = await gateway.legacy('delete-jdbc', {
        ...account,
        region: 'nowhere',
        instances: ['1'],
      });
      expect(httpStatus).toBe(200);
      expect(body).toEqual({ status: 'fail', code: 1222, message: expect.any(String), ref: null });
      expect(await left()).toEqual(['1', '2', 'orders']);
    });

    test('leaves the datasources of other accounts', async () => {
      await addAccount(gateway, accountKey({ accountProvider: 2 }));
      await addDatasource(gateway, datasourceInput('orders', { accountProviderId: 2 }));
      expect((await gateway.legacy('delete-jdbc', { ...account, instances: ['orders'] })).body).toEqual(success);
      expect(await findDatasource(gateway, datasourceInput('orders', { accountProviderId: 2 }))).not.toBeNull();
    });
  });

  test('the log names the operation and the code of a request, and holds no credential', async () => {
    await gateway.legacy('add-jdbc-conn', legacyBody(datasourceInput('orders', { createType: 2 })), {
      'x-request-id': 'logged',
    });
    const lines = gateway.log.map((line) => JSON.parse(line)).filter(({ requestId }) => requestId === 'logged');
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatchObject({
      method: 'POST',
      route: '/data-source/add-jdbc-conn',
      httpStatus: 200,
      operation: '/data-source/add-jdbc-conn',
      code: 400,
    });
    expect(gateway.log.join('\n')).not.toMatch(/5ecret/);
  });

  function raw(route: string, request: RawRequest) {
    return sendRaw(`${gateway.url}/data-source/${route}`, request);
  }
});

function keyOf({ accountProvider, accountId, region }: Record<string, unknown>): object {
  return { accountProvider, accountId, region };
}
