// The web configuration if there is none. Separate from watch.ts, because loading zod and yaml takes a tenth
// of the time to start.

import type { WatchedWebConfig } from './watch.ts';
import type { WebConfig } from './web-config.ts';

const NO_WEB_CONFIG: WebConfig = {
  tls: undefined,
  headers: {},
  users: new Map(),
  rateLimit: undefined,
  files: [],
};

/** Plain HTTP without authentication. */
export const PLAIN_HTTP: WatchedWebConfig = {
  current: () => NO_WEB_CONFIG,
  onChange: () => undefined,
  reload: () => undefined,
  close: () => undefined,
};
