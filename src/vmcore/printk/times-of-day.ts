// The time of day in the kernel's log, whose own clock counts from the boot on.

import type { Kernel } from '../kernel.ts';
import { newestEntries } from './log.ts';

/** Lines with the time, Unix seconds (drivers/rtc/class.c, kernel/audit.c). */
const PATTERNS = [/setting system clock to .* UTC \((\d{9,11})\)/, /audit\((\d{9,11})\.\d+:/];
const KERNEL_FACILITY = 0;

/**
 * Unix seconds, of the kernel's own lines alone, newest first.
 *
 * @throws as readLog().
 */
export function* timesOfDay(kernel: Kernel): Generator<number> {
  for (const entry of newestEntries(kernel)) {
    if (entry.kind !== 'record' || entry.record.facility !== KERNEL_FACILITY) continue;
    yield* timesIn(entry.record.text);
  }
}

/** Unix seconds in a line. */
export function timesIn(line: string): number[] {
  return PATTERNS.flatMap((pattern) => {
    const [, time] = pattern.exec(line) ?? [];
    return time === undefined ? [] : Number(time);
  });
}
