import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { startGateway, type TestGateway } from '../support/gateway.js';
import { accountKey, snapshot } from '../support/samples.js';

const query = 'mutation ($input: DeleteDatasourcesInput!) { deleteDatasources(input: $input) { code } }';
const enough = 100;

describe('variables with very many mistakes', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway?.close());

  async function parametersNamed(input: object): Promise<{ name: string; message: string }[]> {
    const before = await snapshot(gateway);
    const { httpStatus, data, errors } = await gateway.graphql(query, { input });
    expect([httpStatus, data, errors?.length]).toEqual([200, undefined, 1]);
    expect(errors?.[0].extensions).toMatchObject({ code: 'BAD_USER_INPUT', legacyCode: 400 });
    expect(await snapshot(gateway)).toEqual(before);
    return errors?.[0].extensions.parameters;
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

  test('are not sought beyond a hundred, nor repeated to who sent them', async () => {
    const unknown = Object.fromEntries(Array.from({ length: 50_000 }, (_, i) => [`unknown${i}`, i]));
    const parameters = await parametersNamed({ ...accountKey(), instances: ['a'], ...unknown });
    expect(parameters).toHaveLength(enough);
  });

  test('are found wherever they stand in a list', async () => {
    const instances = [...Array.from({ length: 999 }, (_, i) => `i${i}`), 1.5];
    expect((await parametersNamed({ ...accountKey(), instances })).map(({ name }) => name)).toEqual(['instances']);
  });
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
