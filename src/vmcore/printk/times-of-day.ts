// The time of day in the kernel's log, whose own clock counts from boot.

import type { LogRecord } from './record.ts';

/** Lines with Unix seconds (drivers/rtc/class.c, kernel/audit.c). */
const PATTERNS = [/setting system clock to .* UTC \((\d{9,11})\)/, /audit\((\d{9,11})\.\d+:/];
const KERNEL_FACILITY = 0;

/** Iterates over Unix seconds in the kernel's own lines, in the order of the records. */
export function* timesOfDay(records: readonly LogRecord[]): Generator<number> {
  for (const { facility, text } of records) if (facility === KERNEL_FACILITY) yield* timesIn(text);
}

/** Returns the Unix seconds in a line. */
export function timesIn(line: string): number[] {
  return PATTERNS.flatMap((pattern) => {
    const [, time] = pattern.exec(line) ?? [];
    return time === undefined ? [] : Number(time);
  });
}
