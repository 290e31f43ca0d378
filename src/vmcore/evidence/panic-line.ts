// The panic line. If there is no panic (the crash kernel started from an oops), the first line of the oops;
// otherwise the last complaint (a stopped guest, a hung machine). Only the kernel's own lines count, because
// anybody may write such a line to /dev/kmsg.

import { CAPS } from '../limits.ts';
import type { LogRecord } from '../printk/record.ts';
import type { CrashFacts } from './crash.ts';
import { deathIn } from './death.ts';

const KERNEL = 0;
const PANIC = 'Kernel panic - not syncing';
const COMPLAINT = 'BUG: ';

/**
 * @param records oldest first.
 * @param crash the crash found in them.
 * @returns null if the log has no such line.
 */
export function panicLine(records: readonly LogRecord[], crash: CrashFacts | null): string | null {
  let complaint: string | undefined;
  for (let at = records.length - 1; at >= 0; at--) {
    const record = records[at];
    if (record?.facility !== KERNEL) continue;
    const lines = record.text.split('\n').map((line) => line.trim());
    const panic = lines.find((line) => line.startsWith(PANIC));
    if (panic !== undefined) return shortened(panic);
    complaint ??= lines.find((line) => line.startsWith(COMPLAINT) || deathIn(line) !== null);
  }
  return crash?.panic ?? (complaint === undefined ? null : shortened(complaint));
}

function shortened(line: string): string {
  return Array.from(line).slice(0, CAPS.panicLineCharacters).join('');
}
