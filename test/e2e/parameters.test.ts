import { beforeAll, describe, expect, test } from '@jest/globals';
import { databaseKinds } from '../support/databases.js';
import { useGateway } from '../support/fixture.js';
import {
  accepted,
  literalOf,
  marker,
  missing,
  type OperationRow,
  operations,
  type ParameterRow,
  refused,
  type Surface,
} from '../support/parameter-table.js';
import {
  accountKey,
  addAccount,
  addDatasource,
  datasourceInput,
  findAccount,
  findDatasource,
  legacyBody,
  samplePassword,
  snapshot,
} from '../support/samples.js';

type Values = Record<string, unknown>;

/** What an answer of either surface says, in the same words. */
interface Outcome {
  readonly httpStatus: number;
  readonly code: number | string;
  readonly message: string;
  readonly parameters: readonly { readonly name: string; readonly message: string }[];
  readonly text: string;
}

const surfaces: readonly Surface[] = ['REST', 'GraphQL variables', 'GraphQL literals'];
const atOnce = 16;

describe.each(databaseKinds)('on $name', (kind) => {
  const { gateway } = useGateway(kind);

  beforeAll(async () => {
    await addAccount(gateway);
    await addDatasource(gateway, datasourceInput('existing', { masterUsername: 'user', password: samplePassword }));
  });

  /** What each operation is sent with, save the parameter that is tested; if that were taken, something would change. */
  const usual: Record<keyof typeof operations, Values> = {
    addAccount: { ...accountKey(), region: 'eu-west-2' },
    deleteAccount: { ...accountKey() },
    addDatasource: datasourceInput('other', { masterUsername: 'user', password: samplePassword }),
    editDatasource: datasourceInput('existing', { masterUsername: 'user2', password: samplePassword }),
    deleteDatasources: { ...accountKey(), instances: ['existing'] },
  };

  describe.each(Object.entries(operations) as [keyof typeof operations, OperationRow][])('%s', (name, operation) => {
    // What is refused does not come to the database: every wrong value is tried on one, and a few on the other.
    const isSampled = kind.name === 'MySQL';
    const ofSample = <T>(cases: readonly T[]) => (isSampled ? cases.filter((_, place) => place % 10 === 0) : cases);

    test.each(operation.parameters.map((parameter) => [parameter.graphql, parameter] as const))(
      `refuses ${isSampled ? 'wrong values' : 'every wrong value'} of %s on every surface, names it, changes nothing and repeats no value`,
      async (_, parameter) => {
        const before = await snapshot(gateway);
        const cases = surfaces.flatMap((surface) =>
          refused(parameter, surface).flatMap(({ label, sent }) =>
            targetsOf(operation, surface).map((target) => ({ surface, target, label, sent })),
          ),
        );
        const wrong: string[] = [];
        await inGroups(ofSample(cases), async ({ surface, target, label, sent }) => {
          const outcome = await send(surface, target, operation, { ...usual[name], [parameter.graphql]: sent });
          const problem = differenceFromRefusal(outcome, surface, [parameter]);
          if (problem !== undefined) wrong.push(`${surface} ${target}, ${label}: ${problem}`);
        });
        expect(wrong).toEqual([]);
        expect(await snapshot(gateway)).toEqual(before);
      },
    );

    test('names all wrong parameters at once', async () => {
      const before = await snapshot(gateway);
      for (const surface of surfaces) {
        for (const target of targetsOf(operation, surface)) {
          const { parameters } = operation;
          const objects = Object.fromEntries(parameters.map(({ graphql }) => [graphql, { a: marker }]));
          expect([
            surface,
            differenceFromRefusal(await send(surface, target, operation, objects), surface, parameters),
          ]).toEqual([surface, undefined]);
          // Values that only the rules refuse, beside values that already have a wrong type.
          const mixed = Object.fromEntries(
            parameters.map((parameter, place) => [parameter.graphql, wrongBy(parameter, place % 2 === 0)]),
          );
          expect([
            surface,
            differenceFromRefusal(await send(surface, target, operation, mixed), surface, parameters),
          ]).toEqual([surface, undefined]);
          const required = parameters.filter((parameter) => parameter.required);
          // A body without any name is a deletion on the path that two operations share.
          if (operation === operations.editDatasource && target === 'delete_account') continue;
          const empty = Object.fromEntries(parameters.map(({ graphql }) => [graphql, missing]));
          expect([
            surface,
            differenceFromRefusal(await send(surface, target, operation, empty), surface, required),
          ]).toEqual([surface, undefined]);
        }
      }
      expect(await snapshot(gateway)).toEqual(before);
    });
  });

  describe.each(surfaces)('by %s', (surface) => {
    const digit = { REST: 1, 'GraphQL variables': 2, 'GraphQL literals': 3 }[surface];

    test('every accepted form of an account key is stored exactly, and finds the account to delete', async () => {
      for (const [round, { sent, stored }] of rounds(operations.addAccount, surface, `${digit}1`).entries()) {
        expect([round, await send(surface, 'add_account', operations.addAccount, sent)]).toEqual([round, succeeded]);
        expect(await findAccount(gateway, stored as never)).toMatchObject(stored);
        expect([round, await send(surface, 'delete_account', operations.deleteAccount, sent)]).toEqual([
          round,
          succeeded,
        ]);
        expect(await findAccount(gateway, stored as never)).toBeNull();
      }
    });

    test('every accepted form of every parameter of a datasource is stored exactly when it is added', async () => {
      for (const [round, { sent, stored }] of rounds(operations.addDatasource, surface, `${digit}2`).entries()) {
        await addAccountOf(stored);
        expect([round, await send(surface, 'add-jdbc-conn', operations.addDatasource, sent)]).toEqual([
          round,
          succeeded,
        ]);
        expect(await findDatasource(gateway, stored)).toMatchObject({ ...shownOf(stored), version: 1 });
      }
    });

    test.each(targetsOf(operations.editDatasource, surface))(
      'every accepted form of every parameter of a datasource is stored exactly when it is edited (%s)',
      async (target) => {
        const tag = `${digit}${target === 'delete_account' ? 3 : 4}`;
        const all = rounds(operations.editDatasource, surface, tag);
        for (const [round, { sent, stored }] of all.entries()) {
          await addAccountOf(stored);
          const { instanceId, accountProviderId, accountId, region } = stored;
          const key = { accountProviderId, accountId, region };
          await addDatasource(gateway, datasourceInput(instanceId as string, { ...everythingElse, ...key }));
          // A new datasource is at version 1.
          if (typeof sent.expectedVersion === 'number') sent.expectedVersion = 1;
          if (sent.expectedVersion && typeof sent.expectedVersion === 'string') sent.expectedVersion = '1';
          expect([round, await send(surface, target, operations.editDatasource, sent)]).toEqual([round, succeeded]);
          expect(await findDatasource(gateway, stored)).toMatchObject({ ...shownOf(stored), version: 2 });
        }
      },
    );

    test('every accepted form of the parameters of a deletion finds the datasources to delete', async () => {
      for (const [round, { sent, stored }] of rounds(operations.deleteDatasources, surface, `${digit}5`).entries()) {
        const { accountProvider, accountId, region } = stored;
        await addAccount(gateway, { accountProvider, accountId, region } as never);
        const key = { accountProviderId: accountProvider, accountId, region };
        for (const instance of stored.instances as string[])
          await addDatasource(gateway, datasourceInput(instance, key));
        expect([round, await send(surface, 'delete-jdbc', operations.deleteDatasources, sent)]).toEqual([
          round,
          succeeded,
        ]);
        for (const instance of stored.instances as string[]) {
          expect(await findDatasource(gateway, { ...key, instanceId: instance })).toBeNull();
        }
      }
    });
  });

  test('a literal with a lone surrogate does not parse, and is not repeated', async () => {
    const before = await snapshot(gateway);
    for (const value of [`${marker}\ud800`, `\udc00${marker}`]) {
      for (const literal of [JSON.stringify(value), `"${value}"`, `"""${value}"""`]) {
        const input = literalOf({ ...usual.addDatasource, password: 0 }).replace('password: 0', `password: ${literal}`);
        const response = await post('graphql', { query: `mutation { addDatasource(input: ${input}) { code } }` });
        const text = await response.text();
        expect([literal, response.status, JSON.parse(text).errors?.[0].extensions.code]).toEqual([
          literal,
          200,
          'GRAPHQL_PARSE_FAILED',
        ]);
        expect(text).not.toContain(marker);
      }
    }
    expect(await snapshot(gateway)).toEqual(before);
  });

  test('the log holds one line a request and no value of a credential', () => {
    expect(gateway.log.length).toBeGreaterThan(500);
    expect(gateway.log.filter((line) => line.includes(marker))).toEqual([]);
  });

  const succeeded = {
    httpStatus: 200,
    code: 1001,
    message: 'Operation succeeded',
    parameters: [],
    text: expect.any(String),
  };

  async function addAccountOf({ accountProviderId, accountId, region }: Values): Promise<void> {
    await addAccount(gateway, { accountProvider: accountProviderId, accountId, region } as never);
  }

  function post(path: string, body: unknown): Promise<Response> {
    return fetch(`${gateway.url}/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  }

  async function send(surface: Surface, target: string, operation: OperationRow, values: Values): Promise<Outcome> {
    const given = Object.fromEntries(Object.entries(values).filter(([, value]) => value !== missing));
    if (surface === 'REST') {
      const response = await post(`data-source/${target}`, legacyBody(given));
      const text = await response.text();
      const { code, message, ref } = JSON.parse(text);
      return { httpStatus: response.status, code, message, parameters: ref ?? [], text };
    }
    const { mutation, inputType } = operation;
    const response = await post(
      'graphql',
      surface === 'GraphQL variables'
        ? {
            query: `mutation ($input: ${inputType}!) { ${mutation}(input: $input) { code message } }`,
            variables: { input: given },
          }
        : { query: `mutation { ${mutation}(input: ${literalOf(given)}) { code message } }` },
    );
    const text = await response.text();
    const { data, errors } = JSON.parse(text);
    if (errors === undefined) return { httpStatus: response.status, ...data[mutation], parameters: [], text };
    const [{ message, extensions }] = errors;
    const code = extensions.code === 'BAD_USER_INPUT' ? extensions.legacyCode : extensions.code;
    return { httpStatus: response.status, code, message, parameters: extensions.parameters ?? [], text };
  }
});

/** How an answer differs from a refusal of these parameters; undefined where it does not. */
function differenceFromRefusal(
  { httpStatus, code, message, parameters, text }: Outcome,
  surface: Surface,
  expected: readonly ParameterRow[],
): string | undefined {
  const names = expected.map(({ rest, graphql }) => (surface === 'REST' ? rest : graphql)).sort();
  const named = parameters.map(({ name }) => name).sort();
  if (httpStatus !== 200 || code !== 400) return `answered ${httpStatus} ${text.slice(0, 300)}`;
  if (JSON.stringify(named) !== JSON.stringify(names)) return `named ${named.join(', ') || 'nothing'}: ${message}`;
  if (!names.every((name) => message.includes(name))) return `the message does not name them: ${message}`;
  const silent = parameters.filter((parameter) => !/must (be|not) /.test(parameter.message));
  if (silent.length > 0) return `does not say what it must be: ${JSON.stringify(silent)}`;
  return text.includes(marker) ? `repeats the value: ${text}` : undefined;
}

/** A value that is wrong by its type, or one that has the right type and is wrong all the same. */
function wrongBy({ kind, maxLength, to }: ParameterRow, byType: boolean): unknown {
  if (byType || kind === 'flag') return { a: marker };
  if (kind === 'integer') return to + 1;
  if (kind === 'identifierList') return [];
  return kind === 'dateTime' ? '2024-02-30T00:00:00Z' : 'x'.repeat(maxLength + 1);
}

/**
 * Inputs that together hold every accepted value of every parameter of an operation: the first holds the first of each,
 * and so on, from the start again where a parameter has fewer.
 */
function rounds(operation: OperationRow, surface: Surface, tag: string): { sent: Values; stored: Values }[] {
  const count = Math.max(...operation.parameters.map((parameter) => accepted(parameter, surface, '1').length));
  return Array.from({ length: count }, (_, round) => {
    const values = operation.parameters.map((parameter) => {
      const choices = accepted(parameter, surface, `${tag}${String(round).padStart(3, '0')}`);
      return [parameter.graphql, choices[round % choices.length]] as const;
    });
    const sent: Values = Object.fromEntries(values.map(([name, value]) => [name, value?.sent]));
    const stored: Values = Object.fromEntries(values.map(([name, value]) => [name, value?.stored]));
    // There must be a credential whatever the other two are.
    if ('secret' in stored && stored.secret === null && !(stored.masterUsername && stored.password)) {
      Object.assign(sent, { secret: marker });
      Object.assign(stored, { secret: marker });
    }
    return { sent, stored };
  });
}

/** What GraphQL shows of a datasource that was stored with these values. */
function shownOf(stored: Values): Values {
  const { accountProviderId, accountId, region, password, secret, expectedVersion: _, ...shown } = stored;
  return {
    ...shown,
    account: { accountProvider: accountProviderId, accountId, region },
    hasPassword: password !== null,
    hasSecret: secret !== null,
  };
}

/** Every optional parameter, each with a value. */
const everythingElse = {
  description: 'before',
  jdbcEnforceSsl: true,
  kafkaSslEnabled: true,
  masterUsername: 'before',
  password: 'before',
  secret: 'before',
  skipCustomJdbcCertValidation: true,
  customJdbcCert: 'before',
  customJdbcCertString: 'before',
  glueCrawlerLastUpdated: '2001-01-01T00:00:00Z',
  creationTime: 'before',
  lastUpdatedTime: 'before',
  jdbcDriverClassName: 'before',
  jdbcDriverJarUri: 'before',
};

function targetsOf(operation: OperationRow, surface: Surface): readonly string[] {
  return surface === 'REST' ? operation.routes : [operation.mutation];
}

async function inGroups<T>(items: readonly T[], use: (item: T) => Promise<void>): Promise<void> {
  for (let start = 0; start < items.length; start += atOnce) {
    await Promise.all(items.slice(start, start + atOnce).map(use));
  }
}
