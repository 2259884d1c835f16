import 'reflect-metadata';
import { readFileSync, writeFileSync } from 'node:fs';
import { lexicographicSortSchema } from 'graphql';
import { apiPage } from './documentation/api-page.js';
import { environmentExample, settingsPage, settingsTable } from './documentation/settings-documents.js';
import { createGatewaySchema, type Services } from './gateway-schema.js';
import { documentedSettings } from './settings.js';

const readme = readFileSync('README.md', 'utf8');
// Nothing is executed, so nothing is asked of the services.
const schema = lexicographicSortSchema(createGatewaySchema({} as Services));
const documents: Readonly<Record<string, string>> = {
  'README.md': readme.replace(
    /(<!-- settings -->\n).*(\n<!-- \/settings -->)/s,
    (_, start: string, end: string) => `${start}${settingsTable(documentedSettings)}${end}`,
  ),
  '.env.example': environmentExample(documentedSettings),
  'docs/settings.md': settingsPage(documentedSettings),
  'docs/api.md': apiPage(schema),
};

for (const [file, text] of Object.entries(documents)) {
  if (!process.argv.includes('--check')) {
    writeFileSync(file, text);
  } else if (readFileSync(file, 'utf8') !== text) {
    process.stderr.write(`${file} is not what the code says: run \`npm run docs\`.\n`);
    process.exitCode = 1;
  }
}
