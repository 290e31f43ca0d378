// A report for people: the verdict, the counters with the time from each last error to the crash, the log.
// Control characters in text from the dump are escaped.

import { type VerdictKind, verdictOf } from '../triage.ts';
import { WHY_ABSENT, WHY_NO_LOG, date, span, verdictText } from '../wording.ts';
import { shown } from './shown.ts';
import type { Colour, Terminal } from './terminal.ts';
import { cautionLines, evidenceLines, logLine } from './evidence-lines.ts';
import type { CrashReport, HwerrCategory } from '../vmcore/index.ts';

const COLOURS: Readonly<Record<VerdictKind, Colour>> = {
  hardware_panic: 'red',
  suspect: 'red',
  logged_suspect: 'red',
  earlier: 'yellow',
  logged_earlier: 'yellow',
  clock_set: 'yellow',
  undated: 'yellow',
  logged_undated: 'yellow',
  machine_check_taint: 'yellow',
  unknown: 'yellow',
  clean: 'green',
  log_clean: 'green',
};

const COLUMNS = ['CATEGORY', 'COUNT', 'LAST ERROR', 'BEFORE THE CRASH'];

/**
 * Returns the lines of a report: the verdict and what it rests on.
 *
 * @param file its name, for people.
 * @param windowSeconds length of the suspect window before the panic.
 */
export function reportTable(
  file: string,
  report: CrashReport,
  windowSeconds: number,
  paint: Terminal['paint'],
): string {
  const { crashTimeSeconds, hwerr } = report;
  const verdict = verdictOf(report, windowSeconds);
  const panic = report.panicMessage ?? report.crash?.panic ?? null;
  const lines = [
    paint(COLOURS[verdict.kind], shown(verdictText(verdict))),
    `  file      ${shown(file)}`,
    `  host      ${shown(report.nodename)}`,
    `  kernel    ${shown(report.kernelRelease)} (${report.arch})`,
    `  crashed   ${crashTimeSeconds === null ? 'unknown: the dump has no CRASHTIME' : date(crashTimeSeconds)}`,
    `  boot id   ${report.bootId ?? 'unknown'}`,
    `  dump      ${describeDump(report)}`,
  ];
  if (panic !== null) lines.push(`  panic     ${shown(panic)}`);
  lines.push('');
  if (hwerr.kind === 'present') {
    const rows = hwerr.categories.map((category) => row(category, crashTimeSeconds));
    lines.push(...table([COLUMNS, ...rows]));
  } else if (hwerr.kind === 'unreadable') {
    lines.push(`  no counters: ${shown(hwerr.message)} (${hwerr.reason})`);
  } else {
    lines.push(`  no counters: ${WHY_ABSENT[hwerr.reason]} (${hwerr.reason})`);
  }
  lines.push(...logLines(report));
  lines.push(...report.warnings.map((warning) => `  warning: ${shown(warning)}`));
  return `${lines.join('\n')}\n\n`;
}

function logLines({ log, ...evidence }: CrashReport): string[] {
  if (log.source === 'absent')
    return ['', `  no log: ${WHY_NO_LOG[log.reason] ?? 'it could not be read'} (${log.reason})`];
  return ['', logLine(log), ...cautionLines(log), ...evidenceLines(evidence)];
}

function describeDump(report: CrashReport): string {
  const parts = [report.flattened ? `flattened ${report.container}` : report.container];
  parts.push(report.compression.join(', ') || 'not compressed');
  if (report.incomplete) parts.push('incomplete');
  return parts.join(', ');
}

function row(
  { category, count, lastErrorTimestampSeconds }: HwerrCategory,
  crash: number | null,
): string[] {
  const last = lastErrorTimestampSeconds;
  if (last === null) return [category, String(count), 'never', ''];
  const lead = crash === null ? undefined : crash - last;
  const after = lead !== undefined && lead < 0 ? ' after it' : '';
  return [
    category,
    String(count),
    date(last),
    lead === undefined ? 'unknown' : `${span(lead)}${after}`,
  ];
}

function table(rows: readonly (readonly string[])[]): string[] {
  const widths = COLUMNS.map((_, i) => Math.max(...rows.map((cells) => cells[i]?.length ?? 0)));
  return rows.map((cells) =>
    `  ${cells.map((cell, i) => cell.padEnd(widths[i] ?? 0)).join('  ')}`.trimEnd(),
  );
}
