// Counts the hardware errors in a log, so that any number of them can be summarised.

import type { Category, HardwareEvent, Severity } from './hardware-event.ts';

/** The errors of one kind. */
export interface LoggedErrors {
  readonly category: Category;
  readonly severity: Severity;
  /** Category of hwerr_data under which a kernel >= 6.19 counts them; null: not counted, or unknown. */
  readonly hwerrCategory: Category | null;
  /** Number of events; one event may stand for several lines or errors. */
  readonly events: number;
  /**
   * Seconds from the newest one before the crash to the crash, by the clock since boot; null: no times, or no
   * crash.
   */
  readonly leadSeconds: number | null;
}

/**
 * @param crashTime seconds since boot; null: unknown.
 * @returns one entry for each kind of error.
 */
export function loggedErrors(
  events: readonly HardwareEvent[],
  crashTime: number | null,
): readonly LoggedErrors[] {
  const kinds = new Map<string, LoggedErrors>();
  for (const { category, severity, hwerrCategory, time } of events) {
    const key = [category, severity, hwerrCategory].join();
    const known = kinds.get(key);
    kinds.set(key, {
      ...{ category, severity, hwerrCategory },
      events: (known?.events ?? 0) + 1,
      leadSeconds: least(known?.leadSeconds ?? null, leadSeconds(time, crashTime)),
    });
  }
  return [...kinds.values()];
}

/** Returns the seconds from an error to the crash, rounded to microseconds; null: unknown, or after the crash. */
export function leadSeconds(time: number | null, crashTime: number | null): number | null {
  if (time === null || crashTime === null || time > crashTime) return null;
  return Math.round((crashTime - time) * 1e6) / 1e6;
}

function least(one: number | null, other: number | null): number | null {
  if (one === null || other === null) return one ?? other;
  return Math.min(one, other);
}
