import 'reflect-metadata';
import { readFileSync, writeFileSync } from 'node:fs';
import { lexicographicSortSchema, printSchema } from 'graphql';
import { createGatewaySchema, type Services } from './gateway-schema.js';

// Nothing is executed, so nothing is asked of the services.
const schema = printSchema(lexicographicSortSchema(createGatewaySchema({} as Services)));
const text = `# Made from the code by \`npm run schema\`: change the code, not this file.\n\n${schema}\n`;
const file = process.argv.at(-1) as string;

if (!process.argv.includes('--check')) {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  process.stderr.write(`${file} is not what the code says: run \`npm run schema\`.\n`);
  process.exit(1);
}
