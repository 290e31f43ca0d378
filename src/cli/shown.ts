// Text of a dump, of a log or of a path, for a terminal.

import { shownPath } from '../file-path.ts';

/** Text for a terminal: null is `unknown`; what a terminal would obey instead of show is escaped. */
export function shown(text: string | null): string {
  return text === null
    ? 'unknown'
    : shownPath(text).replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

function escaped(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
}
