// Text of a log that may leave it: short, and nothing in it that a terminal or a page would act on.

const CHARACTERS = 128;

/** @returns null for no text, and for text that is empty without its control characters. */
export function shownText(text: string | null | undefined): string | null {
  const shown = (text ?? '').replace(/\p{C}/gu, ' ').trim().slice(0, CHARACTERS).trim();
  return shown === '' ? null : shown;
}
