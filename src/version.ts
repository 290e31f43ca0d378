// The version and the commit, from package.json, where they are said once (npm pkg set gitHead=…).

import { createRequire } from 'node:module';

const { version, gitHead } = createRequire(import.meta.url)('../package.json') as {
  version: string;
  gitHead?: string;
};

export const VERSION: string = version;
export const REVISION: string = gitHead ?? 'unknown';
