// The version and the commit, from package.json, where they are said once (npm pkg set gitHead=…).

import { readFileSync } from 'node:fs';

const PACKAGE = new URL('../package.json', import.meta.url);
const { version, gitHead } = JSON.parse(readFileSync(PACKAGE, 'utf8')) as {
  version: string;
  gitHead?: string;
};

export const VERSION: string = version;
export const REVISION: string = gitHead ?? 'unknown';
