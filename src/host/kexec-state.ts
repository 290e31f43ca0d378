// Whether a crash kernel is loaded, so that the next panic leaves a dump: /sys/kernel/kexec_crash_loaded.
// Scrapes may read it, because sysfs does not wait for a disk.

import { readFileSync } from 'node:fs';

export const KEXEC_CRASH_LOADED = '/sys/kernel/kexec_crash_loaded';

/** Whether a crash kernel is loaded now; undefined if unknown: no kexec, or a container. */
export function kdumpArmed(): boolean | undefined {
  try {
    const text = readFileSync(KEXEC_CRASH_LOADED, 'utf8').trim();
    return text === '1' ? true : text === '0' ? false : undefined;
  } catch {
    return undefined;
  }
}
