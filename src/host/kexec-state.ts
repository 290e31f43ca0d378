// Whether a crash kernel is loaded, so that the next panic leaves a dump: /sys/kernel/kexec_crash_loaded.
// A scrape may read that: it is in no file system that waits for a disk.

import { readFileSync } from 'node:fs';

export const KEXEC_CRASH_LOADED = '/sys/kernel/kexec_crash_loaded';

/** Whether a crash kernel is loaded now; undefined where that cannot be known: no kexec, or a container. */
export function kdumpArmed(): boolean | undefined {
  try {
    const text = readFileSync(KEXEC_CRASH_LOADED, 'utf8').trim();
    return text === '1' ? true : text === '0' ? false : undefined;
  } catch {
    return undefined;
  }
}
