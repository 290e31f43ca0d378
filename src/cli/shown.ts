// Text of a dump, of a log or of a path, for a terminal.

import { visible } from '../text.ts';

/** Text for a terminal: null is `unknown`; what a terminal would obey instead of show is escaped. */
export function shown(text: string | null): string {
  return text === null ? 'unknown' : visible(text);
}
