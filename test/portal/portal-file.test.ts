import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from '@jest/globals';
import { Ajv } from 'ajv';
import { createApp } from '../../src/app.js';
import { loadConfig } from '../../src/config.js';
import { readPortalFile } from '../../src/portal/portal-file.js';
import { portalFileSchema } from '../../src/portal/portal-file.schema.js';
import { temporaryDirectory } from '../support/process.js';

const example = JSON.parse(readFileSync('portal.example.json', 'utf8'));

/** The problems of the example with changes to it. */
function problemsOf(change: (file: typeof example) => unknown): readonly string[] {
  const file = structuredClone(example);
  const read = readPortalFile((change(file) ?? file) as object);
  return 'problems' in read ? read.problems : [];
}

test('the example works as it is', () => {
  const { $schema: _, ...said } = example;
  expect(readPortalFile(example)).toMatchObject(said);
});

test('the schema for editors is the one by which the file is checked', () => {
  expect(JSON.parse(readFileSync('portal.schema.json', 'utf8'))).toEqual(portalFileSchema);
  const validate = new Ajv().compile(JSON.parse(readFileSync('portal.schema.json', 'utf8')));
  expect(validate(example)).toBe(true);
});

describe('what is wrong with the file is said with its place', () => {
  // biome-ignore lint/suspicious/noExplicitAny: whatever somebody writes
  test.each<[string, (file: any) => unknown, string[]]>([
    ['no object', () => [], ['the file must be object']],
    [
      'nothing',
      () => ({}),
      ['the file must have "providers"', 'the file must have "regions"', 'the file must have "networks"'],
    ],
    [
      'several at once',
      (file) => {
        file.providers[0].id = '1';
        file.regions[1].longitude = 200;
        delete file.networks[0].vpcs[0].subnets[1].zone;
        file.networks[2].vpcs[0].securityGroups = [];
        file.secrets[0].password = 'x';
        file.regions[0].name = ' eu-west-1';
      },
      [
        'providers[0].id must be integer',
        'regions[0].name must have no white space at either end, and no line break',
        'regions[1].longitude must be <= 180',
        'networks[0].vpcs[0].subnets[1] must have "zone"',
        'networks[2].vpcs[0].securityGroups must not have fewer than 1 items',
        'secrets[0] must not have "password"',
      ],
    ],
    [
      'what does not fit together',
      (file) => {
        file.providers[1].id = 1;
        file.providers[0].defaultRegion = 'elsewhere';
        file.regions.push({ ...file.regions[0] }, { ...file.regions[0], provider: 7 });
        file.networks[0].region = 'elsewhere';
        file.networks[0].vpcs[0].subnets[1].id = 'subnet-a';
        file.secrets[0].provider = 9;
      },
      [
        'providers[1].id must not be there twice',
        'providers[0].defaultRegion must be a region of the provider',
        'regions[2].provider must be the id of a provider',
        'regions[5].provider must be the id of a provider',
        'regions[4].name must not be there twice',
        'networks[0].region must be a region of the provider',
        'networks[2].provider must be the id of a provider',
        'networks[0].vpcs[0].subnets[1].id must not be there twice',
        'secrets[0].provider must be the id of a provider',
        'secrets[1].provider must be the id of a provider',
      ],
    ],
  ])('%s', (_, change, problems) => {
    expect(problemsOf(change)).toEqual(problems);
  });

  test('a great many', () => {
    const problems = problemsOf((file) => ({ ...file, regions: Array(500).fill({}) }));
    expect([problems.length, problems[50]]).toEqual([51, 'and 1950 others']);
  });

  test('the start stops', async () => {
    const directory = temporaryDirectory();
    const path = join(directory, 'portal.json');
    writeFileSync(path, JSON.stringify({ ...example, regions: [] }));
    const config = loadConfig({ PORTAL_FILE: path, DATABASE_URL: `sqlite:${directory}/one.sqlite` });
    await expect(createApp(config, { write: () => undefined })).rejects.toThrow(
      'PORTAL_FILE: regions must not have fewer',
    );
    rmSync(directory, { recursive: true });
  });
});
