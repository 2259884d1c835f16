import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, describe, expect, test } from '@jest/globals';
import { sqliteKind } from '../support/databases.js';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { type KeyedGateway, makeKey, startKeyedGateway } from '../support/keyed-gateway.js';
import { storedEvents } from '../support/raw-database.js';
import { sendRaw } from '../support/raw-request.js';

const limit = 3;
const rateLimited = { RATE_LIMIT: String(limit) };
const unknownKey = `dgk_000000000000_${'A'.repeat(43)}`;
const opened: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
});

async function start(env: Record<string, string> = {}): Promise<TestGateway> {
  const gateway = await startGateway(env);
  opened.push(gateway);
  return gateway;
}

async function startKeyed(env: Record<string, string> = {}): Promise<KeyedGateway> {
  const keyed = await startKeyedGateway(sqliteKind, env);
  opened.push(keyed);
  return keyed;
}

/** The HTTP statuses of so many queries one after the other. */
async function statuses(gateway: TestGateway, times: number, headers: Record<string, string> = {}): Promise<number[]> {
  const found: number[] = [];
  for (let i = 0; i < times; i += 1) {
    found.push((await gateway.graphql('{ __typename }', undefined, headers)).httpStatus);
  }
  return found;
}

describe('without RATE_LIMIT', () => {
  test('any number of requests is served', async () => {
    const gateway = await start();
    expect(new Set(await statuses(gateway, 300))).toEqual(new Set([200]));
  });
});

describe('with RATE_LIMIT', () => {
  test('one request more than it is answered with 429, RATE_LIMITED and when to come again', async () => {
    const gateway = await start(rateLimited);
    expect(await statuses(gateway, limit)).toEqual([200, 200, 200]);
    const { httpStatus, headers, errors, data } = await gateway.graphql('{ __typename }');
    expect([httpStatus, data]).toEqual([429, undefined]);
    expect(errors).toEqual([
      {
        message: expect.stringContaining(String(limit)),
        extensions: expect.objectContaining({ code: 'RATE_LIMITED' }),
      },
    ]);
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    expect(Number(headers.get('retry-after'))).toBeLessThanOrEqual(60);
  });

  test('a legacy client gets the envelope with code 429, and nothing is done', async () => {
    const gateway = await start(rateLimited);
    const account = (region: string) => ({ account_provider: 1, account_id: '123456789012', region });
    for (let i = 0; i < limit; i += 1) {
      expect((await gateway.legacy('add_account', account(`r${i}`))).body.code).toBe(1001);
    }
    const { httpStatus, headers, body } = await gateway.legacy('add_account', account('late'));
    expect(httpStatus).toBe(429);
    expect(body).toEqual({ status: 'fail', code: 429, message: expect.stringContaining(String(limit)), ref: null });
    expect(Number(headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    const added = await gateway.legacy('delete_account', account('late'), { 'x-forwarded-for': '192.0.2.7' });
    expect(added.httpStatus).toBe(429);
  });

  test('the first request too many of a caller is in the audit, and those behind it are not', async () => {
    const keyed = await startKeyed(rateLimited);
    const key = { 'x-api-key': await makeKey(keyed.env, ['write']) };
    expect(await statuses(keyed.gateway, limit + 5, key)).toContain(429);
    const refusals = async () =>
      (await storedEvents(keyed.database)).filter(({ outcome }) => outcome === 'RATE_LIMITED');
    while ((await refusals()).length === 0) await sleep(10);
    await statuses(keyed.gateway, 2, key);
    await keyed.gateway.close();
    expect(await refusals()).toMatchObject([
      { actor: expect.stringMatching(/^write \(dgk_/), means: 'key', operation: '/graphql', surface: 'graphql' },
    ]);
  });

  test('both surfaces count together', async () => {
    const gateway = await start(rateLimited);
    expect(await statuses(gateway, 2)).toEqual([200, 200]);
    expect((await gateway.legacy('add_account', {})).httpStatus).toBe(200);
    expect((await gateway.legacy('add_account', {})).httpStatus).toBe(429);
    expect(await statuses(gateway, 1)).toEqual([429]);
  });

  test('a request is counted whatever comes of it', async () => {
    const gateway = await start(rateLimited);
    await sendRaw(`${gateway.url}/graphql`, { headers: { 'content-type': 'application/json' }, body: '{' });
    await sendRaw(`${gateway.url}/graphql`, { headers: { 'content-type': 'text/plain' }, body: '{}' });
    await gateway.graphql('{ nothing }');
    expect(await statuses(gateway, 1)).toEqual([429]);
  });

  test('what tells of the gateway itself is served beyond it', async () => {
    const gateway = await start(rateLimited);
    expect(await statuses(gateway, limit + 1)).toEqual([200, 200, 200, 429]);
    for (const path of ['/healthz', '/readyz']) expect((await fetch(gateway.url + path)).status).toBe(200);
  });

  test('two keys do not share it', async () => {
    const { gateway, env } = await startKeyed(rateLimited);
    const [one, other] = [await makeKey(env, ['read']), await makeKey(env, ['read'])];
    expect(await statuses(gateway, limit + 1, { 'x-api-key': one })).toEqual([200, 200, 200, 429]);
    expect(await statuses(gateway, limit + 1, { 'x-api-key': other })).toEqual([200, 200, 200, 429]);
  });

  test('keys that are not valid are counted together, by their address', async () => {
    const { gateway } = await startKeyed(rateLimited);
    const found: number[] = [];
    for (const end of 'ABCD')
      found.push(...(await statuses(gateway, 1, { 'x-api-key': unknownKey.slice(0, -1) + end })));
    expect(found).toEqual([401, 401, 401, 429]);
    expect(await statuses(gateway, 1)).toEqual([429]);
  });

  test('keys that are not valid do not use up what a valid one may, from the same address', async () => {
    const { gateway, all } = await startKeyed(rateLimited);
    expect(await statuses(gateway, limit + 1, { 'x-api-key': unknownKey })).toEqual([401, 401, 401, 429]);
    expect(await statuses(all, limit)).toEqual([200, 200, 200]);
  });
});

describe("the client's address", () => {
  const forwarded = { 'x-forwarded-for': '192.0.2.7' };

  async function loggedAddress(gateway: TestGateway, headers: Record<string, string>): Promise<string> {
    const answer = await gateway.graphql('{ __typename }', undefined, headers);
    const id = answer.headers.get('x-request-id');
    // The line is written when the answer was sent, which a client may see first.
    for (;;) {
      const line = gateway.log.map((text) => JSON.parse(text)).find((one) => one.requestId === id);
      if (line !== undefined) return line.address;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }

  test('is that of the connection without TRUST_PROXY, whatever a header says', async () => {
    const gateway = await start(rateLimited);
    expect(await loggedAddress(gateway, forwarded)).toBe('127.0.0.1');
    expect(await statuses(gateway, 2, { 'x-forwarded-for': '192.0.2.8' })).toEqual([200, 200]);
    expect(await statuses(gateway, 1, { 'x-forwarded-for': '192.0.2.9' })).toEqual([429]);
  });

  test('is what the one proxy says with TRUST_PROXY=1, and not what the client told the proxy', async () => {
    const gateway = await start({ TRUST_PROXY: '1' });
    expect(await loggedAddress(gateway, forwarded)).toBe('192.0.2.7');
    expect(await loggedAddress(gateway, { 'x-forwarded-for': '198.51.100.1, 192.0.2.7' })).toBe('192.0.2.7');
    expect(await loggedAddress(gateway, {})).toBe('127.0.0.1');
  });

  test('is what the second proxy says with TRUST_PROXY=2', async () => {
    const gateway = await start({ TRUST_PROXY: '2' });
    const chain = { 'x-forwarded-for': '198.51.100.1, 192.0.2.7, 10.0.0.1' };
    expect(await loggedAddress(gateway, chain)).toBe('192.0.2.7');
  });

  test('is what a proxy says whose address or network TRUST_PROXY names', async () => {
    const chain = { 'x-forwarded-for': '198.51.100.1, 192.0.2.7, 10.1.2.3' };
    expect(await loggedAddress(await start({ TRUST_PROXY: '127.0.0.1,10.0.0.0/8' }), chain)).toBe('192.0.2.7');
    expect(await loggedAddress(await start({ TRUST_PROXY: '127.0.0.1' }), chain)).toBe('10.1.2.3');
    expect(await loggedAddress(await start({ TRUST_PROXY: '10.0.0.0/8' }), chain)).toBe('127.0.0.1');
  });

  test.each([
    ['unknown', '127.0.0.1'],
    ['<script>', '127.0.0.1'],
    ['x'.repeat(300), '127.0.0.1'],
    ['192.0.2.7.', '127.0.0.1'],
    ['256.0.2.7', '127.0.0.1'],
    ['127.1', '127.0.0.1'],
    ['198.51.100.1, unknown', '127.0.0.1'],
    ['192.0.2.7:50123', '192.0.2.7'],
    ['[2001:db8::1]:50123', '2001:db8::1'],
    ['2001:DB8:0::1', '2001:db8::1'],
    ['fe80::1%eth0', 'fe80::1'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
  ])('is logged as an address, though the proxy says %s', async (forwarded, address) => {
    const gateway = await start({ TRUST_PROXY: '1' });
    expect(await loggedAddress(gateway, { 'x-forwarded-for': forwarded })).toBe(address);
  });

  test('is that of the proxy that says none, of two', async () => {
    const gateway = await start({ TRUST_PROXY: '127.0.0.1,10.0.0.0/8' });
    expect(await loggedAddress(gateway, { 'x-forwarded-for': 'unknown, 10.1.2.3' })).toBe('10.1.2.3');
  });

  test('is not made up anew for each request by words that are none', async () => {
    const gateway = await start({ ...rateLimited, TRUST_PROXY: '1' });
    const found: number[] = [];
    for (const word of 'abcd') found.push(...(await statuses(gateway, 1, { 'x-forwarded-for': word })));
    expect(found).toEqual([200, 200, 200, 429]);
  });

  test('counts as its network of 64 bits where it is of IPv6', async () => {
    const gateway = await start({ ...rateLimited, TRUST_PROXY: '1' });
    const found: number[] = [];
    for (const host of ['1', '2', 'ffff:ffff:ffff:ffff', 'a'])
      found.push(
        ...(await statuses(gateway, 1, { 'x-forwarded-for': `2001:db8:0:1::${host}`.replace('::ffff:', ':ffff:') })),
      );
    expect(found).toEqual([200, 200, 200, 429]);
    expect(await statuses(gateway, 1, { 'x-forwarded-for': '2001:db8:0:2::1' })).toEqual([200]);
  });

  test('is what callers that are not known are counted by', async () => {
    const gateway = await start({ ...rateLimited, TRUST_PROXY: '1' });
    expect(await statuses(gateway, limit + 1, forwarded)).toEqual([200, 200, 200, 429]);
    expect(await statuses(gateway, 1, { 'x-forwarded-for': '192.0.2.8' })).toEqual([200]);
    expect(await statuses(gateway, 1, { 'x-forwarded-for': '192.0.2.8, 192.0.2.7' })).toEqual([429]);
  });
});
