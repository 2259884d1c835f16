import { readFileSync } from 'node:fs';

// The same place seen from src/operations/ and from dist/chunks/.
const description = new URL('../../package.json', import.meta.url);

/** The gateway's version, as the package says it. */
export const version: string = JSON.parse(readFileSync(description, 'utf8')).version;
