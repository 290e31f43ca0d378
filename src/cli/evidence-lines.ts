// The evidence in a log, for people: what the kernel died of, then one line per error.

import {
  type HardwareEvent,
  type LogFindings,
  type LogSummary,
  partName,
} from '../vmcore/index.ts';
import { shown } from './shown.ts';

/** Returns a line with the extent of a log. */
export function logLine(log: LogSummary): string {
  const { records, firstTime, lastTime, truncated, unreadable } = log;
  const span =
    firstTime === null || lastTime === null
      ? ''
      : `, ${firstTime.toFixed(6)} to ${lastTime.toFixed(6)} s since boot`;
  const older = truncated ? ', older ones left out' : '';
  const missing = unreadable > 0 ? ', others could not be read' : '';
  return `  log       ${records} records${span}${older}${missing}`;
}

/** Returns a caution if any process may have written lines of the log, otherwise nothing. */
export function cautionLines({ forgeable }: LogSummary): string[] {
  return forgeable
    ? ['  caution   the log does not say who wrote a line: any process may have (dmesg -x does)']
    : [];
}

/** Returns what the kernel died of, without its panic line, and one line per error. */
export function evidenceLines({
  hardwareEvents,
  hardwareEventsOmitted,
  previousBootRecords,
  crash,
}: Omit<LogFindings, 'log'>): string[] {
  const lines: string[] = [];
  if (crash !== null) {
    lines.push(`  type      ${crash.type}`, `  signature ${shown(crash.signature)}`);
    if (crash.hardware !== null) lines.push(`  hardware  ${shown(crash.hardware.raw)}`);
    if (crash.machineCheckTaint) lines.push('  taint     M: a machine check in this boot');
  }
  if (previousBootRecords > 0) {
    lines.push(`  earlier   ${previousBootRecords} error records of the boot before`);
  }
  lines.push('', ...hardwareEvents.map(eventLine));
  if (hardwareEvents.length === 0) lines.push('  no hardware errors');
  if (hardwareEventsOmitted > 0) lines.push(`  and ${hardwareEventsOmitted} more`);
  return lines;
}

function eventLine(event: HardwareEvent): string {
  const { time, severity, category, source, part, count, detail, outcome, injected } = event;
  const words = [
    time === null ? '' : `[${time.toFixed(6).padStart(14)}]`,
    severity,
    category,
    `(${source})`,
    partName(part) ?? '',
    part?.kind === 'pci' && part.vendor !== null ? `[${part.vendor}:${part.device ?? ''}]` : '',
    count === 1 ? '' : `count ${count}`,
    ...[detail, outcome, injected ? 'injected' : null].map((word) => word ?? ''),
  ];
  return `  ${words
    .filter((word) => word !== '')
    .map(shown)
    .join(' ')}`;
}
