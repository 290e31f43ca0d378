// Text of dumps, logs and paths, made safe where it leaves the process: anybody may have written it,
// and a terminal, a page or a log reader obeys some of it.

import { shownPath } from './file-path.ts';

/** Almost no text has one of these; V8 takes long to compile what names properties of characters. */
const UNUSUAL = /[^ -~]/;
/** Controls, format and direction marks, line separators, halves of characters. */
const UNSEEN = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;
/** Of these, what JSON.stringify() leaves as it is. */
const UNSEEN_IN_JSON = /[\x7f-\x9f\p{Cf}\u2028\u2029]/gu;

/** For people: what would be obeyed instead of shown reads `\x1b` or `\u{202e}`. */
export function visible(text: string): string {
  const shown = shownPath(text);
  if (!UNUSUAL.test(shown)) return shown;
  return shown.replace(UNSEEN, (character) => {
    const code = (character.codePointAt(0) ?? 0).toString(16);
    return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
  });
}

/** For programs that misread a control character, or take another line for another record: as spaces. */
export function oneLine(text: string): string {
  const shown = shownPath(text);
  return UNUSUAL.test(shown) ? shown.replace(UNSEEN, ' ') : shown;
}

/** So many UTF-16 units of it at most, and an ellipsis where some are missing; well-formed. */
export function bounded(text: string, most: number): string {
  if (text.length <= most) return text.toWellFormed();
  const end = /[\ud800-\udbff]/.test(text.charAt(most - 1)) ? most - 1 : most;
  return `${text.slice(0, end).toWellFormed()}…`;
}

/** As JSON on one line, with nothing in it that a terminal obeys. */
export function jsonText(value: object | string): string {
  const json = JSON.stringify(value);
  if (!UNUSUAL.test(json)) return json;
  return json.replace(UNSEEN_IN_JSON, (character) =>
    character
      .split('') // as JSON has it: past U+FFFF, two of four digits
      .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
      .join(''),
  );
}
