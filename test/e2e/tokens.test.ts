import { afterAll, afterEach, beforeAll, describe, expect, jest, test } from '@jest/globals';
import type { JWTPayload } from 'jose';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { accountKey, addAccount, legacyBody } from '../support/samples.js';
import { sampleAudience, TokenIssuer } from '../support/token-issuer.js';

const read = '{ accounts { totalCount } }';
const notValid = 'The bearer token is not valid.';
const invalid = {
  httpStatus: 401,
  errors: [{ message: notValid, extensions: { code: 'UNAUTHENTICATED', legacyCode: 1003 } }],
};
const unavailable = { httpStatus: 503, errors: [{ extensions: { code: 'SERVICE_UNAVAILABLE', legacyCode: 1000 } }] };
const accepted = { httpStatus: 200, errors: undefined, data: { accounts: { totalCount: expect.any(Number) } } };
const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
const ask = (gateway: TestGateway, token: string) => gateway.graphql(read, undefined, bearer(token));
const now = () => Math.floor(Date.now() / 1000);

const clocks = [Date, performance].map((clock) => ({ clock, real: clock.now.bind(clock) }));
let passed = 0;

afterEach(() => {
  jest.restoreAllMocks();
  passed = 0;
});

/** Lets time pass for what waits before it asks the issuer again. */
function pass(milliseconds: number): void {
  passed += milliseconds;
  for (const { clock, real } of clocks) jest.spyOn(clock, 'now').mockImplementation(() => real() + passed);
}

describe('a bearer token', () => {
  let issuer: TokenIssuer;
  let gateway: TestGateway;

  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    gateway = await startGateway(issuer.env);
  });
  afterAll(async () => {
    await gateway?.close();
    await issuer?.stop();
  });

  async function expectInvalid(token: string, label = ''): Promise<void> {
    expect([label, await ask(gateway, token)]).toMatchObject([label, invalid]);
    const legacy = await gateway.legacy('add_account', legacyBody(accountKey()), bearer(token));
    expect([label, legacy.httpStatus, legacy.body]).toEqual([
      label,
      200,
      { status: 'fail', code: 1003, message: notValid, ref: null },
    ]);
  }

  test('of the issuer, for this gateway, is accepted on both surfaces, and its subject is in the log', async () => {
    const token = await issuer.token({ sub: 'nightly crawler' });
    expect(await ask(gateway, token)).toMatchObject(accepted);
    const legacy = await gateway.legacy('add_account', legacyBody(accountKey({ region: 'eu-west-9' })), bearer(token));
    expect(legacy.body).toMatchObject({ code: 1001 });
    const lines = gateway.log.map((line) => JSON.parse(line)).filter(({ caller }) => caller === 'nightly crawler');
    expect(lines).toHaveLength(2);
    expect(gateway.log.join('')).not.toContain(token.split('.')[2] as string);
  });

  test('is asked for where none was sent, and where something else was', async () => {
    const token = await issuer.token();
    for (const authorization of [undefined, '', 'Bearer', `Basic ${token}`, token, `Bearer ${token} more`]) {
      const headers = authorization === undefined ? undefined : { authorization };
      const { httpStatus, errors } = await gateway.graphql(read, undefined, headers as Record<string, string>);
      expect([authorization, httpStatus, errors?.[0].extensions]).toEqual([
        authorization,
        401,
        { code: 'UNAUTHENTICATED', legacyCode: 1003 },
      ]);
    }
    expect((await gateway.graphql(read, undefined, { authorization: `bearer  ${token}` })).httpStatus).toBe(200);
  });

  test('that is none is refused', async () => {
    for (const token of ['x', 'a.b.c', '..', 'e30.e30.', `${await issuer.token()}x`]) await expectInvalid(token, token);
  });

  test('of another issuer is refused, however alike', async () => {
    for (const iss of ['https://issuer.example.com', `${issuer.url}/`, issuer.url.toUpperCase(), '', undefined]) {
      await expectInvalid(await issuer.token({ iss }), iss);
    }
  });

  test('for another audience, or for none, is refused; one of several is enough', async () => {
    for (const aud of ['other.example.com', `${sampleAudience}x`, '', [], ['other.example.com'], undefined]) {
      await expectInvalid(await issuer.token({ aud } as JWTPayload), String(aud));
    }
    const several = await issuer.token({ aud: ['other.example.com', sampleAudience] });
    expect(await ask(gateway, several)).toMatchObject(accepted);
  });

  test('that expired more than a minute ago is answered with 1004 on both surfaces', async () => {
    const token = await issuer.token({ exp: now() - 65 });
    const { httpStatus, errors } = await ask(gateway, token);
    expect([httpStatus, errors?.[0].extensions]).toEqual([401, { code: 'UNAUTHENTICATED', legacyCode: 1004 }]);
    const legacy = await gateway.legacy('add_account', legacyBody(accountKey()), bearer(token));
    expect([legacy.httpStatus, legacy.body.status, legacy.body.code, legacy.body.ref]).toEqual([
      200,
      'fail',
      1004,
      null,
    ]);
  });

  test('that expired is not called expired where another key signed it', async () => {
    const exp = now() - 3600;
    await expectInvalid(await issuer.tokenOfForeignKey({ exp }));
    await expectInvalid(await issuer.token({ exp, aud: 'other.example.com' }));
  });

  test('within a minute of its end or before its start is accepted, as clocks differ', async () => {
    expect(await ask(gateway, await issuer.token({ exp: now() - 30 }))).toMatchObject(accepted);
    expect(await ask(gateway, await issuer.token({ nbf: now() + 30 }))).toMatchObject(accepted);
  });

  test('that is not valid yet is refused', async () => {
    await expectInvalid(await issuer.token({ nbf: now() + 120 }));
  });

  test('without an end, or with one that is no time, is refused', async () => {
    for (const exp of [undefined, 'tomorrow', null]) {
      await expectInvalid(await issuer.token({ exp } as unknown as JWTPayload), String(exp));
    }
  });

  test('without a subject is refused', async () => {
    await expectInvalid(await issuer.token({ sub: undefined }));
  });

  test('that is not signed (alg none) is refused', async () => {
    const token = await issuer.unsignedToken();
    await expectInvalid(token);
    const [, payload, signature] = (await issuer.token()).split('.');
    for (const alg of ['none', 'None', 'NONE', '']) {
      const header = Buffer.from(JSON.stringify({ alg })).toString('base64url');
      await expectInvalid(`${header}.${payload}.${signature}`, alg);
      await expectInvalid(`${header}.${payload}.`, alg);
    }
  });

  test('signed by HS256 with the public key for a secret is refused', async () => {
    const tokens = await issuer.tokensSignedWithPublicKey();
    expect(new Set(tokens).size).toBeGreaterThan(2);
    for (const token of tokens) await expectInvalid(token);
  });

  test('signed by an algorithm that is not on the list is refused, though its key is right', async () => {
    const strict = await startGateway({ ...issuer.env, OIDC_ALGORITHMS: 'ES256,RS512' });
    try {
      expect(await ask(strict, await issuer.token())).toMatchObject(invalid);
    } finally {
      await strict.close();
    }
  });

  test('signed with a key of somebody else is refused, whether it names a known key or not', async () => {
    await expectInvalid(await issuer.tokenOfForeignKey());
    await expectInvalid(await issuer.tokenOfForeignKey({}, { kid: 'never-seen' }));
    await expectInvalid(await issuer.token({}, { kid: 'never-seen' }));
  });

  test('whose payload was changed is refused', async () => {
    const [header, payload, signature] = (await issuer.token({ permissions: ['read'] })).split('.');
    const claims = JSON.parse(Buffer.from(payload as string, 'base64url').toString());
    const changed = Buffer.from(JSON.stringify({ ...claims, permissions: ['admin'] })).toString('base64url');
    await expectInvalid(`${header}.${changed}.${signature}`);
  });

  test('with an unknown key id does not make the issuer be asked for every request', async () => {
    await ask(gateway, await issuer.token());
    pass(5_100);
    const before = issuer.keyFetches;
    for (let time = 0; time < 5; time += 1) await expectInvalid(await issuer.token({}, { kid: `never-${time}` }));
    expect(issuer.keyFetches - before).toBeLessThanOrEqual(1);
  });

  test('does not let in by a key beside it where keys are not accepted', async () => {
    const headers = { ...bearer(await issuer.token()), 'x-api-key': 'anything' };
    expect(await gateway.graphql(read, undefined, headers)).toMatchObject(accepted);
    const { errors } = await gateway.graphql(read, undefined, { 'x-api-key': 'anything' });
    expect(errors?.[0]).toMatchObject({
      extensions: { code: 'UNAUTHENTICATED' },
      message: expect.stringMatching(/bearer/),
    });
    expect(errors?.[0].message).not.toContain('x-api-key');
  });
});

describe('the permissions of a token', () => {
  const forms = [
    ['permissions', { permissions: ['read', 'write'] }, ['read', 'write']],
    ['permissions', { permissions: 'read credentials' }, ['read', 'credentials']],
    ['permissions', { permissions: ['admin', 'deploy', 7, null, 'READ'] }, ['admin']],
    ['permissions', { permissions: undefined }, []],
    ['permissions', { permissions: [] }, []],
    ['permissions', { permissions: '' }, []],
    ['permissions', { permissions: { read: true } }, []],
    ['permissions', { permissions: 1 }, []],
    ['scope', { permissions: ['admin'], scope: 'openid read' }, ['read']],
    ['realm_access.roles', { realm_access: { roles: ['write'] } }, ['write']],
    ['realm_access.roles', { realm_access: null }, []],
    ['realm_access.roles', { realm_access: 'roles' }, []],
    ['a.b.c', { a: { b: { c: 'admin read' } } }, ['read', 'admin']],
    ['https://gateway.example.com/may', { 'https://gateway.example.com/may': ['read'] }, ['read']],
  ] as const;
  const issuers: TokenIssuer[] = [];
  const gateways = new Map<string, TestGateway>();

  beforeAll(async () => {
    const issuer = await TokenIssuer.start({ algorithm: 'ES256' });
    issuers.push(issuer);
    for (const claim of new Set(forms.map(([name]) => name))) {
      gateways.set(claim, await startGateway({ ...issuer.env, OIDC_PERMISSIONS_CLAIM: claim }));
    }
  });
  afterAll(async () => {
    for (const gateway of gateways.values()) await gateway.close();
    for (const issuer of issuers) await issuer.stop();
  });

  test.each(forms)('in the claim %s of %j are %j', async (claim, claims, expected) => {
    const gateway = gateways.get(claim) as TestGateway;
    const headers = bearer(await (issuers[0] as TokenIssuer).token(claims as unknown as JWTPayload));
    const key = { ...accountKeyOfNobody, instanceId: 'orders' };
    const tried = {
      read: await gateway.graphql(read, undefined, headers),
      write: await gateway.graphql(
        'mutation ($input: DeleteAccountInput!) { deleteAccount(input: $input) { code } }',
        {
          input: accountKey({ accountId: 'nobody' }),
        },
        headers,
      ),
      credentials: await gateway.graphql(
        'query ($key: DatasourceKey!) { datasourceCredentials(key: $key) { secret } }',
        { key },
        headers,
      ),
      admin: await gateway.graphql('{ auditEvents { totalCount } }', undefined, headers),
    };
    const allowed = Object.entries(tried).filter(([, { errors }]) => errors?.[0]?.extensions.code !== 'FORBIDDEN');
    expect(allowed.map(([permission]) => permission)).toEqual(expected);
    expect(Object.values(tried).map(({ httpStatus }) => httpStatus)).toEqual([200, 200, 200, 200]);
    const known = await gateway.graphql('{ __typename }', undefined, headers);
    expect(known).toMatchObject({ httpStatus: 200, data: { __typename: 'Query' } });
  });
});

describe('an issuer', () => {
  const closing: (() => Promise<void>)[] = [];
  afterEach(async () => {
    jest.restoreAllMocks();
    for (const close of closing.splice(0).reverse()) await close();
  });

  async function start(options?: { algorithm?: string; path?: string }): Promise<TokenIssuer> {
    const issuer = await TokenIssuer.start(options);
    closing.push(() => issuer.stop());
    return issuer;
  }

  async function gatewayFor(env: Record<string, string>): Promise<TestGateway> {
    const gateway = await startGateway(env);
    closing.push(() => gateway.close());
    return gateway;
  }

  test.each(['RS256', 'PS256', 'ES256', 'EdDSA'])(
    'that signs by %s is understood unless told otherwise',
    async (algorithm) => {
      const issuer = await start({ algorithm });
      expect(await ask(await gatewayFor(issuer.env), await issuer.token())).toMatchObject(accepted);
    },
  );

  test.each(['/realms/main', '/realms/main/'])('is found below the path %s', async (path) => {
    const issuer = await start({ path });
    const gateway = await gatewayFor(issuer.env);
    expect(await ask(gateway, await issuer.token())).toMatchObject(accepted);
    expect(await ask(gateway, await issuer.token({ iss: issuer.url.replace(/\/main\/?$/, '') }))).toMatchObject(
      invalid,
    );
  });

  test('that has new keys is followed: tokens of the new key are accepted, those of the old one no more', async () => {
    const issuer = await start();
    const gateway = await gatewayFor(issuer.env);
    const old = await issuer.token();
    expect(await ask(gateway, old)).toMatchObject(accepted);
    await issuer.rotate();
    const young = await issuer.token();
    // The keys were fetched a moment ago, and an unknown key id does not make them be fetched again so soon.
    expect(await ask(gateway, young)).toMatchObject(invalid);
    expect(issuer.keyFetches).toBe(1);
    pass(5_100);
    expect(await ask(gateway, young)).toMatchObject(accepted);
    expect(issuer.keyFetches).toBe(2);
    expect(await ask(gateway, old)).toMatchObject(invalid);
  });

  test('is asked once for many callers', async () => {
    const issuer = await start();
    const gateway = await gatewayFor(issuer.env);
    const token = await issuer.token();
    const answers = await Promise.all(Array.from({ length: 20 }, () => ask(gateway, token)));
    for (const answer of answers) expect(answer).toMatchObject(accepted);
    expect(issuer.keyFetches).toBe(1);
  });

  test('that is down when the gateway starts lets nobody in, says so, and is found when it is back', async () => {
    const issuer = await start();
    const token = await issuer.token();
    await issuer.stop();
    const gateway = await gatewayFor(issuer.env);
    const refused = await ask(gateway, token);
    expect(refused).toMatchObject(unavailable);
    expect(refused.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    const legacy = await gateway.legacy('add_account', legacyBody(accountKey()), bearer(token));
    expect(legacy).toMatchObject({ httpStatus: 503, body: { status: 'fail', code: 1000, ref: null } });
    expect(legacy.headers.get('retry-after')).toMatch(/^[1-9]\d*$/);
    expect((await fetch(`${gateway.url}/readyz`)).status).toBe(200);
    await issuer.start();
    pass(5_100);
    expect(await ask(gateway, token)).toMatchObject(accepted);
    expect((await gateway.legacy('add_account', legacyBody(accountKey()), bearer(token))).body.code).toBe(1001);
  });

  test('that is down later stops nobody whose key is known, and lets in nobody else', async () => {
    const issuer = await start();
    const gateway = await gatewayFor(issuer.env);
    expect(await ask(gateway, await issuer.token())).toMatchObject(accepted);
    await issuer.stop();
    pass(5_100);
    expect(await ask(gateway, await issuer.token({ sub: 'another' }))).toMatchObject(accepted);
    expect(await ask(gateway, await issuer.tokenOfForeignKey())).toMatchObject(invalid);
    expect(await ask(gateway, await issuer.token({}, { kid: 'never-seen' }))).toMatchObject(unavailable);
    expect(await ask(gateway, await issuer.token())).toMatchObject(accepted);
  });

  test('that is down for long is not missed for a day, and then nobody is let in until it is back', async () => {
    const issuer = await start();
    const gateway = await gatewayFor(issuer.env);
    expect(await ask(gateway, await issuer.token())).toMatchObject(accepted);
    await issuer.stop();
    pass(11 * 60_000);
    expect(await ask(gateway, await issuer.token())).toMatchObject(accepted);
    expect(gateway.log.filter((line) => line.includes('OIDC issuer unreachable'))).toHaveLength(1);
    pass(12 * 3_600_000);
    expect(await ask(gateway, await issuer.token())).toMatchObject(accepted);
    pass(13 * 3_600_000);
    expect(await ask(gateway, await issuer.token())).toMatchObject(unavailable);
    await issuer.start();
    pass(5_100);
    expect(await ask(gateway, await issuer.token())).toMatchObject(accepted);
  });

  test('that takes a key back is believed after ten minutes, though no new key is seen', async () => {
    const issuer = await start();
    const gateway = await gatewayFor(issuer.env);
    const token = await issuer.token();
    expect(await ask(gateway, token)).toMatchObject(accepted);
    await issuer.rotate();
    pass(11 * 60_000);
    expect(await ask(gateway, token)).toMatchObject(invalid);
  });

  test('whose discovery document names another one is not believed', async () => {
    const issuer = await start();
    for (const named of ['https://issuer.example.com', `${issuer.url}/`]) {
      issuer.discoveredIssuer = named;
      const gateway = await gatewayFor(issuer.env);
      expect(await ask(gateway, await issuer.token())).toMatchObject(unavailable);
      expect(await ask(gateway, await issuer.token({ iss: named }))).toMatchObject(unavailable);
    }
    expect(issuer.keyFetches).toBe(0);
  });
});

describe('with AUTH=keys,oidc', () => {
  let issuer: TokenIssuer;
  let gateway: TestGateway;

  beforeAll(async () => {
    issuer = await TokenIssuer.start();
    gateway = await startGateway({ ...issuer.env, AUTH: 'keys,oidc' });
  });
  afterAll(async () => {
    await gateway?.close();
    await issuer?.stop();
  });

  test('a token is enough', async () => {
    const everything = await issuer.token();
    expect(await ask(gateway, everything)).toMatchObject(accepted);
    await addAccount({
      ...gateway,
      graphql: (query, variables) => gateway.graphql(query, variables, bearer(everything)),
    });
  });

  test('a key and a token together are refused, as nobody knows who is meant', async () => {
    for (const key of ['anything', '']) {
      const headers = { ...bearer(await issuer.token()), 'x-api-key': key };
      const { httpStatus, errors } = await gateway.graphql(read, undefined, headers);
      expect([httpStatus, errors?.[0].extensions]).toEqual([401, { code: 'UNAUTHENTICATED', legacyCode: 1003 }]);
      expect(errors?.[0].message).toMatch(/not both/);
      const legacy = await gateway.legacy('add_account', legacyBody(accountKey()), headers);
      expect([legacy.httpStatus, legacy.body.code]).toEqual([200, 1003]);
    }
  });

  test('a wrong key or a wrong token is refused, and no caller without either is let in', async () => {
    const { errors } = await gateway.graphql(read);
    expect(errors?.[0].message).toMatch(/x-api-key .*bearer token/);
    expect((await gateway.graphql(read, undefined, { 'x-api-key': 'anything' })).httpStatus).toBe(401);
    expect(await ask(gateway, await issuer.tokenOfForeignKey())).toMatchObject(invalid);
  });
});

const accountKeyOfNobody = { accountProviderId: 1, accountId: 'nobody', region: 'eu-west-1' };
