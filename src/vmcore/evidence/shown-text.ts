// Text of a log for output: short, without characters that a terminal or page interprets.

const CHARACTERS = 128;
/** Fast path: almost no text has such characters, and `\p{C}` is slow to compile. */
const UNUSUAL = /[^ -~]/;

/** @returns null if there is no text, or only control characters. */
export function shownText(text: string | null | undefined): string | null {
  const given = text ?? '';
  const safe = UNUSUAL.test(given) ? given.replace(/\p{C}/gu, ' ') : given;
  const shown = safe.trim().slice(0, CHARACTERS).trim();
  return shown === '' ? null : shown;
}
