// Text of a log that may leave it: short, and nothing in it that a terminal or a page would act on.

const CHARACTERS = 128;
/** Almost no text has one of these, and `\p{C}` takes long to compile. */
const UNUSUAL = /[^ -~]/;

/** @returns null for no text, and for text that is empty without its control characters. */
export function shownText(text: string | null | undefined): string | null {
  const given = text ?? '';
  const safe = UNUSUAL.test(given) ? given.replace(/\p{C}/gu, ' ') : given;
  const shown = safe.trim().slice(0, CHARACTERS).trim();
  return shown === '' ? null : shown;
}
