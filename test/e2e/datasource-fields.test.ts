import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { runRegistry } from '../support/command.js';
import { databaseKinds } from '../support/databases.js';
import { type KeyedGateway, readCredentials, startKeyedGateway } from '../support/keyed-gateway.js';
import { temporaryDirectory } from '../support/process.js';
import { accountKey, addAccount, datasourceInput, legacyBody } from '../support/samples.js';

type Values = Record<string, unknown>;

/** A field of the input that adds a datasource, as the schema that is served tells it. */
interface InputField {
  readonly name: string;
  readonly type: string;
}

const inputFields =
  '{ __type(name: "AddDatasourceInput") { inputFields { name type { name ofType { name } } } } datasourceKey: __type(name: "DatasourceKey") { inputFields { name } } }';
const credentials = ['password', 'secret'];

/**
 * Every parameter of a datasource, whichever there are: none may be taken and then forgotten. What is tried comes from the
 * schema that is served, so a new parameter is tried as soon as it is there.
 */
describe.each(databaseKinds)('each parameter of a datasource, on $name', (kind) => {
  let keyed: KeyedGateway;
  let fields: InputField[];
  let directory: string;

  beforeAll(async () => {
    directory = temporaryDirectory();
    keyed = await startKeyedGateway(kind, { INTROSPECTION: 'true' });
    await addAccount(keyed.all);
    const { data } = await keyed.all.graphql(inputFields);
    const inKey = data.datasourceKey.inputFields.map(({ name }: { name: string }) => name);
    fields = data.__type.inputFields
      .filter(({ name }: { name: string }) => !inKey.includes(name))
      .map(({ name, type }: { name: string; type: { name: string; ofType: { name: string } } }) => ({
        name,
        type: type.name ?? type.ofType.name,
      }));
  });
  afterAll(async () => {
    await keyed?.close();
    rmSync(directory, { recursive: true, force: true });
  });

  test.each(['GraphQL', 'REST'])('that is added and edited by %s arrives', async (surface) => {
    const added = { ...datasourceInput(`added by ${surface}`), ...valuesOf(fields, 0) };
    await send(surface, 'addDatasource', 'add-jdbc-conn', added);
    expect(await found(added)).toEqual(added);
    const edited = { ...added, ...valuesOf(fields, 1) };
    await send(surface, 'editDatasource', 'update-jdbc-conn', edited);
    expect(await found(edited)).toEqual(edited);
  });

  test('that is updated by itself arrives, and is in the audit', async () => {
    for (const field of fields) {
      const before = { ...datasourceInput(`updated ${field.name}`), ...valuesOf(fields, 0) };
      await send('GraphQL', 'addDatasource', '', before);
      const change = valuesOf([field], 1);
      // A change of where a credential is sent needs it again.
      await send('GraphQL', 'updateDatasource', '', { ...keyOf(before), ...credentialsOf(before), ...change });
      expect(await found(before)).toEqual({ ...before, ...change });
      expect(await lastChange(before)).toEqual([field.name]);
    }
  });

  test('that is imported arrives, also where nothing else is another than before', async () => {
    const before = { ...datasourceInput('imported'), ...valuesOf(fields, 0) };
    await imported([before]);
    expect(await found(before)).toEqual(before);
    const rows = fields.map((field) => ({ ...before, instanceId: `imported ${field.name}` }));
    await imported(rows);
    const changed = rows.map((row, place) => ({ ...row, ...valuesOf([fields[place] as InputField], 1) }));
    await imported(changed);
    for (const row of changed) expect(await found(row)).toEqual(row);
  });

  async function send(surface: string, mutation: string, route: string, input: Values): Promise<void> {
    if (surface === 'REST') {
      expect((await keyed.all.legacy(route, legacyBody(input))).body).toMatchObject({ code: 1001 });
      return;
    }
    const type = `${mutation[0]?.toUpperCase()}${mutation.slice(1)}Input`;
    const query = `mutation ($input: ${type}!) { ${mutation}(input: $input) { code } }`;
    const { data, errors } = await keyed.all.graphql(query, { input });
    expect([errors, data]).toEqual([undefined, { [mutation]: { code: 1001 } }]);
  }

  async function imported(rows: readonly Values[]): Promise<void> {
    const path = join(directory, 'rows.jsonl');
    const lines = rows.map((row) => JSON.stringify({ kind: 'datasource', ...legacyBody(row) }));
    writeFileSync(path, `${lines.join('\n')}\n`);
    const { code, notes } = await runRegistry(['import', path], keyed.env);
    expect([code, notes]).toEqual([0, []]);
  }

  /** What the datasource with the key of an input has, in the names of the input. */
  async function found(input: Values): Promise<Values> {
    const shown = fields.map(({ name }) => name).filter((name) => !credentials.includes(name));
    const { data, errors } = await keyed.all.graphql(
      `query ($key: DatasourceKey!) { datasource(key: $key) { ${shown.join(' ')} } }`,
      { key: keyOf(input) },
    );
    expect(errors).toBeUndefined();
    return { ...keyOf(input), ...data.datasource, ...credentialsOf(await readCredentials(keyed.all, input)) };
  }

  /** The fields that the last change of a datasource has in the audit. */
  async function lastChange({ instanceId }: Values): Promise<string[]> {
    const { data } = await keyed.all.graphql(
      'query ($filter: AuditEventFilter) { auditEvents(filter: $filter, first: 1) { edges { node { changes { field } } } } }',
      { filter: { instanceId, operation: 'updateDatasource' } },
    );
    return data.auditEvents.edges[0].node.changes.map(({ field }: { field: string }) => field);
  }
});

/** Values for some fields: one of two for each. */
function valuesOf(fields: readonly InputField[], which: 0 | 1): Values {
  return Object.fromEntries(fields.map(({ name, type }) => [name, sampleOf(name, type, which)]));
}

function sampleOf(name: string, type: string, which: 0 | 1): unknown {
  if (name === 'jdbcConnectionUrl') return `jdbc:mysql://db${which}.example.com/orders`;
  switch (type) {
    case 'String':
      return `${name} ${which}`;
    case 'Int':
      return which;
    case 'Boolean':
      return which === 1;
    case 'DateTime':
      return `2026-01-0${which + 1}T00:00:00.000Z`;
    default:
      throw new Error(`Give this test two values of the type ${type}, which ${name} has.`);
  }
}

function keyOf({ instanceId }: Values): Values {
  const { accountProvider, ...account } = accountKey();
  return { instanceId, accountProviderId: accountProvider, ...account };
}

function credentialsOf(values: Values): Values {
  return Object.fromEntries(credentials.map((name) => [name, values[name]]));
}
