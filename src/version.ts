// The version, from package.json, where it is said once.

import { createRequire } from 'node:module';

const { version } = createRequire(import.meta.url)('../package.json') as { version: string };

export const VERSION: string = version;
