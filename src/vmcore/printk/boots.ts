// Where another boot begins in a text: in syslog files, in what netconsole sent, and on a serial console, where the
// boot of the crash kernel follows the panic.

import type { LogRecord } from './record.ts';

/** init/main.c, at the beginning of every boot. */
const BANNER = 'Linux version ';
const KERNEL_FACILITY = 0;

/** A record, and whether the log itself names the kernel as its writer. */
export type NamedRecord = LogRecord & { readonly ofKernel?: boolean };

/**
 * Whether a record begins another boot: the kernel prints its name, and its clock went back. Without times,
 * any process could write such a line, so the log must name the writer of its lines.
 *
 * @param before time of the last record that has one.
 */
export function isBanner(record: NamedRecord, before: number | null): boolean {
  const { timeSeconds, facility, text, ofKernel } = record;
  if (!text.startsWith(BANNER)) return false;
  if (timeSeconds !== null) return before !== null && timeSeconds < before;
  return ofKernel === true || facility === KERNEL_FACILITY;
}
