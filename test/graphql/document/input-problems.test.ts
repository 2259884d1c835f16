import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startGateway, type TestGateway } from '../../support/gateway.js';
import { accountKey, snapshot } from '../../support/samples.js';

const query = 'mutation ($input: DeleteDatasourcesInput!) { deleteDatasources(input: $input) { code } }';
const enough = 100;

describe('variables with very many mistakes', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway?.close());

  async function parametersNamed(input: object): Promise<{ name: string; message: string }[]> {
    return (await errorFor(input)).extensions.parameters;
  }

  async function errorFor(input: object) {
    const before = await snapshot(gateway);
    const { httpStatus, data, errors } = await gateway.graphql(query, { input });
    expect([httpStatus, data, errors?.length]).toEqual([200, undefined, 1]);
    expect(errors?.[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', legacyCode: 400 });
    expect(await snapshot(gateway)).toEqual(before);
    return errors?.[0];
  }

  test.each([1, enough - 1, enough, enough + 1, 200_000])(
    'are told by the parameter, as are those behind a list of %i wrong entries',
    async (length) => {
      const parameters = await parametersNamed({
        ...accountKey({ region: '' }),
        accountProvider: 0,
        instances: Array.from({ length }, () => 1.5),
      });
      expect(parameters.map(({ name }) => name).sort()).toEqual(['accountProvider', 'instances', 'region']);
      expect(parameters.find(({ name }) => name === 'instances')?.message).toMatch(/^must be a list of 1 to 1000 /);
    },
  );

  test('are told up to a hundred, the fields of the input first, with how many more there are', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 30_000 }, (_, i) => [`${'n'.repeat(30)}${i}`, i]));
    const error = await errorFor({ ...accountKey(), ...unknown, accountProvider: 0, instances: [1] });
    expect(error.extensions.parameters).toHaveLength(enough);
    expect(error.extensions.parameters.slice(0, 2).map(({ name }: { name: string }) => name)).toEqual([
      'instances',
      'accountProvider',
    ]);
    expect(error.message).toMatch(/; and 29902 more\.$/);
    expect(JSON.stringify(error).length).toBeLessThan(40_000);
  });

  test('are told with short names', async () => {
    const error = await errorFor({ ...accountKey(), instances: ['a'], ['n'.repeat(100_000)]: 1 });
    expect(error.extensions.parameters).toEqual([{ name: `${'n'.repeat(64)}…`, message: expect.any(String) }]);
    expect(JSON.stringify(error).length).toBeLessThan(500);
  });

  test('are found wherever they stand in a list', async () => {
    const instances = [...Array.from({ length: 999 }, (_, i) => `i${i}`), 1.5];
    expect((await parametersNamed({ ...accountKey(), instances })).map(({ name }) => name)).toEqual(['instances']);
  });
});

test('a document with many mistakes and a long name is refused in few words', async () => {
  const gateway = await startGateway();
  const name = 'n'.repeat(90_000);
  const { errors } = await gateway.graphql(`query ${name} { accounts(first: $a, last: $b) { totalCount x y z } }`);
  const unknown = await fetch(`${gateway.url}/graphql`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ query: 'query a { __typename } query b { __typename }', operationName: name }),
  });
  await gateway.close();
  expect(errors?.length).toBeGreaterThan(4);
  expect(JSON.stringify(errors).length).toBeLessThan(5_000);
  expect((await unknown.text()).length).toBeLessThan(2_000);
});

describe('a variable', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway?.close());

  test.each(['constructor', 'toString', '__proto__'])(
    'that is called %s has no value but one that is sent',
    async (name) => {
      const document = `query ($${name}: Int) { accounts(first: $${name}) { totalCount } }`;
      expect((await gateway.graphql(document, {})).errors).toBeUndefined();
      expect((await gateway.graphql(document, JSON.parse(`{"${name}": 5}`))).errors).toBeUndefined();
      const { errors } = await gateway.graphql(document, JSON.parse(`{"${name}": "x"}`));
      expect(errors?.map(({ extensions }) => [extensions.code, extensions.parameters])).toEqual([
        ['BAD_USER_INPUT', [{ name, message: expect.any(String) }]],
      ]);
    },
  );

  test('that is wrong is told once, and the log says nothing of a failure', async () => {
    await gateway.graphql(query, { input: { instances: Array.from({ length: 60 }, () => 1) } });
    const levels = gateway.log.map((line) => JSON.parse(line).level);
    expect(levels.filter((level) => level === 'error')).toEqual([]);
  });

  test('that has a default may be left out, and not be null where null is none of its values', async () => {
    const document =
      'query ($key: AccountKey! = {accountProvider: 1, accountId: "a", region: "r"}) { account(key: $key) { id } }';
    expect(await gateway.graphql(document, {})).toMatchObject({ data: { account: null }, errors: undefined });
    expect((await gateway.graphql(document, { key: null })).errors?.[0].extensions).toMatchObject({
      code: 'BAD_USER_INPUT',
      parameters: expect.arrayContaining([expect.objectContaining({ name: 'key' })]),
    });
  });
});
