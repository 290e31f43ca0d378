// The line the kernel died with, out of its log: walking back from the end, the panic itself; where
// there is none (a guest that was stopped, a machine that hung), the last complaint. Only the
// kernel's own word counts: anybody may write such a line to /dev/kmsg.

import { CAPS } from '../limits.ts';
import type { LogRecord } from './record.ts';

const KERNEL = 0;
const PANIC = 'Kernel panic - not syncing';
/** A hardware error that was survived is none: its words are those of one that was not. */
const COMPLAINT =
  /^(BUG: |Oops[: [-]|Internal error: |general protection fault|Unable to handle kernel|watchdog: .*lockup|(sysrq: )?(SysRq : )?Trigger a crash)/;

/**
 * @param records oldest first.
 * @returns null when the log has no such line.
 */
export function panicLine(records: readonly LogRecord[]): string | null {
  let complaint: string | undefined;
  for (let at = records.length - 1; at >= 0; at--) {
    const record = records[at];
    if (record?.facility !== KERNEL) continue;
    const lines = record.text.split('\n').map((line) => line.trim());
    const panic = lines.find((line) => line.startsWith(PANIC));
    if (panic !== undefined) return shortened(panic);
    complaint ??= lines.find((line) => COMPLAINT.test(line));
  }
  return complaint === undefined ? null : shortened(complaint);
}

function shortened(line: string): string {
  return Array.from(line).slice(0, CAPS.panicLineCharacters).join('');
}
