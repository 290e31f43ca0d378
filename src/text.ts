// Makes text from dumps, logs and paths safe where it leaves the process. Anybody may have written it, and
// terminals, pages and log readers interpret some characters.

import { shownPath } from './file-path.ts';

/** Quick test that almost all text passes; V8 takes long to compile patterns with Unicode properties. */
const UNUSUAL = /[^ -~]/;
/** Controls, format and direction characters, line separators, lone surrogates. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Those of UNSEEN that JSON.stringify() does not escape. */
const UNSEEN_IN_JSON = /[\x7f-\x9f\p{Cf}\u2028\u2029]/gu;

/** Escapes, for people, what a terminal or page would interpret: `\x1b`, `\u{202e}`. */
export function visible(text: string): string {
  const shown = shownPath(text);
  if (!UNUSUAL.test(shown)) return shown;
  return shown.replace(UNSEEN, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

/** Replaces with spaces, for programs, control characters and line breaks that they would misread. */
export function oneLine(text: string): string {
  const shown = shownPath(text);
  return UNUSUAL.test(shown) ? shown.replace(UNSEEN, ' ') : shown;
}

/** Returns well-formed text of at most `maxLength` UTF-16 units, plus an ellipsis if it was truncated. */
export function bounded(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text.toWellFormed();
  const end = /[\ud800-\udbff]/.test(text.charAt(maxLength - 1)) ? maxLength - 1 : maxLength;
  return `${text.slice(0, end).toWellFormed()}…`;
}

/** Returns JSON on one line, without characters that a terminal interprets. */
export function jsonText(value: object | string): string {
  const json = JSON.stringify(value);
  if (!UNUSUAL.test(json)) return json;
  return json.replace(UNSEEN_IN_JSON, (character) =>
    character
      .split('') // JSON escapes a character past U+FFFF as two surrogates of four digits each
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
