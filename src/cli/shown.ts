// Text from a dump, a log or a path, for a terminal.

import { visible } from '../text.ts';

/** Returns text for a terminal: null as `unknown`; characters that the terminal would interpret are escaped. */
export function shown(text: string | null): string {
  return text === null ? 'unknown' : visible(text);
}
