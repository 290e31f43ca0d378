// Crashes as CSV (RFC 4180). Text comes from dumps: a field that a spreadsheet would read as a formula gets a
// leading apostrophe.

import { shownPath } from '../file-path.ts';
import type { Crash } from './crash.ts';
import { oneLine } from '../text.ts';
import { errorOf } from '../triage.ts';
import { date } from '../wording.ts';

const COLUMNS: Readonly<Record<string, (crash: Crash) => string | number | null | undefined>> = {
  id: ({ id }) => id,
  host: ({ host }) => host,
  crash_time: ({ report }) =>
    report.crashTimeSeconds === null ? null : date(report.crashTimeSeconds),
  recorded_time: ({ recordedSeconds }) => date(recordedSeconds),
  kernel_release: ({ report }) => report.kernelRelease,
  verdict: ({ verdict }) => verdict.kind,
  lead_seconds: ({ verdict }) => ('leadSeconds' in verdict ? verdict.leadSeconds : null),
  category: ({ verdict }) => errorOf(verdict)?.category,
  part: ({ verdict }) => errorOf(verdict)?.part,
  type: ({ report }) => report.crash?.type,
  signature: ({ report }) => report.crash?.signature,
  hardware: ({ report }) => report.crash?.hardware?.raw,
  panic: ({ report }) => report.panicMessage,
  file: ({ paths }) => paths.map(shownPath)[0],
};

/** The header line. */
export const CSV_HEAD: string = csvLine(Object.keys(COLUMNS));

/** @returns one record with its line end. */
export function crashCsv(crash: Crash): string {
  return csvLine(Object.values(COLUMNS).map((column) => column(crash) ?? ''));
}

function csvLine(fields: readonly (string | number)[]): string {
  return `${fields.map(csvField).join(',')}\r\n`;
}

function csvField(field: string | number): string {
  if (typeof field === 'number') return String(field);
  const text = oneLine(field);
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
