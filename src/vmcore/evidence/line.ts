// Extracts the kernel's own lines from the records of its log.

import type { LogRecord } from '../printk/record.ts';

/** Maximum length of a line, characters: PRINTKRB_RECORD_MAX is 1024 (kernel/printk/printk.c). */
const LINE_CHARACTERS = 2048;
/** Maximum number of lines per record; the kernel's own have at most two. */
const RECORD_LINES = 64;

/** A line of the kernel's log, with the other fields of its record. */
export interface Line {
  /** Seconds since boot; of the previous line if unknown. */
  readonly time: number;
  readonly caller: string | null;
  /** syslog level; null: unknown. */
  readonly level: number | null;
  /** `+pci:0000:01:00.0`; null: none. */
  readonly device: string | null;
  readonly text: string;
}

/** A message without a newline, to which old kernels append the next text. mce/core.c. */
const GLUED =
  /^(mce: Uncorrected hardware memory error in user-access at [0-9a-f]{1,16})(?=[^0-9a-f])/;

/**
 * @returns nothing for records that did not come from the kernel: /dev/kmsg stores facility 1 if a writer
 *   gives 0 (kernel/printk/printk.c devkmsg_write), so 0 cannot be forged.
 */
export function* kernelLines(records: Iterable<LogRecord>): Generator<Line> {
  let time = 0;
  for (const record of records) {
    if (record.facility !== null && record.facility !== 0) continue;
    time = record.timeSeconds ?? time;
    const { caller, level, device } = record;
    for (const text of record.text.split('\n', RECORD_LINES)) {
      const line = text.slice(0, LINE_CHARACTERS);
      const head = line.startsWith('mce: Unc') ? GLUED.exec(line)?.[1] : undefined;
      if (head !== undefined) yield { time, caller, level, device, text: head };
      yield { time, caller, level, device, text: line.slice(head?.length ?? 0) };
    }
  }
}
