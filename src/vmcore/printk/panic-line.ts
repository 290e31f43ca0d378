// The line the kernel died with, out of its log: walking back from the end, the panic itself; where
// there is none (a guest that was stopped, a machine that hung), the last complaint.

import { CAPS } from '../limits.ts';
import { cString } from '../bytes/text.ts';
import type { Kernel } from '../kernel.ts';
import { newestRecords } from './ring.ts';

const PANIC = 'Kernel panic - not syncing';
const COMPLAINT =
  /BUG: |Oops: |Oops\[|general protection fault|Unable to handle kernel|watchdog: .*lockup|sysrq: Trigger a crash|mce: \[Hardware Error\]/;

/**
 * @returns undefined when no such line is among the last records.
 * @throws Corrupt or PageMissing when the log is not in the dump.
 */
export function panicLine(kernel: Kernel): string | undefined {
  let complaint: string | undefined;
  for (const record of newestRecords(kernel, CAPS.printkRecords, CAPS.printkLineBytes)) {
    const text = cString(record);
    const line = text.split('\n').find((part) => part.includes(PANIC));
    if (line !== undefined) return printable(line);
    complaint ??= text.split('\n').find((part) => COMPLAINT.test(part));
  }
  return complaint === undefined ? undefined : printable(complaint);
}

/** Without control characters: what a terminal or a web page would act on. */
function printable(line: string): string {
  return line.replace(/\p{C}+/gu, ' ').trim();
}
