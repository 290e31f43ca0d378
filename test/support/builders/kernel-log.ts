/** Logs of kernels, line by line. */
import type { LogRecord } from '../../../src/vmcore/printk/record.ts';
import { type Evidence, findEvidence } from '../../../src/vmcore/evidence/evidence.ts';
import type { HardwareEvent } from '../../../src/vmcore/evidence/hardware-event.ts';

/** A clock in seconds, a line, or a line with more than text. */
export type Entry = number | string | (Partial<LogRecord> & { readonly text: string });

/** Records of the kernel: a number sets the clock, each line takes a microsecond. */
export function kernelLog(...entries: readonly Entry[]): LogRecord[] {
  const records: LogRecord[] = [];
  let microseconds = 10_000_000;
  for (const entry of entries) {
    if (typeof entry === 'number') {
      microseconds = Math.round(entry * 1e6);
      continue;
    }
    const given = typeof entry === 'string' ? { text: entry } : entry;
    records.push({
      timeSeconds: microseconds / 1e6,
      facility: 0,
      level: 3,
      caller: null,
      device: null,
      ...given,
    });
    microseconds += 1;
  }
  return records;
}

export function evidenceOf(...entries: readonly Entry[]): Evidence {
  return findEvidence(kernelLog(...entries), { pageSize: 4096 });
}

export function eventsOf(...entries: readonly Entry[]): readonly HardwareEvent[] {
  return evidenceOf(...entries).hardwareEvents;
}

/** Each event in one line: severity, category, source and what names the part. */
export function summaries(...entries: readonly Entry[]): string[] {
  return eventsOf(...entries).map(({ severity, category, source, part }) =>
    [severity, category, source, partName(part)].filter((word) => word !== '').join(' '),
  );
}

function partName(part: HardwareEvent['part']): string {
  switch (part?.kind) {
    case 'pci':
      return part.address ?? part.pe ?? '';
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
