import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { databaseKinds, type TestDatabase } from '../support/databases.js';
import { type GraphQLAnswer, startGateway, type TestGateway } from '../support/gateway.js';
import {
  addAccount,
  addDatasource,
  deleteAccount,
  editDatasource,
  legacyAccount,
  legacyDatasource,
  newAccountKey,
  newDatasource,
} from '../support/register-samples.js';

const crowd = 24;

/** The most of every text in four-byte characters, and what else there is. */
const emoji = '🐘';

const hostileTexts = [
  `'"\\\`;--/*`,
  "'); DROP TABLE datasources; --",
  "\\' OR 1=1 #",
  '%_%__',
  'a\u0000b',
  '\u0000',
  '\u0000\u0001\u0001\u0000\u0000\u0002\u0001\u0002\u0001',
  '\u0001\u0007\u0008\u001b[31m\u007f\u0085',
  'line\nline\r\nline\ttab',
  '  spaces at both ends  ',
  'trailing space ',
  '\ttab first',
  '\ufeffbyte order mark',
  '\u2028\u2029\u200b\u200d\u202e\u2066',
  '🐘🧑‍🔬👩🏽‍🚀🏳️‍🌈',
  '\u{10ffff}\u{10000}\uffff\ufffe\ufffd',
  'é',
  'e\u0301',
  'Åﬁ①ㅎㅏㄴ',
  'ﷺ'.repeat(100),
  'İıßẞſ',
  '<script>alert(1)</script>&amp;',
  // biome-ignore lint/suspicious/noTemplateCurlyInString: it is meant to stand there as it is
  '${jndi:ldap://x}',
  '{{7*7}} #{7*7} %s %n',
  '"}],"x":[{"',
  '__proto__',
  'null',
  'true',
  '0x1F',
  '1e309',
  '?',
  ':name @name ?1 $1',
  '../../etc/passwd',
  'ÿþ\u00a0',
];

describe.each(databaseKinds)('on $name', (kind) => {
  let database: TestDatabase;
  /** On MySQL two gateways on one database, between which requests take turns; on SQLite there can be only one. */
  let gateways: TestGateway[];

  beforeAll(async () => {
    database = await kind.create();
    gateways = [await startGateway(database.env)];
    if (kind.name === 'MySQL') gateways.push(await startGateway(database.env));
  });
  afterAll(async () => {
    await Promise.all((gateways ?? []).map((gateway) => gateway.close()));
    await database?.drop();
  });

  function gateway(turn = 0): TestGateway {
    return gateways[turn % gateways.length] as TestGateway;
  }

  async function atOnce<T>(count: number, request: (turn: number) => Promise<T>): Promise<T[]> {
    return Promise.all(Array.from({ length: count }, (_, turn) => request(turn)));
  }

  async function newAccount() {
    const key = newAccountKey();
    const added = await gateway().graphql(addAccount, { input: key });
    expect(added.errors).toBeUndefined();
    return key;
  }

  function codesOf(answers: GraphQLAnswer[], field: string): unknown[] {
    return answers.map(({ data, errors }) => data?.[field]?.code ?? errors?.[0].extensions.legacyCode);
  }

  async function stored(datasource: { instanceId: string; accountId: string; region: string }, fields: string) {
    const { instanceId, accountId, region } = datasource;
    const answer = await gateway().graphql(`query ($key: DatasourceKey!) { datasource(key: $key) { ${fields} } }`, {
      key: { accountProviderId: 1, accountId, region, instanceId },
    });
    expect(answer.errors).toBeUndefined();
    return answer.data.datasource;
  }

  describe('many at once', () => {
    test('adding the same account give one success, and one and the same error for the rest', async () => {
      for (let round = 0; round < 5; round += 1) {
        const input = newAccountKey();
        const answers = await atOnce(crowd, (turn) => gateway(turn).graphql(addAccount, { input }));
        const codes = codesOf(answers, 'addAccount');
        expect(codes.filter((code) => code === 1001)).toHaveLength(1);
        expect(codes.filter((code) => code === 1230)).toHaveLength(crowd - 1);
        const messages = new Set(answers.flatMap(({ errors }) => errors?.map(({ message }) => message) ?? []));
        expect([...messages]).toEqual(['An account with the same provider, id and region already exists.']);
      }
    });

    test('adding the same account on both surfaces give one success', async () => {
      const key = newAccountKey();
      const codes = await atOnce(crowd, async (turn) =>
        turn % 4 < 2
          ? (await gateway(turn).legacy('add_account', legacyAccount(key))).body.code
          : codesOf([await gateway(turn).graphql(addAccount, { input: key })], 'addAccount')[0],
      );
      expect(codes.filter((code) => code === 1001)).toHaveLength(1);
      expect(codes.filter((code) => code === 1230)).toHaveLength(crowd - 1);
    });

    test('adding the same datasource give one success, and one and the same error for the rest', async () => {
      const account = await newAccount();
      for (let round = 0; round < 5; round += 1) {
        const input = newDatasource(account, `orders-${round}`);
        const answers = await atOnce(crowd, (turn) => gateway(turn).graphql(addDatasource, { input }));
        const codes = codesOf(answers, 'addDatasource');
        expect(codes.filter((code) => code === 1001)).toHaveLength(1);
        expect(codes.filter((code) => code === 1234)).toHaveLength(crowd - 1);
      }
    });

    test('adding different datasources to one account all succeed', async () => {
      const account = await newAccount();
      const answers = await atOnce(2 * crowd, (turn) =>
        gateway(turn).graphql(addDatasource, { input: newDatasource(account, `orders-${turn}`) }),
      );
      expect(new Set(codesOf(answers, 'addDatasource'))).toEqual(new Set([1001]));
    });

    test('deleting the same account give one success', async () => {
      const account = await newAccount();
      const answers = await atOnce(crowd, (turn) => gateway(turn).graphql(deleteAccount, { input: account }));
      const codes = codesOf(answers, 'deleteAccount');
      expect(codes.filter((code) => code === 1001)).toHaveLength(1);
      expect(codes.filter((code) => code === 1222)).toHaveLength(crowd - 1);
    });

    test('deleting overlapping sets of datasources delete each set whole or not at all', async () => {
      const account = await newAccount();
      const instances = Array.from({ length: 12 }, (_, index) => `orders-${index}`);
      for (const instanceId of instances) {
        await gateway().graphql(addDatasource, { input: newDatasource(account, instanceId) });
      }
      const answers = await atOnce(12, async (turn) => {
        const wanted = [turn, (turn + 1) % 12, (turn + 5) % 12].map((index) => instances[index] as string);
        const answer = await gateway(turn).legacy('delete-jdbc', { ...legacyAccount(account), instances: wanted });
        return { wanted, code: answer.body.code as number };
      });
      expect(answers.map(({ code }) => code).filter((code) => code !== 1001 && code !== 1249)).toEqual([]);
      const deleted = answers.filter(({ code }) => code === 1001).flatMap(({ wanted }) => wanted);
      expect(new Set(deleted).size).toBe(deleted.length);
      const left = await gateway().graphql(
        'query ($key: AccountKey!) { account(key: $key) { datasources(first: 100) { edges { node { instanceId } } } } }',
        { key: account },
      );
      const leftIds = left.data.account.datasources.edges.map(
        (edge: { node: { instanceId: string } }) => edge.node.instanceId,
      );
      expect([...leftIds, ...deleted].sort()).toEqual([...instances].sort());
    });
  });

  test('deleting an account while others add to it leaves no datasource without an account', async () => {
    for (let round = 0; round < 8; round += 1) {
      const account = await newAccount();
      const answers = await atOnce(crowd, async (turn) => {
        if (turn !== 5 + round) {
          return codesOf(
            [await gateway(turn).graphql(addDatasource, { input: newDatasource(account, `orders-${turn}`) })],
            'addDatasource',
          )[0];
        }
        return codesOf([await gateway(turn).graphql(deleteAccount, { input: account })], 'deleteAccount')[0];
      });
      expect(answers[5 + round]).toBe(1001);
      expect(answers.filter((code) => code !== 1001 && code !== 1222)).toEqual([]);
      const left = await gateway().graphql(
        'query ($id: String!) { datasources(filter: { accountId: $id }) { totalCount } }',
        { id: account.accountId },
      );
      expect(left.data).toEqual({ datasources: { totalCount: 0 } });
    }
  });

  test('deleting an account and adding it again at the same time never answers with anything but their own outcomes', async () => {
    const account = newAccountKey();
    const codes = await atOnce(2 * crowd, async (turn) =>
      turn % 2 === 0
        ? codesOf([await gateway(turn >> 1).graphql(addAccount, { input: account })], 'addAccount')[0]
        : codesOf([await gateway(turn >> 1).graphql(deleteAccount, { input: account })], 'deleteAccount')[0],
    );
    const added = codes.filter((code, turn) => turn % 2 === 0 && code === 1001).length;
    const deleted = codes.filter((code, turn) => turn % 2 === 1 && code === 1001).length;
    expect(codes.filter((code) => ![1001, 1222, 1230].includes(code as number))).toEqual([]);
    const found = await gateway().graphql('query ($key: AccountKey!) { account(key: $key) { id } }', { key: account });
    expect(added - deleted).toBe(found.data.account === null ? 0 : 1);
  });

  describe('edits at once', () => {
    test('that expect a version lose none: each success has a version of its own, the rest are told of a conflict', async () => {
      const account = await newAccount();
      await gateway().graphql(addDatasource, { input: newDatasource(account, 'orders') });
      let version = 1;
      for (let round = 0; round < 4; round += 1) {
        const expectedVersion = version;
        const answers = await atOnce(crowd, (turn) =>
          gateway(turn).graphql(editDatasource, {
            input: {
              ...newDatasource(account, 'orders', { description: `round ${round}, by ${turn}` }),
              expectedVersion,
            },
          }),
        );
        const codes = codesOf(answers, 'editDatasource');
        expect(codes.filter((code) => code === 1001)).toHaveLength(1);
        expect(codes.filter((code) => code === 1901)).toHaveLength(crowd - 1);
        version += 1;
        const winner = codes.indexOf(1001);
        expect(await stored(newDatasource(account, 'orders'), 'version description')).toEqual({
          version,
          description: `round ${round}, by ${winner}`,
        });
      }
    });

    test('that read, change and try again on a conflict lose no change', async () => {
      const account = await newAccount();
      const datasource = newDatasource(account, 'counter', { description: '0' });
      await gateway().graphql(addDatasource, { input: datasource });
      await atOnce(6, async (turn) => {
        for (let done = 0; done < 4; ) {
          const current = await stored(datasource, 'version description');
          const answer = await gateway(turn).legacy('update-jdbc-conn', {
            ...legacyDatasource({ ...datasource, description: String(Number(current.description) + 1) }),
            expected_version: current.version,
          });
          if (answer.body.code === 1001) done += 1;
          else expect(answer.body.code).toBe(1901);
        }
      });
      expect(await stored(datasource, 'version description')).toEqual({ version: 25, description: '24' });
    });

    test('that expect no version are all applied, and leave the values of one of them', async () => {
      const account = await newAccount();
      await gateway().graphql(addDatasource, { input: newDatasource(account, 'orders') });
      const answers = await atOnce(crowd, (turn) =>
        gateway(turn).graphql(editDatasource, {
          input: newDatasource(account, 'orders', {
            description: `by ${turn}`,
            customJdbcCert: `by ${turn}`,
            networkSgId: `by ${turn}`,
          }),
        }),
      );
      expect(new Set(codesOf(answers, 'editDatasource'))).toEqual(new Set([1001]));
      const row = await stored(newDatasource(account, 'orders'), 'version description customJdbcCert networkSgId');
      expect(row.version).toBe(crowd + 1);
      expect([row.customJdbcCert, row.networkSgId]).toEqual([row.description, row.description]);
    });
  });

  describe('ids are compared exactly, so', () => {
    test.each([
      ['case', 'Orders', 'orders'],
      ['accents', 'resume', 'résumé'],
      ['composed and decomposed letters', 'é', 'e\u0301'],
      ['trailing characters that are no space', 'orders', 'orders\u200b'],
      ['a trailing NUL', 'orders', 'orders\u0000'],
      ['a NUL and other control characters', 'a\u0000', 'a\u0001\u0001'],
      ['emoji', '🐘', '🦊'],
      ['skin tones', '👩🚀', '👩🏽🚀'],
      ['variation selectors', '❤', '❤\ufe0f'],
      ['sharp s', 'straße', 'strasse'],
      ['width', 'ａ', 'a'],
      ['dotless i', 'ı', 'i'],
      ['digits', '1', '١'],
      ['leading zeros', '1', '01'],
      ['characters beyond the basic plane', '\u{20000}', '\u{20001}'],
    ])('%s tell apart accounts, regions and datasources', async (_, one, other) => {
      const key = newAccountKey();
      for (const ids of [{ accountId: `${key.accountId}${one}` }, { accountId: `${key.accountId}${other}` }]) {
        const answer = await gateway().graphql(addAccount, { input: { ...key, ...ids } });
        expect(answer.data?.addAccount.code).toBe(1001);
      }
      for (const region of [one, other]) {
        const answer = await gateway().graphql(addAccount, { input: { ...key, region } });
        expect(answer.data?.addAccount.code).toBe(1001);
      }
      const account = { ...key, region: one };
      for (const instanceId of [one, other]) {
        const answer = await gateway().graphql(addDatasource, { input: newDatasource(account, instanceId) });
        expect(answer.data?.addDatasource.code).toBe(1001);
      }
      for (const instanceId of [one, other]) {
        expect(await stored(newDatasource(account, instanceId), 'instanceId')).toEqual({ instanceId });
      }
      const deleted = await gateway().legacy('delete-jdbc', { ...legacyAccount(account), instances: [other] });
      expect(deleted.body.code).toBe(1001);
      expect(await stored(newDatasource(account, one), 'instanceId')).toEqual({ instanceId: one });
      expect(await stored(newDatasource(account, other), 'instanceId')).toBeNull();
    });
  });

  describe('what is stored is read back exactly:', () => {
    test.each(hostileTexts.map((text) => ({ text })))('$text', async ({ text }) => {
      const key = newAccountKey();
      const id = text.trim();
      const account = { ...key, region: [...id].slice(0, 64).join('') || key.region };
      await gateway().graphql(addAccount, { input: account });
      const required = text.trim() === '' ? `x${text}` : text;
      const datasource = newDatasource(account, [...id].slice(0, 255).join('') || 'x', {
        description: text,
        jdbcConnectionSchema: required,
        masterUsername: text,
        customJdbcCert: text,
        customJdbcCertString: text,
        networkAvailabilityZone: required,
        networkSubnetId: required,
        networkSgId: required,
        jdbcDriverClassName: text,
        jdbcDriverJarUri: text,
      });
      const added = await gateway().legacy('add-jdbc-conn', legacyDatasource(datasource));
      expect(added.body).toEqual({ status: 'success', code: 1001, message: 'Operation succeeded' });
      const { secret: _, accountProviderId, accountId, region, ...shown } = datasource;
      const row = await stored(
        datasource,
        `account { accountProvider accountId region } ${Object.keys(shown).join(' ')}`,
      );
      expect(row).toEqual({ ...shown, account: { accountProvider: accountProviderId, accountId, region } });
    });

    test('the greatest lengths of all parameters at once, in characters of four bytes', async () => {
      const fill = (length: number) => emoji.repeat(length);
      const account = { accountProvider: 2147483647, accountId: fill(255), region: fill(64) };
      const added = await gateway().graphql(addAccount, { input: account });
      expect(added.errors).toBeUndefined();
      const datasource = newDatasource(account, fill(255), {
        description: fill(2048),
        jdbcConnectionUrl: `jdbc:other:${fill(1024 - 11)}`,
        jdbcConnectionSchema: fill(1024),
        jdbcEnforceSsl: true,
        kafkaSslEnabled: false,
        masterUsername: fill(255),
        password: fill(1024),
        secret: fill(1024),
        skipCustomJdbcCertValidation: true,
        customJdbcCert: fill(1024),
        customJdbcCertString: fill(1024),
        networkAvailabilityZone: fill(255),
        networkSubnetId: fill(255),
        networkSgId: fill(255),
        creationTime: fill(64),
        lastUpdatedTime: fill(64),
        jdbcDriverClassName: fill(2048),
        jdbcDriverJarUri: fill(2048),
      });
      const answer = await gateway().graphql(addDatasource, { input: datasource });
      expect(answer.errors).toBeUndefined();
      const edited = await gateway().graphql(editDatasource, { input: datasource });
      expect(edited.errors).toBeUndefined();
      const { secret: _, password: _p, accountProviderId, accountId, region, ...shown } = datasource;
      const read = await gateway().graphql(
        `query ($id: ID!) { node(id: $id) { ... on Datasource { version hasPassword hasSecret ${Object.keys(shown).join(' ')} } } }`,
        { id: answer.data.addDatasource.datasource.id },
      );
      expect(read.data.node).toEqual({ ...shown, version: 2, hasPassword: true, hasSecret: true });
    });
  });
});
