// The version and the commit, from package.json (builds set gitHead there: npm pkg set gitHead=…).

import { readFileSync } from 'node:fs';

const PACKAGE = new URL('../package.json', import.meta.url);
const { version, gitHead } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as {
  version: string;
  gitHead?: string;
};

/**
 * Version of the JSON in deploy/docs/crashes.schema.json; increased when a field changes its meaning or is
 * removed.
 */
export const SCHEMA_VERSION = 1;

export const VERSION: string = version;
export const REVISION: string = gitHead ?? 'unknown';
