// The evidence of a log for people: what it died of, then one line an error.

import type { Evidence, HardwareEvent, LogSummary, Part } from '../vmcore/index.ts';
import { shown } from './report-table.ts';

export interface LogReport extends Evidence {
  readonly file: string;
  readonly log: LogSummary;
}

export function logReport(report: LogReport): string {
  const { file, log, hardwareEvents, hardwareEventsOmitted, previousBootRecords, crash } = report;
  const lines = [
    shown(file),
    `  log       ${log.records} records${span(log)}${log.truncated ? ', older ones left out' : ''}`,
  ];
  if (log.forgeable) {
    lines.push(
      '  caution   the log does not say who wrote a line: any process may have (dmesg -x does)',
    );
  }
  if (crash !== null) {
    lines.push(`  crash     ${shown(crash.panic)}`, `  type      ${crash.type}`);
    lines.push(`  signature ${shown(crash.signature)}`);
    if (crash.hardware !== null) lines.push(`  hardware  ${shown(crash.hardware.raw)}`);
    if (crash.machineCheckTaint) lines.push('  taint     M: a machine check in this boot');
  }
  if (previousBootRecords > 0) {
    lines.push(`  firmware  ${previousBootRecords} error records of the boot before`);
  }
  lines.push('', ...hardwareEvents.map(eventLine));
  if (hardwareEvents.length === 0) lines.push('  no hardware errors');
  if (hardwareEventsOmitted > 0) lines.push(`  and ${hardwareEventsOmitted} more`);
  return `${lines.join('\n')}\n\n`;
}

function span({ firstTime, lastTime }: LogSummary): string {
  return firstTime === null || lastTime === null
    ? ''
    : `, ${firstTime.toFixed(6)} to ${lastTime.toFixed(6)} s since boot`;
}

function eventLine(event: HardwareEvent): string {
  const { time, severity, category, source, part, count, detail, outcome, injected } = event;
  const words = [
    time === null ? '' : `[${time.toFixed(6).padStart(14)}]`,
    severity,
    category,
    `(${source})`,
    partText(part),
    count === 1 ? '' : `count ${count}`,
    ...[detail, outcome, injected ? 'injected' : null].map((word) => word ?? ''),
  ];
  return `  ${words
    .filter((word) => word !== '')
    .map(shown)
    .join(' ')}`;
}

function partText(part: Part | null): string {
  switch (part?.kind) {
    case 'pci':
      return `${part.address ?? part.pe ?? ''}${part.vendor === null ? '' : ` [${part.vendor}:${part.device ?? ''}]`}`;
    case 'dimm':
      return part.label ?? part.location ?? '';
    case 'cpu':
      return part.cpu === null ? (part.mpidr ?? part.apicId ?? '') : `CPU ${part.cpu}`;
    case 'page':
      return part.physicalAddress;
    case undefined:
      return '';
  }
}
