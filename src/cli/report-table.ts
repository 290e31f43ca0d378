// A report for people: what happened when, and how long before the crash. Text from the dump is
// shown with its control characters escaped.

import { verdictOf } from '../triage.ts';
import { WHY_ABSENT, date, span, verdictText } from '../wording.ts';
import { shown } from './shown.ts';
import { cautionLines, evidenceLines, logLine } from './evidence-lines.ts';
import type { CrashReport, HwerrCategory } from '../vmcore/index.ts';

/** Default of --hwerr.suspect-window. */
const SUSPECT_SECONDS = 300;

const COLUMNS = ['CATEGORY', 'COUNT', 'LAST ERROR', 'BEFORE THE CRASH'];

export function reportTable(file: string, report: CrashReport): string {
  const { crashTimeSeconds, hwerr } = report;
  const lines = [
    shown(file),
    `  ${shown(verdictText(verdictOf(report, SUSPECT_SECONDS)))}`,
    '',
    `  host      ${shown(report.nodename)}`,
    `  kernel    ${shown(report.kernelRelease)} (${report.arch})`,
    `  crashed   ${crashTimeSeconds === null ? 'unknown: the dump has no CRASHTIME' : date(crashTimeSeconds)}`,
    `  boot id   ${report.bootId ?? 'unknown'}`,
    `  dump      ${describeDump(report)}`,
  ];
  if (report.panicMessage !== null) lines.push(`  panic     ${shown(report.panicMessage)}`);
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

const WHY_NO_LOG: Readonly<Record<string, string>> = {
  log_not_kept: 'the kernel keeps it in a form that is not read here',
  page_excluded: 'its pages were filtered out of the dump',
  page_lost: 'the dump broke off before it',
};

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
