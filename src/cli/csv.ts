// Lines of CSV (RFC 4180). Text comes from dumps: what a spreadsheet would take for a formula is
// quoted with an apostrophe.

import { oneLine } from '../text.ts';

/** @returns one record with its end. */
export function csvLine(fields: readonly (string | number)[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

function csvField(field: string | number): string {
  if (typeof field === 'number') return String(field);
  const text = oneLine(field);
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
