// Where there is no web configuration. It is apart from watch.ts, for reading one takes zod and yaml: to load
// them is a tenth of what starting takes.

import type { WatchedWebConfig } from './watch.ts';
import type { WebConfig } from './web-config.ts';

const NO_WEB_CONFIG: WebConfig = {
  tls: undefined,
  headers: {},
  users: new Map(),
  rateLimit: undefined,
  files: [],
};

/** Plain HTTP for everybody, for good. */
export const PLAIN_HTTP: WatchedWebConfig = {
  current: () => NO_WEB_CONFIG,
  onChange: () => undefined,
  reload: () => undefined,
  close: () => undefined,
};
