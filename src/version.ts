// The version and the commit, from package.json, where they are said once (npm pkg set gitHead=…).

import { readFileSync } from 'node:fs';

const PACKAGE = new URL('../package.json', import.meta.url);
const { version, gitHead } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as {
  version: string;
  gitHead?: string;
};

/** Of the JSON in deploy/docs/crashes.schema.json: grows when a field changes its meaning or goes. */
export const SCHEMA_VERSION = 1;

export const VERSION: string = version;
export const REVISION: string = gitHead ?? 'unknown';
